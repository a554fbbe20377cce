"""`/agents/{id}/versions`: what an agent was and is; another graph, an older version again, and what differs between two."""

from datetime import datetime
from typing import Any
from uuid import UUID

from fastapi import APIRouter, Response
from pydantic import BaseModel, ConfigDict, Field

from bots.api.agents import AgentOut, agent_out
from bots.api.caller import Calling
from bots.api.pages import Page
from bots.kit.contracts import contracts
from core.catalog.models import AgentVersion
from core.catalog.versions import Change, choose_version, diff, edit_graph
from core.kernel.errors import NotFound

router = APIRouter(tags=["agents"])


class VersionOut(BaseModel):
    """An immutable version of an agent. `skills` are the names of those that its graph uses; `author_id` is who made it, or `parent_run_id` the run that did."""

    id: UUID
    agent_id: UUID
    semantic_version: str
    graph: dict[str, Any]
    default_params: dict[str, Any]
    skills: list[str]
    author_id: UUID | None
    note: str | None
    created_at: datetime
    parent_run_id: UUID | None


class NewVersion(BaseModel):
    """Another graph; with other settings and connections, where given."""

    model_config = ConfigDict(extra="forbid")

    graph: dict[str, Any]
    config: dict[str, Any] | None = None
    tools: dict[str, UUID] | None = None
    note: str | None = Field(None, max_length=2000)


class ChangeOut(BaseModel):
    """One difference: `how` is added, removed or changed; `place` names a node or step and what of it."""

    place: str
    how: str
    old: Any
    new: Any


class Differences(BaseModel):
    """What differs between two versions."""

    items: list[ChangeOut]
    next: None = None


@router.get("/agents/{agent_id}/versions")
def list_versions(agent_id: UUID, caller: Calling) -> Page[VersionOut]:
    """Every version of an agent, newest first."""
    with caller.reading() as work:
        work.agents.get(agent_id)
        return Page(items=[version_out(row) for row in work.agents.versions(agent_id)], next=None)


@router.post("/agents/{agent_id}/versions", status_code=201, response_model=VersionOut)
def make_version(agent_id: UUID, asked: NewVersion, caller: Calling) -> Response:
    """Makes the next version, with another graph; where nothing differs it answers the one that there is. 422 names the node."""

    def change(work: Any) -> VersionOut:
        made = edit_graph(
            work, caller.actor, contracts(), agent_id, asked.graph, params=asked.config, tools=asked.tools, note=asked.note
        )  # fmt: skip
        return version_out(made)

    return caller.write(asked, 201, change, f"versions.create {agent_id}")


@router.get("/agents/{agent_id}/versions/{version_id}")
def get_version(agent_id: UUID, version_id: UUID, caller: Calling) -> VersionOut:
    """One version."""
    with caller.reading() as work:
        return version_out(_of(work, agent_id, version_id))


@router.post("/agents/{agent_id}/versions/{version_id}/choose", response_model=AgentOut)
def choose(agent_id: UUID, version_id: UUID, caller: Calling) -> Response:
    """New runs use that version, with its settings and connections; those after it stay."""
    return caller.write(
        None, 200, lambda work: agent_out(choose_version(work, caller.actor, agent_id, version_id)),
        f"versions.choose {agent_id} {version_id}",
    )  # fmt: skip


@router.get("/agents/{agent_id}/versions/{old_id}/diff/{new_id}")
def compare(agent_id: UUID, old_id: UUID, new_id: UUID, caller: Calling) -> Differences:
    """What differs between two versions."""
    with caller.reading() as work:
        return differences_out(diff(_of(work, agent_id, old_id), _of(work, agent_id, new_id)))


def version_out(row: AgentVersion) -> VersionOut:
    """The shape of a version."""
    return VersionOut(
        id=row.id, agent_id=row.agent_id, semantic_version=row.semantic_version, graph=row.graph.model_dump(mode="json"),
        default_params=row.default_params, skills=row.skills, author_id=row.author_id, note=row.note,
        created_at=row.created_at, parent_run_id=row.parent_run_id,
    )  # fmt: skip


def differences_out(changes: list[Change]) -> Differences:
    """The shape of what differs."""
    return Differences(items=[ChangeOut(place=c.place, how=c.how, old=c.old, new=c.new) for c in changes])


def _of(work: Any, agent_id: UUID, version_id: UUID) -> AgentVersion:
    version = work.agents.version(version_id)
    if version.agent_id != agent_id:
        raise NotFound("catalog.version_unknown", id=str(version_id))
    return version
