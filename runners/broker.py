"""The Dramatiq broker and workers, with the settings that a promise needs: a message is a hint that carries ids, PostgreSQL decides.

No retries, no delays, no results: what is due lives in PostgreSQL, and a sweep rings again for what nobody took. Dead workers' messages come back after seconds, prefetch
equals threads so that no message waits behind a long one, idle workers look every 50 ms.
"""

from dramatiq import Broker, Worker
from dramatiq.brokers.redis import RedisBroker
from dramatiq.middleware import AgeLimit, ShutdownNotifications

HEARTBEAT_MS = 5_000
POLL_MS = 50
HINT_AGE_MS = 10 * 60 * 1000


def make_broker(redis_url: str) -> Broker:
    """The broker of this process. A hint that is ten minutes old is dropped: the sweep rang again long ago."""
    return RedisBroker(
        url=redis_url,
        heartbeat_timeout=HEARTBEAT_MS,
        maintenance_chance=1_000_000,
        middleware=[AgeLimit(max_age=HINT_AGE_MS), ShutdownNotifications(notify_shutdown=True)],
    )


def make_worker(broker: Broker, queue: str, threads: int) -> Worker:
    """Threads of their own for one queue, so that taps never wait behind long runs."""
    worker = Worker(broker, queues={queue}, worker_timeout=POLL_MS, worker_threads=threads)
    worker.queue_prefetch = threads
    return worker
