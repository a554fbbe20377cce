"""`/runs`: what agents, packs and workflows did, step by step; stopped, or tried again."""

from datetime import datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from fastapi import APIRouter, Response
from pydantic import BaseModel

from bots.api.caller import Calling
from bots.api.pages import Cursor, Limit, Page, after, page
from core.kernel.errors import NotFound
from core.orchestration.models import Run, RunStep
from core.workflows.models import WorkflowExecution
from core.workflows.steer import cancel_run, retry_run

router = APIRouter(tags=["runs"])


class RunOut(BaseModel):
    """A run of an agent, a pack or a workflow: the ids of the others are null. `depth` counts the runs above it that led to it."""

    id: UUID
    agent_id: UUID | None
    agent_version_id: UUID | None
    pack_id: UUID | None
    workflow_id: UUID | None
    workflow_version_id: UUID | None
    trigger_type: str
    trigger_id: UUID | None
    parent_run_id: UUID | None
    depth: int
    status: str
    input: dict[str, Any]
    output: dict[str, Any] | None
    error: dict[str, Any] | None
    attempt: int
    queued_at: datetime
    started_at: datetime | None
    finished_at: datetime | None
    tokens: int
    cost: Decimal


class StepOut(BaseModel):
    """One step of a run; `index` counts within a loop."""

    id: UUID
    node_id: str
    index: int
    skill: str
    status: str
    inputs: dict[str, Any]
    outputs: dict[str, Any] | None
    error: dict[str, Any] | None
    usage: dict[str, Any]
    started_at: datetime
    finished_at: datetime | None


class ExecutionOut(BaseModel):
    """How far a run of a pack or a workflow is. `steps` are what is carried out, in order, and `step_results` what became of each that began."""

    id: UUID
    run_id: UUID
    pack_id: UUID | None
    workflow_id: UUID | None
    workflow_version_id: UUID | None
    status: str
    current_step: str | None
    steps: list[str]
    step_results: dict[str, dict[str, Any]]
    final_result: Any
    created_at: datetime
    finished_at: datetime | None


@router.get("/runs")
def list_runs(
    caller: Calling, limit: Limit = 50, cursor: Cursor = None, agent_id: UUID | None = None, status: str | None = None
) -> Page[RunOut]:
    """The workspace's runs."""
    with caller.reading() as work:
        rows = work.runs.page(after(cursor), limit + 1, agent_id=agent_id, status=status)
        return page(rows, limit, run_out)


@router.get("/runs/{run_id}")
def get_run(run_id: UUID, caller: Calling) -> RunOut:
    """One run."""
    with caller.reading() as work:
        return run_out(work.runs.get(run_id))


@router.get("/runs/{run_id}/steps")
def list_steps(run_id: UUID, caller: Calling) -> Page[StepOut]:
    """The steps of a run, in the order in which they began."""
    with caller.reading() as work:
        work.runs.get(run_id)
        return Page(items=[_step_out(step) for step in work.runs.steps(run_id)], next=None)


@router.get("/runs/{run_id}/execution")
def get_execution(run_id: UUID, caller: Calling) -> ExecutionOut:
    """How far a run of a pack or a workflow is. 404 for the run of an agent: its steps tell all."""
    with caller.reading() as work:
        work.runs.get(run_id)
        found = work.workflow_executions.of_run(run_id)
        if found is None:
            raise NotFound("workflows.execution_unknown", id=str(run_id))
        return execution_out(found)


@router.post("/runs/{run_id}/cancel", response_model=RunOut)
def stop_run(run_id: UUID, caller: Calling) -> Response:
    """Stops a run with all that it began: at once what is queued or waits, at its next step what runs."""
    return caller.write(
        None, 200, lambda work: run_out(cancel_run(work, caller.actor, run_id)), f"runs.cancel {run_id}"
    )


@router.post("/runs/{run_id}/retry", status_code=202, response_model=RunOut)
def try_run_again(run_id: UUID, caller: Calling) -> Response:
    """A failed run goes on from the step that failed; what succeeded is not done again."""
    return caller.write(None, 202, lambda work: run_out(retry_run(work, caller.actor, run_id)), f"runs.retry {run_id}")


def run_out(run: Run) -> RunOut:
    """The shape of a run."""
    return RunOut(
        id=run.id,
        agent_id=run.agent_id,
        agent_version_id=run.agent_version_id,
        pack_id=run.pack_id,
        workflow_id=run.workflow_id,
        workflow_version_id=run.workflow_version_id,
        trigger_type=run.trigger_type,
        trigger_id=run.trigger_id,
        parent_run_id=run.parent_run_id,
        depth=run.depth,
        status=run.status,
        input=run.input,
        output=run.output,
        error=run.error,
        attempt=run.attempt,
        queued_at=run.queued_at,
        started_at=run.started_at,
        finished_at=run.finished_at,
        tokens=run.tokens,
        cost=run.cost,
    )


def _step_out(step: RunStep) -> StepOut:
    return StepOut(
        id=step.id,
        node_id=step.node_id,
        index=step.index,
        skill=step.skill,
        status=step.status,
        inputs=step.inputs,
        outputs=step.outputs,
        error=step.error,
        usage=step.usage,
        started_at=step.started_at,
        finished_at=step.finished_at,
    )


def execution_out(execution: WorkflowExecution) -> ExecutionOut:
    """The shape of an execution."""
    return ExecutionOut(
        id=execution.id, run_id=execution.run_id, pack_id=execution.pack_id, workflow_id=execution.workflow_id,
        workflow_version_id=execution.workflow_version_id, status=execution.status, current_step=execution.current_step,
        steps=[node.id for node in execution.graph.ordered()], step_results=execution.step_results,
        final_result=execution.final_result, created_at=execution.created_at, finished_at=execution.finished_at,
    )  # fmt: skip
