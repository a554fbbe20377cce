"""How a worker process gets its messages: asleep in Redis until a queue's bell rings, and never more messages than free threads."""

import time
from collections import deque
from collections.abc import Iterable
from queue import Empty, PriorityQueue
from threading import Condition
from typing import TYPE_CHECKING, Any

import redis
import structlog
from dramatiq import Message
from dramatiq.broker import Consumer, MessageProxy
from dramatiq.errors import DecodeError

if TYPE_CHECKING:
    from runners.broker import BellBroker

LOOK_SECONDS = 0.5
HANDED_SECONDS = 0.001
PAUSES = (0.05, 0.1, 0.2, 0.4, 0.8)
ID = "redis_message_id"
log = structlog.get_logger()


class Errands(PriorityQueue[Any]):
    """Where threads wait for messages, as long as it takes. Closed, it is empty for whoever waits."""

    def __init__(self) -> None:
        super().__init__()
        self._closed = False

    def get(self, block: bool = True, timeout: float | None = None) -> Any:
        """The next one; waits without looking at the clock. Raises queue.Empty when it is closed (or, not to block, when there is none)."""
        with self.not_empty:
            while not self._qsize():
                if not block or self._closed:
                    raise Empty
                self.not_empty.wait()
            return self._get()

    def close(self) -> None:
        """Lets all go who wait."""
        with self.not_empty:
            self._closed = True
            self.not_empty.notify_all()


class BellConsumer(Consumer):
    """Messages of one queue, for at most `prefetch` threads.

    A queue that is empty is listened to (its bell list, see runners/broker.py); every half second it is looked at all the same, which is also the heartbeat
    and covers a bell that was lost. What was carried out is acknowledged with the next look, so that a message costs one round trip: who dies before is given
    it again, and a message is only a hint. Redis may be away or come back empty: what is owed is said when it is back, and what it believes us to hold and
    we do not have, because its answer was lost, is given back. One thread iterates; any thread acknowledges.
    """

    def __init__(self, broker: "BellBroker", queue_name: str, prefetch: int) -> None:
        self._broker, self._queue, self._prefetch = broker, queue_name, prefetch
        self._fetched: deque[Message[Any]] = deque()
        self._taken: set[str] = set()
        self._owed: deque[tuple[str, str]] = deque()
        self._changed = Condition()
        self._resting = False
        self._more = True
        self._unsure = False
        self._failures = 0
        self._handed = False

    def __next__(self) -> MessageProxy | None:
        """The next message, or None after half a second without one, or while Redis is away."""
        if self._resting or not self._fetched:
            try:
                self._step_back()
                self._fill()
                if self._failures:
                    log.info("broker.back", queue=self._queue)
                    self._failures = 0
            except (redis.RedisError, OSError) as away:
                self._bear(away)
        if self._resting or not self._fetched:
            return None
        self._handed = True
        return MessageProxy(self._fetched.popleft())

    def ack(self, message: MessageProxy) -> None:
        """It was carried out. Never raises: Redis is told with the next look."""
        self._settle("ack", message.options[ID])

    def nack(self, message: MessageProxy) -> None:
        """It is not to be carried out. Never raises."""
        self._settle("nack", message.options[ID])

    def requeue(self, messages: Iterable[MessageProxy]) -> None:
        """Gives back what nobody began."""
        self._give_back([message.options[ID] for message in messages])

    def rest(self) -> None:
        """From now on nothing is fetched; heartbeats go on until the consumer is closed."""
        with self._changed:
            self._resting = True
            self._changed.notify_all()

    def close(self) -> None:
        """Gives back what was fetched and not handed out, and says what is owed, if Redis can hear it."""
        try:
            self._look(0)
            self._give_back_fetched()
        except (redis.RedisError, OSError) as away:
            log.warning("broker.closed_unheard", queue=self._queue, error=type(away).__name__)

    def _step_back(self) -> None:
        """Python lets one thread go on at a time: this one would keep the thread that it just gave a message from beginning until it sleeps in Redis itself."""
        if self._handed:
            self._handed = False
            with self._changed:
                self._changed.wait(HANDED_SECONDS)

    def _fill(self) -> None:
        self._give_back_fetched()
        if self._unsure:
            self._look(0)
            self._reconcile()
        room = self._wait_for_room()
        texts = self._look(room, LOOK_SECONDS if room and not self._more else 0)
        self._more = 0 < room == len(texts)
        for text in texts:
            self._take(text)

    def _look(self, room: int, wait: float = 0) -> list[bytes | None]:
        """Says what is owed, listens to the bell for so many seconds, and fetches as many messages as there is room for: in one round trip."""
        owed = list(self._owed)
        self._unsure = (
            self._unsure or room > 0
        )  # until the answer is here: Redis may have counted messages to us that we never see
        texts = self._broker.look(self._queue, owed, wait, room)
        for _ in owed:
            self._owed.popleft()
        self._unsure = self._unsure and room == 0
        return texts

    def _wait_for_room(self) -> int:
        """How many threads are free; 0 when none became so within the time between two heartbeats."""
        with self._changed:
            if self._resting:
                self._changed.wait(LOOK_SECONDS / 5)
            elif len(self._taken) >= self._prefetch:
                self._changed.wait(LOOK_SECONDS)
            return 0 if self._resting else max(0, self._prefetch - len(self._taken))

    def _take(self, text: bytes | None) -> None:
        message = _message(text)
        if message is None:
            self._unsure = True
            return
        self._taken.add(message.options[ID])
        self._fetched.append(message)

    def _settle(self, command: str, id: str) -> None:
        self._owed.append((command, id))
        with self._changed:
            self._taken.discard(id)
            self._changed.notify_all()

    def _reconcile(self) -> None:
        """Gives back what Redis counts as ours and we do not have; what cannot be read goes to the dead letters."""
        known = {*self._taken.copy(), *(id for _, id in self._owed.copy())}
        client: Any = self._broker.client
        held = f"{self._broker.namespace}:__acks__.{self._broker.broker_id}.{self._queue}"
        for raw in client.smembers(held):
            id = raw.decode()
            if id in known:
                continue
            if _message(client.hget(f"{self._broker.namespace}:{self._queue}.msgs", id)) is None:
                log.warning("broker.message_unreadable", queue=self._queue)
                self._broker.do_nack(self._queue, id)
            else:
                self._give_back([id])
        self._unsure, self._more = False, True

    def _give_back_fetched(self) -> None:
        self._give_back([message.options[ID] for message in self._fetched])
        self._fetched.clear()

    def _give_back(self, ids: list[str]) -> None:
        if ids:
            self._broker.do_requeue(self._queue, *ids)
            with self._changed:
                self._taken.difference_update(ids)

    def _bear(self, away: Exception) -> None:
        if not self._failures:
            log.warning("broker.away", queue=self._queue, error=type(away).__name__)
        pause = PAUSES[min(self._failures, len(PAUSES) - 1)]
        self._failures += 1
        self._more = True
        end = time.monotonic() + pause
        with self._changed:
            while not self._resting and (left := end - time.monotonic()) > 0:
                self._changed.wait(left)
            if self._resting:
                self._changed.wait(PAUSES[0])


def _message(text: Any) -> Message[Any] | None:
    """None for what is no message of ours."""
    try:
        message = Message.decode(text)
    except DecodeError:
        return None
    return message if isinstance(message.options, dict) and isinstance(message.options.get(ID), str) else None
