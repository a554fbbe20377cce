"""An organisation of Enterprise Grid: teams into which one installation of an app reaches, as far as the organisation lets it (docs.slack.dev/enterprise)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .people import Person
from .refusals import Refused
from .team import Installation, Team

if TYPE_CHECKING:
    from .parameters import Parameters
    from .world import World


class Org:
    """`token` is that of its installation; which teams that reaches is granted apart (`grants`). Tokens do not rotate here."""

    def __init__(self, world: World, number: int, name: str) -> None:
        self.world, self.id, self.name = world, f"E0{number:07d}G", name
        self.teams: list[Team] = []
        self.installation: Installation | None = None

    def team(self, name: str) -> Team:
        """One more of its workspaces, in which the app is not yet."""
        with self.world.lock:
            team = self.world.new_team(name)
            team.org = self
            self.teams.append(team)
            return team

    def also(self, person: Person, team: Team) -> Person:
        """The same account in another of the teams."""
        with self.world.lock:
            other = Person(team, person.id, person.name, person.display_name, person.email, person.locale, person.tz)
            other.own_team = person.own_team
            team.people.append(other)
            return other

    def install(self, by: Person, scopes: list[str] | None = None) -> Installation:
        """For the whole organisation; no team has the app by that alone."""
        with self.world.lock:
            assert by.team in self.teams, f"{by!r} is not of {self.name}"
            first, granted = self.teams[0], list(scopes if scopes is not None else self.world.app.scopes)
            token = self.world.new_token(first)
            self.installation = Installation(first, by, first.new_bot(), token, granted, org=self)
            self.world.installations[token] = self.installation
            self.world.notify()
            return self.installation

    def grants(self, *teams: Team) -> None:
        """The app is in these teams from now on."""
        with self.world.lock:
            whole = self.installation
            assert whole is not None, f"the app is not in {self.name}"
            for team in teams:
                bot = whole.bot if team is whole.team else team.new_bot(whole.bot)
                team.installation = Installation(team, whole.by, bot, whole.bot_token, whole.scopes, org=self)
            self.world.notify()

    def revokes(self, team: Team) -> None:
        """The app is in that team no more; it is told."""
        with self.world.lock:
            assert team.installation is not None
            self.world.tell_org(self, {"type": "team_access_revoked", "team_ids": [team.id]})
            self._takes_out(team)

    def uninstall(self) -> None:
        """The app is out of the organisation; it is told, of the organisation and of no team."""
        with self.world.lock:
            whole = self.installation
            assert whole is not None, f"the app is not in {self.name}"
            self.installation, whole.state = None, "uninstalled"
            self.world.tell_org(self, {"type": "tokens_revoked", "tokens": {"oauth": [], "bot": [whole.bot_user_id]}})
            self.world.tell_org(self, {"type": "app_uninstalled"})
            for team in self.teams:
                self._takes_out(team)

    def _takes_out(self, team: Team) -> None:
        if team.installation is not None:
            bot, team.installation = team.installation.bot, None
            for channel in team.channels:
                channel.members = [one for one in channel.members if one is not bot]
        self.world.notify()

    @property
    def granted(self) -> list[Team]:
        return [one for one in self.teams if one.installation is not None and one.installation.org is self]

    def asked(self, method: str, params: Parameters) -> Installation:
        """In which team a call acts: that of the channel, person, view or trigger that it names. Refuses where the app was not let in."""
        whole = self.installation
        assert whole is not None
        if method.startswith("auth."):
            return whole
        named = {
            self.world.views[id].person.team if (id := params.text("view_id")) in self.world.views else None,
            self.world.triggers[id].person.team if (id := params.text("trigger_id")) in self.world.triggers else None,
        }
        for id in (params.text(name) for name in ("channel", "channel_id", "user", "user_id", "users", "team_id")):
            named |= {
                team for team in self.teams if id and (id == team.id or team.conversation(id) or self._home(team, id))
            }
        found = [team for team in self.teams if team in named] or self.granted[:1]
        if not found or found[0] not in self.granted:
            raise Refused("team_access_not_granted")
        assert found[0].installation is not None
        return found[0].installation

    @staticmethod
    def _home(team: Team, id: str) -> bool:
        person = team.member(id)
        return person is not None and person.own_team is team

    def as_json(self) -> dict[str, Any]:
        return {"id": self.id, "name": self.name}
