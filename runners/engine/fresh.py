"""A light run that its ring tells of, heard at once: it is carried out before anybody claimed it, and then taken, counted and ended in one transaction (docs/adr/0024)."""

import time
from collections import OrderedDict
from collections.abc import Mapping
from threading import Lock
from uuid import UUID

import structlog

from core.billing.reserve import ceilings
from core.kernel.faults import fault
from core.kernel.telemetry import span
from core.orchestration.batches import Batch, Ended, LightRun, Rung, heard
from runners.engine import light
from runners.engine.plans import Ready, ready
from runners.wiring import storage

MOST = 1024
KEPT_SECONDS = 3600.0
QUICK_SECONDS = 0.02
"""What takes longer is worth a claim: others see that it runs, and nobody computes it twice."""
log = structlog.get_logger()

_known: OrderedDict[tuple[UUID, UUID, UUID], tuple[float, Batch]] = OrderedDict()
"""Of an agent's owner, the agent and the tier, by workspace, agent and owner: what a claim said, and when. The database is asked whether it still holds."""
_lock = Lock()


def carry_out(rung: Rung, told: Mapping[str, str] | None) -> bool:
    """Whether the run that the ring told of was carried out and ended. If not, it is due as before."""
    run = None if told is None else heard(rung, told)
    if run is None:
        return False
    key = run.workspace_id, run.agent_id, run.user_id
    with _lock:
        _forget_what_is_old()
        known = _known.get(key)
    plan = ready(run.workspace_id, run.agent_version_id)
    if known is None or plan is None:
        return False
    _, batch = known
    with span("run", parent=run.trace, workspace=run.workspace_id, run=run.id, agent=run.agent_id):
        won = _ended(batch, run, plan)
    if not won:
        with _lock:
            _known.pop(key, None)
    return won


def learn(batch: Batch, ended: Ended) -> None:
    """Keeps what the next run of the same agent needs, if this one was quick."""
    run = ended.run
    key = run.workspace_id, run.agent_id, run.user_id
    if key in _known:
        return
    owner, name = batch.owners.get(run.user_id), batch.agents.get(run.agent_id)
    if owner is None or name is None or run.user_id not in batch.keys or not _is_quick(ended):
        return
    known = Batch(
        batch.workspace_id,
        batch.user_id,
        owners={owner.id: owner},
        agents={run.agent_id: name},
        tier=batch.tier,
        keys={owner.id: batch.keys[owner.id]},
    )
    with _lock:
        _forget_what_is_old()
        _known[key] = time.monotonic(), known
        if len(_known) > MOST:
            _known.popitem(last=False)


def _forget_what_is_old() -> None:
    """People's names and addresses are not kept for longer than they are of use."""
    since = time.monotonic() - KEPT_SECONDS
    while _known and next(iter(_known.values()))[0] < since:
        _known.popitem(last=False)


def _ended(batch: Batch, run: LightRun, plan: Ready) -> bool:
    began = time.monotonic()
    try:
        ended = light.computed(batch, run, {run.agent_version_id: plan})
        fault("run_computed")
        if not storage().batches.end_unclaimed(batch, ended, ceilings(batch.tier, run.agent_id)):
            return False
    except Exception as why:
        log.info("run.claimed_after_all", why=type(why).__name__)
        return False
    light.tell([ended], {run.id}, time.monotonic() - began)
    return True


def _is_quick(ended: Ended) -> bool:
    if not ended.steps:
        return True
    took = (ended.steps[-1].finished_at or ended.steps[-1].started_at) - ended.steps[0].started_at
    return took.total_seconds() < QUICK_SECONDS
