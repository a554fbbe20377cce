"""`nod scheduler`: fires what is due. APScheduler drives the tick, which also sees what comes before the next one: that is fired at its instant. Row claims in
PostgreSQL make each due time happen once, however many schedulers run."""

import heapq
import random
import signal
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from uuid import UUID

import structlog
from apscheduler.job import Job
from apscheduler.schedulers.background import BackgroundScheduler

from core.kernel.due import Coming
from core.kernel.errors import Unavailable
from core.workflows.fire import Fires, fire_due, put_aside
from runners import wiring
from runners.readiness import announce_ready

TICK_SECONDS = 0.25
AHEAD_SECONDS = 2 * TICK_SECONDS
LATE_SECONDS = 3 * TICK_SECONDS
SEEN_AT_ONCE = 5000
BATCH = 500
THREADS = 4
AFTER_SECONDS = 0.001
log = structlog.get_logger()


class Schedules:
    """Fires the triggers of many workspaces beside each other. `tick` is to be called again and again; `ticked_at` is when it last was (`time.monotonic()`)."""

    def __init__(self) -> None:
        self._pool = ThreadPoolExecutor(THREADS, thread_name_prefix="fire")
        self._lock = threading.Condition()
        self._working: set[UUID] = set()
        self._coming: list[tuple[float, UUID, UUID]] = []
        self._seen: dict[tuple[UUID, float], None] = {}
        self._over = False
        self.ticked_at = time.monotonic()
        self._waiter = threading.Thread(target=self._wait, daemon=True, name="instants")
        self._waiter.start()

    def tick(self) -> None:
        """Begins to fire what is due now, and remembers what is due before the next two ticks are over. Many schedulers take workspaces in another order each."""
        asked = self.ticked_at = time.monotonic()
        now, coming = wiring.storage().due.coming(SEEN_AT_ONCE, AHEAD_SECONDS)
        if now is None:
            return
        random.shuffle(coming)
        for each in coming:
            wait = (each.at - now).total_seconds()
            if wait <= 0:
                self._begin(each.workspace_id, each.user_id)
            else:
                self._remember(each, (asked + time.monotonic()) / 2 + wait + AFTER_SECONDS)

    def close(self) -> None:
        """Ends after what is under way."""
        with self._lock:
            self._over = True
            self._lock.notify_all()
        self._waiter.join()
        self._pool.shutdown()

    def idle(self, seconds: float) -> bool:
        """Waits until nothing is under way and nothing is remembered; whether that came in time."""
        with self._lock:
            return self._lock.wait_for(lambda: not self._working and not self._coming, seconds)

    def _remember(self, each: Coming, at: float) -> None:
        key = (each.workspace_id, each.at.timestamp())
        with self._lock:
            if key not in self._seen:
                self._seen[key] = None
                while len(self._seen) > 4 * SEEN_AT_ONCE:
                    del self._seen[next(iter(self._seen))]
                heapq.heappush(self._coming, (at, each.workspace_id, each.user_id))
                self._lock.notify_all()

    def _wait(self) -> None:
        """Until the next remembered instant, by a clock that nobody sets."""
        while True:
            with self._lock:
                if self._over:
                    return
                if not self._coming:
                    self._lock.wait()
                    continue
                left = self._coming[0][0] - time.monotonic()
                if left > 0:
                    self._lock.wait(left)
                    continue
                _, workspace_id, user_id = heapq.heappop(self._coming)
            self._begin(workspace_id, user_id)

    def _begin(self, workspace_id: UUID, user_id: UUID) -> None:
        with self._lock:
            if self._over or workspace_id in self._working:
                return
            self._working.add(workspace_id)
        self._pool.submit(self._fire_all, workspace_id, user_id)

    def _fire_all(self, workspace_id: UUID, user_id: UUID) -> None:
        try:
            while not self._over and fire_some(workspace_id, user_id).claimed == BATCH:
                pass
        except Unavailable as away:
            log.warning("scheduler.away", error=away.code)
        except Exception:
            log.exception("scheduler.workspace_failed", workspace=str(workspace_id))
        finally:
            with self._lock:
                self._working.discard(workspace_id)
                self._lock.notify_all()


def fire_some(workspace_id: UUID, user_id: UUID) -> Fires:
    """Starts up to BATCH due triggers of a workspace in one transaction; when one of them breaks it, each in its own."""
    try:
        with wiring.storage().work(workspace_id, user_id) as work:
            fires = fire_due(work, BATCH)
            work.ring("triggers.watch", *fires.watches)
            work.commit()
    except Unavailable:
        raise
    except Exception:
        log.exception("scheduler.batch_failed", workspace=str(workspace_id))
        return _one_by_one(workspace_id, user_id)
    if fires.started:
        log.info("scheduler.fired", claimed=fires.claimed, started=fires.started)
    return fires


def _one_by_one(workspace_id: UUID, user_id: UUID) -> Fires:
    with wiring.storage().work(workspace_id, user_id) as work:
        due = [trigger.id for trigger in work.triggers.claim_due(BATCH)]
    fires = Fires(len(due))
    for trigger_id in due:
        try:
            with wiring.storage().work(workspace_id, user_id) as work:
                fired = fire_due(work, 1, (trigger_id,))
                fires.started += fired.started
                work.ring("triggers.watch", *fired.watches)
                work.commit()
        except Unavailable:
            raise
        except Exception:
            log.exception("trigger.failed", id=str(trigger_id))
            with wiring.storage().work(workspace_id, user_id) as work:
                put_aside(work, trigger_id)
                work.commit()
    return fires


def main() -> int:
    """Runs a scheduler process; 0 after an orderly stop."""
    wiring.see("scheduler")
    wiring.storage()
    stop = {signal.SIGTERM, signal.SIGINT}
    signal.pthread_sigmask(signal.SIG_BLOCK, stop)
    schedules, scheduler = Schedules(), BackgroundScheduler(timezone="UTC")
    job = scheduler.add_job(
        _quiet_tick, "interval", (schedules,), seconds=TICK_SECONDS, max_instances=1, coalesce=True,
        misfire_grace_time=None,
    )  # fmt: skip
    scheduler.start()
    over = threading.Event()
    watching = threading.Thread(target=_keep_time, args=(job, schedules, over), daemon=True, name="time")
    watching.start()
    announce_ready()
    log.info("scheduler.ready")
    signal.sigwait(stop)
    over.set()
    watching.join()
    scheduler.shutdown(wait=True)
    schedules.close()
    wiring.storage().close()
    return 0


def _keep_time(job: Job, schedules: Schedules, over: threading.Event) -> None:
    """APScheduler reckons the next tick by the machine's clock: when that is set back by an hour, it would wait for an hour. By the clock that nobody sets, it ticks again
    within a second."""
    while not over.wait(TICK_SECONDS):
        if time.monotonic() - schedules.ticked_at > LATE_SECONDS:
            job.modify(next_run_time=datetime.now(UTC))


def _quiet_tick(schedules: Schedules) -> None:
    try:
        schedules.tick()
    except Exception as broken:
        log.warning("scheduler.tick_failed", error=type(broken).__name__)
