"""`/skills`: skills of one's own, their versions, and which agents use one."""

from datetime import datetime
from typing import Any, Literal
from uuid import UUID

from fastapi import APIRouter, Response
from pydantic import BaseModel, ConfigDict, Field

from bots.api.agents import AgentOut, agent_out
from bots.api.caller import Calling
from bots.api.pages import Cursor, Limit, Page, after, page
from bots.kit.contracts import contracts
from core.catalog.models import OwnSkill, SkillType, SkillVersion
from core.catalog.skills import agents_using, archive_skill, change_skill, make_skill

router = APIRouter(tags=["skills"])


class SkillOut(BaseModel):
    """A skill of somebody's own; graphs name it `own.<name>`. `spec` is that of its newest version."""

    id: UUID
    owner_id: UUID
    name: str
    title: str
    description: str
    type: str
    status: str
    spec: dict[str, Any]
    latest_version: int
    created_at: datetime
    version: int


class SkillVersionOut(BaseModel):
    """An immutable version of a skill; `number` counts from 1."""

    id: UUID
    skill_id: UUID
    number: int
    spec: dict[str, Any]
    author_id: UUID | None
    parent_run_id: UUID | None
    created_at: datetime


class _Asked(BaseModel):
    model_config = ConfigDict(extra="forbid")


class NewSkill(_Asked):
    """A platform skill (`type`) with some inputs fixed: `spec` is `{fixed, inputs, outputs?}`, see `/schemas/skill`."""

    name: str = Field(max_length=60)
    type: SkillType
    spec: dict[str, Any]
    title: str = Field("", max_length=200)
    description: str = Field("", max_length=2000)


class SkillChange(_Asked):
    """What shall be different; what is not given stays. Another spec makes a new version."""

    spec: dict[str, Any] | None = None
    title: str | None = Field(None, max_length=200)
    description: str | None = Field(None, max_length=2000)
    status: Literal["active", "archived"] | None = None


@router.get("/skills")
def list_skills(
    caller: Calling, limit: Limit = 50, cursor: Cursor = None, status: str | None = None, type: str | None = None
) -> Page[SkillOut]:
    """The workspace's own skills."""
    with caller.reading() as work:
        rows = work.skills.page(after(cursor), limit + 1, status=status, type=type)
        return page(rows, limit, lambda row: _skill_out(work, row))


@router.post("/skills", status_code=201, response_model=SkillOut)
def make_own_skill(asked: NewSkill, caller: Calling) -> Response:
    """Makes a skill."""

    def change(work: Any) -> SkillOut:
        made = make_skill(
            work, caller.actor, contracts(), asked.name, asked.type, asked.spec, title=asked.title, description=asked.description
        )  # fmt: skip
        return _skill_out(work, made)

    return caller.write(asked, 201, change, "skills.create")


@router.get("/skills/{skill_id}")
def get_skill(skill_id: UUID, caller: Calling) -> SkillOut:
    """One skill."""
    with caller.reading() as work:
        return _skill_out(work, work.skills.get(skill_id))


@router.patch("/skills/{skill_id}", response_model=SkillOut)
def alter_skill(skill_id: UUID, asked: SkillChange, caller: Calling) -> Response:
    """Changes a skill; agents that use it keep the version that they have."""

    def change(work: Any) -> SkillOut:
        skill = change_skill(
            work, caller.actor, contracts(), skill_id, spec=asked.spec, title=asked.title, description=asked.description
        )
        if asked.status is not None:
            skill = archive_skill(work, caller.actor, skill_id, archived=asked.status == "archived")
        return _skill_out(work, skill)

    return caller.write(asked, 200, change, f"skills.change {skill_id}")


@router.get("/skills/{skill_id}/versions")
def list_skill_versions(skill_id: UUID, caller: Calling) -> Page[SkillVersionOut]:
    """Every version of a skill, newest first."""
    with caller.reading() as work:
        work.skills.get(skill_id)
        return Page(items=[_version_out(row) for row in work.skills.versions(skill_id)], next=None)


@router.get("/skills/{skill_id}/agents")
def list_agents_of_skill(
    skill_id: UUID, caller: Calling, limit: Limit = 50, cursor: Cursor = None
) -> Page[AgentOut]:  # fmt: skip
    """The agents whose newest version uses it."""
    with caller.reading() as work:
        name = f"own.{work.skills.get(skill_id).name}"
        return page(agents_using(work, name, after(cursor), limit + 1), limit, agent_out)


def _skill_out(work: Any, skill: OwnSkill) -> SkillOut:
    spec = work.skills.version(skill.id, skill.latest_version).spec
    return SkillOut(
        id=skill.id, owner_id=skill.owner_id, name=skill.name, title=skill.title, description=skill.description,
        type=skill.type, status=skill.status, spec=spec.model_dump(mode="json"), latest_version=skill.latest_version,
        created_at=skill.created_at, version=skill.version,
    )  # fmt: skip


def _version_out(row: SkillVersion) -> SkillVersionOut:
    return SkillVersionOut(
        id=row.id, skill_id=row.skill_id, number=row.number, spec=row.spec.model_dump(mode="json"), author_id=row.author_id,
        parent_run_id=row.parent_run_id, created_at=row.created_at,
    )  # fmt: skip
