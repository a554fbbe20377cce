"""Telegram's limits on what a bot sends (core.telegram.org/bots/faq, "My bot is hitting limits"): 30 messages a second in all, one a
second in a chat with short bursts, 20 a minute in a group. Each has a bucket of its own, and what Telegram asks to wait pauses that one alone."""

import asyncio
import time
from collections import OrderedDict
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass

from telegram.error import RetryAfter

from bots.kit.outbound import SlowDown

LONGEST_WAIT_SECONDS = 3.0
CHATS = 10_000
UNDER_WAY = 20
"""Messages at once on their way to Telegram: they may all arrive in one moment, however they were spread when they left."""
SUSPECTED, WITHIN_SECONDS = 3, 1.0
"""So many chats that are told to wait within a second were not too fast, each by itself: the bot was."""


@dataclass(frozen=True)
class Rate:
    """`per_second` in the long run, `burst` at once. In any t seconds these are `burst + t × per_second` messages."""

    per_second: float
    burst: int = 1


@dataclass(frozen=True)
class Rates:
    """The bot's in all: below 30 in any second, also where some are longer under way than others. A group's: 20 in any minute."""

    bot: Rate = Rate(24, 5)
    chat: Rate = Rate(1, 3)
    group: Rate = Rate(15 / 60, 5)


class Bucket:
    """When the next one may go (the generic cell rate algorithm, ITU-T I.371). `free` is when the bucket will be full again."""

    def __init__(self, rate: Rate) -> None:
        self._gap = 1 / rate.per_second
        self._slack = self._gap * (rate.burst - 1)
        self._free = 0.0
        self._paused = 0.0

    @property
    def paused(self) -> float:
        """Until when Telegram wants none at all."""
        return self._paused

    def next(self) -> float:
        """The moment from which one may go."""
        return max(self._paused, self._free - self._slack)

    def take(self, moment: float) -> None:
        """One goes at the moment."""
        self._free = max(self._free, moment) + self._gap

    def taken(self, moment: float) -> None:
        """Telegram took it at the moment, however long it was under way: what comes next counts from here."""
        self._free = max(self._free, moment + self._gap)

    def pause(self, until: float) -> None:
        """Telegram said so."""
        self._paused = max(self._paused, until)


class Limits:
    """When each chat may be sent to next, in one process; Telegram itself has the last word."""

    def __init__(self, rates: Rates = Rates(), clock: Callable[[], float] = time.monotonic) -> None:
        self._rates, self._clock = rates, clock
        self._bot, self._late = Bucket(rates.bot), Bucket(rates.bot)
        self._chats: OrderedDict[str, tuple[Bucket, ...]] = OrderedDict()
        self._told: dict[str, float] = {}
        self._under_way = asyncio.Semaphore(UNDER_WAY)

    @asynccontextmanager
    async def turn(self, chat: str, edit: bool = False) -> AsyncIterator[None]:
        """Waits until something may be sent to the chat, and counts it as under way while it lasts; an edit is no new message and counts against the bot's own limit only.
        Raises SlowDown when that is more than three seconds, also where Telegram asks for it meanwhile."""
        await asyncio.sleep(self.wait(chat, edit))
        async with self._under_way:
            # Those that a busy moment kept from going go one after another all the same, not at once when it is over.
            wait = self._still(chat)
            while wait > 0:
                await asyncio.sleep(wait)
                wait = self._still(chat)
            self._late.take(self._clock())
            yield
        if not edit:
            self.sent(chat)

    def _still(self, chat: str) -> float:
        """The seconds that one whose place is due waits on. Raises SlowDown."""
        now = self._clock()
        paused = max(self._bot.paused, *(bucket.paused for bucket in self._of(chat))) - now
        if paused > LONGEST_WAIT_SECONDS:
            raise SlowDown(paused)
        return max(paused, self._late.next() - now)

    def wait(self, chat: str, edit: bool = False) -> float:
        """Takes a place; the seconds until it is due. Raises SlowDown, and then no place was taken."""
        now = self._clock()
        own = self._of(chat)
        start = max(now, self._bot.next(), *(bucket.paused if edit else bucket.next() for bucket in own))
        if start - now > LONGEST_WAIT_SECONDS:
            raise SlowDown(start - now)
        # The bot's place counts from now: who waits for the sake of a chat must not hold up the others.
        self._bot.take(now)
        for bucket in () if edit else own:
            bucket.take(start)
        return start - now

    def sent(self, chat: str) -> None:
        """Telegram has taken a message just now."""
        for bucket in self._of(chat):
            bucket.taken(self._clock())

    def pause(self, chat: str, seconds: float) -> None:
        """Telegram asks to wait. It does not say for whose sake: the chat's, unless several chats are told so at once."""
        now = self._clock()
        for bucket in self._of(chat):
            bucket.pause(now + seconds)
        self._told = {known: at for known, at in self._told.items() if now - at < WITHIN_SECONDS} | {chat: now}
        if len(self._told) >= SUSPECTED:
            self._bot.pause(now + seconds)

    def _of(self, chat: str) -> tuple[Bucket, ...]:
        """The chat's buckets; a group has two."""
        if chat not in self._chats:
            kinds = (self._rates.chat, self._rates.group) if chat.startswith("-") else (self._rates.chat,)
            self._chats[chat] = tuple(Bucket(rate) for rate in kinds)
            while len(self._chats) > CHATS:
                self._chats.popitem(last=False)
        self._chats.move_to_end(chat)
        return self._chats[chat]


def seconds_of(slow: RetryAfter) -> float:
    """How long it asks to wait."""
    after = slow.retry_after
    return float(after) if isinstance(after, int | float) else after.total_seconds()
