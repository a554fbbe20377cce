"""The short transactions around an event of a known person: where they are, what a place is, what they are told."""

from contextlib import suppress
from typing import Any
from uuid import UUID

from bots.kit import clean
from bots.kit.chatting import open_chat
from bots.kit.here import here
from bots.kit.parts import Parts
from bots.kit.screen import Paragraph, Screen
from bots.kit.speak import failure
from bots.kit.words import Say
from bots.slack import asking, events, modal
from bots.slack.teams import Team
from core.identity.prove import by_account
from core.kernel.actor import Actor
from core.kernel.errors import Failure, Invalid, NotFound, Unauthenticated
from core.messaging.post import answer


class Chats:
    """All of it blocks: called in a thread."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts

    def known(self, team_id: str, user: str) -> Actor | None:
        """Whom a Slack account stands for; None for a stranger."""
        try:
            return by_account(self._parts.storage.directory, "slack", team_id, user)
        except Unauthenticated:
            return None

    def everywhere(self, team_id: str, user: str) -> list[Actor]:
        """Whom the account stands for in each workspace of its person; first in the one that it speaks for."""
        found = self._parts.storage.directory.links_of_account("slack", team_id, user)
        return [Actor(one.user_id, one.workspace_id, one.role, "slack", link_id=one.id) for one in found]

    def known_in(self, team_id: str, user: str, workspace_id: UUID) -> Actor | None:
        """The same in one workspace; None where the account is not of a member."""
        return next((one for one in self.everywhere(team_id, user) if one.workspace_id == workspace_id), None)

    def opened_by(self, team: Team, user: str, token: str) -> tuple[Actor, str, tuple[str, ...]] | None:
        """Whose the button or form is, by the seal: of the workspace that the account spoke for when it was made, whichever that was; what it does. In an organisation an account is the same
        in each team, and Slack does not always say in which of them a button stood."""
        teams = self._parts.storage.installations.teams_of(team.org) if team.org else []
        for id in (team.id, *(one for one in teams if one != team.id)):
            for actor in self.everywhere(id, user):
                assert actor.link_id is not None
                with suppress(Invalid):
                    return actor, *self._parts.tokens.unpack(token, actor.link_id)
        return None

    def answered(self, team_id: str, user: str, channel: str, ref: str) -> tuple[Actor, UUID] | None:
        """The same of words under a message of ours."""
        for actor in self.everywhere(team_id, user):
            place = self.here(actor, channel, ref)
            if place is not None:
                return actor, place
        return None

    def sender(self, payload: dict[str, Any]) -> Actor | None:
        """The same of whoever sent what was stored."""
        body = payload.get("body")
        who = events.speaker(body if isinstance(body, dict) else {})
        return self.known(who.team, who.user) if who.user else None

    def language(self, team_id: str, user: str) -> str | None:
        """The language that somebody is spoken to in; None for a stranger."""
        actor = self.known(team_id, user)
        if actor is None:
            return None
        with self._work(actor) as work:
            return work.people.profile(actor.user_id).language

    def here(self, actor: Actor, channel: str, ref: str | None) -> UUID | None:
        """The person is here; the delivery that a message of ours stands for."""
        return here(self._parts, actor, channel if channel.startswith("D") else None, ref)

    def spoken_in(self, actor: Actor, thread: str) -> int:
        """How much was said to the person in a thread."""
        assert actor.link_id is not None
        with self._work(actor) as work:
            return work.messages.in_thread(actor.link_id, thread)

    def greet(self, actor: Actor, thread: str) -> None:
        """The first word in a thread of the container, once."""
        assert actor.link_id is not None
        with self._work(actor) as work:
            if not work.messages.in_thread(actor.link_id, thread):
                answer(work, work.people.link(actor.link_id), {"say": "slack.thread.hello", "data": {}}, thread=thread)
                work.commit()

    def speech(self, actor: Actor) -> Say:
        """How the person is spoken to."""
        with self._work(actor) as work:
            return open_chat(self._parts, work, actor).say

    def own(self, actor: Actor, place: UUID | None) -> UUID | None:
        """The place, if it is one of this chat."""
        if place is None:
            return None
        with self._work(actor) as work, suppress(NotFound):
            if work.messages.delivery(place).link_id == actor.link_id:
                return place
        return None

    def sentence(self, actor: Actor, code: str) -> str:
        """In the person's language."""
        with self._work(actor) as work:
            return open_chat(self._parts, work, actor).say(code)

    def problem(self, actor: Actor, why: Failure) -> str:
        """The words of a failure."""
        with self._work(actor) as work:
            return failure(open_chat(self._parts, work, actor).say, why).line

    def notice(self, actor: Actor, words: str | None) -> dict[str, Any]:
        """A modal that says something; without words: that it stands in the chat."""
        with self._work(actor) as work:
            say = open_chat(self._parts, work, actor).say
        return modal.notice(say, words or say("slack.modal.in_chat"))

    def form(self, actor: Actor, screen: Screen, place: UUID | None) -> dict[str, Any]:
        """The form of a screen as a modal; where a modal cannot ask it, one that says so."""
        assert screen.form is not None
        assert actor.link_id is not None
        with self._work(actor) as work:
            say = open_chat(self._parts, work, actor).say
        try:
            return modal.form(screen, say, self._parts.tokens.pack(screen.form, actor.link_id), place)
        except modal.NotHere as elsewhere:
            return modal.notice(say, say(elsewhere.code))

    def tell(self, actor: Actor, code: str, data: dict[str, Any], thread: str | None = None) -> None:
        """A message in the chat."""
        with self._work(actor) as work:
            answer(work, work.people.link(actor.link_id), {"say": code, "data": data}, thread=thread)
            work.commit()

    def tell_wrong(self, actor: Actor, words: str) -> None:
        """What is wrong with a form, as a message."""
        screen = clean.screen(Screen(blocks=(Paragraph(text=words),), tone="problem"))
        with self._work(actor) as work:
            answer(work, work.people.link(actor.link_id), {"screen": screen.model_dump(mode="json")})
            work.commit()

    def linked_already(self, actor: Actor) -> None:
        """A code from somebody who is linked: nothing changes, which is said."""
        with self._work(actor) as work:
            data = {"account": work.people.user(actor.user_id).email}
            answer(work, work.people.link(actor.link_id), {"say": "slack.linked", "data": data})
            work.commit()

    def remember(self, actor: Actor, quoted: str) -> None:
        """A message that an agent will be asked about."""
        with self._work(actor) as work:
            asking.remember(open_chat(self._parts, work, actor), quoted)
            work.commit()

    def _work(self, actor: Actor) -> Any:
        return self._parts.storage.work(actor.workspace_id, actor.user_id)
