"""A run that waits: it lets its worker go, is told each answer once, and goes on."""

from collections.abc import Collection, Mapping
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from core.orchestration.models import Run, RunStep
from core.orchestration.ports import OrchestrationWork

OVER = frozenset(("succeeded", "failed", "cancelled"))
NO_END = timedelta(days=3650)
LOOK_AGAIN = timedelta(seconds=30)


def park(
    work: OrchestrationWork, run: Run, waiting: Collection[tuple[str, int]], until: datetime | None
) -> None:  # fmt: skip
    """Lets a held run wait for its steps `waiting` (node, index), which are written already; it is due at `until` (None: only when somebody answers). Where one of
    them was answered while the run was still being worked on, it goes on at once."""
    run.lease_until, run.attempt = None, 0
    there = {(step.node_id, step.index): step.status for step in work.runs.steps(run.id)}
    if all(there.get(key) == "waiting" for key in waiting):
        run.status, run.due_at = "waiting", until or work.now + NO_END
    else:
        go_on(work, run)


def answer_step(
    work: OrchestrationWork, run_id: UUID, node: str, index: int, *, outputs: Mapping[str, Any] | None = None,
    error: Mapping[str, Any] | None = None,
) -> bool:  # fmt: skip
    """Ends a waiting step with outputs, or with an error `{code, data}` that is final; the run goes on. False, and nothing changes, where the step no longer
    waits (it was answered before, or its run is over): however often it is asked, the first answer stands."""
    run = work.runs.lock(run_id)
    step = work.runs.step(run_id, node, index)
    if run.status in OVER or step is None or step.status != "waiting":
        return False
    end_step(step, work.now, outputs, error)
    work.runs.put_step(step)
    if run.status == "waiting":
        go_on(work, run)
    return True


def end_step(step: RunStep, now: datetime, outputs: Mapping[str, Any] | None, error: Mapping[str, Any] | None) -> None:
    """What a step is once its answer is there."""
    step.status = "failed" if error is not None else "succeeded"
    step.outputs = None if error is not None else dict(outputs or {})
    step.error = None if error is None else dict(error)
    step.finished_at = now


def go_on(work: OrchestrationWork, run: Run) -> None:
    """A run that waits or has failed is queued, due now."""
    run.status, run.due_at, run.queued_at, run.lease_until, run.attempt = "queued", work.now, work.now, None, 0
    work.ring("runs.due", run.id)


def hold(work: OrchestrationWork, run: Run) -> None:
    """Puts a claimed run back: its agent is paused, and half a minute later it is looked at again. A held run can be cancelled like any that is queued."""
    run.status, run.due_at, run.lease_until, run.attempt = "queued", work.now + LOOK_AGAIN, None, 0
