"""Trouble on order: refusals, slow answers, answers that never arrive, and the tiers of a busy platform."""

from __future__ import annotations

import math
import time
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from .refusals import Refused, ratelimited

# Calls a minute of a team, by tier (https://docs.slack.dev/apis/web-api/rate-limits); a post has a second per channel.
TIERS = {1: 1, 2: 20, 3: 50, 4: 100}
METHOD_TIERS = {
    "apps.uninstall": 1, "chat.startStream": 2, "chat.stopStream": 2, "users.list": 2, "apps.connections.open": 3,
    "auth.revoke": 3, "bots.info": 3, "chat.delete": 3, "chat.update": 3, "conversations.history": 3,
    "conversations.info": 3, "conversations.open": 3, "conversations.replies": 3, "reactions.add": 3,
    "reactions.remove": 3, "assistant.threads.setSuggestedPrompts": 4, "assistant.threads.setTitle": 4,
    "chat.appendStream": 4, "chat.postEphemeral": 4, "conversations.members": 4, "files.completeUploadExternal": 4,
    "files.getUploadURLExternal": 4, "users.info": 4, "views.open": 4, "views.publish": 4, "views.push": 4,
    "views.update": 4,
}  # fmt: skip


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
        return self.left != 0 and self.method in (method, "*")

    def take(self) -> None:
        self.used += 1
        if self.left is not None:
            self.left -= 1


class RateLimit:
    """At most `room` calls in any `window` seconds; beyond that 429 with whole seconds to wait."""

    def __init__(self, room: int, window: float, per_channel: bool) -> None:
        self.room = room
        self.window = window
        self.per_channel = per_channel
        self.sent: dict[tuple[str, str], deque[float]] = {}

    def check(self, team: str, channel: str) -> None:
        sent = self.sent.setdefault((team, channel if self.per_channel else ""), deque())
        now = time.monotonic()
        while sent and sent[0] <= now - self.window:
            sent.popleft()
        if len(sent) >= self.room:
            raise ratelimited(max(1, math.ceil(sent[0] + self.window - now)))
        sent.append(now)


class Faults:
    """The caller holds the world's lock."""

    def __init__(self) -> None:
        self.orders: list[Fault] = []
        self.limits: dict[str, RateLimit] = {}

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

    def limit_by_tier(self) -> None:
        for method, tier in METHOD_TIERS.items():
            self.limits[method] = RateLimit(TIERS[tier], 60.0, per_channel=False)
        self.limits["chat.postMessage"] = RateLimit(1, 1.0, per_channel=True)

    def check_limits(self, method: str, team: str, channel: str) -> None:
        if method in self.limits:
            self.limits[method].check(team, channel)
