"""Handles stored events: claimed, each chat's in the order in which they came, chats beside each other, marked done. What a dead
process left is claimed again when its lease is over: what was there at two deaths with nothing else beside it, after five it is given up (docs/adr/0022)."""

import asyncio
import logging
import time
from collections import deque
from collections.abc import Awaitable, Callable, Hashable
from contextlib import suppress
from functools import partial
from typing import Any, TypeVar
from uuid import UUID

from bots.kit.parts import Parts
from bots.kit.rings import rings
from bots.kit.turn import Turn
from core.kernel.errors import Conflict, Failure
from core.kernel.faults import fault
from core.kernel.telemetry import count, span
from core.messaging.models import FATAL_DEATHS, SUSPICIOUS_DEATHS, InboundEvent

log = logging.getLogger(__name__)
# Below the lease of the turn: who takes over finds everything that was left, and keeps the order.
LEASE_SECONDS = 4.0
LOOK_SECONDS = 0.5
AT_ONCE = 50
IN_HAND = 500
TRIES, PATIENT_TRIES = 4, 12
FIRST_PAUSE_SECONDS, LONGEST_PAUSE_SECONDS = 0.2, 15.0
STOP_SECONDS = 5.0
RECORD_TRIES, RECORD_PAUSE_SECONDS = 10, 0.1
GATHER_SECONDS = 0.05
"""While taps wait for their answers, what was handled is written down at most so often."""
SETTLED_SECONDS = 2.0
"""A process that has lived for so long tries what is under suspicion."""
T = TypeVar("T")

PRESSED_SECONDS = 0.25
"""So long after a ring that tells of a tap it is believed to wait, whichever process handles it."""

Handle = Callable[[InboundEvent], Awaitable[str]]
Lane = Callable[[dict[str, Any] | None], Hashable]
IsTap = Callable[[dict[str, Any] | None], bool]
Order = Callable[[InboundEvent], Any]
Pause = Callable[[Exception, int], float | None]
Note = Callable[[InboundEvent, str], None]


async def on_record(look: Callable[[], Awaitable[T | None]]) -> T | None:
    """What `look` finds, for a second. A message of ours may be answered as it arrives there, before the process that sent it has written down where it stands."""
    for _ in range(RECORD_TRIES):
        found = await look()
        if found is not None:
            return found
        await asyncio.sleep(RECORD_PAUSE_SECONDS)
    return None


