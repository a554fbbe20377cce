"""Sends and edits for the outbound loop, from any process. Slack has no idempotency key: a send whose answer was lost is sent again, because a card twice is
better than none; both copies show the truth and work once. What came of an action is also said in the card's thread."""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Any

from bots.kit import clean
from bots.kit.outbound import Blocked, Gone, Letter, Refused, SlowDown
from bots.kit.parts import Parts
from bots.kit.screen import Countdown, Paragraph, Progress, Screen
from bots.slack import blocks, reach
from bots.slack.attachments import Attached, Attachments
from bots.slack.drawing import QUIET, Drawing
from bots.slack.streaming import Streaming
from bots.slack.teams import AWAY, NotInstalled, Refusal, Team, Teams

log = logging.getLogger(__name__)
TOLD = 500
"""Characters of an outcome in a thread."""
PROCESSING_PAUSES = (0.3, 0.7, 1.5, 3.0, 6.0)
"""Seconds that a picture is waited for: Slack takes it at once, and knows it a moment later (slackapi/python-slack-sdk#1521)."""
LOST = frozenset(("message_not_found", "cant_update_message", "edit_window_closed", "no_item_specified"))
NO_THREAD = frozenset(
    ("cannot_reply_to_message", "thread_not_found", "invalid_thread_ts", "restricted_action_thread_locked")
)
NOBODY = frozenset(
    (
        "channel_not_found", "user_not_found", "user_disabled", "is_archived", "not_in_channel", "cannot_dm_bot",
        "messages_tab_disabled", "users_not_found", "no_permission",
    )
)  # fmt: skip


TROUBLES = (SlowDown, *AWAY)


class Unthreaded(Exception):
    """The thread of a message is no more."""


class NotYet(Exception):
    """Slack does not know a picture that it was given, or not yet."""


def reference(channel: str, ts: str) -> str:
    """How a delivery finds its message again."""
    return f"{channel}:{ts}"


