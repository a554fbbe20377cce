"""Slack accounts that are not linked yet: they join their team's workspace, or the one that they have an invitation to, or link an account that they have by a one-time code. None of
it happens without a tap that says which. A code of somebody who left brings them back."""

import re
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from uuid import NAMESPACE_URL, UUID, uuid5
from zoneinfo import available_timezones

from bots.dialogs import invitations
from bots.dialogs.newcomers import CODES_AN_HOUR, Newcomer, invited_to, is_back, let_in, may_try
from bots.kit import clean
from bots.kit.chatting import TYPED
from bots.kit.dialog import Chat, Reply, Tap, action
from bots.kit.heard import run_command
from bots.kit.parts import Parts
from bots.kit.place import place
from bots.kit.screen import Block, Button, Paragraph, Screen
from bots.kit.words import Say
from bots.slack import blocks
from bots.slack.drawing import QUIET
from bots.slack.people import People, Profile
from bots.slack.teams import Team
from core.identity.join import become_member, found_team, join_team
from core.identity.ports import Known
from core.identity.prove import letters_of, redeem, who_made
from core.identity.register import register
from core.kernel.actor import Actor, Role
from core.kernel.errors import Conflict, Forbidden, Invalid
from core.kernel.ids import new_id
from core.messaging.models import InboundEvent
from core.messaging.post import answer

CODES = "slack.codes"
INVITED = re.compile(r"(?:/?join\s+)?((?:[A-Za-z0-9]{4}[-\s]?){2}[A-Za-z0-9]{4})", re.IGNORECASE)
CODE = re.compile(r"(?:/?link\s+)?([A-Za-z0-9]{4}[-\s]?[A-Za-z0-9]{4})", re.IGNORECASE)
REFUSED = {"slack.link": "identity.code_refused", "slack.invited": "identity.invitation_refused"}
ENTER = "slack.enter"
"""Of a button for people who have an account already: into the workspace of their team."""
OWN_ACTIONS = ("slack.link", "slack.not_me", "slack.join", "slack.found", "slack.invited")


@dataclass(frozen=True)
class Said:
    """What a stranger is told; `entered` is who they are from now on, who begin with `again`."""

    screen: Screen
    entered: Actor | None = None
    again: Tap = Tap("slack.link", ("",))


def stranger_id(team: Team, user: str) -> UUID:
    """What buttons of somebody without a link are bound to."""
    return uuid5(NAMESPACE_URL, f"slack://user?team={team.org or team.id}&id={user}")


@action("slack.link")
@action("slack.join")
@action("slack.found")
def entered(chat: Chat, code: str = "") -> Reply:
    """The account is linked by now: hello."""
    greeting = run_command(chat, "start", "")
    return Reply(greeting.screen, toast=chat.say("slack.linked", account=chat.user.email), subject=greeting.subject)


@action("slack.invited")
def invited(chat: Chat, code: str = "") -> Reply:
    """They are a member by now: hello. Where they have an account and are none, the invitation is asked about as it is for everybody who has one."""
    with suppress(Invalid):
        return invitations.card(chat, code)
    greeting = run_command(chat, "start", "")
    told = chat.say("invitation.welcome", name=chat.work.people.workspace().name)
    return Reply(greeting.screen, toast=told, subject=greeting.subject)


@action(ENTER)
def not_in_a_modal(chat: Chat) -> Reply:
    """The door itself asks Slack who they are there (Strangers.enter); elsewhere nobody can."""
    return Reply(toast=chat.say("messaging.button_unknown"), alert=True)


@action("slack.not_me")
def left_alone(chat: Chat) -> Reply:
    """A button from before the account was linked."""
    return Reply(toast=chat.say("slack.linked", account=chat.user.email), alert=True)


