"""What a worker does when it hears that runs are due in a workspace: takes some, lets others know of the rest, and works."""

import threading
from uuid import UUID

from core.billing.reserve import refused_of
from core.kernel.events import Event
from core.kernel.faults import fault
from core.orchestration.batches import Batch, LightRun
from core.orchestration.finish import MAX_ATTEMPTS
from runners.engine import light, run
from runners.wiring import storage

_lock = threading.Lock()
_claiming: dict[UUID, bool] = {}
"""The workspaces that a thread of this process is claiming in, and whether their bell was heard once more meanwhile."""
_last_try = threading.Lock()
"""Held by the one run that this process carries out although it was in hand at so many deaths that one more would be its own."""
ASIDE_SECONDS = 2.0


def carry_out(workspace_id: UUID, user_id: UUID, run_id: UUID) -> None:
    """Takes the oldest that is due in the workspace, with others if they are light, and carries it out; again, while there is more. `run_id` is a hint: it is
    what the bell was rung for. One thread claims in a workspace at a time, others come when it has more than a batch: so batches grow with the load, and
    nobody waits for the same rows."""
    if not _enter(workspace_id):
        return
    batch: Batch | None = None
    over = False
    try:
        while batch is None or batch.more or _heard_again(workspace_id):
            batch = storage().batches.claim(workspace_id, user_id, run.LEASE_SECONDS)
            if batch.single is not None:
                break
            if batch.more:
                # Rung before the work begins: another process takes the rest meanwhile.
                storage().bell.wake("runs.due", workspace_id, user_id, run_id, more=True)
            if batch.runs:
                fault("run_claimed")
                _together(batch)
        else:
            over = True
    finally:
        again = _leave(workspace_id)
        if not over:
            again = storage().bell.heard_again("runs.due", workspace_id, going_on=False) or again
        if again:
            _ring(workspace_id, user_id, run_id)
    if batch.single is not None:
        _by_itself(batch, batch.single)


def _ring(workspace_id: UUID, user_id: UUID, run_id: UUID) -> None:
    storage().bell.wake("runs.due", workspace_id, user_id, run_id)


def _by_itself(batch: Batch, run_id: UUID) -> None:
    """Those that were in hand at the same deaths would be so at the next: who is to be given up for one more gets its last try with no other such beside it."""
    if batch.tries + 1 != MAX_ATTEMPTS:
        _take(batch, run_id)
    elif _last_try.acquire(blocking=False):
        try:
            _take(batch, run_id)
        finally:
            _last_try.release()
    else:
        with storage().work(batch.workspace_id, batch.user_id) as work:
            work.runs.leave(run_id, ASIDE_SECONDS)
            work.commit()
        if batch.more:
            _ring(batch.workspace_id, batch.user_id, run_id)


def _take(batch: Batch, run_id: UUID) -> None:
    try:
        taken = run.take(batch.workspace_id, batch.user_id, run_id)
    except run.NoPlace:
        # Not rung for the rest: whichever run makes room rings.
        return
    if batch.more:
        _ring(batch.workspace_id, batch.user_id, run_id)
    if taken is not None:
        run.carry_out(taken)


def _enter(workspace_id: UUID) -> bool:
    with _lock:
        if workspace_id in _claiming:
            _claiming[workspace_id] = True
            return False
        _claiming[workspace_id] = False
        return True


def _heard_again(workspace_id: UUID) -> bool:
    with _lock:
        heard, _claiming[workspace_id] = _claiming[workspace_id], False
    return heard or storage().bell.heard_again("runs.due", workspace_id, going_on=True)


def _leave(workspace_id: UUID) -> bool:
    with _lock:
        return _claiming.pop(workspace_id)


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
