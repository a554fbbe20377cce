"""What a door does with what came in: each once, in order, and written down as done in the end, together with what is done beside it."""

import asyncio
import threading
from collections.abc import Callable, Sequence
from types import SimpleNamespace
from typing import Any, cast
from uuid import UUID

import psycopg
import pytest

from bots.kit import arrivals
from bots.kit.arrivals import Arrivals
from bots.kit.parts import Parts
from bots.kit.tokens import Tokens
from bots.kit.turn import Turn
from bots.kit.words import Words
from core.kernel.errors import Unavailable
from core.messaging.models import FATAL_DEATHS, SUSPICIOUS_DEATHS, InboundEvent
from storage import Storage

PATIENCE = 30
CHANNEL = "telegram"


class Line:
    """The way to what is kept, which breaks as often as it is told when something is to be written down as done, and holds it up until it is `free`."""

    def __init__(self, storage: Storage, breaks: int = 0, trouble: Exception | None = None) -> None:
        self._storage, self._breaks = storage, breaks
        self._trouble = trouble or Unavailable("kernel.database_away")
        self.written: list[int] = []
        self.changed: Callable[[], object] = lambda: None
        self.free = threading.Event()
        self.free.set()

    def done(self, events: Sequence[InboundEvent]) -> set[UUID]:
        if self._breaks:
            self._breaks -= 1
            raise self._trouble
        assert self.free.wait(PATIENCE)
        done = self._storage.inbox.done(events)
        self.written.append(len(done))
        self.changed()
        return done

    def __getattr__(self, name: str) -> Any:
        return getattr(self._storage.inbox, name)


def _states(owner_url: str) -> list[str]:
    with psycopg.connect(owner_url) as owner:
        return [row[0] for row in owner.execute("SELECT status FROM nod.inbound_events ORDER BY id")]


def _comes(storage: Storage, count: int) -> None:
    storage.inbox.store_all(CHANNEL, [(str(number), {"chat": number % 5, "n": number}) for number in range(count)])


def _handled(
    parts: Parts, line: Line, enough: Callable[[list[Any]], bool], *, taps: bool = False
) -> list[dict[str, Any]]:
    """Runs a door until that is enough, and stops it at once; what it handled."""
    seen: list[dict[str, Any]] = []

    async def story() -> None:
        loop, over, turn = asyncio.get_running_loop(), asyncio.Event(), Turn(None, "test")

        def look() -> None:
            if enough(seen):
                over.set()

        async def handle(event: InboundEvent) -> str:
            seen.append(event.payload or {})
            look()
            return "tap"

        line.changed = lambda: loop.call_soon_threadsafe(look)
        door = Arrivals(
            parts, turn, handle, channel=CHANNEL, lane=lambda payload: (payload or {}).get("chat"), order=lambda event: event.id,
            pause=lambda trouble, tries: 0.01, is_tap=lambda payload: taps,
        )  # fmt: skip
        keeping, running = asyncio.create_task(turn.keep()), asyncio.create_task(door.run())
        async with asyncio.timeout(PATIENCE):
            await over.wait()
            door.stop()
            line.free.set()
            await running
            turn.stop()
            await keeping

    asyncio.run(story())
    return seen


@pytest.mark.parametrize("taps", [True, False], ids=["taps", "words"])
def test_what_was_handled_is_written_down_before_the_door_is_closed(
    storage: Storage, catalogue: Words, owner_url: str, taps: bool
) -> None:
    _comes(storage, 40)
    line = Line(storage)
    line.free.clear()
    seen = _handled(_parts(line, catalogue), line, lambda seen: len(seen) == 40, taps=taps)
    assert _states(owner_url) == ["done"] * 40
    assert len(line.written) < sum(line.written) == 40, "what is done beside each other is written down together"
    for chat in range(5):
        assert [one["n"] for one in seen if one["chat"] == chat] == list(range(chat, 40, 5))


@pytest.mark.parametrize("trouble", [None, RuntimeError("nobody expected it")], ids=["away", "unexpected"])
def test_what_cannot_be_written_down_is_written_down_later_and_not_handled_a_second_time(
    storage: Storage, catalogue: Words, owner_url: str, trouble: Exception | None
) -> None:
    _comes(storage, 10)
    line = Line(storage, 1, trouble)
    seen = _handled(_parts(line, catalogue), line, lambda _: sum(line.written) == 10)
    assert sorted(one["n"] for one in seen) == list(range(10))
    assert _states(owner_url) == ["done"] * 10


def test_what_a_closing_door_cannot_write_down_comes_again(storage: Storage, catalogue: Words, owner_url: str) -> None:
    _comes(storage, 3)
    broken = Line(storage, breaks=1000)
    _handled(_parts(broken, catalogue), broken, lambda seen: len(seen) == 3)
    assert _states(owner_url) == ["pending"] * 3
    line = Line(storage)
    assert len(_handled(_parts(line, catalogue), line, lambda seen: len(seen) == 3)) == 3
    assert _states(owner_url) == ["done"] * 3


def _deaths(owner_url: str, deaths: int, external_id: str) -> None:
    with psycopg.connect(owner_url, autocommit=True) as owner:
        owner.execute("UPDATE nod.inbound_events SET deaths = %s WHERE external_id = %s", [deaths, external_id])


def test_what_was_there_at_deaths_is_tried_with_nothing_beside_it_and_known_to_have_begun(
    storage: Storage, catalogue: Words, owner_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(arrivals, "SETTLED_SECONDS", 0.0)
    _comes(storage, 10)
    _deaths(owner_url, SUSPICIOUS_DEATHS, "3")
    line, stands = Line(storage), []

    def tried(seen: list[Any]) -> bool:
        if seen and seen[-1]["n"] == 3 and not stands:
            with psycopg.connect(owner_url) as owner:
                claimed = "SELECT external_id, deaths FROM nod.inbound_events WHERE status = 'processing'"
                stands.extend(owner.execute(claimed).fetchall())
        return sum(line.written) == 10

    seen = _handled(_parts(line, catalogue), line, tried)
    assert seen[0]["n"] == 3 and stands == [("3", SUSPICIOUS_DEATHS + 1)]
    assert sorted(one["n"] for one in seen) == list(range(10)) and _states(owner_url) == ["done"] * 10


def test_what_killed_too_often_is_not_tried_any_more_and_the_rest_is(
    storage: Storage, catalogue: Words, owner_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(arrivals, "SETTLED_SECONDS", 0.0)
    _comes(storage, 10)
    _deaths(owner_url, FATAL_DEATHS, "3")
    line = Line(storage)
    seen = _handled(_parts(line, catalogue), line, lambda _: sum(line.written) == 9)
    assert sorted(one["n"] for one in seen) == [0, 1, 2, 4, 5, 6, 7, 8, 9]
    assert sorted(_states(owner_url)) == ["done"] * 9 + ["failed"]
    [given_up] = storage.inbox.set_aside(10)
    assert (given_up.external_id, given_up.error) == ("3", "messaging.deadly")
    assert storage.inbox.try_again(given_up.id)
    [again] = storage.inbox.claim(CHANNEL, 60, 10)
    assert again.deaths == FATAL_DEATHS - 1, "one more is enough"


def _parts(line: Line, catalogue: Words) -> Parts:
    return Parts(cast(Any, SimpleNamespace(inbox=line)), catalogue, Tokens(b"k" * 32), {})
