"""Steering a run that was started: cancel it with all that it began, or try it again from where it failed."""

from collections.abc import Iterator
from uuid import UUID

from core.billing.reserve import Start, reserve
from core.kernel.actor import Actor
from core.kernel.errors import Conflict
from core.orchestration.answer import OVER
from core.orchestration.models import Run
from core.workflows.waits import WaitsWork, stop, try_again


def cancel_run(work: WaitsWork, actor: Actor, run_id: UUID) -> Run:
    """Stops a run and its sub-runs: at once those that wait or are queued, at their next step those that run. Questions that were asked are withdrawn.
    Raises Conflict `orchestration.run_finished` (data: status)."""
    actor.need("write")
    # From below: a run that ends is locked before its parent, here as everywhere.
    for below in _below(work, run_id):
        stop(work, work.runs.lock(below))
    run = work.runs.lock(run_id)
    if run.status in OVER:
        raise Conflict("orchestration.run_finished", status=run.status)
    stop(work, run)
    return run


def retry_run(work: WaitsWork, actor: Actor, run_id: UUID) -> Run:
    """A failed run goes on from the step that failed; what succeeded is not done again. A sub-run takes the runs above it along, where they failed with it.
    Raises Conflict `orchestration.run_not_failed` (data: status), LimitReached `billing.limit_reached`: a retry is a start."""
    actor.need("write")
    run = work.runs.lock(run_id)
    if run.status != "failed":
        raise Conflict("orchestration.run_not_failed", status=run.status)
    top = run
    while top.parent_run_id is not None and (above := work.runs.lock(top.parent_run_id)).status == "failed":
        top = above
    refused = {} if top.light else reserve(work, [Start(top.id, top.agent_id)])
    if top.id in refused:
        raise refused[top.id]
    try_again(work, top)
    return run


def _below(work: WaitsWork, run_id: UUID) -> Iterator[UUID]:
    for child in work.runs.children(run_id, 1000):
        if child.status not in OVER:
            yield from _below(work, child.id)
            yield child.id
