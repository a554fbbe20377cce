"""Rings after a commit: a Dramatiq message for the runners, a Redis publish for the doors. A lost ring costs a moment, never the work."""

import json
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol
from uuid import UUID, uuid4

import structlog

if TYPE_CHECKING:
    from redis.commands.core import Script

DELIVERIES = "deliveries."
CHANNEL = "nod:deliveries:"
MARK = "nod:rung:"
MARK_MS = 1_000
PATIENCE = 0.5
PAUSE = 2.0
AT_ONCE, PARTS = 500, 4
LOOKING_MS, LATELY_MS = 100, 15
MOST_WAITING = 32

# Where Dramatiq keeps a queue: a list of ids and a hash of texts; beside it the bell list on which idle consumers sleep (runners/broker.py), never longer
# than one. A ring with a mark is left out while the mark of an earlier one stands. It says `rung` until that one is fetched; the fetch takes it away, or makes
# it `taken` where whoever hears the bell says when they leave (HEARD): a ring meanwhile makes it `again`, and they look once more. So each ring is followed by
# a look that begins after it, and works that come one by one gather for the one who is there instead of waking others for each. A ring that is left out because one is
# on its way makes the mark `more`: whoever fetches that one and is told of its run (docs/adr/0024), which may be all they look at, finds `again`.
# Who goes from look to look says so (LOOKING), and who comes within moments of another's leaving (LATELY): rings then wait for the end of that look (WAITING), unless too
# many wait already. A ring that is told of a run asks for nothing else, so it leaves marks alone: it waits wherever somebody looks or is on the way to its place
# (docs/adr/0025).
_QUEUE = """
local LOOKING, WAITING, LATELY = "nod:looking", "nod:waiting", "nod:lately"
local function enqueue(queue, id, text)
    redis.call("hset", queue .. ".msgs", id, text)
    redis.call("rpush", queue, id)
    if redis.call("exists", queue .. ".bell") == 0 then
        redis.call("rpush", queue .. ".bell", "")
    end
end
local function told(text)
    return string.find(text, '"told":', 1, true)
end
local function mark_of(text)
    return string.match(text, '"held":"(nod:rung:[^"]+)"')
end
"""
RING = (
    _QUEUE
    + """
for i = 1, #ARGV, 4 do
    local place, mark, id, text = ARGV[i], ARGV[i + 1], ARGV[i + 2], ARGV[i + 3]
    local queue = KEYS[1] .. ":" .. place
    local held = mark ~= "" and string.find(text, '"held":', 1, true)
    local room = held and redis.call("llen", WAITING) < 3 * KEYS[3]
    local looking = room and redis.call("exists", LOOKING) == 1
    if id == "" then
        redis.call("publish", place, text)
    elseif room and told(text) and (looking or redis.call("exists", mark) == 1) then
        redis.call("rpush", WAITING, queue, id, text)
    elseif mark == "" or redis.call("set", mark, "rung", "NX", "PX", KEYS[2]) then
        if looking then
            redis.call("rpush", WAITING, queue, id, text)
        else
            enqueue(queue, id, text)
        end
    else
        local before = redis.call("get", mark)
        if before == "taken" then
            redis.call("set", mark, "again", "KEEPTTL")
        elseif before == "rung" then
            redis.call("set", mark, "more", "KEEPTTL")
        end
    end
end
"""
)
# Answers which of the places were rung, and what waited for the end of the look. A mark that is gone was perhaps forgotten with a ring in it: that is a reason to
# look, too. Who leaves gives back to the queue what still waits: somebody is woken for it, whoever else goes on looking.
HEARD = (
    _QUEUE
    + """
local going_on, staying, room, mark_ms, looking_ms, lately_ms = ARGV[1] == "1", ARGV[2] == "1", tonumber(ARGV[3]), ARGV[4], ARGV[5], ARGV[6]
local heard, others = {}, {}
for i, mark in ipairs(KEYS) do
    local found = redis.call("get", mark)
    if found ~= "rung" and found ~= "more" then
        if found ~= "taken" then
            heard[#heard + 1] = i
        end
        if found ~= "taken" and going_on then
            redis.call("set", mark, "taken", "PX", mark_ms)
        else
            redis.call("del", mark)
        end
    end
end
while going_on and #others < room and redis.call("lpop", WAITING) do
    local id, text = redis.call("lpop", WAITING), redis.call("lpop", WAITING)
    if not told(text) then
        redis.call("set", mark_of(text), "taken", "XX", "KEEPTTL")
    end
    others[#others + 1] = text
end
if going_on and (staying or #heard + #others > 0) then
    redis.call("set", LOOKING, "", "PX", looking_ms)
else
    redis.call("del", LOOKING)
    redis.call("set", LATELY, "", "PX", lately_ms)
    local queue = redis.call("lpop", WAITING)
    while queue do
        local id, text = redis.call("lpop", WAITING), redis.call("lpop", WAITING)
        redis.call("set", mark_of(text), "rung", "NX", "PX", mark_ms)
        enqueue(queue, id, text)
        queue = redis.call("lpop", WAITING)
    end
end
return {heard, others}
"""
)

