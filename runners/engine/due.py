"""What a worker does when it hears that runs are due in a workspace: takes some, lets others know of the rest, and works."""

from uuid import UUID

from core.billing.reserve import refused_of
from core.kernel.events import Event
from core.orchestration.batches import Batch, LightRun
from runners.engine import light, run
from runners.faults import fault
from runners.wiring import storage

LEASE_SECONDS = 20.0


def carry_out(workspace_id: UUID, user_id: UUID, run_id: UUID) -> None:
    """Takes the oldest that is due in the workspace, with others if they are light, and carries it out. `run_id` is a hint: it is what the bell was rung for."""
    batch = storage().batches.claim(workspace_id, user_id, LEASE_SECONDS)
    if batch.more:
        # Rung before the work begins: another thread, or another process, takes the rest meanwhile.
        storage().bell.wake("runs.due", workspace_id, user_id, run_id)
    if batch.single is not None:
        run.carry_out(workspace_id, user_id, batch.single)
    elif batch.runs:
        fault("run_claimed")
        _together(batch)


def _together(batch: Batch) -> None:
    refused = refused_of(batch)
    for each in light.carry_out(batch, refused):
        _alone(each)
    for each in batch.runs:
        if each.id in refused:
            run.refuse(each, refused[each.id])


def _alone(each: LightRun) -> None:
    """Hands a run back: it is carried out by itself. It was counted already."""
    with storage().work(each.workspace_id, each.user_id) as work:
        held = work.runs.hold(each.id, each.fence)
        if held is None:
            return
        held.status, held.light, held.lease_until, held.attempt, held.due_at = "queued", False, None, 0, work.now
        work.record(Event("run.started", held.workspace_id, held.user_id, {"run_id": str(held.id)}))
        work.ring("runs.due", held.id)
        work.commit()
