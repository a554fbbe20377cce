"""Forms that were sent in. Their sender waits at most three seconds: for what is wrong, beside the fields, or for the modal to close. Kept before anything
is done, like all else; what nobody waits for any more is done all the same, and said where it can be."""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

from bots.kit.arrivals import Arrivals, later
from bots.kit.giving_up import noted_for
from bots.kit.parts import Parts
from bots.kit.turn import Turn
from bots.slack import events
from bots.slack.chats import Chats
from core.kernel.telemetry import count
from core.messaging.models import InboundEvent

log = logging.getLogger(__name__)
PATIENCE_SECONDS = 2.2


@dataclass(frozen=True)
class Done:
    """What came of a form: sentences beside its fields, or what to say instead of it, or nothing: then its modal closes."""

    errors: dict[str, str] = field(default_factory=dict)
    notice: dict[str, Any] | None = None

    def response(self) -> dict[str, Any]:
        """As Slack is answered (docs.slack.dev/surfaces/modals, "Updating and closing")."""
        if self.errors:
            return {"response_action": "errors", "errors": self.errors}
        return {"response_action": "update", "view": self.notice} if self.notice else {}


Submit = Callable[[InboundEvent], Awaitable[Done]]
Late = Callable[[InboundEvent, Done], Awaitable[None]]
Waiting = Callable[[dict[str, Any]], dict[str, Any]]


class Forms:
    """One process's. `submit` gives effect to a form; `late` shows what came of one whose sender was answered already; `waiting` is what a form becomes meanwhile."""

    def __init__(self, parts: Parts, submit: Submit, late: Late, waiting: Waiting) -> None:
        self._parts, self._submit, self._late, self._waiting = parts, submit, late, waiting
        self._expected: dict[str, asyncio.Future[Done]] = {}
        self._arrivals = Arrivals(
            parts, Turn(None, events.FORMS), self._handle, channel=events.FORMS, lane=_lane, order=_order, pause=_pause,
            note=noted_for(parts, Chats(parts).sender),
        )  # fmt: skip

    async def run(self) -> None:
        """Until `stop`."""
        await self._arrivals.run()

    def stop(self) -> None:
        """Ends `run` after what is begun."""
        self._arrivals.stop()

    async def take(self, body: dict[str, Any]) -> dict[str, Any]:
        """Keeps a form and answers what came of it, if that is known in time. The same one again is closed: it has had its effect. Raises Unavailable."""
        name = events.id_of(body)
        expected: asyncio.Future[Done] = asyncio.get_running_loop().create_future()
        self._expected.setdefault(name, expected)
        envelope = {"kind": "form", "body": body, "view": body["view"].get("id")}
        try:
            stored = await self._parts.intake(self._parts.storage.inbox.store, events.FORMS, name, envelope)
            count("inbound_events", channel=events.FORMS, outcome="stored" if stored else "repeated")
            if stored is None:
                return {}
            self._arrivals.wake()
            with suppress(TimeoutError):
                return (await asyncio.wait_for(expected, PATIENCE_SECONDS)).response()
            return Done(notice=self._waiting(body["view"])).response()
        finally:
            if self._expected.get(name) is expected:
                del self._expected[name]

    async def _handle(self, event: InboundEvent) -> str:
        done = await self._submit(event)
        expected = self._expected.pop(event.external_id, None)
        if expected is not None and not expected.done():
            expected.set_result(done)
        else:
            await self._late(event, done)
        return "form"


def _lane(payload: dict[str, Any] | None) -> tuple[str, str]:
    return events.lane_of(payload)


def _order(event: InboundEvent) -> Any:
    return event.id


def _pause(trouble: Exception, attempt: int) -> float | None:
    return later(attempt, 4)
