"""`/runs`: what agents did, step by step."""

from datetime import datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from fastapi import APIRouter, Response
from pydantic import BaseModel

from bots.api.caller import Calling
from bots.api.pages import Cursor, Limit, Page, after, page
from core.orchestration.models import Run, RunStep
from core.orchestration.start import cancel

router = APIRouter(tags=["runs"])


class RunOut(BaseModel):
    """A run."""

    id: UUID
    agent_id: UUID
    agent_version_id: UUID
    trigger_type: str
    trigger_id: UUID | None
    parent_run_id: UUID | None
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


@router.post("/runs/{run_id}/cancel", response_model=RunOut)
def cancel_run(run_id: UUID, caller: Calling) -> Response:
    """Stops a run: at once while it is queued, at its next step while it runs."""
    return caller.write(None, 200, lambda work: run_out(cancel(work, caller.actor, run_id)), f"runs.cancel {run_id}")


def run_out(run: Run) -> RunOut:
    """The shape of a run."""
    return RunOut(
        id=run.id,
        agent_id=run.agent_id,
        agent_version_id=run.agent_version_id,
        trigger_type=run.trigger_type,
        trigger_id=run.trigger_id,
        parent_run_id=run.parent_run_id,
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
