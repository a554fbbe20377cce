"""Everything at once: agents, packs and workflows are paused, what runs is stopped, what is approved but held is taken back; and the way back."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol, TypeVar
from uuid import UUID

from core.approvals.ports import ApprovalsWork
from core.approvals.stop import SCOPE, Stopped, resume_all, stop
from core.catalog.models import Agent
from core.identity.ports import IdentityWork
from core.kernel.actor import Actor
from core.kernel.errors import NotFound
from core.orchestration.models import RunStatus
from core.orchestration.start import cancel
from core.preferences.choose import prefer
from core.workflows.flows import pause_workflow, resume_workflow
from core.workflows.models import Pack, Workflow
from core.workflows.packs import pause_pack, resume_pack
from core.workflows.waits import WaitsWork

PAGE = 100
PACKS, WORKFLOWS = "stopped_packs", "stopped_workflows"
GOING: tuple[RunStatus, ...] = ("queued", "running", "waiting")
T = TypeVar("T")


class HaltWork(WaitsWork, ApprovalsWork, IdentityWork, Protocol):
    """What stopping everything needs."""


@dataclass(frozen=True)
class Halted:
    """What was stopped: agents and approvals, packs and workflows, and how many runs of single agents. Runs of packs and workflows wait where they are."""

    stopped: Stopped
    things: list[Pack | Workflow]
    runs: int


@dataclass(frozen=True)
class Resumed:
    """What goes on."""

    agents: list[Agent]
    things: list[Pack | Workflow]


def halt(work: HaltWork, actor: Actor) -> Halted:
    """Stops all of the person's. A second time adds to the first."""
    stopped = stop(work, actor)
    packs = [
        pause_pack(work, actor, one.id)
        for one in _all(lambda after: work.packs.page(actor.user_id, after, PAGE, status="active"))
    ]
    flows = [
        pause_workflow(work, actor, one.id)
        for one in _all(lambda after: work.workflows.page(actor.user_id, after, PAGE, status="active"))
    ]
    _remember(work, actor, PACKS, packs)
    _remember(work, actor, WORKFLOWS, flows)
    return Halted(stopped, [*packs, *flows], sum(1 for _ in _cancelled(work, actor)))


def go_on(work: HaltWork, actor: Actor) -> Resumed:
    """Wakes what `halt` paused, and nothing else; runs that were stopped stay so."""
    agents = resume_all(work, actor)
    things: list[Pack | Workflow] = []
    for id in _remembered(work, actor, PACKS):
        try:
            things += [resume_pack(work, actor, id)] if work.packs.get(id).status == "paused" else []
        except NotFound:
            continue
    for id in _remembered(work, actor, WORKFLOWS):
        try:
            things += [resume_workflow(work, actor, id)] if work.workflows.get(id).status == "paused" else []
        except NotFound:
            continue
    for key in (PACKS, WORKFLOWS):
        prefer(work, actor, SCOPE, key, [])
    return Resumed(agents, things)


def _cancelled(work: HaltWork, actor: Actor) -> Iterator[UUID]:
    for status in GOING:
        for run in _all(lambda after, status=status: work.runs.page(after, PAGE, status=status)):
            alone = run.parent_run_id is None and run.pack_id is None and run.workflow_version_id is None
            if alone and run.user_id == actor.user_id:
                yield cancel(work, actor, run.id).id


def _remember(work: HaltWork, actor: Actor, key: str, paused: Iterable[Pack | Workflow]) -> None:
    prefer(
        work,
        actor,
        SCOPE,
        key,
        sorted({str(id) for id in _remembered(work, actor, key)} | {str(one.id) for one in paused}),
    )


def _remembered(work: HaltWork, actor: Actor, key: str) -> list[UUID]:
    known = work.preferences.preference(actor.user_id, SCOPE, key)
    return [UUID(id) for id in known.value] if known is not None else []


def _all(page: Callable[[UUID | None], Sequence[T]]) -> list[T]:
    found: list[T] = []
    after = None
    while some := page(after):
        found += some
        after = some[-1].id  # pyright: ignore[reportAttributeAccessIssue]
    return found
