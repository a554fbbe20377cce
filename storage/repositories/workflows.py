"""Packs, workflows with their versions and executions, and questions to people."""

from uuid import UUID

from sqlalchemy import Uuid, func, literal

from core.kernel.errors import NotFound
from core.workflows.models import Pack, Question, Workflow, WorkflowExecution, WorkflowVersion
from storage.repositories.base import Repository
from storage.tables.workflows import questions
from storage.tables.workflows import workflow_versions as versions


class SqlPacks(Repository):
    """core.workflows.ports.Packs."""

    def add(self, pack: Pack) -> None:
        self._t.session.add(pack)

    def get(self, pack_id: UUID) -> Pack:
        return self._get(Pack, pack_id, "workflows.pack_unknown")

    def find(self, pack_id: UUID) -> Pack | None:
        return self._find(Pack, pack_id)

    def page(self, owner_id: UUID | None, after: UUID | None, limit: int, status: str | None = None) -> list[Pack]:
        return self._page(Pack, after, limit, owner_id=owner_id, status=status)


class SqlWorkflows(Repository):
    """core.workflows.ports.Workflows."""

    def add(self, row: Workflow | WorkflowVersion) -> None:
        if isinstance(row, Workflow):
            self._t.session.add(row)
        else:
            self._keep(row, versions)

    def get(self, workflow_id: UUID) -> Workflow:
        return self._get(Workflow, workflow_id, "workflows.workflow_unknown")

    def version(self, version_id: UUID) -> WorkflowVersion:
        found = self._row(WorkflowVersion, versions, versions.c.id == version_id)
        if found is None:
            raise NotFound("workflows.version_unknown", id=str(version_id))
        return found

    def versions(self, workflow_id: UUID) -> list[WorkflowVersion]:
        return self._rows(WorkflowVersion, versions, versions.c.workflow_id == workflow_id, order=versions.c.id.desc())

    def page(
        self,
        owner_id: UUID | None,
        after: UUID | None,
        limit: int,
        status: str | None = None,
        pack_id: UUID | None = None,
    ) -> list[Workflow]:
        return self._page(Workflow, after, limit, owner_id=owner_id, status=status, pack_id=pack_id)


class SqlWorkflowExecutions(Repository):
    """core.workflows.ports.WorkflowExecutions."""

    def add(self, execution: WorkflowExecution) -> None:
        self._t.session.add(execution)

    def get(self, execution_id: UUID) -> WorkflowExecution:
        return self._get(WorkflowExecution, execution_id, "workflows.execution_unknown")

    def of_run(self, run_id: UUID) -> WorkflowExecution | None:
        return self._one(WorkflowExecution, run_id=run_id)

    def page(
        self,
        after: UUID | None,
        limit: int,
        pack_id: UUID | None = None,
        workflow_id: UUID | None = None,
        status: str | None = None,
    ) -> list[WorkflowExecution]:
        return self._page(WorkflowExecution, after, limit, pack_id=pack_id, workflow_id=workflow_id, status=status)


class SqlQuestions(Repository):
    """core.workflows.ports.Questions."""

    def add(self, question: Question) -> None:
        self._t.session.add(question)

    def get(self, question_id: UUID) -> Question:
        return self._get(Question, question_id, "workflows.question_unknown")

    def lock(self, question_id: UUID) -> Question:
        return self._lock(Question, question_id, "workflows.question_unknown")

    def of_run(self, run_id: UUID) -> list[Question]:
        return self._those(Question, run_id=run_id)

    def open_for(self, user_id: UUID, after: UUID | None, limit: int) -> list[Question]:
        c = questions.c
        where = [c.status == "open", literal(user_id, Uuid) == func.any(c.to)]
        if after is not None:
            where.append(c.id < after)
        return self._all(Question, *where, order=(c.id.desc(),), limit=limit)