class Strangers:
    """Answers them: what to show, in place of what they tapped or as a message of its own. Nothing is sent here."""

    def __init__(self, parts: Parts, people: People) -> None:
        self._parts, self.people = parts, people

    async def say(self, team: Team, user: str) -> Say:
        """The language of the person's client, as long as there is no profile."""
        client = await self.people.client_of(team, user)
        return self._parts.words.in_language(
            place(client.get("language", "en"), "UTC", datetime.now(UTC)), typed=TYPED["slack"]
        )

    async def words(self, event: InboundEvent, team: Team, user: str, words: str) -> Said:
        """A code is looked up; anything else is answered with the ways in."""
        say = await self.say(team, user)
        found, named = CODE.fullmatch(words.strip()), INVITED.fullmatch(words.strip())
        if found is None and named is not None:
            return Said(await self._invited(event, team, user, say, letters_of(named[1])))
        if found is None:
            return Said(await self._ways_in(team, user, say))
        code = letters_of(found[1])
        try:
            account = await self._parts.hop(self._look_up, event, team, user, code)
        except Invalid as refused:
            theirs = (code, "slack", team.id, user)
            if refused.code == "identity.code_refused" and await self._parts.hop(is_back, self._parts.storage, *theirs):
                return Said(_screen(say, ("leave.welcome_back", {})))
            return Said(_screen(say, (refused.code, refused.data)))
        link = Button(label=say("slack.link.yes"), action="slack.link", args=(code,), style="primary")
        no = Button(label=say("slack.link.no"), action="slack.not_me")
        return Said(
            _screen(say, ("slack.link.ask", {"account": account}), ("slack.link.means", {}), buttons=(link, no))
        )

    async def _invited(self, event: InboundEvent, team: Team, user: str, say: Say, code: str) -> Screen:
        """Who invites to what, and what joining makes of a stranger."""
        try:
            said = await self._parts.hop(self._look_at_invitation, event, team, user, code, say)
        except Invalid as refused:
            return _screen(say, (refused.code, refused.data))
        yes = Button(label=say("invitation.join"), action="slack.invited", args=(code,), style="primary")
        no = Button(label=say("slack.link.no"), action="slack.not_me")
        means = (Paragraph(text=say("slack.invited.means")), Paragraph(text=say("slack.invited.account")))
        return clean.screen(Screen(blocks=(*said, *means), buttons=((yes, no),)))

    async def hello(self, team: Team, user: str) -> Said:
        """The ways in, unasked."""
        return Said(await self._ways_in(team, user, await self.say(team, user)))

    async def tap(self, team: Team, user: str, token: str, address: str) -> Said:
        """*Join*, *Set up*, *Link* do so; *Not me* does not; any other button is nobody's."""
        say = await self.say(team, user)
        try:
            tap = Tap(*self._parts.tokens.unpack(token, stranger_id(team, user)))
        except Invalid:
            return Said(_screen(say, ("slack.not_linked", {})))
        try:
            match tap.action:
                case "slack.link":
                    return Said(
                        _screen(say, ("slack.link.done", {})),
                        await self._parts.hop(self._redeem, tap.args[0], team, user, address),
                    )
                case "slack.join" | "slack.found":
                    profile = await self.people.of(team, user, anew=True)
                    actor = await self._parts.hop(
                        self._enter, tap.action == "slack.found", team, user, profile, address
                    )
                    return Said(_screen(say, ("slack.joined", {"team": team.name})), actor)
                case "slack.invited":
                    profile = await self.people.of(team, user, anew=True)
                    actor = await self._parts.hop(self._join, tap.args[0], team, user, profile, address)
                    return Said(_screen(say, ("slack.invited.done", {})), actor, tap)
                case _:
                    return Said(_screen(say, ("slack.link.left", {})))
        except Conflict:
            return Said(_screen(say, (REFUSED.get(tap.action, "slack.cannot_join"), {})))
        except (Invalid, Forbidden) as refused:
            return Said(_screen(say, (refused.code, refused.data)))

    def draw(self, said: Said, team: Team, user: str) -> dict[str, Any]:
        """The message."""
        mark = stranger_id(team, user)
        made = blocks.drawn(said.screen.blocks, self._parts.words.in_language(place("en", "UTC", datetime.now(UTC))))
        rows = blocks.buttons(said.screen.buttons, lambda one: self._parts.tokens.pack(one, mark), lambda _: None)
        return {"text": blocks.fallback(said.screen), "blocks": made + rows, **QUIET}

    async def _ways_in(self, team: Team, user: str, say: Say) -> Screen:
        profile = await self.people.of(team, user)
        there = await self._parts.hop(self._parts.storage.directory.by_slack_team, team.id)
        said: list[tuple[str, dict[str, Any]]] = [("slack.hello", {"name": clean.line(profile.name, 60) or user})]
        rows: tuple[Button, ...] = ()
        if profile.guest or profile.gone:
            said.append(("slack.no_guests", {}))
        elif there is not None:
            said.append(("slack.may_join", {"team": team.name}))
            rows = (
                Button(label=say("slack.join", team=clean.line(team.name, 40)), action="slack.join", style="primary"),
            )
        elif _may_found(profile, team, user):
            said.append(("slack.may_found", {"team": team.name}))
            rows = (
                Button(label=say("slack.found", team=clean.line(team.name, 40)), action="slack.found", style="primary"),
            )
        else:
            said.append(("slack.ask_admin", {"team": team.name}))
        return _screen(say, *said, ("slack.how", {}), buttons=rows)

    def _look_up(self, event: InboundEvent, team: Team, user: str, code: str) -> str:
        """The account that a code would link. Raises Invalid `identity.code_refused`, `slack.too_many_codes`."""
        self._count(event, team, user)
        known = who_made(self._parts.storage.directory, code)
        with self._parts.storage.work(known.workspace_id, known.user_id) as work:
            return work.people.user(known.user_id).email

    def _count(self, event: InboundEvent, team: Team, user: str) -> None:
        if not may_try(self._parts.storage.inbox, CODES, f"{team.id}:{user}", event):
            raise Invalid("slack.too_many_codes", n=CODES_AN_HOUR)

    def _look_at_invitation(self, event: InboundEvent, team: Team, user: str, code: str, say: Say) -> tuple[Block, ...]:
        """Raises Invalid `identity.invitation_refused`, `slack.too_many_codes`."""
        self._count(event, team, user)
        return invited_to(self._parts.storage, code, say)

    def _join(self, code: str, team: Team, user: str, profile: Profile, address: str) -> Actor:
        """As bots.dialogs.newcomers.let_in. A guest of the team may: they were invited to what is not the team's by its own members' choice. Raises Forbidden `slack.no_guests` for
        accounts that are closed, or of nobody."""
        if profile.gone:
            raise Forbidden("slack.no_guests")
        name = clean.line(profile.name, 60) or user
        who = Newcomer("slack", user, address, _email(team, user), name, profile.language, team.id, _zone(profile))
        return let_in(self._parts.storage, code, who)

    def _redeem(self, code: str, team: Team, user: str, address: str) -> Actor:
        """Raises Invalid `identity.code_refused`; Conflict when somebody was quicker."""
        known = who_made(self._parts.storage.directory, code)
        with self._parts.storage.work(known.workspace_id, known.user_id) as work:
            others = [one for one in work.people.links(known.user_id) if one.address is not None and one.reachable]
            link = redeem(work, known, "slack", user, address, team.id)
            for other in others:
                if other.id != link.id:
                    told = {"team": clean.line(team.name, 60) or team.id}
                    answer(work, other, {"say": "slack.linked_elsewhere", "data": told})
            work.commit()
        return Actor(known.user_id, known.workspace_id, known.role, "slack", link_id=link.id)

    def _enter(self, found: bool, team: Team, user: str, profile: Profile, address: str) -> Actor:
        """Raises Forbidden `slack.no_guests`, `slack.ask_admin`; Conflict when the person may not come in."""
        if profile.guest or profile.gone:
            raise Forbidden("slack.no_guests")
        storage = self._parts.storage
        there = storage.directory.by_slack_team(team.id)
        if there is None and not (found and _may_found(profile, team, user)):
            raise Forbidden("slack.ask_admin", team=team.name)
        user_id = self._person(team, user, profile).user_id
        if there is None:
            with storage.work(new_id(), user_id) as work:
                found_team(work, user_id, clean.line(team.name, 80) or team.id, team.id)
                actor = join_team(work, user_id, "owner", "slack", team.id, user, address)
                work.commit()
            return actor
        role: Role = "admin" if profile.admin else "member"
        with storage.work(there.workspace_id, user_id) as work:
            actor = join_team(work, user_id, role, "slack", team.id, user, address)
            work.commit()
        return actor

    async def enter(self, team: Team, user: str, user_id: UUID) -> UUID:
        """Somebody with an account of their own is a member of their team's workspace, too, or sets it up; which that is. Raises Forbidden `slack.no_guests`, `slack.ask_admin`; Conflict
        when somebody was quicker."""
        profile = await self.people.of(team, user, anew=True)
        return await self._parts.hop(self._entered, team, user, profile, user_id)

    def _entered(self, team: Team, user: str, profile: Profile, user_id: UUID) -> UUID:
        if profile.guest or profile.gone:
            raise Forbidden("slack.no_guests")
        storage = self._parts.storage
        there = storage.directory.by_slack_team(team.id)
        if there is None and not _may_found(profile, team, user):
            raise Forbidden("slack.ask_admin", team=team.name)
        workspace_id = there.workspace_id if there is not None else new_id()
        with storage.work(workspace_id, user_id) as work:
            if there is None:
                found_team(work, user_id, clean.line(team.name, 80) or team.id, team.id)
            else:
                become_member(work, user_id, "admin" if profile.admin else "member")
            work.commit()
        return workspace_id

    def _person(self, team: Team, user: str, profile: Profile) -> Known:
        """Who they are to Nod, made anew for who comes first. Their address at Slack is not asked for and not trusted: it would name an account of somebody
        else's. A repeated tap finds who the first one made."""
        email = _email(team, user)
        directory = self._parts.storage.directory
        known = directory.by_email(email)
        if known is not None:
            return known
        workspace_id, user_id = new_id(), new_id()
        with self._parts.storage.work(workspace_id, user_id) as work:
            register(work, user_id, email, clean.line(profile.name, 60), _zone(profile), profile.language)
            work.commit()
        made = directory.by_email(email)
        if made is None:
            raise Conflict("slack.cannot_join")
        return made


def _email(team: Team, user: str) -> str:
    return f"{user}@{team.id}.slack.invalid".lower()


def _zone(profile: Profile) -> str:
    return profile.timezone if profile.timezone and profile.timezone in available_timezones() else "UTC"


def _may_found(profile: Profile, team: Team, user: str) -> bool:
    """Whether they may set the team's workspace up, and own it."""
    return profile.admin or (bool(team.installer) and team.installer == user)


def _screen(say: Say, *sentences: tuple[str, dict[str, Any]], buttons: tuple[Button, ...] = ()) -> Screen:
    made: list[Block] = []
    for code, data in sentences:
        made += [Paragraph(text=say(one, **data)) for one in (code, f"{code}.todo") if say.knows(one)]
    return clean.screen(Screen(blocks=tuple(made), buttons=(buttons,) if buttons else ()))
