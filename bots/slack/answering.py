"""Gives effect to one stored event. Who speaks is whom Slack names, in a verified request; never what a payload says."""

import logging
import re
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from typing import Any

from bots.kit import clean
from bots.kit.dialog import Tap, Text
from bots.kit.dispatch import Dispatch
from bots.kit.parts import Parts
from bots.slack import blocks, channels, events, reach
from bots.slack.channels import Channels, is_channel
from bots.slack.chats import Chats
from bots.slack.fresh import Fresh
from bots.slack.home import Home
from bots.slack.intake import ASK_AGENT, NEW_AGENT
from bots.slack.modals import Modals
from bots.slack.people import People
from bots.slack.replies import Replies
from bots.slack.sender import reference
from bots.slack.speaking import Speaking, words_of
from bots.slack.strangers import ENTER, OWN_ACTIONS, Said, Strangers, stranger_id
from bots.slack.submitting import InModal, Submitting
from bots.slack.teams import NotInstalled, Refusal, Team, Teams
from core.kernel.actor import Actor
from core.kernel.errors import Conflict, Forbidden, Invalid
from core.messaging.models import InboundEvent

log = logging.getLogger(__name__)
QUOTED = 6000
UNNAMED = ("privategroup", "directmessage", "mpdm")
"""What Slack calls channels whose name it does not tell."""
LINK = re.compile(r"/?link\b", re.IGNORECASE)


