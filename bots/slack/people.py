"""What Slack says of a person: their language and timezone, and what they are in their team."""

import time
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from bots.kit.outbound import SlowDown
from bots.slack.events import Speaker
from bots.slack.teams import AWAY, NotInstalled, Refusal, Team, Teams

KEPT_SECONDS = 600.0
MOST = 5000


@dataclass(frozen=True)
class Profile:
    """`admin`: an admin or owner of the Slack team; `guest`: may see some channels only; `gone`: a bot, deleted, or of another team; `org`: the organisation
    that they belong to."""

    name: str = ""
    language: str = "en"
    timezone: str | None = None
    admin: bool = False
    guest: bool = False
    gone: bool = False
    org: str = ""

    @property
    def extra(self) -> dict[str, str]:
        """What dialogs are told of a person's client."""
        return {"language": self.language, **({"timezone": self.timezone} if self.timezone else {})}


class People:
    """Asks Slack, and remembers for ten minutes."""

    def __init__(self, teams: Teams) -> None:
        self._teams = teams
        self._known: OrderedDict[tuple[str, str], tuple[float, Profile]] = OrderedDict()

    async def of(self, team: Team, user: str, anew: bool = False) -> Profile:
        """The person. Raises NotInstalled, SlowDown, Refusal; with `anew` nothing is remembered: for what somebody may do."""
        known = self._known.get((team.id, user))
        if known is not None and not anew and known[0] > time.monotonic():
            return known[1]
        told = await self._teams.ask(team, "users.info", user=user, include_locale=True)
        profile = _profile(told.get("user") or {}, team)
        self._known[(team.id, user)] = (time.monotonic() + KEPT_SECONDS, profile)
        while len(self._known) > MOST:
            self._known.popitem(last=False)
        return profile

    async def is_foreign(self, team: Team, who: Speaker) -> bool:
        """Whether somebody belongs to another company. In an organisation people act in teams that are not their first one, which Slack has to be asked about. Raises as `of`."""
        if not who.foreign or not team.org:
            return who.foreign
        return (await self.of(team, who.user)).org != team.org

    async def client_of(self, team: Team, user: str) -> dict[str, str]:
        """Their language and timezone, as far as Slack tells now."""
        try:
            return (await self.of(team, user)).extra
        except (NotInstalled, SlowDown, Refusal, *AWAY):
            return {}


def _profile(user: Mapping[str, Any], team: Team) -> Profile:
    """In an organisation somebody is of several teams, and an admin of some: `is_admin` tells of their own team, so that through the organisation's installation only that one, or the
    whole organisation, counts."""
    told, there = user.get("profile") or {}, user.get("enterprise_user") or {}
    own = user.get("team_id", team.id) == team.id
    of_team = any(user.get(what) is True for what in ("is_admin", "is_owner", "is_primary_owner"))
    of_org = any(there.get(what) is True for what in ("is_admin", "is_owner"))
    return Profile(
        name=str(told.get("real_name") or user.get("real_name") or user.get("name") or ""),
        language=str(user.get("locale") or "en")[:35],
        timezone=str(user["tz"])[:64] if user.get("tz") else None,
        admin=(of_team and (own or not team.org)) or (of_org and bool(team.org)),
        guest=any(user.get(what) is True for what in ("is_restricted", "is_ultra_restricted", "is_stranger")),
        gone=bool(user.get("deleted") or user.get("is_bot") or not (own or team.id in (there.get("teams") or ()))),
        org=str(there.get("enterprise_id") or ""),
    )
