"""Light runs that their rings tell of, heard at once: they are carried out before anybody claimed them, and then taken, counted and ended in one transaction (docs/adr/0024, 0025)."""

import time
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from threading import Lock
from uuid import UUID

import structlog

from core.billing.reserve import ceilings
from core.kernel.faults import fault
from core.kernel.telemetry import span
from core.orchestration.batches import Batch, Ended, LightRun, Rung, heard
from runners.engine import light
from runners.engine.plans import ready
from runners.wiring import storage

MOST = 1024
KEPT_SECONDS = 3600.0
QUICK_SECONDS = 0.02
"""What takes longer is worth a claim: others see that it runs, and nobody computes it twice."""
log = structlog.get_logger()

Key = tuple[UUID, UUID, UUID]
"""Workspace, agent, owner."""
_known: OrderedDict[Key, tuple[float, Batch]] = OrderedDict()
"""Of an agent's owner, the agent and the tier, by workspace, agent and owner: what a claim said, and when. The database is asked whether it still holds."""
_lock = Lock()


def carry_out(tells: Mapping[Rung, Mapping[str, str]]) -> set[Rung]:
    """Carries out the runs that rings told of, and ends them together. Answers those for which that could not be: they are due as before."""
    began = time.monotonic()
    done: dict[Key, tuple[Batch, list[Ended]]] = {}
    for rung, told in tells.items():
        if (one := _computed(rung, told)) is not None:
            batch, ended = one
            done.setdefault(_key(ended.run), (batch, []))[1].append(ended)
    if not done:
        return set(tells)
    fault("run_computed")
    won = _end(list(done.values()))
    seconds = (time.monotonic() - began) / sum(len(ended) for _, ended in done.values())
    ours = [each for _, ended in done.values() for each in ended if each.run.id in won]
    if ours:
        light.tell(ours, won, seconds)
    for key in done.keys() - {_key(each.run) for each in ours}:
        _forget(key)
    return {rung for rung in tells if rung.run_id not in won}


def _computed(rung: Rung, told: Mapping[str, str]) -> tuple[Batch, Ended] | None:
    """None where it is not fresh, its agent not known, or it does not go well."""
    run = heard(rung, told)
    if run is None:
        return None
    with _lock:
        _forget_what_is_old()
        known = _known.get(_key(run))
    plan = ready(run.workspace_id, run.agent_version_id)
    if known is None or plan is None:
        return None
    _, batch = known
    with span("run", parent=run.trace, workspace=run.workspace_id, run=run.id, agent=run.agent_id):
        try:
            return batch, light.computed(batch, run, {run.agent_version_id: plan})
        except Exception as why:
            log.info("run.claimed_after_all", why=type(why).__name__)
            _forget(_key(run))
            return None


def _end(done: Sequence[tuple[Batch, list[Ended]]]) -> set[UUID]:
    limits = [(batch.workspace_id, ceilings(batch.tier, ended[0].run.agent_id)) for batch, ended in done]
    try:
        return storage().batches.end_unclaimed(done, limits)
    except Exception as why:
        log.info("runs.claimed_after_all", why=type(why).__name__)
        return set()


def learn(batch: Batch, ended: Ended) -> None:
    """Keeps what the next run of the same agent needs, if this one was quick."""
    run = ended.run
    key = _key(run)
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


def _forget(key: Key) -> None:
    """Who could not end so is claimed, and known again when that went well."""
    with _lock:
        _known.pop(key, None)


def _forget_what_is_old() -> None:
    """People's names and addresses are not kept for longer than they are of use."""
    since = time.monotonic() - KEPT_SECONDS
    while _known and next(iter(_known.values()))[0] < since:
        _known.popitem(last=False)


def _key(run: LightRun) -> Key:
    return run.workspace_id, run.agent_id, run.user_id


def _is_quick(ended: Ended) -> bool:
    if not ended.steps:
        return True
    took = (ended.steps[-1].finished_at or ended.steps[-1].started_at) - ended.steps[0].started_at
    return took.total_seconds() < QUICK_SECONDS
