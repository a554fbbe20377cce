"""`nod scheduler`: fires what is due. APScheduler drives the tick; row claims in PostgreSQL make each due time happen once, however many
schedulers run."""

import signal

import structlog
from apscheduler.schedulers.background import BackgroundScheduler

from core.workflows.schedule import fire
from runners import wiring
from runners.readiness import announce_ready

TICK_SECONDS = 0.25
BATCH = 500
log = structlog.get_logger()


def tick() -> int:
    """Fires every trigger that is due now; answers how many runs were started. One that fails never stops the others."""
    started = 0
    for item in wiring.storage().due.due("triggers", BATCH):
        try:
            with wiring.storage().work(item.workspace_id, item.user_id) as work:
                started += fire(work, item.id) is not None
                work.commit()
        except Exception:
            log.exception("trigger.failed", id=str(item.id))
    return started


def main() -> int:
    """Runs a scheduler process; 0 after an orderly stop."""
    wiring.see("scheduler")
    wiring.storage()
    scheduler = BackgroundScheduler(timezone="UTC")
    scheduler.add_job(
        _quiet_tick, "interval", seconds=TICK_SECONDS, max_instances=1, coalesce=True, misfire_grace_time=None
    )
    stop = {signal.SIGTERM, signal.SIGINT}
    signal.pthread_sigmask(signal.SIG_BLOCK, stop)
    scheduler.start()
    announce_ready()
    log.info("scheduler.ready")
    signal.sigwait(stop)
    scheduler.shutdown(wait=True)
    wiring.storage().close()
    return 0


def _quiet_tick() -> None:
    try:
        tick()
    except Exception as broken:
        log.warning("scheduler.tick_failed", error=type(broken).__name__)
