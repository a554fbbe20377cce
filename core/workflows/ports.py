"""What packs, workflows, questions and triggers need of storage."""

from typing import Protocol
from uuid import UUID

from core.kernel.unit_of_work import UnitOfWork
from core.workflows.models import Pack, Question, Trigger, Workflow, WorkflowExecution, WorkflowVersion


class Triggers(Protocol):
    """Trigger rows."""

    def add(self, trigger: Trigger) -> None: ...

    def get(self, trigger_id: UUID) -> Trigger:
        """Raises NotFound `workflows.trigger_unknown`."""
        ...

    def of_agent(self, agent_id: UUID) -> list[Trigger]: ...

    def claim(self, trigger_id: UUID) -> Trigger | None:
        """Locks it for this transaction when it is active and due now; None when another scheduler was first."""
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

    def with_agent(self, agent_id: UUID) -> list[Pack]:
        """Those that are not archived and hold the agent."""
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
