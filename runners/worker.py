"""`nod worker`: carries out runs and approved actions until it is told to stop, then finishes or hands back within twenty seconds."""

import os
import signal
import threading
from contextlib import suppress
from pathlib import Path

import structlog

from core.kernel.settings import settings
from runners import wiring
from runners.actors import BELLS, declare
from runners.broker import make_broker, make_worker
from runners.readiness import announce_ready
from runners.sweep import Sweep

STOP_MS = 18_000
NICE = 10
"""Below the doors: where processor time is short, the answer to a tap goes before what runs in the background."""
log = structlog.get_logger()


def main() -> int:
    """Runs a worker process; 0 after an orderly stop."""
    wiring.see("worker")
    _step_back()
    over = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: over.set())
    threads = settings().worker_threads
    per_queue = {"runs": threads, "executions": max(4, threads // 2), "connections": 2, "triggers": 2}
    workers = [
        make_worker(declare(make_broker(wiring.redis_url(settings())), queue), queue, number)
        for queue, number in per_queue.items()
    ]
    storage = wiring.storage()
    sweep = Sweep(wiring.ring)
    for worker in workers:
        worker.start()
    sweep.start()
    announce_ready()
    log.info("worker.ready", queues=per_queue, bells=sorted(BELLS))
    over.wait()
    sweep.stop()
    stopping = [threading.Thread(target=worker.stop, args=(STOP_MS,)) for worker in workers]
    for thread in stopping:
        thread.start()
    for thread in stopping:
        thread.join()
    for worker in workers:
        worker.broker.close()
    storage.close()
    log.info("worker.stopped")
    return 0


def _step_back() -> None:
    os.nice(NICE)
    if os.getsid(0) == os.getpid():
        # Linux weighs sessions against each other (sched(7), autogroup), and processes within one only by how nice they are.
        with suppress(OSError):
            Path("/proc/self/autogroup").write_text(str(NICE))
