"""Packs: agents that run together."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Literal, Protocol
from uuid import UUID

from core.catalog.ports import CatalogWork
from core.kernel.actor import Actor
from core.kernel.errors import Conflict, Forbidden, Invalid, NotFound
from core.kernel.events import Event
from core.kernel.ids import new_id
from core.orchestration.models import Run, TriggerKind
from core.orchestration.start import StartWork, Target, start_run
from core.workflows.compile import compile_pack
from core.workflows.executions import begin_execution
from core.workflows.models import Pack
from core.workflows.ports import PacksWork, WorkflowsWork
from core.workflows.waits import WaitsWork, release

MAX_AGENTS = 40
Mode = Literal["sequential", "parallel"]


class PackWork(PacksWork, CatalogWork, Protocol):
    """What making a pack needs."""


class StartPackWork(PackWork, WorkflowsWork, StartWork, Protocol):
    """What running a pack needs."""


def make_pack(
    work: PackWork, actor: Actor, name: str, agent_ids: Sequence[UUID], *, mode: Mode = "sequential", description: str = "",
    is_shared: bool = False, is_public: bool = False,
) -> Pack:  # fmt: skip
    """A pack of at least one agent; the same agent may stand in it more than once.
    Raises Invalid `workflows.pack_empty`, `workflows.pack_too_big`, `workflows.pack_in_pack`, `workflows.name_missing`; NotFound `catalog.agent_unknown`."""
    actor.need("write")
    if not name.strip():
        raise Invalid("workflows.name_missing")
    pack = Pack(
        id=new_id(), workspace_id=actor.workspace_id, owner_id=actor.user_id, name=name.strip()[:200],
        agent_ids=_agents(work, agent_ids), created_at=work.now, description=description.strip(), mode=mode,
        is_shared=is_shared, is_public=is_public,
    )  # fmt: skip
    work.packs.add(pack)
    work.record(Event("pack.made", actor.workspace_id, actor.user_id, {"pack_id": str(pack.id)}))
    return pack


def change_pack(
    work: PackWork, actor: Actor, pack_id: UUID, *, name: str | None = None, agent_ids: Sequence[UUID] | None = None,
    mode: Mode | None = None, description: str | None = None, is_shared: bool | None = None, is_public: bool | None = None,
) -> Pack:  # fmt: skip
    """Changes what is given; runs that began go on as they were. Raises as make_pack does, and Forbidden `workflows.pack_not_yours`."""
    pack = _mine(work, actor, pack_id)
    if name is not None and name.strip():
        pack.name = name.strip()[:200]
    if agent_ids is not None:
        pack.agent_ids = _agents(work, agent_ids)
    pack.mode = mode or pack.mode
    pack.description = pack.description if description is None else description.strip()
    pack.is_shared = pack.is_shared if is_shared is None else is_shared
    pack.is_public = pack.is_public if is_public is None else is_public
    work.record(Event("pack.changed", actor.workspace_id, actor.user_id, {"pack_id": str(pack.id)}))
    return pack


def pause_pack(work: PackWork, actor: Actor, pack_id: UUID) -> Pack:
    """It is not started any more, and its runs that are under way stop before their next agent, until it is resumed."""
    return _set_status(work, _mine(work, actor, pack_id), actor, "paused")


def resume_pack(work: WaitsWork, actor: Actor, pack_id: UUID) -> Pack:
    """It runs again, and what was held goes on."""
    pack = _set_status(work, _mine(work, actor, pack_id), actor, "active")
    for execution in work.workflow_executions.page(None, 1000, pack_id=pack_id, status="waiting"):
        release(work, execution.run_id)
    return pack


def archive_pack(work: PackWork, actor: Actor, pack_id: UUID) -> Pack:
    """It is put away: not listed, not started; its runs stay."""
    return _set_status(work, _mine(work, actor, pack_id), actor, "archived")


def start_pack(
    work: StartPackWork, actor: Actor, pack_id: UUID, trigger_type: TriggerKind, input: dict[str, Any], *,
    trigger_id: UUID | None = None, due_at: datetime | None = None, depth: int | None = None,
) -> Run:  # fmt: skip
    """Queues a run of the pack as it is now. Sequential: the first agent is given `input`, each further one what the one before gave back. `input` with
    `dry_run` makes each agent's run a dry one.
    Raises Conflict `workflows.pack_paused`, `catalog.agent_paused`; Forbidden `workflows.pack_not_yours`; and as core.orchestration.start does."""
    actor.need("write")
    pack = work.packs.get(pack_id)
    if pack.status != "active":
        raise Conflict("workflows.pack_paused", pack=pack.name, status=pack.status)
    if not pack.is_shared and not _is_theirs(actor, pack):
        raise Forbidden("workflows.pack_not_yours", pack=pack.name)
    for agent_id in pack.agent_ids:
        agent = work.agents.get(agent_id)
        if agent.status != "active":
            raise Conflict("catalog.agent_paused", agent=agent.name)
    graph = compile_pack(pack.agent_ids, pack.mode)
    target = Target(pack_id=pack.id, owner_id=pack.owner_id)
    run = start_run(work, actor, target, trigger_type, input, trigger_id=trigger_id, due_at=due_at, depth=depth)
    begin_execution(work, run, graph)
    return run


def _agents(work: PackWork, agent_ids: Sequence[UUID]) -> list[UUID]:
    if not agent_ids:
        raise Invalid("workflows.pack_empty")
    if len(agent_ids) > MAX_AGENTS:
        raise Invalid("workflows.pack_too_big", most=MAX_AGENTS)
    for agent_id in agent_ids:
        try:
            work.agents.get(agent_id)
        except NotFound:
            if work.packs.find(agent_id) is not None:
                raise Invalid("workflows.pack_in_pack", id=str(agent_id)) from None
            raise
    return list(agent_ids)


def _mine(work: PacksWork, actor: Actor, pack_id: UUID) -> Pack:
    actor.need("write")
    pack = work.packs.get(pack_id)
    if not _is_theirs(actor, pack):
        raise Forbidden("workflows.pack_not_yours", pack=pack.name)
    return pack


def _is_theirs(actor: Actor, pack: Pack) -> bool:
    return pack.owner_id == actor.user_id or actor.role in ("owner", "admin")


def _set_status(work: PacksWork, pack: Pack, actor: Actor, status: Literal["active", "paused", "archived"]) -> Pack:
    if pack.status != status:
        pack.status = status
        told = {"pack_id": str(pack.id), "by": actor.surface}
        work.record(Event(f"pack.{status}", actor.workspace_id, actor.user_id, told))
    return pack
