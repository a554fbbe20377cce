"""Gives effect to one stored event. Who speaks is whom Slack names, in a verified request; never what a payload says."""

import logging
import re
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from typing import Any
from uuid import UUID

from bots.kit import clean
from bots.kit.arrivals import on_record
from bots.kit.dialog import Input, Tap, Text, Upload
from bots.kit.dispatch import Answer, Dispatch
from bots.kit.parts import Parts
from bots.kit.words import Say
from bots.slack import blocks, events, modal, reach
from bots.slack.chats import Chats
from bots.slack.files import NotTaken, fetch
from bots.slack.home import Home
from bots.slack.intake import ASK_AGENT, NEW_AGENT
from bots.slack.people import People
from bots.slack.replies import TROUBLE, Replies
from bots.slack.sender import reference
from bots.slack.strangers import OWN_ACTIONS, Said, Strangers, stranger_id
from bots.slack.submitting import InModal, Submitting
from bots.slack.teams import NotInstalled, Refusal, Team, Teams
from bots.slack.threads import Threads
from core.kernel.actor import Actor
from core.kernel.errors import Invalid
from core.messaging.models import InboundEvent

log = logging.getLogger(__name__)
QUOTED = 6000
LINK = re.compile(r"/?link\b", re.IGNORECASE)


