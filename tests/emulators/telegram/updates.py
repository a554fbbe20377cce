"""The queue of updates: numbered, filtered by what the bot asked for, kept until it confirms them."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from typing import Any

Update = dict[str, Any]

_ONLY_WHEN_ASKED = {"chat_member", "message_reaction", "message_reaction_count"}


class Updates:
    """The caller holds the world's lock."""

    def __init__(self, changed: Callable[[], None]) -> None:
        self._changed = changed
        self._numbers = itertools.count(870_000_001)
        self.every: list[Update] = []
        self.pending: list[Update] = []
        self.again: list[Update] = []
        self.allowed: list[str] | None = None

    def add(self, kind: str, body: dict[str, Any]) -> Update | None:
        """Queue an update, or None when the bot did not ask for this kind."""
        wanted = kind in self.allowed if self.allowed else kind not in _ONLY_WHEN_ASKED
        if not wanted:
            return None
        update = {"update_id": next(self._numbers), kind: body}
        self.every.append(update)
        self.pending.append(update)
        self._changed()
        return update

    def redeliver(self, update: Update) -> None:
        """Hand out an update once more, even after the bot has confirmed it."""
        self.again.append(update)
        self._changed()

    def take(self, offset: int, limit: int) -> list[Update]:
        """What getUpdates returns; everything before `offset` is confirmed, a negative one keeps only the last ones."""
        before = len(self.pending) + len(self.again)
        if offset < 0:
            self.pending = self.pending[offset:]
        elif offset > 0:
            self.pending = [update for update in self.pending if update["update_id"] >= offset]
        again, self.again = self.again[:limit], self.again[limit:]
        if len(self.pending) + len(self.again) != before:
            self._changed()
        return again + self.pending[: limit - len(again)]

    def head(self) -> Update | None:
        """The next update for the webhook."""
        return next(iter(self.again or self.pending), None)

    def confirm(self, update: Update) -> None:
        """The webhook took it."""
        for queue in (self.again, self.pending):
            if queue and queue[0] is update:
                del queue[0]
                return

    def clear(self) -> None:
        self.pending.clear()
        self.again.clear()