_log = structlog.get_logger(__name__)


class Ring(NamedTuple):
    """One bell for one row, in whose workspace and for which user; `link_id`: the place of a delivery. `more`: whoever is there has more than enough, others are
    to come as well. `told`: what the hearer is told about the row."""

    bell: str
    workspace_id: UUID
    user_id: UUID
    id: UUID
    link_id: UUID | None = None
    more: bool = False
    told: Mapping[str, str] | None = None


class Heard(NamedTuple):
    """At which places it was rung again, and rings for other places that waited."""

    again: set[UUID]
    others: list[Ring]


# Bells that mean "something is due there", and where: their hearer takes all that is due at that place, whichever row rang.
COALESCED: dict[str, Callable[[Ring], UUID]] = {
    "runs.due": lambda ring: ring.workspace_id,
    "triggers.matched": lambda ring: ring.id,
}
HELD = {"runs.due"}
"""Those whose hearer says when they leave the place."""


class Bell(Protocol):
    """Wakes whoever listens. Never raises."""

    def wake(
        self, bell: str, workspace_id: UUID, user_id: UUID, id: UUID, link_id: UUID | None = None, more: bool = False
    ) -> None: ...

    def wake_all(self, rings: Iterable[Ring]) -> None: ...

    def prepared(self, rings: Iterable[Ring]) -> Callable[[], None]:
        """Rings them all when it is called. What takes time about it is done now: who commits has time while the disk is waited for."""
        ...

    def heard_again(self, bell: str, places: Sequence[UUID], *, going_on: bool, staying: bool = False) -> "Heard":
        """Asked by who is about to leave places of a held bell: which of them were rung since they came or asked last, and what else was rung and waited for
        somebody's look, up to MOST_WAITING. With `going_on` they look once more at all of these, else they leave all the same. `staying`: they look once
        more somewhere anyway. Nothing when nobody can tell."""
        ...

    def close(self) -> None: ...


