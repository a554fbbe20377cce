"""What a worker does when it hears that runs are due in workspaces: takes some, lets others know of the rest, and works (docs/adr/0009, 0018)."""

import threading
import time
from collections.abc import Iterable, Mapping, Sequence
from uuid import UUID

import structlog

from core.billing.reserve import refused_of
from core.kernel.due import DueItem
from core.kernel.errors import LimitReached, Unavailable
from core.kernel.events import Event
from core.kernel.faults import fault
from core.orchestration.batches import Batch, LightRun, Rung
from core.orchestration.finish import MAX_ATTEMPTS
from runners.engine import fresh, light, run
from runners.wiring import ring, storage

LOOKING = 2
"""Threads of a process that look at a time; who hears a bell meanwhile leaves it to them, so that they take more at once the more there is."""
SLOW_SECONDS = 0.25
"""Who has looked for longer than this does not keep others from looking."""
WORKSPACES = 16
ASIDE_SECONDS = 2.0
Tells = dict[Rung, Mapping[str, str]]
"""What rings told of the runs for which they were rung."""
log = structlog.get_logger()

_lock = threading.Lock()
_heard: dict[UUID, Rung] = {}
"""The workspaces whose bell was heard and into which nobody looks yet."""
_held: dict[UUID, bool] = {}
"""Those into which a thread of this process looks, and whether their bell was heard once more meanwhile."""
_looks: dict[int, float] = {}
"""The threads that look, and since when."""
_last_try = threading.Lock()
"""Held by the one run that this process carries out although it was in hand at so many deaths that one more would be its own."""


def carry_out(workspace_id: UUID, user_id: UUID, run_id: UUID, told: Mapping[str, str] | None = None) -> None:
    """Takes the oldest that is due in the workspace, with others if they are light, and carries it out; again, while there is more. `run_id` is a hint: it is
    what the bell was rung for, and with `told` perhaps all that there is to do. One thread looks into a workspace at a time, and few threads look; they take what was heard meanwhile along, others come
    when there is more than a batch: so batches grow with the load, and nobody waits for the same rows. Who looks again and again takes along what is rung
    meanwhile, so that nobody else is woken for it; runs that were told of are carried out as soon as they are heard, and end together (docs/adr/0025)."""
    first = Rung(workspace_id, user_id, run_id)
    if not _enter(first):
        return
    single: Batch | None = None
    rungs: list[Rung] = []
    unfinished: list[Rung] = []
    tells: Tells = {} if told is None else {first: told}
    looked = False
    try:
        while single is None:
            rungs, tells = _gather(rungs, tells)
            if not rungs and not tells:
                break
            # Whoever is told to stop before anything is claimed leaves it to somebody else.
            places = unfinished = rungs
            if tells:
                rungs, places = _carry_out_told(rungs, tells)
            tells, unfinished = {}, []
            if places:
                single, unfinished = _look(places, durable=looked)
            looked = True
            if single is None:
                rungs, tells = _stay(rungs, unfinished)
    finally:
        if rungs or tells:
            _leave(rungs, unfinished, tells)
    if single is not None:
        _by_itself(single)


def _carry_out_told(rungs: Sequence[Rung], tells: Tells) -> tuple[list[Rung], list[Rung]]:
    """Carries out the runs that were told of. Answers the places that this thread has now, and into which of them it has to look, for runs for which that could not be."""
    left = {rung.workspace_id: rung for rung in fresh.carry_out(tells)}
    mine = [rung for rung in rungs if left.pop(rung.workspace_id, None) is not None]
    taken = _take_over(left.values())
    return sorted([*rungs, *taken]), sorted([*mine, *taken])


def _look(rungs: Sequence[Rung], *, durable: bool) -> tuple[Batch | None, list[Rung]]:
    """Takes what is due in the workspaces and carries out what is light. Answers what is to be carried out by itself, and where there is more to do than that."""
    batches = _claimed(rungs, durable=durable)
    each = list(zip(rungs, batches, strict=True))
    for rung, batch in each:
        if batch.more and batch.single is None:
            # Rung before the work begins: another process takes the rest meanwhile.
            storage().bell.wake("runs.due", *rung, more=True)
    if full := [batch for batch in batches if batch.runs]:
        fault("run_claimed")
        try:
            _together(full)
        except Exception:
            raise
        except BaseException:
            # Told to stop. What is claimed is ended first, which takes no longer than handing it back.
            _together(full)
            raise
    single = next((batch for batch in batches if batch.single is not None), None)
    return single, [rung for rung, batch in each if batch is not single and (batch.more or batch.single is not None)]


def _claimed(rungs: Sequence[Rung], *, durable: bool) -> list[Batch]:
    """Together; where that cannot be, each workspace for itself: what ails one is not to hold up the others."""
    try:
        return storage().batches.claim(rungs, run.LEASE_SECONDS, hurried=len(rungs) > 1, durable=durable)
    except Exception as why:
        if len(rungs) == 1 or (isinstance(why, Unavailable) and why.code == "kernel.database_away"):
            raise
        log.info("runs.claimed_apart", why=type(why).__name__, workspaces=len(rungs))
    return [_claimed_alone(rung) for rung in rungs]


def _claimed_alone(rung: Rung) -> Batch:
    """Nothing where that cannot be now: the sweep rings again."""
    try:
        return storage().batches.claim([rung], run.LEASE_SECONDS, hurried=True)[0]
    except Exception as why:
        log.warning("runs.not_claimed", workspace=str(rung.workspace_id), why=type(why).__name__)
        return Batch(rung.workspace_id, rung.user_id)


