"""`python -m bench.messages stock|ours <count> <paced>`: one process with eight threads that hear messages which do nothing. Enqueues `count` of them and hears them all;
then `paced` more at chance moments, ten a second. Prints messages a second, and the seconds from enqueueing to hearing of each paced one."""

import json
import random
import sys
import threading
import time

import dramatiq
from core.kernel.settings import settings
from dramatiq import Broker, Worker
from dramatiq.brokers.redis import RedisBroker
from runners.broker import make_broker, make_worker
from runners.wiring import redis_url

THREADS, QUEUE, RATE = 8, "measured", 10


def main(kind: str, count: int, paced: int) -> None:
    """Measures one broker."""
    url = redis_url(settings())
    broker: Broker = make_broker(url) if kind == "ours" else RedisBroker(url=url)
    heard: list[float] = []
    all_heard = threading.Event()

    def hear(sent: float) -> None:
        heard.append(time.time() - sent)
        if len(heard) in (count, count + paced):
            all_heard.set()

    actor = dramatiq.actor(actor_name="measured", queue_name=QUEUE, broker=broker)(hear)
    for _ in range(count):
        actor.send(time.time())
    worker = (
        make_worker(broker, QUEUE, THREADS)
        if kind == "ours"
        else Worker(broker, queues={QUEUE}, worker_threads=THREADS)
    )
    began = time.monotonic()
    worker.start()
    all_heard.wait()
    per_second = count / (time.monotonic() - began)
    all_heard.clear()
    chance = random.Random(paced)
    for _ in range(paced):
        time.sleep(chance.random() * 2 / RATE)
        actor.send(time.time())
    all_heard.wait()
    print(json.dumps({"per_second": per_second, "waits": heard[count:]}), flush=True)
    worker.stop()
    broker.close()


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]))
