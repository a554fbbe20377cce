"""What packs, workflows, questions and triggers need of storage."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol
from uuid import UUID

from core.kernel.unit_of_work import UnitOfWork
from core.workflows.models import (
    Misfire,
    Overlap,
    Pack,
    Question,
    Trigger,
    TriggerFiring,
    TriggerType,
    Workflow,
    WorkflowExecution,
    WorkflowVersion,
)


@dataclass(frozen=True)
class DueTrigger:
    """What firing needs of a trigger whose time has come; its row is locked until the transaction ends."""

    id: UUID
    owner_id: UUID
    agent_id: UUID | None
    pack_id: UUID | None
    workflow_id: UUID | None
    type: TriggerType
    name: str
    cron: str | None
    timezone: str
    misfire_policy: Misfire
    overlap: Overlap
    spread_seconds: int
    input: Mapping[str, Any]
    failures: int
    next_fire_at: datetime
    waiting_since: datetime | None
    last_fired_at: datetime | None
    last_run_id: UUID | None


@dataclass(frozen=True)
class Fired:
    """What a trigger is after its time came: when it is due again (None: never), and what the last fire was (None: as before)."""

    id: UUID
    next_fire_at: datetime | None
    waiting_since: datetime | None
    failures: int
    last_fired_at: datetime | None = None
    last_run_id: UUID | None = None


@dataclass(frozen=True)
class MatchedEvent:
    """An event that a trigger listens for, opened."""

    id: UUID
    user_id: UUID
    kind: str
    payload: Mapping[str, Any]
    at: datetime


class Triggers(Protocol):
    """Trigger rows, what became of their firings, and events that wait to be matched. What was removed is as unknown as what never was."""

    def add(self, trigger: Trigger) -> None: ...

    def get(self, trigger_id: UUID) -> Trigger:
        """Raises NotFound `workflows.trigger_unknown`."""
        ...

    def lock(self, trigger_id: UUID) -> Trigger:
        """Fresh, and nobody else's until the transaction ends. Raises as get does."""
        ...

    def of_agent(self, agent_id: UUID) -> list[Trigger]: ...

    def page(
        self, after: UUID | None, limit: int, type: str | None = None, status: str | None = None, agent_id: UUID | None = None,
        pack_id: UUID | None = None, workflow_id: UUID | None = None,
    ) -> list[Trigger]:  # fmt: skip
        """By id, newest first, those before `after`."""
        ...

    def of_chat(self) -> list[Trigger]:
        """The active ones of type chat."""
        ...

    def claim_due(self, limit: int, only: Collection[UUID] | None = None) -> list[DueTrigger]:
        """Locks at most `limit` that are active and due by the database's clock, the longest due first; what another scheduler holds is left out."""
        ...

    def fired(self, rows: Sequence[Fired]) -> None:
        """Writes what became of claimed ones, in one statement and without a new version."""
        ...

    def under_way(self, run_ids: Collection[UUID]) -> set[UUID]:
        """Which of these runs are queued, running or waiting."""
        ...

    def note(self, firings: Sequence[TriggerFiring]) -> set[UUID]:
        """Writes down firings; answers the ids of those whose key is new for their trigger. The others change nothing."""
        ...

    def firing(self, trigger_id: UUID, key: str) -> TriggerFiring | None: ...

    def firings(self, trigger_id: UUID, after: UUID | None, limit: int) -> list[TriggerFiring]:
        """Newest first, those before `after`."""
        ...

    def claim_matches(self, trigger_id: UUID, limit: int) -> list[MatchedEvent]:
        """Takes the events that wait for the trigger, oldest first: they are gone with this transaction, and another worker waits for its end."""
        ...

    def secret(self, trigger: Trigger) -> Mapping[str, Any] | None:
        """Opened; None when it has none."""
        ...

    def keep_secret(self, trigger: Trigger, secret: Mapping[str, Any]) -> None:
        """Sealed with its owner's key."""
        ...


class TriggersWork(UnitOfWork, Protocol):
    @property
    def triggers(self) -> Triggers: ...


class Packs(Protocol):
    """Pack rows."""

    def add(self, pack: Pack) -> None: ...

    def get(self, pack_id: UUID) -> Pack:
        """Raises NotFound `workflows.pack_unknown`."""
        ...

    def find(self, pack_id: UUID) -> Pack | None: ...

    def page(self, owner_id: UUID | None, after: UUID | None, limit: int, status: str | None = None) -> list[Pack]:
        """By id, newest first, those before `after`."""
        ...


class Workflows(Protocol):
    """Workflows and their versions. `get` and `version` raise NotFound `workflows.workflow_unknown`, `workflows.version_unknown`."""

    def add(self, row: Workflow | WorkflowVersion) -> None: ...

    def get(self, workflow_id: UUID) -> Workflow: ...

    def version(self, version_id: UUID) -> WorkflowVersion: ...

    def versions(self, workflow_id: UUID) -> list[WorkflowVersion]:
        """Newest first."""
        ...

    def page(
        self, owner_id: UUID | None, after: UUID | None, limit: int, status: str | None = None, pack_id: UUID | None = None
    ) -> list[Workflow]:  # fmt: skip
        """By id, newest first, those before `after`."""
        ...


class WorkflowExecutions(Protocol):
    """How far runs of packs and workflows are; one row a run."""

    def add(self, execution: WorkflowExecution) -> None: ...

    def get(self, execution_id: UUID) -> WorkflowExecution:
        """Raises NotFound `workflows.execution_unknown`."""
        ...

    def of_run(self, run_id: UUID) -> WorkflowExecution | None: ...

    def page(
        self, after: UUID | None, limit: int, pack_id: UUID | None = None, workflow_id: UUID | None = None, status: str | None = None
    ) -> list[WorkflowExecution]:  # fmt: skip
        """By id, newest first, those before `after`."""
        ...


class Questions(Protocol):
    """What runs ask people. `get` and `lock` raise NotFound `workflows.question_unknown`."""

    def add(self, question: Question) -> None: ...

    def get(self, question_id: UUID) -> Question: ...

    def lock(self, question_id: UUID) -> Question:
        """Fresh, and nobody else's until the transaction ends."""
        ...

    def of_run(self, run_id: UUID) -> list[Question]:
        """In the order in which they were asked."""
        ...

    def open_for(self, user_id: UUID, after: UUID | None, limit: int) -> list[Question]:
        """Those that wait for an answer of the person, newest first, those before `after`."""
        ...


class PacksWork(UnitOfWork, Protocol):
    @property
    def packs(self) -> Packs: ...


class WorkflowsWork(UnitOfWork, Protocol):
    @property
    def workflows(self) -> Workflows: ...

    @property
    def workflow_executions(self) -> WorkflowExecutions: ...


class QuestionsWork(UnitOfWork, Protocol):
    @property
    def questions(self) -> Questions: ...
