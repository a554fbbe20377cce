"""What a trigger starts: an agent's, a pack's or a workflow's run."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol
from uuid import UUID

from core.kernel.actor import Actor
from core.kernel.errors import Failure
from core.orchestration.models import Run, TriggerKind
from core.orchestration.start import Start, StartWork, start_runs
from core.workflows.flows import start_workflow
from core.workflows.packs import start_pack
from core.workflows.ports import PacksWork, WorkflowsWork

SURFACE = "trigger"


class BeginWork(PacksWork, WorkflowsWork, StartWork, Protocol):
    """What starting anything needs."""


class Target(Protocol):
    """What a trigger starts, in whose name."""

    @property
    def id(self) -> UUID: ...
    @property
    def owner_id(self) -> UUID: ...
    @property
    def agent_id(self) -> UUID | None: ...
    @property
    def pack_id(self) -> UUID | None: ...
    @property
    def workflow_id(self) -> UUID | None: ...


@dataclass(frozen=True)
class Beginning:
    """One run to start. `depth` counts the runs above it that led to it by their events."""

    trigger: Target
    kind: TriggerKind
    input: Mapping[str, Any]
    due_at: datetime
    depth: int = 0


def begin_all(work: BeginWork, wanted: Sequence[Beginning]) -> list[Run | Failure]:
    """Starts them, all agents with one question; for each, in the same order, its run, or why there is none. One refusal is nobody else's."""
    agents = [each for each in wanted if each.trigger.agent_id is not None]
    started = iter(
        start_runs(
            work,
            [
                Start(
                    each.kind, each.trigger.agent_id, input=each.input, trigger_id=each.trigger.id, due_at=each.due_at,
                    depth=each.depth,
                )
                for each in agents
            ],
        )
        if agents
        else ()
    )  # fmt: skip
    return [next(started) if each.trigger.agent_id is not None else _begin(work, each) for each in wanted]


def _begin(work: BeginWork, wanted: Beginning) -> Run | Failure:
    trigger = wanted.trigger
    actor = Actor(trigger.owner_id, work.workspace_id, "owner", SURFACE)
    more = {"trigger_id": trigger.id, "due_at": wanted.due_at, "depth": wanted.depth}
    try:
        if trigger.pack_id is not None:
            return start_pack(work, actor, trigger.pack_id, wanted.kind, dict(wanted.input), **more)
        assert trigger.workflow_id is not None
        return start_workflow(work, actor, trigger.workflow_id, wanted.kind, dict(wanted.input), **more)
    except Failure as refusal:
        return refusal