def _enter(rung: Rung) -> bool:
    """Whether this thread is to look. If not, somebody does who is there already."""
    with _lock:
        if not _note(rung) or _lookers() >= LOOKING:
            return False
        _looks[threading.get_ident()] = time.monotonic()
        return True


def _note(rung: Rung) -> bool:
    """Whether it is news: nobody is there."""
    if rung.workspace_id in _held:
        _held[rung.workspace_id] = True
        return False
    _heard.setdefault(rung.workspace_id, rung)
    return True


def _lookers() -> int:
    now = time.monotonic()
    return sum(now - since < SLOW_SECONDS for since in _looks.values())


def _take_over(rungs: Iterable[Rung]) -> list[Rung]:
    """Those of the places into which no other thread of this process looks; they are this one's now."""
    taken = []
    with _lock:
        for rung in rungs:
            if rung.workspace_id in _held:
                _held[rung.workspace_id] = True
            else:
                _heard.pop(rung.workspace_id, None)
                _held[rung.workspace_id] = False
                taken.append(rung)
    return taken


def _gather(staying: Sequence[Rung], tells: Tells) -> tuple[list[Rung], Tells]:
    """Where this thread looks next: where it stays, and what was heard meanwhile; or, where that is nowhere else, the runs that it was told of: a look takes
    them along. Nothing at all: it looks no more."""
    with _lock:
        rungs = list(staying)
        if rungs or not _heard.keys() <= {rung.workspace_id for rung in tells}:
            places = {rung.workspace_id for rung in rungs}
            for rung in tells:
                if rung.workspace_id not in places:
                    _note(rung)
            tells = {}
        while _heard and len(rungs) < WORKSPACES:
            rung = _heard.pop(next(iter(_heard)))
            _held[rung.workspace_id] = False
            rungs.append(rung)
        if rungs or tells:
            _looks[threading.get_ident()] = time.monotonic()
        else:
            del _looks[threading.get_ident()]
    return sorted(rungs), tells


def _stay(rungs: Sequence[Rung], unfinished: Sequence[Rung]) -> tuple[list[Rung], Tells]:
    """Where to look once more: where there is more or the bell was heard again, and where it was rung while others were looked into; the rest is left. And the runs that were told of meanwhile."""
    with _lock:
        stay = {rung.workspace_id for rung in unfinished} | _heard_meanwhile(rungs)
    asked = [rung.workspace_id for rung in rungs if rung.workspace_id not in stay]
    heard = storage().bell.heard_again("runs.due", asked, going_on=True, staying=bool(stay))
    stay |= heard.again
    with _lock:
        stay |= _heard_meanwhile(rungs)
        for rung in rungs:
            if rung.workspace_id not in stay:
                del _held[rung.workspace_id]
        for other in heard.others:
            if other.told is None:
                _note(Rung(*other[1:4]))
    tells = {Rung(*other[1:4]): other.told for other in heard.others if other.told is not None}
    return [rung for rung in rungs if rung.workspace_id in stay], tells


def _heard_meanwhile(rungs: Sequence[Rung]) -> set[UUID]:
    heard = {rung.workspace_id for rung in rungs if _held[rung.workspace_id]}
    _held.update(dict.fromkeys(heard, False))
    return heard


def _leave(rungs: Sequence[Rung], unfinished: Sequence[Rung], tells: Tells) -> None:
    """Leaves all of them, rings where there is more to do, for the runs that were told of, and also for what was left to this thread and nobody else will look into."""
    with _lock:
        del _looks[threading.get_ident()]
        again = {rung.workspace_id for rung in unfinished} | _heard_meanwhile(rungs)
        for rung in rungs:
            del _held[rung.workspace_id]
        untouched = [] if _lookers() else list(_heard.values())
        for rung in untouched:
            del _heard[rung.workspace_id]
            again.add(rung.workspace_id)
    left = [*rungs, *untouched]
    places = [rung.workspace_id for rung in left]
    again |= storage().bell.heard_again("runs.due", places, going_on=False).again
    _ring(*tells.keys() - rungs, *(rung for rung in left if rung.workspace_id in again))


def _ring(*rungs: Rung) -> None:
    ring("runs.due", (DueItem(rung.run_id, rung.workspace_id, rung.user_id) for rung in rungs))


def _by_itself(batch: Batch) -> None:
    """Those that were in hand at the same deaths would be so at the next: who is to be given up for one more gets its last try with no other such beside it."""
    assert batch.single is not None
    rung = Rung(batch.workspace_id, batch.user_id, batch.single)
    if batch.tries + 1 != MAX_ATTEMPTS:
        _take(rung, batch.more)
    elif _last_try.acquire(blocking=False):
        try:
            _take(rung, batch.more)
        finally:
            _last_try.release()
    else:
        with storage().work(rung.workspace_id, rung.user_id) as work:
            work.runs.leave(rung.run_id, ASIDE_SECONDS)
            work.commit()
        if batch.more:
            _ring(rung)


def _take(rung: Rung, more: bool) -> None:
    try:
        taken = run.take(*rung)
    except run.NoPlace:
        # Not rung for the rest: whichever run makes room rings.
        return
    if more:
        _ring(rung)
    if taken is not None:
        run.carry_out(taken)


def _together(batches: Sequence[Batch]) -> None:
    refused: dict[UUID, LimitReached] = {}
    for batch in batches:
        refused |= refused_of(batch)
    for each in light.carry_out(batches, refused, fresh.learn):
        _alone(each)
    for batch in batches:
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
