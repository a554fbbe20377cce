"""Everything at once: agents, packs and workflows are paused, what runs is stopped, what is approved but held is taken back; and the way back."""

from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from typing import Protocol
from uuid import UUID

from core.approvals.ports import ApprovalsWork
from core.approvals.stop import SCOPE, Stopped, resume_all, stop
from core.catalog.models import Agent
from core.identity.ports import IdentityWork
from core.kernel.actor import Actor
from core.kernel.errors import Conflict, NotFound
from core.kernel.pages import every
from core.orchestration.models import RunStatus
from core.orchestration.ports import OrchestrationWork
from core.orchestration.start import cancel
from core.preferences.choose import prefer
from core.workflows.flows import pause_workflow, resume_workflow
from core.workflows.models import Pack, Trigger, Workflow
from core.workflows.packs import pause_pack, resume_pack
from core.workflows.ports import TriggersWork
from core.workflows.trigger import pause_trigger
from core.workflows.waits import WaitsWork

PAGE = 100
PACKS, WORKFLOWS = "stopped_packs", "stopped_workflows"
GOING: tuple[RunStatus, ...] = ("queued", "running", "waiting")


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


def cancel_runs(work: OrchestrationWork, actor: Actor, *, of_flows: bool = True) -> int:
    """Stops every run of the person that has not ended, at its next safe point; how many. Not `of_flows`: only those of single agents that a person or a trigger started."""
    stopped = 0
    for status in GOING:
        for run in every(lambda after, status=status: work.runs.page(after, PAGE, status=status)):
            alone = run.parent_run_id is None and run.pack_id is None and run.workflow_version_id is None
            if run.user_id != actor.user_id or not (of_flows or alone):
                continue
            # One that ends at this very moment needs no stopping.
            with suppress(Conflict):
                cancel(work, actor, run.id)
                stopped += 1
    return stopped


def pause_triggers(work: TriggersWork, actor: Actor) -> list[Trigger]:
    """Pauses every trigger of the person that is active; which."""
    found = every(lambda after: work.triggers.page(after, PAGE, status="active"))
    return [pause_trigger(work, actor, one.id) for one in found if one.owner_id == actor.user_id]


def halt(work: HaltWork, actor: Actor) -> Halted:
    """Stops all of the person's. A second time adds to the first."""
    stopped = stop(work, actor)
    packs = [
        pause_pack(work, actor, one.id)
        for one in every(lambda after: work.packs.page(actor.user_id, after, PAGE, status="active"))
    ]
    flows = [
        pause_workflow(work, actor, one.id)
        for one in every(lambda after: work.workflows.page(actor.user_id, after, PAGE, status="active"))
    ]
    _remember(work, actor, PACKS, packs)
    _remember(work, actor, WORKFLOWS, flows)
    return Halted(stopped, [*packs, *flows], cancel_runs(work, actor, of_flows=False))


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
