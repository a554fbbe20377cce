"""Keeps an App Home true while somebody looks at it, as well as that can be known: Slack tells when it is opened, never when it is left. What rings for a person's messages
draws theirs anew, for a quarter of an hour after they opened it or tapped there."""

import asyncio
import logging
import time
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from uuid import UUID

from bots.kit.bells import Bell, bells
from bots.kit.parts import Parts
from bots.slack import events
from bots.slack.teams import Team
from core.kernel.actor import Actor
from core.kernel.errors import Failure

log = logging.getLogger(__name__)
OPEN_SECONDS = 900.0
SETTLE_SECONDS, BETWEEN_SECONDS = 0.5, 5.0
"""Several changes at once are one drawing, and nobody's Home is drawn more often than that."""
MOST = 2000
Publish = Callable[[Team, str, Actor], Awaitable[None]]


@dataclass
class Seen:
    """A Home that was opened."""

    team: Team
    user: str
    actor: Actor
    until: float
    next: float = 0.0
    waiting: bool = False


class Fresh:
    """One process's; `publish` draws a Home. Nothing of it is promised, and nothing of it is kept."""

    def __init__(self, parts: Parts, publish: Publish) -> None:
        self._parts, self._publish = parts, publish
        self._seen: OrderedDict[tuple[UUID, UUID], Seen] = OrderedDict()
        self._tasks: set[asyncio.Task[None]] = set()

    def opened(self, team: Team, user: str, actor: Actor) -> None:
        """The person looks at it, and it was just drawn."""
        now, person = time.monotonic(), (actor.workspace_id, actor.user_id)
        before = self._seen.get(person)
        self._seen[person] = Seen(team, user, actor, now + OPEN_SECONDS, now + SETTLE_SECONDS)
        self._seen[person].waiting = before is not None and before.waiting
        self._seen.move_to_end(person)
        while len(self._seen) > MOST:
            self._seen.popitem(last=False)

    async def run(self) -> None:
        """Until it is cancelled."""
        try:
            if self._parts.redis_url is None:
                await asyncio.Event().wait()
                return
            async for bell in bells(self._parts.redis_url, events.CHANNEL):
                self._rung(bell)
        finally:
            for task in self._tasks:
                task.cancel()

    def _rung(self, bell: Bell) -> None:
        seen = self._seen.get((bell.workspace_id, bell.user_id))
        if seen is None or seen.waiting:
            return
        if seen.until < time.monotonic():
            del self._seen[bell.workspace_id, bell.user_id]
            return
        seen.waiting = True
        task = asyncio.create_task(self._draw((bell.workspace_id, bell.user_id)))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _draw(self, person: tuple[UUID, UUID]) -> None:
        await asyncio.sleep(max(SETTLE_SECONDS, self._seen[person].next - time.monotonic()))
        seen = self._seen.get(person)
        if seen is not None:
            # What changes from here on needs a drawing of its own.
            seen.waiting, seen.next = False, time.monotonic() + BETWEEN_SECONDS
            try:
                await self._publish(seen.team, seen.user, seen.actor)
            except Failure as gone:
                # The person left, or the database is away: drawn when it is opened again.
                log.info("an App Home was not drawn anew: %s", gone.code)
                self._seen.pop(person, None)
