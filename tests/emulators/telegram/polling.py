"""getUpdates: a call that may wait for the next update, and that only one caller may be waiting in."""

from __future__ import annotations

import asyncio
from typing import Any

from .methods.asking import note_allowed_updates
from .parameters import Parameters
from .refusals import Refused
from .world import World

_LONGEST_SECONDS = 50
_WEBHOOK_IS_SET = "can't use getUpdates method while webhook is active; use deleteWebhook to delete the webhook first"
_ANOTHER_POLLS = "terminated by other getUpdates request; make sure that only one bot instance is running"


class LongPoll:
    """Lives in the server's event loop; the latest caller that has to wait sends the one before away."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.closed = False
        self._latest: object | None = None
        self._woken = asyncio.Event()

    async def get_updates(self, params: Parameters) -> list[dict[str, Any]]:
        """Confirm what is before `offset`; hand out what there is, or wait up to `timeout` seconds for something."""
        offset, limit = params.number("offset"), params.number("limit", 100, 1, 100)
        loop = asyncio.get_running_loop()
        deadline = loop.time() + params.number("timeout", 0, 0, _LONGEST_SECONDS)
        if self.world.webhook is not None:
            raise Refused(409, f"Conflict: {_WEBHOOK_IS_SET}")
        note_allowed_updates(self.world, params)
        me = object()
        waited = False
        while True:
            with self.world.lock:
                if waited and self.world.webhook is not None:
                    raise Refused(409, "Conflict: terminated by setWebhook request")
                if waited and self._latest is not me:
                    raise Refused(409, f"Conflict: {_ANOTHER_POLLS}")
                updates = self.world.updates.take(offset, limit)
            offset = max(offset, 0)
            left = deadline - loop.time()
            if updates or left <= 0 or self.closed:
                return updates
            if not waited:
                waited, self._latest = True, me
                self.look_again()
            try:
                await asyncio.wait_for(self._woken.wait(), left)
            except TimeoutError:
                continue

    def look_again(self) -> None:
        """Wake whoever waits: something changed."""
        self._woken.set()
        self._woken = asyncio.Event()

    def close(self) -> None:
        """Let whoever waits go home with nothing."""
        self.closed = True
        self.look_again()
