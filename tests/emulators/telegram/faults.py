"""Trouble on order: refusals, slow answers, answers that never arrive, and the rate limits of a busy server."""

from __future__ import annotations

import math
import time
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from .refusals import Refused, too_many_requests


@dataclass(eq=False)
class Fault:
    """One piece of trouble. `left` counts down to zero; `used` says how often it struck."""

    method: str
    left: int | None
    refusal: Refused | None = None
    before: float = 0.0
    after: float = 0.0
    drop: bool = False
    used: int = 0

    def strikes(self, method: str) -> bool:
        named = self.method.lower()
        return self.left != 0 and (named == method or (named == "*" and method != "getupdates"))

    def take(self) -> None:
        self.used += 1
        if self.left is not None:
            self.left -= 1


class RateLimit:
    """At most `per_second` messages, counted over `window` seconds (a second, or as long as one takes); beyond that 429 with whole seconds to wait."""

    def __init__(self, per_second: float, window: float | None = None) -> None:
        self.room = max(1, round(per_second * window) if window else math.floor(per_second))
        self.window = window or self.room / per_second
        self.sent: deque[float] = deque()

    def check(self) -> None:
        now = time.monotonic()
        while self.sent and self.sent[0] <= now - self.window:
            self.sent.popleft()
        if len(self.sent) >= self.room:
            raise too_many_requests(max(1, math.ceil(self.sent[0] + self.window - now)))
        self.sent.append(now)


class Bucket:
    """`rate` messages a second in the long run, `burst` at once."""

    def __init__(self, rate: float, burst: int) -> None:
        self.rate, self.burst = rate, burst
        self.left, self.at = float(burst), time.monotonic()

    def wait(self, now: float) -> float:
        """Seconds until it takes one more; 0: now."""
        self.left, self.at = min(self.burst, self.left + (now - self.at) * self.rate), now
        return max(0.0, (1 - self.left) / self.rate)


class Published:
    """What core.telegram.org/bots/faq says that a bot may send: 30 messages a second in all, one a second in a chat (short bursts pass: here five), 20 a minute in
    a group. Every bucket has room or the message counts in none."""

    BOT, CHAT, CHAT_BURST, GROUP, MINUTE = 30, 1, 5, 20, 60.0

    def __init__(self) -> None:
        self.bot = Bucket(self.BOT, self.BOT)
        self.chats: dict[int, Bucket] = {}
        self.groups: dict[int, RateLimit] = {}

    def check(self, chat_id: int) -> None:
        now = time.monotonic()
        chat = self.chats.setdefault(chat_id, Bucket(self.CHAT, self.CHAT_BURST))
        wait = max(self.bot.wait(now), chat.wait(now))
        if wait > 0:
            raise too_many_requests(max(1, math.ceil(wait)))
        if chat_id < 0:
            self.groups.setdefault(chat_id, RateLimit(self.GROUP / self.MINUTE, self.MINUTE)).check()
        self.bot.left -= 1
        chat.left -= 1


class Faults:
    """The caller holds the world's lock."""

    def __init__(self) -> None:
        self.orders: list[Fault] = []
        self.limits: dict[int | None, RateLimit] = {}
        self.published: Published | None = None

    def order(self, fault: Fault) -> Fault:
        self.orders.append(fault)
        return fault

    def for_call(self, method: str) -> list[Fault]:
        """What strikes this call: at most one refusal, one delay of each kind, one lost answer; oldest order first."""
        return list(self._first_of_each_kind(method))

    def _first_of_each_kind(self, method: str) -> Iterator[Fault]:
        seen: set[Any] = set()
        for fault in self.orders:
            kind = (fault.refusal is not None, fault.before > 0, fault.after > 0, fault.drop)
            if fault.strikes(method) and kind not in seen:
                seen.add(kind)
                fault.take()
                yield fault

    def check_limits(self, chat_id: int) -> None:
        """Count a message to `chat_id` against its own limit and the bot's."""
        if self.published is not None:
            self.published.check(chat_id)
        for key in (chat_id, None):
            if key in self.limits:
                self.limits[key].check()
