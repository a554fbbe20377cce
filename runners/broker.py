"""The Dramatiq broker and workers, with the settings that a promise needs: a message is a hint that carries ids, PostgreSQL decides.

No retries, no delays, no results: what is due lives in PostgreSQL, and a sweep rings again for what nobody took. Nothing polls: consumers sleep in Redis on
their queue's bell, threads on their queue; a message is fetched only for a thread that is free. See runners/consumer.py.
"""

from collections.abc import Sequence
from typing import Any

import redis
from dramatiq import Broker, Message, Worker
from dramatiq.brokers.redis import RedisBroker
from dramatiq.common import current_millis
from dramatiq.middleware import AgeLimit, ShutdownNotifications
from redis.backoff import NoBackoff
from redis.exceptions import NoScriptError
from redis.retry import Retry

from runners.consumer import LOOK_SECONDS, BellConsumer, Errands

HEARTBEAT_MS = 5_000
HINT_AGE_MS = 10 * 60 * 1000
PATIENCE_SECONDS = 3.0

# Dramatiq's own script, and after each of its commands: a queue that holds something has one entry in its bell list, an empty one has none. The bell is thus
# set with the enqueue itself, once more for what a fetch left behind, and again for whatever a dead or stopping worker gave back.
# Taking a message also takes the mark that kept further rings of its kind away, or says in it that somebody is there now (storage/bell.py); whoever is told of one
# run, and may look at that alone, is to hear that others were rung for before they came.
# Where somebody else left a moment ago, much is going on: what is rung from now on waits for the end of this look.
# A Redis that is full refuses new messages, not the taking of old ones.
BELL = """#!lua flags=allow-oom
local function dramatiq()
%s
end
local answer = dramatiq()
local queue = KEYS[1] .. ":" .. ARGV[3]
local bell = queue .. ".bell"
if redis.call("exists", queue) == 0 then
    redis.call("del", bell)
elseif redis.call("exists", bell) == 0 then
    redis.call("rpush", bell, "")
end
if ARGV[1] == "fetch" then
    for _, text in ipairs(answer) do
        local mark = text and string.match(text, '"rung":"(nod:rung:[^"]+)"')
        local held = text and string.match(text, '"held":"(nod:rung:[^"]+)"')
        if mark then
            redis.call("del", mark)
        elseif held then
            if redis.call("exists", "nod:lately") == 1 then
                redis.call("set", "nod:looking", "", "PX", 100)
            end
            local unheard = redis.call("get", held) == "more" and string.find(text, '"told":', 1, true)
            redis.call("set", held, unheard and "again" or "taken", "XX", "KEEPTTL")
        end
    end
end
return answer
"""


class BellBroker(RedisBroker):
    """Dramatiq's Redis broker whose consumers are woken instead of looking. It has no delay queues: due times live in PostgreSQL."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        stock = bytes(self.client.get_encoder().encode(self.scripts["dispatch"].script)).decode()
        self.scripts["dispatch"] = self.client.register_script(BELL.replace("%s", stock))

    def look(self, queue: str, settled: Sequence[tuple[str, str]], wait: float, room: int) -> list[bytes | None]:
        """In one round trip: settles messages (`ack` or `nack`, id), listens to the queue's bell for `wait` seconds unless that is 0, fetches up to `room`
        messages, which is also the heartbeat. Raises what redis raises; whatever was settled may be settled again."""
        script = self.scripts["dispatch"]
        asked = self.client.pipeline(transaction=False)
        for command, id in settled:
            asked.evalsha(script.sha, 1, *self._words(command, queue, id))
        if wait:
            asked.blpop([f"{self.namespace}:{queue}.bell"], wait)
        asked.evalsha(script.sha, 1, *self._words("fetch", queue, room))
        try:
            return asked.execute()[-1]
        except NoScriptError:
            self.client.script_load(script.script)
            return self.look(queue, settled, 0, room)

    def _words(self, command: str, queue: str, *given: str | int) -> tuple[str | int, ...]:
        """Key and arguments of Dramatiq's script, as its own RedisBroker puts them."""
        return (
            self.namespace, command, current_millis(), queue, self.broker_id, self.heartbeat_timeout, self.dead_message_ttl,
            self._should_do_maintenance(command), self._max_unpack_size(), *given,
        )  # fmt: skip

    def consume(self, queue_name: str, prefetch: int = 1, timeout: int = 5000) -> BellConsumer:
        """Who hears the queue's bell, for `prefetch` threads; `timeout` is Dramatiq's, nothing is polled here."""
        return BellConsumer(self, queue_name, prefetch)

    def declare_queue(self, queue_name: str) -> None:
        """Makes a queue known, once."""
        if queue_name not in self.queues:
            self.emit_before("declare_queue", queue_name)
            self.queues.add(queue_name)
            self.emit_after("declare_queue", queue_name)

    def enqueue(self, message: Message[Any], *, delay: int | None = None) -> Message[Any]:
        """Enqueues now. Raises ValueError for a delay."""
        if delay is not None:
            raise ValueError("a message that Redis delays is lost with Redis: give the row a due time")
        return super().enqueue(message)


class BellWorker(Worker):
    """The threads of one queue. They wait without polling, and stop within a second when they have nothing to do."""

    def __init__(self, broker: Broker, queue: str, threads: int) -> None:
        super().__init__(broker, queues={queue}, worker_timeout=int(LOOK_SECONDS * 1000), worker_threads=threads)
        self.queue_prefetch = threads
        self.work_queue = self._errands = Errands()

    def stop(self, timeout: int = 600_000) -> None:
        """Fetches nothing more, lets the threads finish for `timeout` ms, gives back what none of them has begun."""
        for thread in self.consumers.values():
            if isinstance(thread.consumer, BellConsumer):
                thread.consumer.rest()
        for thread in self.workers:
            thread.stop()
        self._errands.close()
        super().stop(timeout)


def make_broker(redis_url: str) -> BellBroker:
    """The broker of this process. A hint that is ten minutes old is dropped: the sweep rang again long ago."""
    return BellBroker(
        client=redis.Redis.from_url(
            redis_url,
            socket_timeout=PATIENCE_SECONDS,
            socket_connect_timeout=PATIENCE_SECONDS,
            retry=Retry(NoBackoff(), 0),
        ),
        heartbeat_timeout=HEARTBEAT_MS,
        maintenance_chance=1_000_000,
        dead_message_ttl=HINT_AGE_MS,
        middleware=[AgeLimit(max_age=HINT_AGE_MS), ShutdownNotifications(notify_shutdown=True)],
    )


def make_worker(broker: Broker, queue: str, threads: int) -> BellWorker:
    """Threads of their own for one queue, so that taps never wait behind long runs."""
    return BellWorker(broker, queue, threads)
