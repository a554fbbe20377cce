"""Telegram's limits on what a bot sends (core.telegram.org/bots/faq, "My bot is hitting limits"): 30 messages a second in all, one a
second in a chat, 20 a minute in a group. A chat that was told to wait waits alone."""

import asyncio
import time
from collections import OrderedDict
from dataclasses import dataclass

from telegram.error import RetryAfter

from bots.kit.outbound import SlowDown

LONGEST_WAIT_SECONDS = 3.0
CHATS = 10_000


@dataclass(frozen=True)
class Rates:
    """Messages a second."""

    bot: float = 30.0
    chat: float = 1.0
    group: float = 20 / 60


class Limits:
    """When each chat may be sent to next, in one process; Telegram itself has the last word."""

    def __init__(self, rates: Rates = Rates()) -> None:
        self._rates = rates
        self._bot_free = 0.0
        self._free: OrderedDict[str, float] = OrderedDict()
        self._paused: dict[str, float] = {}

    async def turn(self, chat: str, edit: bool = False) -> None:
        """Waits until something may be sent to the chat; an edit is no new message and counts against the bot's own limit only.
        Raises SlowDown when that is more than three seconds."""
        now = time.monotonic()
        start = max(now, self._bot_free, self._paused.get(chat, 0.0), 0.0 if edit else self._free.get(chat, 0.0))
        if start - now > LONGEST_WAIT_SECONDS:
            raise SlowDown(start - now)
        self._bot_free = max(now, self._bot_free) + 1 / self._rates.bot
        if not edit:
            self._free[chat] = start + self._between(chat)
            self._free.move_to_end(chat)
            while len(self._free) > CHATS:
                self._free.popitem(last=False)
        if start > now:
            await asyncio.sleep(start - now)

    def sent(self, chat: str) -> None:
        """Telegram has taken it just now: the next one counts from here, however long this one was under way."""
        again = time.monotonic() + self._between(chat)
        self._free[chat] = max(self._free.get(chat, 0.0), again)

    def _between(self, chat: str) -> float:
        return 1 / (self._rates.group if chat.startswith("-") else self._rates.chat)

    def pause(self, chat: str, seconds: float) -> None:
        """Telegram said so."""
        now = time.monotonic()
        self._paused = {known: until for known, until in self._paused.items() if until > now}
        self._paused[chat] = now + seconds


def seconds_of(slow: RetryAfter) -> float:
    """How long it asks to wait."""
    after = slow.retry_after
    return float(after) if isinstance(after, int | float) else after.total_seconds()
