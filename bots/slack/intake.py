"""What Slack hands over is kept before it is acknowledged, within three seconds, whichever way it came (Socket Mode or HTTP). A modal is opened before
anything else: what opens it (`trigger_id`) lives three seconds."""

import asyncio
import logging
import re
from collections.abc import Awaitable, Callable
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any

from slack_bolt.async_app import AsyncAck, AsyncApp
from slack_bolt.authorization import AuthorizeResult

from bots.kit.outbound import SlowDown
from bots.kit.parts import Parts
from bots.kit.place import place
from bots.kit.rings import Ringer
from bots.slack import blocks, events, modal
from bots.slack.chats import Chats
from bots.slack.forms import Forms
from bots.slack.teams import AWAY, NotInstalled, Refusal, Team, Teams
from core.kernel.errors import Failure
from core.kernel.faults import fault
from core.kernel.settings import Settings
from core.kernel.telemetry import count, span

log = logging.getLogger(__name__)
OPENS = frozenset(
    (
        "slack.form", "slack.file", "slack.ask_agent", "suggestion.edit", "suggestion.words", "agent.settings", "settings.change", "trigger.policies",
        "trigger.add_event", "catalog.begin",
    )
)  # fmt: skip
"""What a tap on a button opens a modal for."""
ASK_AGENT, NEW_AGENT = "ask_agent", "new_agent"
"""Callback ids of the shortcuts in manifest.yaml."""
OPEN_SECONDS = 1.5
LANGUAGE_SECONDS = 0.25
ANY = re.compile(".*", re.DOTALL)
Next = Callable[[], Awaitable[Any]]


class Intake:
    """Takes in. `bolt` is the application for both ways; `wake` tells the loop that handles events that there is one."""

    def __init__(
        self, parts: Parts, settings: Settings, teams: Teams, forms: Forms, wake: Callable[[], None] = lambda: None
    ) -> None:
        self._parts, self._teams, self._forms, self._wake = parts, teams, forms, wake
        self._chats = Chats(parts)
        self._ringer = Ringer(parts.redis_url, events.CHANNEL)
        secret = settings.slack_signing_secret

        async def authorize(team_id: str | None, context: Any) -> AuthorizeResult:  # Bolt takes no method here.
            org = context.enterprise_id if context.is_enterprise_install else None
            return await self._authorize(team_id or "", org or "")

        self.bolt = AsyncApp(
            name="nod", client=teams.client(), authorize=authorize,
            signing_secret=secret.get_secret_value() if secret else "",
            request_verification_enabled=secret is not None, logger=logging.getLogger("slack_bolt"),
        )  # fmt: skip
        self.bolt.middleware(self._keep)
        self.bolt.view_submission(ANY)(self._form)
        for listen in (self.bolt.event, self.bolt.command, self.bolt.action, self.bolt.shortcut, self.bolt.view_closed):
            listen(ANY)(self._taken)
        self.bolt.options(ANY)(self._taken)

    async def _authorize(self, team_id: str, org: str) -> AuthorizeResult:
        """Never refuses: what comes from a team without Nod (that it was uninstalled) must be kept too, and so must what comes while Slack cannot be asked."""
        team = None
        with suppress(NotInstalled, Refusal, SlowDown, *AWAY):
            team = await asyncio.wait_for(self._teams.of(team_id, org), OPEN_SECONDS)
        return AuthorizeResult(
            enterprise_id=org or None, team_id=team_id, bot_user_id=team.bot_user_id if team else None,
            bot_id=team.bot_id or None if team else None, bot_token=team.token if team else None,
        )  # fmt: skip

    async def _keep(self, body: dict[str, Any], context: Any, next_: Next) -> Any:
        """Before any listener: Bolt acknowledges events before it calls theirs. What this raises is no acknowledgement, and Slack comes again."""
        kind = events.kind_of(body)
        if kind is None:
            return await next_()
        view = await self._open(body, kind)
        if kind == "form":
            context["form"] = await self._forms.take(body)
        else:
            envelope = {"kind": kind, "body": body, "view": view}
            with span("slack.intake"):
                stored = await self._parts.intake(
                    self._parts.storage.inbox.store, events.CHANNEL, events.id_of(body), envelope
                )
            fault("after_intake")
            count("inbound_events", channel=events.CHANNEL, outcome="stored" if stored else "repeated")
            self._wake()
            await self._ringer.ring(kind == "action")
        return await next_()

    async def _open(self, body: dict[str, Any], kind: events.Kind) -> str | None:
        """Opens the modal that is waited in, where one will be needed; its id."""
        if not self._opens(body, kind):
            return None
        try:
            who = events.speaker(body)
            team = await self._teams.of(who.team, who.org)
            language = await self._language(body)
            view = modal.waiting(self._parts.words.in_language(place(language, "UTC", datetime.now(UTC))))
            opened = await asyncio.wait_for(self._opened(team, body, view), OPEN_SECONDS)
            return str(opened["view"]["id"])
        except (NotInstalled, Refusal, SlowDown, *AWAY) as trouble:
            # A second delivery of the same tap comes here too: its trigger was used.
            log.info("no modal was opened: %s", trouble if isinstance(trouble, Refusal) else type(trouble).__name__)
            return None

    async def _language(self, body: dict[str, Any]) -> str:
        """A button says it; for a shortcut the person is looked up, unless that takes long: a modal that opens counts for more than its language."""
        said = blocks.language_of(str((body.get("actions") or [{}])[0].get("action_id") or ""))
        if said is not None:
            return said
        who = events.speaker(body)
        with suppress(TimeoutError, Failure):
            known = await asyncio.wait_for(self._parts.hop(self._chats.language, who.team, who.user), LANGUAGE_SECONDS)
            return known or "en"
        return "en"

    async def _opened(self, team: Team, body: dict[str, Any], view: dict[str, Any]) -> Any:
        return await self._teams.ask(team, "views.open", trigger_id=events.trigger_of(body), view=view)

    def _opens(self, body: dict[str, Any], kind: events.Kind) -> bool:
        if kind == "shortcut":
            return body.get("callback_id") in (ASK_AGENT, NEW_AGENT)
        if kind != "action":
            return False
        return self._parts.tokens.named(str((body.get("actions") or [{}])[0].get("value") or "")) in OPENS

    async def _taken(self, ack: AsyncAck) -> None:
        await ack()

    async def _form(self, ack: AsyncAck, context: Any) -> None:
        """Closes the modal, says what is wrong beside the fields, or shows what came of it."""
        answer = context.get("form")
        await (ack(**answer) if answer else ack())
