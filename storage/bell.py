"""Rings after a commit: a Dramatiq message for the runners, a Redis publish for the doors. A lost ring costs a moment, never the work."""

import json
import time
from collections.abc import Callable, Iterable, Sequence
from typing import NamedTuple, Protocol
from uuid import UUID, uuid4

import structlog

DELIVERIES = "deliveries."
CHANNEL = "nod:deliveries:"
MARK = "nod:rung:"
MARK_MS = 1_000
PATIENCE = 0.5
PAUSE = 2.0
AT_ONCE = 500

# Where Dramatiq keeps a queue: a list of ids and a hash of texts; beside it the bell list on which idle consumers sleep (runners/broker.py), never longer
# than one. A ring with a mark is left out while the mark of an earlier one stands: that one is not fetched yet, and the fetch takes the mark away.
RING = """
for i = 1, #ARGV, 4 do
    local place, mark, id, text = ARGV[i], ARGV[i + 1], ARGV[i + 2], ARGV[i + 3]
    if id == "" then
        redis.call("publish", place, text)
    elseif mark == "" or redis.call("set", mark, "", "NX", "PX", KEYS[2]) then
        local queue = KEYS[1] .. ":" .. place
        redis.call("hset", queue .. ".msgs", id, text)
        redis.call("rpush", queue, id)
        if redis.call("exists", queue .. ".bell") == 0 then
            redis.call("rpush", queue .. ".bell", "")
        end
    end
end
"""

_log = structlog.get_logger(__name__)


class Ring(NamedTuple):
    """One bell for one row, in whose workspace and for which user; `link_id`: the place of a delivery."""

    bell: str
    workspace_id: UUID
    user_id: UUID
    id: UUID
    link_id: UUID | None = None


# Bells that mean "something is due there", and where: their hearer takes all that is due at that place, whichever row rang.
COALESCED: dict[str, Callable[[Ring], UUID]] = {
    "runs.due": lambda ring: ring.workspace_id,
    "triggers.matched": lambda ring: ring.id,
}


class Bell(Protocol):
    """Wakes whoever listens. Never raises."""

    def wake(self, bell: str, workspace_id: UUID, user_id: UUID, id: UUID, link_id: UUID | None = None) -> None: ...

    def wake_all(self, rings: Iterable[Ring]) -> None: ...

    def close(self) -> None: ...


class NoBell:
    """Where there is no Redis: the sweep finds everything."""

    def wake(self, bell: str, workspace_id: UUID, user_id: UUID, id: UUID, link_id: UUID | None = None) -> None:
        """Nothing."""

    def wake_all(self, rings: Iterable[Ring]) -> None:
        """Nothing."""

    def close(self) -> None:
        """Nothing."""


class RedisBell:
    """`deliveries.<channel>` is published on `nod:deliveries:<channel>`; any other bell is a Dramatiq message for the actor of that name, in the
    queue before the dot. Of the bells of COALESCED at most one a place is on its way: while it is rung and not yet fetched, the next is left out. Thread-safe. A Redis that is away is left alone for a moment, so that commits stay quick."""

    def __init__(self, url: str) -> None:
        import redis
        from redis.backoff import NoBackoff
        from redis.retry import Retry

        self._redis = redis.Redis.from_url(
            url, socket_timeout=PATIENCE, socket_connect_timeout=PATIENCE, retry=Retry(NoBackoff(), 0)
        )
        self._ring = self._redis.register_script(RING)
        self._away_until = 0.0
        self._told = False

    def wake(self, bell: str, workspace_id: UUID, user_id: UUID, id: UUID, link_id: UUID | None = None) -> None:
        """Rings one bell for one row."""
        self.wake_all((Ring(bell, workspace_id, user_id, id, link_id),))

    def wake_all(self, rings: Iterable[Ring]) -> None:
        """Rings them all in one round trip (of 500 rings each)."""
        import redis

        said = [part for ring in rings for part in (_published(ring) if _is_delivery(ring) else _enqueued(ring))]
        if not said or time.monotonic() < self._away_until:
            return
        try:
            for start in range(0, len(said), AT_ONCE * 4):
                self._ring(keys=("dramatiq", str(MARK_MS)), args=said[start : start + AT_ONCE * 4])
            self._told = False
        except (redis.RedisError, OSError) as away:
            self._away_until = time.monotonic() + PAUSE
            if not self._told:
                self._told = True
                _log.warning("bell.away", error=type(away).__name__, effect="due work waits for the sweep")

    def close(self) -> None:
        """Lets the connections go."""
        self._redis.close()


def _is_delivery(ring: Ring) -> bool:
    return ring.bell.startswith(DELIVERIES)


def _published(ring: Ring) -> Sequence[str | bytes]:
    said = {"workspace": str(ring.workspace_id), "user": str(ring.user_id), "id": str(ring.id)}
    if ring.link_id is not None:
        said["link"] = str(ring.link_id)
    return CHANNEL + ring.bell.removeprefix(DELIVERIES), "", "", json.dumps(said)


def _enqueued(ring: Ring) -> Sequence[str | bytes]:
    from dramatiq import Message

    queue, id = ring.bell.split(".", 1)[0], str(uuid4())
    place = COALESCED.get(ring.bell)
    mark = f"{MARK}{ring.bell}:{place(ring)}" if place else ""
    message = Message(
        queue_name=queue,
        actor_name=ring.bell,
        args=(str(ring.workspace_id), str(ring.user_id), str(ring.id)),
        kwargs={},
        options={"redis_message_id": id} | ({"rung": mark} if mark else {}),
        message_id=id,
    )
    return queue, mark, id, message.encode()
