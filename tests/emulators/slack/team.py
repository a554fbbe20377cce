"""A workspace: its people and conversations, and what it knows of the app once somebody has put it in."""

from __future__ import annotations

import itertools
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from .conversation import Conversation
from .people import Person

if TYPE_CHECKING:
    from .org import Org
    from .world import World


@dataclass
class Installation:
    """The app in a workspace, with the token that its bot calls with; `org`: through the installation of its organisation. `state` is active, uninstalled or revoked."""

    team: Team
    by: Person
    bot: Person
    bot_token: str
    scopes: list[str]
    state: str = "active"
    refresh_token: str = ""
    ended: set[str] = field(default_factory=set)
    org: Org | None = None

    @property
    def reaches(self) -> list[str]:
        """Ids of the teams in which its token is good."""
        return [one.id for one in self.org.granted] if self.org is not None else [self.team.id]

    @property
    def bot_id(self) -> str:
        return self.bot.bot_id

    @property
    def bot_user_id(self) -> str:
        return self.bot.id


class Team:
    def __init__(self, world: World, number: int, name: str) -> None:
        self.world = world
        self.number = number
        self.id = f"T0{number:07d}E"
        self.name = name
        self.domain = "".join(letter for letter in name.lower() if letter.isalnum())
        self.people: list[Person] = []
        self.channels: list[Conversation] = []
        self.directs: list[Conversation] = []
        self.installation: Installation | None = None
        self.former: list[Installation] = []
        self.org: Org | None = None
        self._last_ts = 0
        self._ids = itertools.count(1)

    def person(
        self, name: str, *, display_name: str | None = None, email: str | None = None, locale: str = "en-US",
        tz: str = "Europe/Berlin", is_admin: bool = False, is_restricted: bool = False,
    ) -> Person:  # fmt: skip
        """Somebody new in this workspace; the first is its owner. `is_restricted` makes a guest."""
        with self.world.lock:
            id = f"U{self.number:02d}{next(self._ids):06d}P"
            person = Person(self, id, name, display_name or name, email or f"{name.lower()}@example.org", locale, tz)
            person.is_owner = not self.people
            person.is_admin = is_admin or person.is_owner
            person.is_restricted = is_restricted
            self.people.append(person)
            self.world.notify()
            return person

    def channel(
        self, name: str, members: list[Person], *, private: bool = False, with_bot: bool = True
    ) -> Conversation:
        """A channel with these members; `with_bot` adds the app's bot when it is installed, without telling it."""
        with self.world.lock:
            members = list(members)
            if with_bot and self.installation is not None:
                members.append(self.installation.bot)
            id = f"C{self.number:02d}{next(self._ids):06d}C"
            channel = Conversation(self, id, "group" if private else "channel", name, members)
            self.channels.append(channel)
            self.world.notify()
            return channel

    def install(self, by: Person, scopes: list[str] | None = None) -> Installation:
        """Put the app in without a browser, as the OAuth pages do after Allow; again gives the same bot more scopes."""
        with self.world.lock:
            granted = list(scopes if scopes is not None else self.world.app.scopes)
            if self.installation is not None:
                self.installation.scopes = list(dict.fromkeys([*self.installation.scopes, *granted]))
                return self.installation
            bot = self.former[-1].bot if self.former else self.new_bot()
            token = self.world.new_token(self)
            self.installation = Installation(self, by, bot, token, granted)
            self.world.installations[token] = self.installation
            if self.world.app.rotation:
                self.installation.refresh_token = self.world.new_token(self).replace("xoxb-", "xoxe-1-")
            self.world.notify()
            return self.installation

    def renew(self) -> Installation:
        """Another token and refresh token, as an app gets them for the one that it has; the token before goes on until it ends."""
        with self.world.lock:
            installation = self.installation
            assert installation is not None
            installation.bot_token = f"xoxe.{self.world.new_token(self)}"
            installation.refresh_token = self.world.new_token(self).replace("xoxb-", "xoxe-1-")
            self.world.installations[installation.bot_token] = installation
            return installation

    def ends_tokens(self) -> None:
        """Twelve hours go by: every token that there is ends."""
        with self.world.lock:
            for token, installation in self.world.installations.items():
                if installation is self.installation:
                    installation.ended.add(token)

    def uninstall(self, by: Person) -> None:
        """An admin removes the app: its token dies and it is told by app_uninstalled and tokens_revoked."""
        assert by.is_admin, f"{by!r} may not remove apps"
        self.end_installation("uninstalled")

    def end_installation(self, state: str) -> None:
        with self.world.lock:
            installation = self.installation
            assert installation is not None, f"the app is not in {self.name}"
            installation.state = state
            self.former.append(installation)
            self.installation = None
            for channel in self.channels:
                channel.members = [one for one in channel.members if one is not installation.bot]
            tokens = {"oauth": [], "bot": [installation.bot_user_id]}
            self.world.tell(installation, {"type": "tokens_revoked", "tokens": tokens}, None)
            self.world.tell(installation, {"type": "app_uninstalled"}, None)
            self.world.notify()

    def new_bot(self, same: Person | None = None) -> Person:
        """The app's account here; of an organisation's installation the `same` one in each team."""
        id = f"U{self.number:02d}{next(self._ids):06d}B"
        app = self.world.app
        bot = Person(self, same.id if same else id, app.bot_name, app.name, "", "en-US", "America/Los_Angeles")
        bot.is_bot = True
        bot.bot_id = same.bot_id if same else f"B{self.number:02d}{next(self._ids):06d}B"
        return bot

    @property
    def bot(self) -> Person:
        """The app's own account here, while it is installed."""
        assert self.installation is not None, f"the app is not in {self.name}"
        return self.installation.bot

    @property
    def members(self) -> list[Person]:
        return [*self.people, *([self.installation.bot] if self.installation else [])]

    def direct(self, *members: Person) -> Conversation:
        """The one direct conversation of exactly these accounts, opened when there was none."""
        with self.world.lock:
            for one in self.directs:
                if set(one.members) == set(members):
                    return one
            name = "-".join(one.name for one in members)
            kind = "im" if len(members) <= 2 else "mpim"
            direct = Conversation(self, f"D{self.number:02d}{next(self._ids):06d}D", kind, name, list(members))
            self.directs.append(direct)
            return direct

    def conversation(self, id: str) -> Conversation | None:
        return next((one for one in [*self.channels, *self.directs] if one.id == id), None)

    def member(self, id: str) -> Person | None:
        return next((one for one in self.members if one.id == id), None)

    def next_ts(self) -> str:
        """A moment that no other message of this workspace has: seconds and microseconds."""
        with self.world.lock:
            self._last_ts = max(self._last_ts + 1, time.time_ns() // 1000)
            return f"{self._last_ts // 1_000_000}.{self._last_ts % 1_000_000:06d}"

    def as_json(self) -> dict[str, Any]:
        of = {"enterprise_id": self.org.id, "enterprise_name": self.org.name} if self.org is not None else {}
        return {"id": self.id, "domain": self.domain, **of}

    @property
    def whole(self) -> Org | None:
        """The organisation through whose installation the app is here."""
        return self.installation.org if self.installation is not None else None

    def __repr__(self) -> str:
        return f"<{self.id} {self.name}>"