class Answering:
    """Handles events; `wake` tells the outgoing side that something may be due."""

    def __init__(self, parts: Parts, teams: Teams, public_url: str | None, wake: Callable[[], None]) -> None:
        self._parts, self._teams, self._wake = parts, teams, wake
        self._people = People(teams)
        self._strangers = Strangers(parts, self._people)
        self._replies = Replies(parts, teams)
        self._threads = Threads(parts, teams)
        self._home = Home(parts, teams, public_url)
        self._chats = Chats(parts)
        self.submitting = Submitting(parts, teams, self._strangers, self._replies, wake)

    async def handle(self, event: InboundEvent) -> str:
        """What it was, as a word for the metrics."""
        payload = event.payload or {}
        body, kind = payload["body"], payload["kind"]
        who = events.speaker(body)
        told = body.get("event") or {}
        if kind == "event" and told.get("type") in ("app_uninstalled", "tokens_revoked"):
            if told["type"] == "app_uninstalled" or (told.get("tokens") or {}).get("bot"):
                moment = body.get("event_time")
                await self.uninstalled(who.team, float(moment) if isinstance(moment, int | float) else None)
            return "uninstalled"
        if not who.team or not who.user:
            return "unreadable"
        try:
            team = await self._teams.of(who.team)
            if who.foreign or who.user == team.bot_user_id:
                return "ignored"
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

    async def uninstalled(self, team_id: str, at: float | None = None) -> None:
        """Everything stops there; `at` is when Slack says that it happened."""
        self._teams.forget(team_id)
        people = await self._parts.hop(reach.team_gone, self._parts, team_id, at)
        log.warning("Slack took Nod out of a team", extra={"team": team_id, "people": people})

    async def _event(self, event: InboundEvent, team: Team, user: str, told: dict[str, Any]) -> str:
        actor = await self._known(team, user)
        channel = str(told.get("channel") or "")
        if told["type"] == "app_home_opened":
            if told.get("tab") == "home" and actor is not None:
                await self._home.publish(team, user, actor)
            elif told.get("tab") == "messages":
                say = await self._say(team, user, actor)
                await self._threads.offer(team, channel, None, say)
            elif told.get("tab") == "home":
                say = await self._strangers.say(team, user)
                await self._home.show(
                    team, user, [{"type": "section", "text": blocks.plain(say("slack.home.stranger"))}]
                )
            return "home"
        if told["type"] == "assistant_thread_started":
            return await self._opened(team, user, actor, told.get("assistant_thread") or {})
        if told["type"] == "app_mention":
            say = await self._strangers.say(team, user)
            await self._replies.whisper(team, channel, user, say("slack.private_only"))
            return "mention"
        within = str(told.get("thread_ts") or "")
        if actor is None:
            said = await self._strangers.words(event, team, user, _words(told.get("text")))
            drawn = self._strangers.draw(said, team, user) | ({"thread_ts": within} if within else {})
            await self._teams.ask(team, "chat.postMessage", channel, **drawn)
            return "stranger"
        place, before = await self._where(actor, user, channel, told)
        # Words under a card of ours answer it; anything else is answered beneath itself.
        thread = None if place is not None else within or str(told.get("ts") or "") or None
        say = await self._parts.hop(self._chats.speech, actor)
        said_there = 0
        async with self._threads.busy(team, channel, thread, say):
            for nth, heard in enumerate(await self._heard(team, actor, told, place, thread)):
                # Each file counts once; the time in the id stays.
                answered = await self._dispatch(actor, team, user, heard, UUID(int=event.id.int ^ nth), thread=thread)
                said_there += len(answered.deliveries)
        self._wake()
        first = not within or (before <= 1 and told.get("parent_user_id") != user)
        if thread is not None and first:
            await self._threads.name(team, channel, thread, _words(told.get("text")))
        if thread is not None and not said_there:
            await self._threads.quiet(team, channel, thread)
        return "message"

    async def _opened(self, team: Team, user: str, actor: Actor | None, told: dict[str, Any]) -> str:
        """Somebody opened the container beside their work."""
        channel, thread = str(told.get("channel_id") or ""), str(told.get("thread_ts") or "")
        if actor is None:
            said = await self._strangers.hello(team, user)
            drawn = self._strangers.draw(said, team, user)
            await self._teams.ask(team, "chat.postMessage", channel, thread_ts=thread, **drawn)
            return "stranger"
        await self._parts.hop(self._chats.greet, actor, thread)
        self._wake()
        await self._threads.offer(team, channel, thread, await self._say(team, user, actor))
        return "thread"

    async def _say(self, team: Team, user: str, actor: Actor | None) -> Say:
        if actor is None:
            return await self._strangers.say(team, user)
        return await self._parts.hop(self._chats.speech, actor)

    async def _where(self, actor: Actor, user: str, channel: str, told: dict[str, Any]) -> tuple[UUID | None, int]:
        """The card of ours that words stand under, and how much was said in their thread before. A thread that nobody knows of may be that of a card which is
        not on our record yet."""
        thread = str(told.get("thread_ts") or "")
        if not thread:
            return await self._place(actor, channel, None), 0
        ref = reference(channel, thread)
        place = await self._parts.hop(self._chats.here, actor, channel, ref)
        before = await self._parts.hop(self._chats.spoken_in, actor, thread)
        if place is None and not before and told.get("parent_user_id") != user:
            place = await self._place(actor, channel, ref)
        return place, before

    async def _heard(
        self, team: Team, actor: Actor, told: dict[str, Any], place: UUID | None, thread: str | None
    ) -> list[Input]:
        """What was said: its files, or its words."""
        files = told.get("files") or []
        if not files:
            return [Text(self._threads.heard(_words(told.get("text"))), place)]
        blobs = self._parts.storage.blobs(actor.workspace_id, actor.user_id)
        taken: list[Input] = []
        for file in files:
            try:
                name, content = await fetch(self._teams, team, file)
            except NotTaken as why:
                await self._parts.hop(self._chats.tell, actor, why.code, why.data, thread)
                continue
            blob = await self._parts.hop(blobs.put, content)
            taken.append(Upload(name, blob, len(content), _words(told.get("text"))))
        return taken

    async def _command(self, event: InboundEvent, team: Team, user: str, body: dict[str, Any]) -> str:
        words, channel = str(body.get("text") or "").strip(), str(body.get("channel_id") or "")
        actor = await self._known(team, user)
        if actor is None:
            said = await self._strangers.words(event, team, user, words)
            await self._to_stranger(team, user, said)
        elif LINK.match(words):
            await self._parts.hop(self._chats.linked_already, actor)
            self._wake()
        else:
            await self._dispatch(actor, team, user, Text("/" + (words.lstrip("/") or "start")), event.id)
            self._wake()
        if not channel.startswith("D"):
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
        if actor is None:
            await self._stranger_tap(event, team, user, token, channel, ts)
            return "stranger"
        try:
            tap = self._pressed(actor, token, team, user)
        except Invalid as forged:
            words = await self._parts.hop(self._chats.problem, actor, forged)
            await self._show(team, user, actor, view, channel, words, thread)
            return "forged"
        ref = reference(channel, ts) if ts else None
        tap = replace(tap, delivery_id=await self._place(actor, channel, ref))
        waits = InModal(False) if view else None
        answered = await self._dispatch(actor, team, user, tap, event.id, waits, thread)
        self._wake()
        if ref is not None and tap.delivery_id is None and tap.action not in OWN_ACTIONS:
            await self._retire(actor, team, channel, ts)
        if view:
            await self._fill(team, actor, view, waits, answered)
        elif answered.toast and (answered.alert or tap.delivery_id is None or not answered.deliveries):
            await self._show(team, user, actor, None, channel, answered.toast, thread)
        if container.get("type") == "view" and not view:
            await self._home.publish(team, user, actor)
        return "tap"

    async def _stranger_tap(
        self, event: InboundEvent, team: Team, user: str, token: str, channel: str, ts: str
    ) -> None:
        said = await self._strangers.tap(team, user, token, channel)
        if ts:
            with suppress(Refusal):
                await self._teams.ask(team, "chat.update", channel, ts=ts, **self._strangers.draw(said, team, user))
        if said.entered is not None:
            extra = await self._people.client_of(team, user)
            await Dispatch(self._parts).handle(said.entered, Tap("slack.link", ("",)), extra, event.id)
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
            await self._replies.show_in(team, view, modal.notice(say, say("slack.answered_alone")))
            return "stranger"
        if body.get("callback_id") == NEW_AGENT:
            answered = await self._dispatch(actor, team, user, Text("/new"), event.id)
            self._wake()
            await self._fill(team, actor, view, None, answered)
        elif body.get("callback_id") == ASK_AGENT:
            quoted = clean.cut(_words((body.get("message") or {}).get("text")), QUOTED)
            await self._parts.hop(self._chats.remember, actor, quoted)
            waits = InModal(False)
            answered = await self._dispatch(actor, team, user, Tap("slack.ask_agent", ()), event.id, waits)
            await self._fill(team, actor, view, waits, answered)
        return "shortcut"

    async def _fill(self, team: Team, actor: Actor, view: str | None, waits: InModal | None, answered: Answer) -> None:
        """What the modal that was opened shows now."""
        if view is None:
            return
        if waits is not None and waits.asked is not None:
            await self._replies.show_in(team, view, await self._parts.hop(self._chats.form, actor, *waits.asked))
            return
        await self._replies.show_in(team, view, await self._parts.hop(self._chats.notice, actor, answered.toast))

    async def _show(
        self, team: Team, user: str, actor: Actor, view: str | None, channel: str, words: str, thread: str | None
    ) -> None:
        """Tells the one who tapped, at once and alone. What was decided stands on the card: what does not arrive here is let go."""
        if view is not None:
            await self._replies.show_in(team, view, await self._parts.hop(self._chats.notice, actor, words))
        elif channel:
            await self._replies.whisper(team, channel, user, words, thread)

    async def _dispatch(
        self, actor: Actor, team: Team, user: str, heard: Input, once: UUID, waits: InModal | None = None,
        thread: str | None = None,
    ) -> Answer:  # fmt: skip
        # Only words may need the client's language and timezone; a decision waits for nobody.
        client = await self._people.client_of(team, user) if isinstance(heard, Text) else {}
        return await Dispatch(self._parts, waits).handle(actor, heard, {**client, "thread": thread}, once)

    async def _retire(self, actor: Actor, team: Team, channel: str, ts: str) -> None:
        """A copy that we do not know: its sending was cut off before it was on our record, and the card was sent again. Nobody will ever update it, so it
        gives up its buttons."""
        words = await self._parts.hop(self._chats.sentence, actor, "slack.copy")
        with suppress(*TROUBLE):
            made = [{"type": "section", "text": blocks.plain(words)}]
            await self._teams.ask(team, "chat.update", channel, ts=ts, text=blocks.mrkdwn(words), blocks=made)

    async def _place(self, actor: Actor, channel: str, ref: str | None) -> UUID | None:
        """The delivery that a message of ours stands for; one that was answered as it arrived may not be on our record yet."""
        if ref is None:
            return await self._parts.hop(self._chats.here, actor, channel, None)
        return await on_record(lambda: self._parts.hop(self._chats.here, actor, channel, ref))

    def _pressed(self, actor: Actor, token: str, team: Team, user: str) -> Tap:
        """Raises Invalid `messaging.button_forged`, `messaging.button_unknown`."""
        assert actor.link_id is not None
        with suppress(Invalid):
            before, args = self._parts.tokens.unpack(token, stranger_id(team.id, user))
            if before in OWN_ACTIONS:
                return Tap("slack.not_me", ())
        action, args = self._parts.tokens.unpack(token, actor.link_id)
        return Tap(action, args)

    async def _known(self, team: Team, user: str) -> Actor | None:
        return await self._parts.hop(self._chats.known, team.id, user)


def _words(sent: Any) -> str:
    """What somebody typed: Slack escapes three characters of it (docs.slack.dev/messaging/formatting-message-text, "Escaping text")."""
    return str(sent or "").replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&")
