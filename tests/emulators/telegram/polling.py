"""getUpdates: a call that may wait for the next update, and that only one caller may be waiting in."""

from __future__ import annotations

import asyncio
from typing import Any

from .methods.asking import note_allowed_updates
from .parameters import Parameters
from .refusals import Refused
from .world import World

_LONGEST_SECONDS = 50


class LongPoll:
    def __init__(self, world: World) -> None:
        self.world = world
        self.waiting: asyncio.Future[str] | None = None
        self.closed = False

    async def get_updates(self, params: Parameters) -> list[dict[str, Any]]:
        """Confirm what is before `offset`; hand out what there is, or wait up to `timeout` seconds for something."""
        offset, limit = params.number("offset"), params.number("limit", 100, 1, 100)
        loop = asyncio.get_running_loop()
        deadline = loop.time() + params.number("timeout", 0, 0, _LONGEST_SECONDS)
        self._refuse_beside_webhook()
        note_allowed_updates(self.world, params)
        while True:
            with self.world.lock:
                updates = self.world.updates.take(offset, limit)
            offset = max(offset, 0)
            left = deadline - loop.time()
            if updates or left <= 0 or self.closed:
                return updates
            self._end("terminated by other getUpdates request; make sure that only one bot instance is running")
            mine = self.waiting = loop.create_future()
            done, _ = await asyncio.wait([mine], timeout=left)
            if self.waiting is mine:
                self.waiting = None
            if done and mine.result():
                raise Refused(409, f"Conflict: {mine.result()}")

    def changed(self) -> None:
        """Something happened in the world: look again, or give way to a webhook."""
        if self.world.webhook is not None:
            self._end("terminated by setWebhook request")
        else:
            self._end("")

    def close(self) -> None:
        self.closed = True
        self._end("")

    def _end(self, why: str) -> None:
        if self.waiting is not None and not self.waiting.done():
            self.waiting.set_result(why)
            self.waiting = None

    def _refuse_beside_webhook(self) -> None:
        if self.world.webhook is not None:
            raise Refused(
                409,
                "Conflict: can't use getUpdates method while webhook is active; use deleteWebhook to delete the "
                "webhook first",
            )