class SlackSender:
    """bots.kit.outbound.Sender. `uninstalled` hears of a team whose token is good no more."""

    def __init__(
        self, parts: Parts, teams: Teams, public_url: str | None, uninstalled: Callable[[str], Awaitable[None]]
    ) -> None:
        self._parts, self._teams = parts, teams
        self._drawing, self._attachments = Drawing(parts.tokens, public_url), Attachments(parts, teams)
        self._streaming = Streaming(parts, teams, self._drawing)
        self._uninstalled = uninstalled

    async def send(self, letter: Letter) -> str | None:
        channel, thread = letter.link.address or "", letter.delivery.thread
        team = await self._team(letter)
        streamed = await self._streaming.begin(letter, team, channel)
        if streamed is not None:
            return reference(channel, streamed)
        attached = await self._attached(letter, team, letter.screen.document is not None)
        try:
            within = {"thread_ts": thread} if thread else {}
            sent = await self._put(letter, team, "chat.postMessage", channel, within, attached)
        except Unthreaded:
            sent = await self._put(letter, team, "chat.postMessage", channel, {}, attached)
        channel, ts = str(sent.get("channel") or channel), str(sent["ts"])
        await self._share(letter, team, channel, ts, attached)
        return reference(channel, ts)

    async def edit(self, letter: Letter) -> str | None:
        ref = letter.delivery.remote_ref or ""
        channel, _, ts = ref.partition(":")
        team = await self._team(letter)
        if self._streaming.fits(letter) and await self._streamed(letter, team, channel, ts):
            return ref
        before = await self._parts.hop(self._before, letter) if _compared(letter) else None
        attached = await self._attached(letter, team, before is not None and before.document != letter.screen.document)
        await self._put(letter, team, "chat.update", channel, {"ts": ts}, attached)
        await self._share(letter, team, channel, ts, attached)
        told = outcome(letter.screen) if letter.delivery.subject_kind == "suggestion" else None
        if told is not None and (before is None or told != outcome(before)):
            thread = {"thread_ts": letter.delivery.thread or ts, "text": blocks.mrkdwn(told), **QUIET}
            # The card says it already.
            with suppress(Refused, Gone):
                await self._ask(letter, team, "chat.postMessage", channel, thread)
        return ref

    async def _streamed(self, letter: Letter, team: Team, channel: str, ts: str) -> bool:
        """Whether the steps were shown; else the stream has ended and the card can be edited."""
        try:
            if await self._streaming.go_on(letter, team, channel, ts):
                return True
            await self._streaming.stop(team, channel, ts)
        except Refusal as refused:
            if refused.reason in LOST:
                raise Gone from None
            log.warning("Slack streamed not: %s", refused, extra={"delivery": str(letter.delivery.id)})
        return False

    def _before(self, letter: Letter) -> Screen | None:
        """What was shown there last."""
        delivery = letter.delivery
        if delivery.message_id is None:
            return None
        with self._parts.storage.work(delivery.workspace_id, delivery.user_id) as work:
            payload = work.messages.get(delivery.message_id).payload
        return Screen.model_validate(payload["screen"]) if "screen" in payload else None

    async def _attached(self, letter: Letter, team: Team, new_file: bool) -> Attached:
        try:
            return await self._attachments.of(letter, team, new_file)
        except NotInstalled as gone:
            await self._uninstalled(gone.team_id)
            raise Blocked("slack.not_installed") from None

    async def _put(
        self, letter: Letter, team: Team, method: str, channel: str, more: dict[str, Any], attached: Attached
    ) -> Any:
        """The message; a picture that Slack does not know yet is waited for, and left out when it stays unknown."""
        for pause in PROCESSING_PAUSES if attached.picture is not None else ():
            try:
                return await self._ask(letter, team, method, channel, self._drawing.message(letter, attached) | more)
            except NotYet:
                await asyncio.sleep(pause)
        if attached.picture is not None:
            self._attachments.forget(team, letter)
            attached = Attached(missing=True)
        return await self._ask(letter, team, method, channel, self._drawing.message(letter, attached) | more)

    async def _share(self, letter: Letter, team: Team, channel: str, ts: str, attached: Attached) -> None:
        """The file beneath its message; where that does not do, the message says so."""
        document = letter.screen.document
        if attached.file is None or document is None:
            return
        with suppress(NotInstalled):
            if await self._attachments.share(team, channel, letter.delivery.thread, attached.file, document.name):
                return
        with suppress(Refused, Gone, Blocked, *TROUBLES):
            await self._put(letter, team, "chat.update", channel, {"ts": ts}, Attached(missing=True))

    async def _team(self, letter: Letter) -> Team:
        try:
            return await self._teams.of(letter.link.tenant)
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
                if letter.room is not None:
                    # The outbound loop takes leave of a room by itself (core.messaging.rooms.lost_room).
                    raise Blocked from None
                await self._parts.hop(reach.unreached, self._parts, link.workspace_id, link.user_id, link.id)
                raise Blocked from None
            if refused.reason in NO_THREAD and "thread_ts" in given:
                raise Unthreaded from None
            if "slack_file" in refused.detail:
                raise NotYet from None
            log.warning("Slack took a message not: %s", refused, extra={"delivery": str(letter.delivery.id)})
            raise Refused("slack.refused") from refused


def outcome(screen: Screen) -> str | None:
    """What came of a card, in its last words on one line; None while nothing has."""
    if screen.tone not in ("done", "problem") or any(isinstance(one, Countdown | Progress) for one in screen.blocks):
        return None
    said = [one.text for one in screen.blocks if isinstance(one, Paragraph) and not one.muted]
    return clean.line(said[-1], TOLD) if said else None


def _compared(letter: Letter) -> bool:
    """Whether it matters what was shown before."""
    return letter.delivery.subject_kind == "suggestion" or letter.screen.document is not None
