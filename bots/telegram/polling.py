"""Takes updates by getUpdates: each is stored, durably, before the offset moves past it."""

import asyncio
import logging
import random
from typing import Any

import telegram
from telegram.error import Conflict, InvalidToken, RetryAfter, TelegramError

from bots.kit.arrivals import Arrivals
from bots.kit.parts import Parts
from bots.kit.rings import Ringer
from bots.kit.turn import Turn
from bots.telegram.limits import seconds_of
from bots.telegram.updates import is_tap
from core.kernel.faults import fault
from core.kernel.telemetry import count

log = logging.getLogger(__name__)
CHANNEL = "telegram"
WANTED = ["message", "callback_query", "my_chat_member"]
WAIT_SECONDS = 25
LONGEST_PAUSE_SECONDS = 30.0
STAND_BY_SECONDS = 5.0
GATHER_SECONDS = 0.03
"""What comes so shortly after other updates is fetched together: a call and two transactions for each would keep their answers waiting for longer."""


class Polling:
    """The loop of the process whose turn it is."""

    def __init__(self, parts: Parts, bot: telegram.Bot, turn: Turn, arrivals: Arrivals) -> None:
        self._parts, self._bot, self._turn, self._arrivals = parts, bot, turn, arrivals
        self._ringer = Ringer(parts.redis_url, CHANNEL)

    async def run(self) -> None:
        """Until it is cancelled. Raises InvalidToken when Telegram does not know the token any more."""
        await self._bot.delete_webhook(drop_pending_updates=False)
        offset, troubles = 0, 0
        while True:
            if not self._turn.mine:
                self._turn.changed.clear()
                await self._turn.changed.wait()
                offset = 0
                continue
            try:
                offset = await self._take(offset)
                troubles = 0
            except InvalidToken:
                raise
            except Conflict:
                log.warning("another program asks for the same bot's updates: standing by")
                await asyncio.sleep(STAND_BY_SECONDS * (1 + random.random()))  # noqa: S311
                offset = 0
            except RetryAfter as slow:
                await asyncio.sleep(seconds_of(slow))
            except Exception as trouble:
                troubles += 1
                if not isinstance(trouble, TelegramError):
                    log.exception("updates could not be stored")
                elif troubles == 3:
                    log.warning("Telegram does not answer: %s", type(trouble).__name__)
                await asyncio.sleep(min(0.25 * 2**troubles, LONGEST_PAUSE_SECONDS))

    async def _take(self, offset: int) -> int:
        """One call; the next offset. All of its updates are stored together, or none, and come again."""
        updates: list[dict[str, Any]] = await self._bot.do_api_request(
            "getUpdates", {"offset": offset, "timeout": WAIT_SECONDS, "allowed_updates": WANTED}, read_timeout=WAIT_SECONDS + 10
        )  # fmt: skip
        if not updates:
            return offset
        named = [(str(update["update_id"]), update) for update in updates]
        new = await self._parts.intake(self._parts.storage.inbox.store_all, CHANNEL, named)
        fault("after_intake")
        for known, _ in named:
            count("inbound_events", channel=CHANNEL, outcome="stored" if known in new else "repeated")
        self._arrivals.wake()
        if any(map(is_tap, updates)):
            await self._ringer.ring(tap=True)
        await asyncio.sleep(GATHER_SECONDS)
        return max(offset, *(update["update_id"] + 1 for update in updates))
