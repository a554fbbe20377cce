"""Sends and edits for the outbound loop, from any process. Slack has no idempotency key: a send whose answer was lost is sent again, because a card twice is
better than none; both copies show the truth and work once. What came of an action is also said in the card's thread."""

import logging
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Any

from bots.kit import clean
from bots.kit.addresses import page
from bots.kit.outbound import Blocked, Gone, Letter, Refused
from bots.kit.parts import Parts
from bots.kit.screen import Block, Button, Countdown, Document, Paragraph, Progress, Screen
from bots.slack import blocks, modal, reach
from bots.slack.pieces import fits, pieces
from bots.slack.teams import NotInstalled, Refusal, Team, Teams

log = logging.getLogger(__name__)
TOLD = 500
"""Characters of an outcome in a thread."""
LOST = frozenset(("message_not_found", "cant_update_message", "edit_window_closed", "no_item_specified"))
NOBODY = frozenset(
    (
        "channel_not_found", "user_not_found", "user_disabled", "is_archived", "not_in_channel", "cannot_dm_bot",
        "messages_tab_disabled", "users_not_found", "no_permission",
    )
)  # fmt: skip


def reference(channel: str, ts: str) -> str:
    """How a delivery finds its message again."""
    return f"{channel}:{ts}"


class SlackSender:
    """bots.kit.outbound.Sender. `uninstalled` hears of a team whose token is good no more."""

    def __init__(
        self, parts: Parts, teams: Teams, public_url: str | None, uninstalled: Callable[[str], Awaitable[None]]
    ) -> None:
        self._parts, self._teams, self._public_url = parts, teams, public_url
        self._uninstalled = uninstalled

    async def send(self, letter: Letter) -> str | None:
        given = self._draw(letter)
        channel = letter.link.address or ""
        team = await self._team(letter)
        sent = await self._ask(letter, team, "chat.postMessage", channel, given)
        return reference(str(sent.get("channel") or channel), str(sent["ts"]))

    async def edit(self, letter: Letter) -> str | None:
        ref = letter.delivery.remote_ref or ""
        channel, _, ts = ref.partition(":")
        team = await self._team(letter)
        await self._ask(letter, team, "chat.update", channel, {**self._draw(letter), "ts": ts})
        told = outcome(letter.screen) if letter.delivery.subject_kind == "suggestion" else None
        if told is not None and told != await self._parts.hop(self._told_before, letter):
            thread = {"thread_ts": ts, "text": blocks.mrkdwn(told), **QUIET}
            # The card says it already.
            with suppress(Refused, Gone):
                await self._ask(letter, team, "chat.postMessage", channel, thread)
        return ref

    def _told_before(self, letter: Letter) -> str | None:
        """What had come of it when the card was shown last."""
        delivery = letter.delivery
        if delivery.message_id is None:
            return None
        with self._parts.storage.work(delivery.workspace_id, delivery.user_id) as work:
            payload = work.messages.get(delivery.message_id).payload
        return outcome(Screen.model_validate(payload["screen"])) if "screen" in payload else None

    async def _team(self, letter: Letter) -> Team:
        try:
            return await self._teams.of(letter.link.provider_tenant)
        except NotInstalled as gone:
            await self._uninstalled(gone.team_id)
            raise Blocked("slack.not_installed") from None

    async def _ask(self, letter: Letter, team: Team, method: str, channel: str, given: dict[str, Any]) -> Any:
        """Slack's refusals in the terms of the outbound loop."""
        try:
            return await self._teams.ask(team, method, channel, **given)
        except NotInstalled as gone:
            await self._uninstalled(gone.team_id)
            raise Blocked("slack.not_installed") from None
        except Refusal as refused:
            if refused.reason in LOST:
                raise Gone from None
            if refused.reason in NOBODY:
                link = letter.link
                await self._parts.hop(reach.unreached, self._parts, link.workspace_id, link.user_id, link.id)
                raise Blocked from None
            log.warning("Slack took a message not: %s", refused, extra={"delivery": str(letter.delivery.id)})
            raise Refused("slack.refused") from refused

    def _draw(self, letter: Letter) -> dict[str, Any]:
        """What does not fit into one message is shown as far as it goes, with *Read all* in the place of the other buttons."""
        screen, say = _in_words(letter, self._address), letter.say
        if not fits(screen, say):
            parts = pieces(screen, say)
            note = Paragraph(text=say("slack.part", part=1, parts=len(parts)), muted=True)
            read = Button(label=say("slack.read_all", n=len(parts)), action="slack.read", style="primary")
            screen = screen.model_copy(update={"blocks": (*parts[0].blocks, note), "buttons": ((read,),)})
        made = blocks.drawn(screen.blocks, say) + blocks.buttons(screen.buttons, self._token(letter), self._address)
        return {
            "text": blocks.fallback(screen),
            "blocks": made or [{"type": "section", "text": blocks.plain("…")}],
            **QUIET,
        }

    def _token(self, letter: Letter) -> Callable[[Button], str]:
        return lambda button: self._parts.tokens.pack(button, letter.link.id)

    def _address(self, url: str) -> str | None:
        return page(url, self._public_url)


QUIET: dict[str, Any] = {"unfurl_links": False, "unfurl_media": False, "parse": "none", "link_names": False}


def _in_words(letter: Letter, address: Callable[[str], str | None]) -> Screen:
    """A form is a button that opens it; what Slack is not given is said."""
    screen, say = letter.screen, letter.say
    more: list[Block] = []
    rows = list(screen.buttons)
    if screen.form is not None:
        try:
            modal.check(screen.form)
            rows.insert(0, (Button(label=say("slack.form.open"), action="slack.form", style="primary"),))
        except modal.NotHere as elsewhere:
            more.append(Paragraph(text=say(elsewhere.code)))
            if address("/"):
                rows.insert(0, (Button(label=say("slack.form.open_page"), url="/", style="primary"),))
    attached = screen.document or screen.picture
    if attached is not None:
        if not isinstance(attached, Document) and attached.alt and attached.kind == "photo":
            more.append(Paragraph(text=attached.alt, muted=True))
        more.append(Paragraph(text=say("slack.file_elsewhere"), muted=True))
    return screen.model_copy(update={"blocks": (*screen.blocks, *more), "buttons": tuple(rows), "form": None})


def outcome(screen: Screen) -> str | None:
    """What came of a card, in its last words on one line; None while nothing has."""
    if screen.tone not in ("done", "problem") or any(isinstance(one, Countdown | Progress) for one in screen.blocks):
        return None
    said = [one.text for one in screen.blocks if isinstance(one, Paragraph) and not one.muted]
    return clean.line(said[-1], TOLD) if said else None
