"""`/workflows`: steps that people put together, their versions, and starting them."""

from datetime import datetime
from typing import Any, Literal
from uuid import UUID

from fastapi import APIRouter, Response
from pydantic import BaseModel, ConfigDict, Field

from bots.api.agents import NewRun
from bots.api.caller import Calling
from bots.api.pages import Cursor, Limit, Page, after, page
from bots.api.runs import ExecutionOut, RunOut, execution_out, run_out
from bots.api.versions import Differences, differences_out
from bots.kit.contracts import contracts
from core.kernel.errors import NotFound
from core.workflows.flows import (
    change_workflow,
    choose_workflow_version,
    diff_workflows,
    make_workflow,
    pause_workflow,
    resume_workflow,
    start_workflow,
)
from core.workflows.models import Workflow, WorkflowVersion

router = APIRouter(tags=["workflows"])
Type = Literal["sequential", "parallel", "hybrid"]


class WorkflowOut(BaseModel):
    """A workflow; what it does is in its versions."""

    id: UUID
    owner_id: UUID
    name: str
    description: str
    pack_id: UUID | None
    type: str
    status: str
    latest_version_id: UUID | None
    created_at: datetime
    version: int


class WorkflowVersionOut(BaseModel):
    """An immutable version of a workflow."""

    id: UUID
    workflow_id: UUID
    semantic_version: str
    type: str
    steps: list[dict[str, Any]]
    author_id: UUID | None
    note: str | None
    created_at: datetime
    parent_run_id: UUID | None


class _Asked(BaseModel):
    model_config = ConfigDict(extra="forbid")


class NewWorkflow(_Asked):
    """A workflow; `steps` as `/schemas/workflow` has them, with ids for agents and people."""

    name: str = Field(max_length=200)
    type: Type
    steps: list[dict[str, Any]]
    description: str = Field("", max_length=2000)
    pack_id: UUID | None = None
    note: str | None = Field(None, max_length=2000)


class WorkflowChange(_Asked):
    """What shall be different; what is not given stays. Other steps or another type make a new version."""

    name: str | None = Field(None, max_length=200)
    description: str | None = Field(None, max_length=2000)
    type: Type | None = None
    steps: list[dict[str, Any]] | None = None
    note: str | None = Field(None, max_length=2000)
    status: Literal["active", "paused"] | None = None


@router.get("/workflows")
def list_workflows(
    caller: Calling, limit: Limit = 50, cursor: Cursor = None, status: str | None = None, pack_id: UUID | None = None
) -> Page[WorkflowOut]:  # fmt: skip
    """The workspace's workflows."""
    with caller.reading() as work:
        rows = work.workflows.page(None, after(cursor), limit + 1, status=status, pack_id=pack_id)
        return page(rows, limit, _workflow_out)


@router.post("/workflows", status_code=201, response_model=WorkflowOut)
def make_a_workflow(asked: NewWorkflow, caller: Calling) -> Response:
    """Makes a workflow in its version 1.0.0. 422 names the step."""

    def change(work: Any) -> WorkflowOut:
        return _workflow_out(make_workflow(work, caller.actor, contracts(), **asked.model_dump()))

    return caller.write(asked, 201, change, "workflows.create")


@router.get("/workflows/{workflow_id}")
def get_workflow(workflow_id: UUID, caller: Calling) -> WorkflowOut:
    """One workflow."""
    with caller.reading() as work:
        return _workflow_out(work.workflows.get(workflow_id))


@router.patch("/workflows/{workflow_id}", response_model=WorkflowOut)
def alter_workflow(workflow_id: UUID, asked: WorkflowChange, caller: Calling) -> Response:
    """Changes, pauses or resumes a workflow; runs that began keep their version."""

    def change(work: Any) -> WorkflowOut:
        given = asked.model_dump(exclude={"status"}, exclude_none=True)
        workflow = change_workflow(work, caller.actor, contracts(), workflow_id, **given)
        if asked.status is not None:
            workflow = (resume_workflow if asked.status == "active" else pause_workflow)(
                work, caller.actor, workflow_id
            )
        return _workflow_out(workflow)

    return caller.write(asked, 200, change, f"workflows.change {workflow_id}")


@router.get("/workflows/{workflow_id}/versions")
def list_workflow_versions(workflow_id: UUID, caller: Calling) -> Page[WorkflowVersionOut]:
    """Every version of a workflow, newest first."""
    with caller.reading() as work:
        work.workflows.get(workflow_id)
        return Page(items=[_version_out(row) for row in work.workflows.versions(workflow_id)], next=None)


@router.post("/workflows/{workflow_id}/versions/{version_id}/choose", response_model=WorkflowOut)
def choose_a_version(workflow_id: UUID, version_id: UUID, caller: Calling) -> Response:
    """New runs use that version; those after it stay."""
    return caller.write(
        None, 200, lambda work: _workflow_out(choose_workflow_version(work, caller.actor, workflow_id, version_id)),
        f"workflows.choose {workflow_id} {version_id}",
    )  # fmt: skip


@router.get("/workflows/{workflow_id}/versions/{old_id}/diff/{new_id}")
def compare_workflows(workflow_id: UUID, old_id: UUID, new_id: UUID, caller: Calling) -> Differences:
    """What differs between two versions."""
    with caller.reading() as work:
        return differences_out(diff_workflows(_of(work, workflow_id, old_id), _of(work, workflow_id, new_id)))


@router.get("/workflows/{workflow_id}/runs")
def list_workflow_runs(
    workflow_id: UUID, caller: Calling, limit: Limit = 50, cursor: Cursor = None, status: str | None = None
) -> Page[ExecutionOut]:  # fmt: skip
    """Its runs and how far each is, newest first."""
    with caller.reading() as work:
        work.workflows.get(workflow_id)
        rows = work.workflow_executions.page(after(cursor), limit + 1, workflow_id=workflow_id, status=status)
        return page(rows, limit, execution_out)


@router.post("/workflows/{workflow_id}/runs", status_code=202, response_model=RunOut)
def run_workflow(workflow_id: UUID, caller: Calling, asked: NewRun | None = None) -> Response:
    """Starts a run of the newest version; it is queued when this answers."""
    wanted = asked or NewRun()
    return caller.write(
        wanted, 202, lambda work: run_out(start_workflow(work, caller.actor, workflow_id, "manual", wanted.given)),
        f"workflows.run {workflow_id}",
    )  # fmt: skip


def _of(work: Any, workflow_id: UUID, version_id: UUID) -> WorkflowVersion:
    version = work.workflows.version(version_id)
    if version.workflow_id != workflow_id:
        raise NotFound("workflows.version_unknown", id=str(version_id))
    return version


def _workflow_out(workflow: Workflow) -> WorkflowOut:
    return WorkflowOut(
        id=workflow.id, owner_id=workflow.owner_id, name=workflow.name, description=workflow.description, pack_id=workflow.pack_id,
        type=workflow.type, status=workflow.status, latest_version_id=workflow.latest_version_id, created_at=workflow.created_at,
        version=workflow.version,
    )  # fmt: skip


def _version_out(row: WorkflowVersion) -> WorkflowVersionOut:
    return WorkflowVersionOut(
        id=row.id, workflow_id=row.workflow_id, semantic_version=row.semantic_version, type=row.type,
        steps=[step.model_dump(mode="json", exclude_defaults=True) for step in row.steps], author_id=row.author_id, note=row.note,
        created_at=row.created_at, parent_run_id=row.parent_run_id,
    )  # fmt: skip
