"""`/packs`: agents that run together."""

from datetime import datetime
from typing import Any, Literal
from uuid import UUID

from fastapi import APIRouter, Response
from pydantic import BaseModel, ConfigDict, Field

from bots.api.agents import NewRun
from bots.api.caller import Calling
from bots.api.pages import Cursor, Limit, Page, after, page
from bots.api.runs import ExecutionOut, RunOut, execution_out, run_out
from core.workflows.models import Pack
from core.workflows.packs import archive_pack, change_pack, make_pack, pause_pack, resume_pack, start_pack

router = APIRouter(tags=["packs"])
SET = {"active": resume_pack, "paused": pause_pack, "archived": archive_pack}


class PackOut(BaseModel):
    """A pack. `mode` sequential: each agent is given what the one before gave back; parallel: all are given the same."""

    id: UUID
    owner_id: UUID
    name: str
    description: str
    agent_ids: list[UUID]
    mode: str
    is_shared: bool
    is_public: bool
    status: str
    created_at: datetime
    version: int


class _Asked(BaseModel):
    model_config = ConfigDict(extra="forbid")


class NewPack(_Asked):
    """A pack of at least one agent."""

    name: str = Field(max_length=200)
    agent_ids: list[UUID]
    mode: Literal["sequential", "parallel"] = "sequential"
    description: str = Field("", max_length=2000)
    is_shared: bool = False
    is_public: bool = False


class PackChange(_Asked):
    """What shall be different; what is not given stays."""

    name: str | None = Field(None, max_length=200)
    agent_ids: list[UUID] | None = None
    mode: Literal["sequential", "parallel"] | None = None
    description: str | None = Field(None, max_length=2000)
    is_shared: bool | None = None
    is_public: bool | None = None
    status: Literal["active", "paused", "archived"] | None = None


@router.get("/packs")
def list_packs(
    caller: Calling, limit: Limit = 50, cursor: Cursor = None, status: str | None = None
) -> Page[PackOut]:  # fmt: skip
    """The workspace's packs."""
    with caller.reading() as work:
        return page(work.packs.page(None, after(cursor), limit + 1, status=status), limit, _pack_out)


@router.post("/packs", status_code=201, response_model=PackOut)
def make_a_pack(asked: NewPack, caller: Calling) -> Response:
    """Makes a pack."""
    return caller.write(
        asked, 201, lambda work: _pack_out(make_pack(work, caller.actor, **asked.model_dump())), "packs.create"
    )


@router.get("/packs/{pack_id}")
def get_pack(pack_id: UUID, caller: Calling) -> PackOut:
    """One pack."""
    with caller.reading() as work:
        return _pack_out(work.packs.get(pack_id))


@router.patch("/packs/{pack_id}", response_model=PackOut)
def alter_pack(pack_id: UUID, asked: PackChange, caller: Calling) -> Response:
    """Changes, pauses, resumes or puts away a pack; runs that began go on as they were."""

    def change(work: Any) -> PackOut:
        given = asked.model_dump(exclude={"status"}, exclude_none=True)
        pack = change_pack(work, caller.actor, pack_id, **given) if given else work.packs.get(pack_id)
        if asked.status is not None:
            pack = SET[asked.status](work, caller.actor, pack_id)
        return _pack_out(pack)

    return caller.write(asked, 200, change, f"packs.change {pack_id}")


@router.get("/packs/{pack_id}/runs")
def list_pack_runs(
    pack_id: UUID, caller: Calling, limit: Limit = 50, cursor: Cursor = None, status: str | None = None
) -> Page[ExecutionOut]:  # fmt: skip
    """Its runs and how far each is, newest first."""
    with caller.reading() as work:
        work.packs.get(pack_id)
        rows = work.workflow_executions.page(after(cursor), limit + 1, pack_id=pack_id, status=status)
        return page(rows, limit, execution_out)


@router.post("/packs/{pack_id}/runs", status_code=202, response_model=RunOut)
def run_pack(pack_id: UUID, caller: Calling, asked: NewRun | None = None) -> Response:
    """Starts a run of the pack; it is queued when this answers."""
    wanted = asked or NewRun()
    return caller.write(
        wanted, 202, lambda work: run_out(start_pack(work, caller.actor, pack_id, "manual", wanted.given)),
        f"packs.run {pack_id}",
    )  # fmt: skip


def _pack_out(pack: Pack) -> PackOut:
    return PackOut(
        id=pack.id, owner_id=pack.owner_id, name=pack.name, description=pack.description, agent_ids=pack.agent_ids, mode=pack.mode,
        is_shared=pack.is_shared, is_public=pack.is_public, status=pack.status, created_at=pack.created_at, version=pack.version,
    )  # fmt: skip
