"""Gives effect to a form that was sent in, and says what came of it where its sender looks."""

from collections.abc import Callable
from contextlib import suppress
from typing import Any
from uuid import UUID

from bots.kit import clean
from bots.kit.dialog import Reply, Submit, Upload
from bots.kit.dispatch import Dispatch, field_errors
from bots.kit.parts import Parts
from bots.kit.screen import Screen
from bots.kit.speak import failure
from bots.slack import events, modal
from bots.slack.asking import FILE, FILE_SENT
from bots.slack.chats import Chats
from bots.slack.files import NotTaken, fetch
from bots.slack.forms import Done
from bots.slack.replies import Replies
from bots.slack.strangers import Strangers
from bots.slack.teams import NotInstalled, Team, Teams
from core.kernel.actor import Actor
from core.kernel.errors import Invalid
from core.messaging.models import InboundEvent


class InModal:
    """bots.kit.dispatch.Forms, for an input that a modal waits for: its form goes there and not into the chat, and so does what is wrong with its answers."""

    def __init__(self, sent: bool) -> None:
        self._sent = sent
        self.asked: tuple[Screen, UUID | None] | None = None
        self.errors: dict[str, str] = {}
        self.general = ""

    def ask(self, chat: Any, reply: Reply) -> Reply:
        """Keeps the form; nothing stands in the chat. What comes of it takes the place of what was tapped. A form that follows one which was sent in from
        nowhere stands in the chat all the same."""
        place = getattr(chat.input, "delivery_id", None)
        assert reply.screen is not None
        if self._sent and place is None:
            return reply
        self.asked = (clean.screen(reply.screen), place)
        return Reply(toast=reply.toast, alert=reply.alert)

    def again(self, chat: Any, wrong: Invalid) -> Reply | None:
        """Keeps what is wrong, where there is a form that it can be said beside."""
        if not isinstance(chat.input, Submit):
            return None
        self.errors, self.general = field_errors(chat, wrong), clean.line(failure(chat.say, wrong).line)
        return Reply()


class Submitting:
    """One process's; `wake` tells the outgoing side that something may be due."""

    def __init__(
        self, parts: Parts, teams: Teams, strangers: Strangers, replies: Replies, wake: Callable[[], None]
    ) -> None:
        self._parts, self._teams, self._wake = parts, teams, wake
        self._strangers, self._replies, self._chats = strangers, replies, Chats(parts)

    async def submit(self, event: InboundEvent) -> Done:
        """Gives effect to it, once. Raises NotInstalled, Unavailable."""
        hop, chats = self._parts.hop, self._chats
        body = (event.payload or {})["body"]
        who, view = events.speaker(body), body["view"]
        team = await self._teams.of(who.team, who.org)
        foreign = await self._strangers.people.is_foreign(team, who)
        actor = None if foreign else await hop(chats.known, team.id, who.user)
        if actor is None or actor.link_id is None:
            say = await self._strangers.say(team, who.user)
            return Done(notice=modal.notice(say, say("slack.not_linked")))
        try:
            token, place = modal.about(view)
            found = await hop(chats.opened_by, team, who.user, token)
            if found is None:
                raise Invalid("messaging.button_forged")
            actor, name, args = found
            given, place = modal.answers(view), await hop(chats.own, actor, place)
        except (Invalid, ValueError, KeyError, TypeError):
            words = await hop(chats.sentence, actor, "messaging.button_forged")
            return Done(notice=await hop(chats.notice, actor, words))
        for field, file in modal.files(view).items():
            try:
                given[field] = await self._taken(actor, team, file)
            except NotTaken as why:
                words = await hop(chats.problem, actor, Invalid(why.code, **why.data))
                return Done(errors=modal.wrong(view, {field: words}, words))
        heard = given.get(FILE) if name == FILE_SENT else Submit(name, args, given, place)
        if heard is None:
            words = await hop(chats.sentence, actor, "form.rule.required")
            return Done(errors=modal.wrong(view, {FILE: words}, words))
        waits = InModal(True)
        answered = await Dispatch(self._parts, waits).handle(actor, heard, {}, event.id)
        self._wake()
        if waits.asked is not None:
            return Done(notice=await hop(chats.form, actor, *waits.asked))
        if answered.code is not None and (waits.errors or waits.general):
            return Done(errors=modal.wrong(view, waits.errors, waits.general))
        if answered.toast and answered.alert:
            return Done(notice=await hop(chats.notice, actor, answered.toast))
        return Done()

    async def _taken(self, actor: Actor, team: Team, file: dict[str, Any]) -> Upload:
        """A file of the form, in the person's content store. Raises NotTaken."""
        name, content = await fetch(self._teams, team, file)
        blobs = self._parts.storage.blobs(actor.workspace_id, actor.user_id)
        return Upload(name, await self._parts.hop(blobs.put, content), len(content))

    async def late(self, event: InboundEvent, done: Done) -> None:
        """What came of a form whose sender was answered already: in its modal, if that is still open; what is wrong with it else in the chat."""
        body = (event.payload or {})["body"]
        who = events.speaker(body)
        with suppress(NotInstalled):
            team = await self._teams.of(who.team, who.org)
            say = await self._strangers.say(team, who.user)
            words = " ".join(done.errors.values()) or say("slack.modal.in_chat")
            seen = await self._replies.show_in(team, body["view"].get("id"), done.notice or modal.notice(say, words))
            actor = await self._parts.hop(self._chats.known, team.id, who.user)
            if done.errors and not seen and actor is not None:
                await self._parts.hop(self._chats.tell_wrong, actor, words)
                self._wake()
