"""What a trigger starts: an agent's, a pack's or a workflow's run."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol
from uuid import UUID

from core.kernel.actor import Actor
from core.kernel.errors import Failure
from core.orchestration.models import Run, TriggerKind
from core.orchestration.start import StartWork, start
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
    """Starts them; for each, in the same order, its run, or why there is none. One refusal is nobody else's."""
    return [_begin(work, each) for each in wanted]


def _begin(work: BeginWork, wanted: Beginning) -> Run | Failure:
    trigger = wanted.trigger
    actor = Actor(trigger.owner_id, work.workspace_id, "owner", SURFACE)
    try:
        assert trigger.agent_id is not None
        return start(work, actor, trigger.agent_id, wanted.kind, dict(wanted.input), trigger.id, wanted.due_at)
    except Failure as refusal:
        return refusal
