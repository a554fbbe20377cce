"""What Slack says of a person: their language and timezone, and what they are in their team."""

import time
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from bots.kit.outbound import SlowDown
from bots.slack.teams import AWAY, NotInstalled, Refusal, Team, Teams

KEPT_SECONDS = 600.0
MOST = 5000


@dataclass(frozen=True)
class Profile:
    """`admin`: an admin or owner of the Slack team; `guest`: may see some channels only; `gone`: a bot, deleted, or of another team."""

    name: str = ""
    language: str = "en"
    timezone: str | None = None
    admin: bool = False
    guest: bool = False
    gone: bool = False

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

    async def client_of(self, team: Team, user: str) -> dict[str, str]:
        """Their language and timezone, as far as Slack tells now."""
        try:
            return (await self.of(team, user)).extra
        except (NotInstalled, SlowDown, Refusal, *AWAY):
            return {}


def _profile(user: Mapping[str, Any], team: Team) -> Profile:
    told = user.get("profile") or {}
    return Profile(
        name=str(told.get("real_name") or user.get("real_name") or user.get("name") or ""),
        language=str(user.get("locale") or "en")[:35],
        timezone=str(user["tz"])[:64] if user.get("tz") else None,
        admin=any(user.get(what) is True for what in ("is_admin", "is_owner", "is_primary_owner")),
        guest=any(user.get(what) is True for what in ("is_restricted", "is_ultra_restricted", "is_stranger")),
        gone=bool(user.get("deleted") or user.get("is_bot") or user.get("team_id", team.id) != team.id),
    )