class NoBell:
    """Where there is no Redis: the sweep finds everything."""

    def wake(
        self, bell: str, workspace_id: UUID, user_id: UUID, id: UUID, link_id: UUID | None = None, more: bool = False
    ) -> None:
        """Nothing."""

    def wake_all(self, rings: Iterable[Ring]) -> None:
        """Nothing."""

    def prepared(self, rings: Iterable[Ring]) -> Callable[[], None]:
        """Nothing."""
        return lambda: None

    def heard_again(self, bell: str, places: Sequence[UUID], *, going_on: bool, staying: bool = False) -> "Heard":
        """Nothing."""
        return Heard(set(), [])

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
        self._ring, self._heard = self._redis.register_script(RING), self._redis.register_script(HEARD)
        pool = self._redis.connection_pool
        self._packer = pool.connection_class(**pool.connection_kwargs)  # never connected
        self._away_until = 0.0
        self._told = False

    def wake(
        self, bell: str, workspace_id: UUID, user_id: UUID, id: UUID, link_id: UUID | None = None, more: bool = False
    ) -> None:
        """Rings one bell for one row."""
        self.wake_all((Ring(bell, workspace_id, user_id, id, link_id, more),))

    def wake_all(self, rings: Iterable[Ring]) -> None:
        """Rings them all in one round trip (of 500 rings each)."""
        self.prepared(rings)()

    def prepared(self, rings: Iterable[Ring]) -> Callable[[], None]:
        """One round trip (of 500 rings each), which says what is packed here."""
        said = [part for ring in rings for part in (_published(ring) if _is_delivery(ring) else _enqueued(ring))]
        keys = ("dramatiq", str(MARK_MS), str(MOST_WAITING))
        each = AT_ONCE * PARTS
        asked = [self._asking(self._ring, keys, said[start : start + each]) for start in range(0, len(said), each)]

        def ring() -> None:
            for ask in asked:
                self._tell(ask)

        return ring

    def heard_again(self, bell: str, places: Sequence[UUID], *, going_on: bool, staying: bool = False) -> "Heard":
        """One round trip."""
        marks = [_mark(bell, place) for place in places]
        said = (
            "1" if going_on else "",
            "1" if staying else "",
            *map(str, (MOST_WAITING, MARK_MS, LOOKING_MS, LATELY_MS)),
        )
        again, others = self._tell(self._asking(self._heard, marks, said)) or ((), ())
        return Heard({places[number - 1] for number in again}, [_ring(text) for text in others])

    def _asking(self, script: "Script", keys: Sequence[str], given: Sequence[str | bytes]) -> Callable[[], Any]:
        """Asks the script when it is called; what is said is packed here. The client's own way does the same with more ado than a ring is worth."""
        return partial(self._ask, script, self._packer.pack_command("EVALSHA", script.sha, len(keys), *keys, *given))

    def _ask(self, script: "Script", packed: Sequence[bytes]) -> Any:
        from redis.exceptions import NoScriptError

        pool = self._redis.connection_pool
        line = pool.get_connection()
        try:
            line.send_packed_command(packed)
            return line.read_response()
        except NoScriptError:
            line.send_command("SCRIPT LOAD", script.script)
            line.read_response()
            line.send_packed_command(packed)
            return line.read_response()
        finally:
            pool.release(line)

    def _tell(self, said: Callable[[], Any]) -> Any:
        """What Redis answers; None while it is away."""
        import redis

        if time.monotonic() < self._away_until:
            return None
        try:
            answer = said()
            self._told = False
            return answer
        except (redis.RedisError, OSError) as away:
            self._away_until = time.monotonic() + PAUSE
            if not self._told:
                self._told = True
                _log.warning("bell.away", error=type(away).__name__, effect="due work waits for the sweep")
            return None

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
    mark = _mark(ring.bell, place(ring)) + (":more" if ring.more else "") if place else ""
    marked = "held" if ring.bell in HELD and not ring.more else "rung"
    message = Message(
        queue_name=queue,
        actor_name=ring.bell,
        args=(str(ring.workspace_id), str(ring.user_id), str(ring.id)),
        kwargs={} if ring.told is None else {"told": ring.told},
        options={"redis_message_id": id} | ({marked: mark} if mark else {}),
        message_id=id,
    )
    return queue, mark, id, message.encode()


def _ring(text: bytes) -> Ring:
    message = json.loads(text)
    workspace_id, user_id, id = map(UUID, message["args"])
    return Ring(message["actor_name"], workspace_id, user_id, id, told=message["kwargs"].get("told"))


def _mark(bell: str, place: UUID) -> str:
    return f"{MARK}{bell}:{place}"