class Answering:
    """Handles events; `wake` tells the outgoing side that something may be due."""

    def __init__(self, parts: Parts, teams: Teams, public_url: str | None, wake: Callable[[], None]) -> None:
        self._parts, self._teams, self._wake = parts, teams, wake
        self._people = People(teams)
        self._strangers, self._replies = Strangers(parts, self._people), Replies(parts, teams)
        self._modals, self._chats = Modals(parts, self._replies), Chats(parts)
        self._home = Home(parts, teams, public_url)
        self.fresh = Fresh(parts, self._redrawn)
        self._speaking = Speaking(parts, teams, self._people, self._strangers, wake)
        self._channels = Channels(parts, teams, self._strangers, self._replies, self._modals, wake)
        self.submitting = Submitting(parts, teams, self._strangers, self._replies, wake)

    async def handle(self, event: InboundEvent) -> str:
        """What it was, as a word for the metrics."""
        payload = event.payload or {}
        body, kind = payload["body"], payload["kind"]
        who = events.speaker(body)
        told = body.get("event") or {}
        if kind == "event" and told.get("type") in events.OF_INSTALLATIONS:
            moment = body.get("event_time")
            await self._taken_out(who, told, float(moment) if isinstance(moment, int | float) else None)
            return "uninstalled"
        if kind == "event" and told.get("type") in events.OF_CHANNELS:
            return await self._channels.changed(who.team, told)
        if not who.team or not who.user:
            return "unreadable"
        try:
            team = await self._teams.of(who.team, who.org)
            if kind == "event" and told["type"] == "member_joined_channel":
                return await self._channels.joined(team, who.user, told)
            if who.user == team.bot_user_id:
                return "ignored"
            if await self._people.is_foreign(team, who):
                return await self._foreign(team, who.user, body)
            match kind:
                case "event":
                    return await self._event(event, team, who.user, told)
                case "command":
                    return await self._command(event, team, who.user, body)
                case "action":
                    return await self._tap(event, team, who.user, body, payload.get("view"))
                case _:
                    return await self._shortcut(event, team, who.user, body, payload.get("view"))
        except NotInstalled:
            log.info("an event of a team without Nod", extra={"event": str(event.id)})
            return "not_installed"

    async def _foreign(self, team: Team, user: str, body: dict[str, Any]) -> str:
        """Somebody of another company, in a channel that both share: told so where they tapped, else nothing."""
        say = await self._strangers.say(team, user)
        await self._replies.respond(str(body.get("response_url") or ""), say("slack.no_guests"))
        return "ignored"

    async def _taken_out(self, who: events.Speaker, told: dict[str, Any], at: float | None) -> None:
        """Slack says that Nod is out of a team, of some of an organisation's, or of the whole organisation; that people's own tokens ended is nothing to us."""
        if told["type"] == "team_access_revoked":
            for team_id in told.get("team_ids") or ():
                await self.uninstalled(str(team_id), at, who.org)
        elif told["type"] == "app_uninstalled" or (told.get("tokens") or {}).get("bot"):
            await (self._org_uninstalled(who.org, at) if who.org else self.uninstalled(who.team, at))

    async def _org_uninstalled(self, org: str, at: float | None) -> None:
        """An organisation took Nod out, with all its teams, if its token is good no more: what Slack tells late of an earlier installation changes nothing."""
        if not await self._teams.is_out(org):
            return
        for team_id in await self._parts.hop(reach.org_gone, self._parts, org):
            await self.uninstalled(team_id, at, org)
        log.warning("Slack took Nod out of an organisation", extra={"org": org})

    async def uninstalled(self, team_id: str, at: float | None = None, org: str = "") -> None:
        """Everything stops there; `at` is when Slack says that it happened, `org` through whose installation Nod was there."""
        self._teams.forget(team_id)
        people = await self._parts.hop(reach.team_gone, self._parts, team_id, at, org)
        log.warning("Slack took Nod out of a team", extra={"team": team_id, "people": people})

    async def _event(self, event: InboundEvent, team: Team, user: str, told: dict[str, Any]) -> str:
        actor = await self._known(team, user)
        channel = str(told.get("channel") or "")
        if told["type"] == "app_home_opened":
            if told.get("tab") == "home" and actor is not None:
                await self._home.publish(team, user, actor)
                self.fresh.opened(team, user, actor)
            elif told.get("tab") == "messages":
                say = await self._speaking.say(team, user, actor)
                await self._speaking.threads.offer(team, channel, None, say)
            elif told.get("tab") == "home":
                say = await self._strangers.say(team, user)
                await self._home.show(
                    team, user, [{"type": "section", "text": blocks.plain(say("slack.home.stranger"))}]
                )
            return "home"
        if told["type"] == "assistant_thread_started":
            return await self._speaking.opened(team, user, actor, told.get("assistant_thread") or {})
        if told["type"] == "app_mention":
            return await self._channels.mentioned(event, team, user, told)
        return await self._speaking.heard(event, team, user, actor, told)

    async def _command(self, event: InboundEvent, team: Team, user: str, body: dict[str, Any]) -> str:
        words, channel = str(body.get("text") or "").strip(), str(body.get("channel_id") or "")
        if is_channel(channel) and channels.CONNECT.fullmatch(words):
            named = str(body.get("channel_name") or "")
            told = await self._channels.connect(event, team, user, channel, "" if named in UNNAMED else named)
            await self._replies.respond(str(body.get("response_url") or ""), told)
            return "command"
        actor = await self._known(team, user)
        if actor is None:
            said = await self._strangers.words(event, team, user, words)
            await self._to_stranger(team, user, said)
        elif LINK.match(words):
            await self._parts.hop(self._chats.linked_already, actor)
            self._wake()
        else:
            await self._speaking.dispatch(actor, team, user, Text("/" + (words.lstrip("/") or "start")), event.id)
            self._wake()
        if is_channel(channel):
            say = await self._strangers.say(team, user)
            await self._replies.respond(str(body.get("response_url") or ""), say("slack.answered_alone"))
        return "command"

    async def _tap(self, event: InboundEvent, team: Team, user: str, body: dict[str, Any], view: str | None) -> str:
        pressed = (body.get("actions") or [{}])[0]
        token = str(pressed.get("value") or "")
        if not token:
            return "ignored"  # A button that opens a page.
        container = body.get("container") or {}
        channel = str(container.get("channel_id") or (body.get("channel") or {}).get("id") or "")
        ts = str(container.get("message_ts") or "")
        within = str(container.get("thread_ts") or "")
        thread = within if within and within != ts else None
        actor = await self._known(team, user)
        if ts and is_channel(channel):
            return await self._channels.tap(event, team, user, actor, token, (channel, ts, thread), view)
        if actor is None:
            await self._stranger_tap(event, team, user, token, channel, ts)
            return "stranger"
        try:
            actor, tap = await self._parts.hop(self._pressed, actor, token, team, user)
        except Invalid as forged:
            words = await self._parts.hop(self._chats.problem, actor, forged)
            await self._show(team, user, actor, view, channel, words, thread)
            return "forged"
        ref = reference(channel, ts) if ts else None
        tap = replace(tap, delivery_id=await self._speaking.place(actor, channel, ref))
        if tap.action == ENTER:
            try:
                tap = replace(
                    tap, action="workspace.go", args=(str(await self._strangers.enter(team, user, actor.user_id)),)
                )
            except (Forbidden, Conflict) as refused:
                words = await self._parts.hop(self._chats.problem, actor, refused)
                await self._show(team, user, actor, view, channel, words, thread)
                return "refused"
        waits = InModal(False) if view else None
        answered = await self._speaking.dispatch(actor, team, user, tap, event.id, waits, thread)
        self._wake()
        if ref is not None and tap.delivery_id is None and tap.action not in OWN_ACTIONS:
            words = await self._parts.hop(self._chats.sentence, actor, "slack.copy")
            await self._replies.retire(team, channel, ts, words)
        if view:
            await self._modals.fill(team, actor, view, waits, answered)
        elif answered.toast and (answered.alert or tap.delivery_id is None or not answered.deliveries):
            await self._show(team, user, actor, None, channel, answered.toast, thread)
        if container.get("type") == "view" and not view:
            now = await self._known(team, user) or actor
            await self._home.publish(team, user, now)
            self.fresh.opened(team, user, now)
        return "tap"

    async def _redrawn(self, team: Team, user: str, actor: Actor) -> None:
        """A Home is of the workspace that the account speaks for by now."""
        await self._home.publish(team, user, await self._known(team, user) or actor)

    async def _stranger_tap(
        self, event: InboundEvent, team: Team, user: str, token: str, channel: str, ts: str
    ) -> None:
        said = await self._strangers.tap(team, user, token, channel)
        if ts:
            with suppress(Refusal):
                await self._teams.ask(team, "chat.update", channel, ts=ts, **self._strangers.draw(said, team, user))
        if said.entered is not None:
            extra = await self._people.client_of(team, user)
            await Dispatch(self._parts).handle(said.entered, said.again, extra, event.id)
            self._wake()

    async def _to_stranger(self, team: Team, user: str, said: Said) -> None:
        opened = await self._teams.ask(team, "conversations.open", users=user)
        there = str(opened["channel"]["id"])
        await self._teams.ask(team, "chat.postMessage", there, **self._strangers.draw(said, team, user))

    async def _shortcut(
        self, event: InboundEvent, team: Team, user: str, body: dict[str, Any], view: str | None
    ) -> str:
        actor = await self._known(team, user)
        say = await self._strangers.say(team, user)
        if actor is None:
            await self._to_stranger(team, user, await self._strangers.words(event, team, user, ""))
            if view is not None:
                await self._modals.tell(team, view, say, say("slack.answered_alone"))
            return "stranger"
        if body.get("callback_id") == NEW_AGENT:
            answered = await self._speaking.dispatch(actor, team, user, Text("/new"), event.id)
            self._wake()
            await self._modals.fill(team, actor, view, None, answered)
        elif body.get("callback_id") == ASK_AGENT:
            quoted = clean.cut(words_of((body.get("message") or {}).get("text")), QUOTED)
            await self._parts.hop(self._chats.remember, actor, quoted)
            waits = InModal(False)
            answered = await self._speaking.dispatch(actor, team, user, Tap("slack.ask_agent", ()), event.id, waits)
            await self._modals.fill(team, actor, view, waits, answered)
        return "shortcut"

    async def _show(
        self, team: Team, user: str, actor: Actor, view: str | None, channel: str, words: str, thread: str | None
    ) -> None:
        """Tells the one who tapped, at once and alone. What was decided stands on the card: what does not arrive here is let go."""
        if view is not None:
            await self._replies.show_in(team, view, await self._parts.hop(self._chats.notice, actor, words))
        elif channel:
            await self._replies.whisper(team, channel, user, words, thread)

    def _pressed(self, actor: Actor, token: str, team: Team, user: str) -> tuple[Actor, Tap]:
        """What it was, and in which of the person's workspaces. Raises Invalid `messaging.button_forged`, `messaging.button_unknown`."""
        assert actor.link_id is not None
        try:
            return actor, Tap(*self._parts.tokens.unpack(token, actor.link_id))
        except Invalid as refused:
            forged = refused
        with suppress(Invalid):
            before, args = self._parts.tokens.unpack(token, stranger_id(team, user))
            if before in OWN_ACTIONS:
                return actor, Tap(before, args) if before == "slack.invited" else Tap("slack.not_me", ())
        found = self._chats.opened_by(team, user, token)
        if found is None:
            raise forged
        return found[0], Tap(*found[1:])

    async def _known(self, team: Team, user: str) -> Actor | None:
        return await self._parts.hop(self._chats.known, team.id, user)