class Arrivals:
    """The loop of one process. `handle` gives effect to one event and answers what it was (a word for the metrics); events of one `lane` go one after the
    other, by `order`; `is_tap` tells the events for whose answer somebody waits; `pause` says how long to wait after a trouble before the next try, None for no more; `note` keeps
    that an event was given up, and never raises."""

    def __init__(
        self, parts: Parts, turn: Turn, handle: Handle, *, channel: str, lane: Lane, order: Order, pause: Pause,
        is_tap: IsTap = lambda payload: False, note: Note = lambda event, reason: None,
    ) -> None:  # fmt: skip
        self._parts, self._turn, self._handle = parts, turn, handle
        self._channel, self._lane, self._order, self._pause, self._is_tap = channel, lane, order, pause, is_tap
        self._note = note
        self._woken = asyncio.Event()
        self._stopping = False
        self._in_hand: dict[UUID, InboundEvent] = {}
        self._lanes: dict[Hashable, deque[UUID]] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._taps: set[UUID] = set()
        self._trying = 0
        self._began = time.monotonic()
        self._suspect: UUID | None = None
        self._rung = -PRESSED_SECONDS
        self._handled: list[UUID] = []
        self._recording: asyncio.Task[None] | None = None

    def wake(self) -> None:
        """Something was stored."""
        self._woken.set()

    def pressed(self) -> bool:
        """Whether taps wait for their answer, here or in another process."""
        return len(self._taps) > 0 or time.monotonic() - self._rung < PRESSED_SECONDS

    def stop(self) -> None:
        """Ends `run` after what is begun."""
        self._stopping = True
        self._woken.set()

    async def run(self) -> None:
        """Until `stop`; then finishes what is begun and hands back the rest."""
        self._began = time.monotonic()
        listening = asyncio.create_task(self._listen())
        try:
            while not self._stopping:
                self._woken.clear()
                if self._stopping:
                    break
                more = self._turn.mine and await self._claim()
                if not more:
                    with suppress(TimeoutError):
                        await asyncio.wait_for(self._woken.wait(), LOOK_SECONDS)
        finally:
            await self._finish()
            await end(listening)

    async def _listen(self) -> None:
        if self._parts.redis_url is not None:
            async for tap in rings(self._parts.redis_url, self._channel):
                if tap:
                    self._rung = time.monotonic()
                self._woken.set()

    async def _claim(self) -> bool:
        """Claims what waits, in order. What is in hand and comes again has a new lease."""
        if len(self._in_hand) >= IN_HAND or self._suspect is not None:
            return False
        # Whoever dies of something else right after its start is not to blame what it tries first.
        alone = not self._trying and time.monotonic() - self._began > SETTLED_SECONDS
        claim = partial(self._parts.storage.inbox.claim, alone=alone)
        try:
            events = await self._parts.hop(claim, self._channel, LEASE_SECONDS, AT_ONCE)
        except Failure as away:
            log.warning("events of %s wait: %s", self._channel, away.code)
            return False
        for event in sorted(events, key=self._order):
            known = event.id in self._in_hand
            self._in_hand[event.id] = event
            if known:
                continue
            if self._is_tap(event.payload):
                self._taps.add(event.id)
            lane = self._lane(event.payload)
            waiting = self._lanes.setdefault(lane, deque())
            waiting.append(event.id)
            if len(waiting) == 1:
                if SUSPICIOUS_DEATHS <= event.deaths < FATAL_DEATHS:
                    self._suspect = event.id
                task = asyncio.create_task(self._go_along(lane))
                self._tasks.add(task)
                task.add_done_callback(self._tasks.discard)
        return len(events) == AT_ONCE

    async def _go_along(self, lane: Hashable) -> None:
        waiting = self._lanes[lane]
        while waiting and not self._stopping:
            await self._one(waiting[0])
            waiting.popleft()
        if not waiting:
            del self._lanes[lane]

    async def _one(self, event_id: UUID) -> None:
        """Handles an event until it is done: what others are to blame for is tried again, ever more slowly; what cannot be done, or kills whoever tries, is
        given up, so that the chat goes on."""
        if self._in_hand[event_id].deaths >= FATAL_DEATHS:
            await self._give_up(event_id, Conflict("messaging.deadly"))
            return
        attempt = 0
        while True:
            attempt += 1
            try:
                outcome = await self._try(event_id)
                fault("arrival_handled")
                self._is_handled(event_id)
                break
            except Exception as trouble:
                pause = self._pause(trouble, attempt)
                if pause is None:
                    await self._give_up(event_id, trouble)
                    return
            self._taps.discard(event_id)
            if self._stopping:
                return
            await asyncio.sleep(pause)
        count("inbound_events", channel=self._channel, outcome=outcome)
        self._taps.discard(event_id)

    async def _try(self, event_id: UUID) -> str:
        """Once."""
        self._trying += 1
        try:
            with span(f"{self._channel}.update"):
                if self._suspect != event_id:
                    return await self._handle(self._in_hand[event_id])
                return await self._alone(event_id)
        finally:
            self._trying -= 1

    async def _alone(self, event_id: UUID) -> str:
        """What was there at deaths has nothing begun beside it, and is known to have begun: should this process die now, it is the one."""
        suspected = self._parts.storage.inbox.suspected
        try:
            await self._parts.hop(partial(suspected, lives=False), self._in_hand[event_id])
            try:
                return await self._handle(self._in_hand[event_id])
            finally:
                await self._parts.hop(partial(suspected, lives=True), self._in_hand[event_id])
        finally:
            self._suspect = None
            self.wake()

    async def _give_up(self, event_id: UUID, trouble: Exception) -> None:
        reason = trouble.code if isinstance(trouble, Failure) else type(trouble).__name__
        log.error("an event was given up", exc_info=trouble, extra={"event": str(event_id), "reason": reason})
        await self._parts.hop(self._note, self._in_hand[event_id], reason)
        with suppress(Failure):
            await self._parts.hop(self._parts.storage.inbox.failed, self._in_hand[event_id], reason, False)
        self._in_hand.pop(event_id, None)
        count("inbound_events", channel=self._channel, outcome="failed")
        self._taps.discard(event_id)

    def _is_handled(self, event_id: UUID) -> None:
        self._handled.append(event_id)
        if self._recording is None or self._recording.done():
            self._recording = asyncio.create_task(self._record())

    async def _record(self) -> None:
        """Writes down what was handled, together what was handled meanwhile: a transaction for each would keep taps waiting. What is handled and not written down when the process dies comes again, and
        has no second effect (Dispatch.handle, `once`)."""
        attempt = 0
        while self._handled:
            if self.pressed() and not self._stopping:
                await asyncio.sleep(GATHER_SECONDS)
            done, self._handled = self._handled, []
            try:
                await self._parts.hop(self._parts.storage.inbox.done, [self._in_hand[id] for id in done])
            except Exception as trouble:
                reason = trouble.code if isinstance(trouble, Failure) else type(trouble).__name__
                log.warning("events of %s that were handled wait to be written down: %s", self._channel, reason)
                attempt += 1
                pause = later(attempt, RECORD_TRIES)
                if self._stopping:
                    return
                if pause is not None:
                    self._handled = done + self._handled
                    await asyncio.sleep(pause)
                    continue
                # They come again when their leases are over; what is handled beside them does not wait for them.
            attempt = 0
            for id in done:
                self._in_hand.pop(id, None)

    async def _finish(self) -> None:
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=STOP_SECONDS)
        if self._recording is not None:
            await asyncio.wait({self._recording}, timeout=STOP_SECONDS)
            self._recording.cancel()
        for task in self._tasks:
            task.cancel()
        for event in self._in_hand.values():
            with suppress(Failure):
                await self._parts.hop(self._parts.storage.inbox.failed, event, "messaging.handed_back", True)


async def end(task: asyncio.Task[Any]) -> None:
    """Cancels a task until it is over: libraries may swallow one cancellation (redis-py, and asyncio's own wait_for before Python 3.12)."""
    while not task.done():
        task.cancel()
        await asyncio.wait({task}, timeout=0.5)


def later(attempt: int, tries: int) -> float | None:
    """Ever longer pauses; None after the last of `tries`."""
    return min(FIRST_PAUSE_SECONDS * 2**attempt, LONGEST_PAUSE_SECONDS) if attempt < tries else None
