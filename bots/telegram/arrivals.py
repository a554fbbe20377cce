"""Handles stored updates: claimed, each chat's in the order in which they came, chats beside each other, marked done. What a dead
process left is claimed again when its lease is over."""

import asyncio
import logging
from collections import deque
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Any
from uuid import UUID

from telegram.error import BadRequest, Forbidden, NetworkError, RetryAfter

from bots.kit.parts import Parts
from bots.telegram.limits import seconds_of
from bots.telegram.rings import rings
from bots.telegram.turn import Turn
from core.kernel.errors import Failure, Unavailable
from core.kernel.telemetry import count, span
from core.messaging.models import InboundEvent

log = logging.getLogger(__name__)
CHANNEL = "telegram"
# Below the lease of the turn: who takes over finds everything that was left, and keeps the order.
LEASE_SECONDS = 4.0
LOOK_SECONDS = 0.5
AT_ONCE = 50
IN_HAND = 500
TRIES, PATIENT_TRIES = 4, 12
LONGEST_PAUSE_SECONDS = 15.0
STOP_SECONDS = 5.0

Handle = Callable[[InboundEvent], Awaitable[str]]


class Arrivals:
    """The loop of one process. `handle` gives effect to one event and answers what it was (a word for the metrics)."""

    def __init__(self, parts: Parts, turn: Turn, handle: Handle) -> None:
        self._parts, self._turn, self._handle = parts, turn, handle
        self._woken = asyncio.Event()
        self._stopping = False
        self._in_hand: dict[UUID, InboundEvent] = {}
        self._lanes: dict[int, deque[UUID]] = {}
        self._tasks: set[asyncio.Task[None]] = set()

    def wake(self) -> None:
        """Something was stored."""
        self._woken.set()

    def stop(self) -> None:
        """Ends `run` after what is begun."""
        self._stopping = True
        self._woken.set()

    async def run(self) -> None:
        """Until `stop`; then finishes what is begun and hands back the rest."""
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
            async for _ in rings(self._parts.redis_url):
                self._woken.set()

    async def _claim(self) -> bool:
        """Claims what waits, in the order of Telegram's numbers. What is in hand and comes again has a new lease."""
        if len(self._in_hand) >= IN_HAND:
            return False
        try:
            events = await self._parts.hop(self._parts.storage.inbox.claim, CHANNEL, LEASE_SECONDS, AT_ONCE)
        except Failure as away:
            log.warning("updates wait: %s", away.code)
            return False
        for event in sorted(events, key=lambda event: int(event.external_id)):
            known = event.id in self._in_hand
            self._in_hand[event.id] = event
            if known:
                continue
            lane = lane_of(event.payload)
            waiting = self._lanes.setdefault(lane, deque())
            waiting.append(event.id)
            if len(waiting) == 1:
                task = asyncio.create_task(self._go_along(lane))
                self._tasks.add(task)
                task.add_done_callback(self._tasks.discard)
        return len(events) == AT_ONCE

    async def _go_along(self, lane: int) -> None:
        waiting = self._lanes[lane]
        while waiting and not self._stopping:
            await self._one(waiting[0])
            waiting.popleft()
        if not waiting:
            del self._lanes[lane]

    async def _one(self, event_id: UUID) -> None:
        """Handles an event until it is done: what others are to blame for is tried again, ever more slowly; what cannot be done is
        given up, so that the chat goes on."""
        outcome, inbox, attempt = "failed", self._parts.storage.inbox, 0
        while True:
            attempt += 1
            try:
                with span("telegram.update"):
                    outcome = await self._handle(self._in_hand[event_id])
                await self._parts.hop(inbox.done, self._in_hand[event_id])
                break
            except Exception as trouble:
                pause = self._pause(trouble, attempt)
                if pause is None:
                    reason = trouble.code if isinstance(trouble, Failure) else type(trouble).__name__
                    log.exception("an update was given up", extra={"event": str(event_id), "reason": reason})
                    with suppress(Failure):
                        await self._parts.hop(inbox.failed, self._in_hand[event_id], reason, False)
                    break
            if self._stopping:
                return
            await asyncio.sleep(pause)
        count("inbound_events", channel=CHANNEL, outcome=outcome)
        self._in_hand.pop(event_id, None)

    @staticmethod
    def _pause(trouble: Exception, attempt: int) -> float | None:
        """How long to wait before the next try; None: none."""
        if isinstance(trouble, RetryAfter):
            return seconds_of(trouble) if attempt < PATIENT_TRIES else None
        weather = isinstance(trouble, Unavailable | NetworkError) and not isinstance(trouble, BadRequest)
        tries = 1 if isinstance(trouble, BadRequest | Forbidden) else PATIENT_TRIES if weather else TRIES
        return min(0.2 * 2**attempt, LONGEST_PAUSE_SECONDS) if attempt < tries else None

    async def _finish(self) -> None:
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=STOP_SECONDS)
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


def lane_of(payload: dict[str, Any] | None) -> int:
    """The chat that an update is of; updates of one chat are handled one after the other."""
    for kind in ("message", "callback_query", "my_chat_member"):
        told = (payload or {}).get(kind)
        if isinstance(told, dict):
            within = told.get("message") if kind == "callback_query" else told
            chat = within.get("chat") if isinstance(within, dict) else None
            whose = chat if isinstance(chat, dict) else told.get("from")
            number = whose.get("id") if isinstance(whose, dict) else None
            return number if isinstance(number, int) else 0
    return 0
