"""The teams in which Nod is installed, by themselves or through their organisation (Enterprise Grid), and calls of Slack's Web API in the name of each. Tokens are found once and kept in memory, so that a modal can be
opened before anything is asked of the database."""

import json
import logging
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, cast
from urllib.parse import urlsplit

import aiohttp
from slack_sdk.errors import SlackApiError
from slack_sdk.web.async_client import AsyncWebClient

from bots.kit.outbound import SlowDown
from bots.kit.parts import Parts
from bots.slack.limits import Limits
from bots.slack.rotating import Rotating, due, ends
from core.kernel.settings import Settings

log = logging.getLogger(__name__)
GONE = frozenset(
    ("account_inactive", "token_revoked", "invalid_auth", "not_authed", "token_expired", "team_access_not_granted")
)
WEATHER = frozenset(("unknown", "internal_error", "fatal_error", "service_unavailable", "request_timeout"))
SECONDS = 10
UPLOAD_SECONDS = 40
AWAY = (aiohttp.ClientError, OSError, TimeoutError)
"""What a call raises while Slack cannot be reached."""
LONGEST_PAUSE = 3600
MOST_PAGES = 20


@dataclass(frozen=True)
class Team:
    """A team with its bot. The token is shown to nobody; it `ends` then, in Unix seconds (0: never). `org`: the organisation whose installation it uses; empty for one of its own."""

    id: str
    bot_user_id: str
    token: str
    bot_id: str = ""
    name: str = ""
    installer: str = ""
    ends: float = 0.0
    org: str = ""

    def __repr__(self) -> str:
        return f"Team({self.id})"


class NotInstalled(Exception):
    """Nod is not in that team, or not any more."""

    def __init__(self, team_id: str) -> None:
        super().__init__(team_id)
        self.team_id = team_id


class Refusal(Exception):
    """Slack refuses a call; `reason` is its word for why."""

    def __init__(self, method: str, reason: str, detail: str = "") -> None:
        super().__init__(f"{method}: {reason}{' ' if detail else ''}{detail}")
        self.method, self.reason, self.detail = method, reason, detail


class Trouble(OSError):
    """Slack answered, but not to what was asked: later may help."""


class Teams:
    """One process's. `begin` before anything is called."""

    def __init__(self, parts: Parts, settings: Settings, limits: Limits) -> None:
        self._parts, self._settings, self._limits = parts, settings, limits
        self._known: dict[str, Team] = {}
        self._clients: dict[str, AsyncWebClient] = {}
        self._session: aiohttp.ClientSession | None = None
        self._own: Team | None = None
        self._rotating = Rotating(parts, settings)

    async def begin(self) -> None:
        """Learns the team of the configured bot token, where there is one. Raises Refusal for a token that Slack does not know; OSError, aiohttp's ClientError
        and TimeoutError while Slack is away."""
        token = self._settings.slack_bot_token
        if token is None or self._own is not None:
            return
        try:
            told = await self.client(token.get_secret_value()).api_call("auth.test")
        except SlackApiError as refused:
            if _reason(refused) in WEATHER or _reason(refused) == "ratelimited":
                raise Trouble(f"auth.test: {_reason(refused)}") from None
            raise Refusal("auth.test", _reason(refused)) from None
        org = str(told.get("enterprise_id") or "") if told.get("is_enterprise_install") else ""
        self._own = Team(
            "" if org else str(told["team_id"]),
            str(told["user_id"]),
            token.get_secret_value(),
            told.get("bot_id") or "",
            told.get("team") or "",
            org=org,
        )
        if not org:
            self._known[self._own.id] = self._own

    async def close(self) -> None:
        """Lets the connections go."""
        if self._session is not None:
            await self._session.close()

    def client(self, token: str | None = None) -> AsyncWebClient:
        """A client of that token, on the connections of this process."""
        if token is not None and token in self._clients:
            return self._clients[token]
        if self._session is None:
            self._session = aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=SECONDS))
        client = AsyncWebClient(token, self._settings.slack_api_url, timeout=SECONDS, session=self._session)
        if token is not None:
            self._clients[token] = client
        return client

    async def of(self, team_id: str, org: str = "") -> Team:
        """The team; `org` is what Slack said of whose installation an event came through. Raises NotInstalled; Unavailable when the database is away and the team was not met before."""
        known = self._known.get(team_id)
        if known is not None and not due(known.ends):
            return known
        if self._own is None and self._settings.slack_bot_token is not None:
            await self.begin()
            if team_id in self._known:
                return self._known[team_id]
        return await self._newest(team_id, False, org)

    async def _newest(self, team_id: str, ended: bool, org: str = "") -> Team:
        """As it is known to all processes, with a token that goes on; `ended`: another one than the one we have. A team's own installation comes before its organisation's."""
        try:
            facts = await self._rotating.renewed(self.client(), team_id, ended) if team_id else None
            if facts is None and team_id:
                facts = await self._through(team_id, org, ended)
        except (SlackApiError, *AWAY):
            raise Trouble("oauth.v2.access") from None
        if facts is None:
            self.forget(team_id)
            raise NotInstalled(team_id)
        team = Team(
            team_id, facts["bot_user_id"], facts["bot_token"], facts.get("bot_id") or "", facts.get("team_name") or "",
            facts.get("user_id") or "", ends(facts), facts.get("org") or "",
        )  # fmt: skip
        before = self._known.get(team_id)
        if before is not None and before.token != team.token:
            self.forget(team_id)
        self._known[team_id] = team
        return team

    async def _through(self, team_id: str, org: str, ended: bool) -> Mapping[str, Any] | None:
        """What the team uses of its organisation's installation. Which teams do is remembered once Slack has said that the organisation lets Nod in there."""
        installations = self._parts.storage.installations
        known = await self._parts.hop(installations.through, team_id)
        if known is not None:
            facts = await self._of_org(known.enterprise_id, ended)
            return {**facts, **(known.facts or {}), "org": known.enterprise_id} if facts is not None else None
        own = {self._own.org} if self._own is not None and self._own.org else set()
        for one in [org] if org else sorted({*own, *await self._parts.hop(installations.orgs)}):
            facts = await self._of_org(one, ended)
            name = await self._let_in(team_id, str(facts["bot_token"])) if facts is not None else None
            if facts is not None and name is not None:
                await self._parts.hop(installations.save, team_id, one, {"team_name": name})
                return {**facts, "team_name": name, "org": one}
        return None

    async def _of_org(self, org: str, ended: bool) -> Mapping[str, Any] | None:
        own = self._own
        if own is not None and own.org == org:
            return {"bot_user_id": own.bot_user_id, "bot_token": own.token, "bot_id": own.bot_id}
        return await self._rotating.renewed(self.client(), "", ended, org)

    async def _let_in(self, team_id: str, token: str) -> str | None:
        """What the team is called, if the organisation lets Nod in there; else None (auth.teams.list)."""
        cursor = ""
        for _ in range(MOST_PAGES):
            told = await self.client(token).api_call("auth.teams.list", json={"limit": 1000, "cursor": cursor})
            for one in cast(Any, told.get("teams")) or ():
                if one.get("id") == team_id:
                    return str(one.get("name") or "")
            cursor = str((cast(Any, told.get("response_metadata")) or {}).get("next_cursor") or "")
            if not cursor:
                break
        return None

    async def is_out(self, org: str) -> bool:
        """Whether the token of an organisation's installation is good no more, which Slack is asked. Raises Trouble, and connection errors as they are, while that cannot be known."""
        facts = await self._of_org(org, False)
        if facts is None:
            return True
        try:
            await self.client(str(facts["bot_token"])).api_call("auth.test")
        except SlackApiError as refused:
            if _reason(refused) in GONE:
                return True
            raise Trouble(f"auth.test: {_reason(refused)}") from None
        return False

    def forget(self, team_id: str) -> None:
        """What was known of the team is asked anew; a token that Slack took back is not tried again, the configured one included."""
        gone = self._known.pop(team_id, None)
        if gone is not None:
            self._clients.pop(gone.token, None)

    async def ask(self, team: Team, method: str, channel: str = "", **given: Any) -> Mapping[str, Any]:
        """One call. Raises SlowDown, NotInstalled when the token is good no more, Refusal; connection errors as they are."""
        await self._limits.turn(team.id, method, channel)
        if channel:
            given["channel"] = channel
        try:
            return await self._call(team, method, given)
        except SlackApiError as refused:
            if _reason(refused) not in GONE:
                raise self._told(team, method, channel, refused) from None
            ended = _reason(refused) == "token_expired"
        # Another process may know a newer installation: only the newest token counts.
        self.forget(team.id)
        newest = (
            await self._newest(team.id, True, team.org) if ended and team.ends else await self.of(team.id, team.org)
        )
        if newest.token == team.token:
            self.forget(team.id)
            raise NotInstalled(team.id)
        try:
            return await self._call(newest, method, given)
        except SlackApiError as refused:
            if _reason(refused) in GONE:
                self.forget(team.id)
                raise NotInstalled(team.id) from None
            raise self._told(newest, method, channel, refused) from None

    async def _call(self, team: Team, method: str, given: dict[str, Any]) -> Mapping[str, Any]:
        try:
            answered = await self.client(team.token).api_call(method, **_body(method, given))
        except (
            AttributeError,
            ValueError,
        ):  # What a proxy may answer is no answer of Slack's, and the library stumbles over it.
            raise Trouble(f"{method}: not an answer of Slack's") from None
        return cast(Mapping[str, Any], answered.data)

    def is_slack(self, url: str) -> bool:
        """Whether an address that came with an event is Slack's own (or that of the configured server)."""
        there, api = urlsplit(url), urlsplit(self._settings.slack_api_url)
        if there.netloc == api.netloc:
            return there.scheme == api.scheme
        return there.scheme == "https" and (there.hostname or "").endswith(".slack.com") and there.port in (None, 443)

    async def download(self, team: Team, url: str, limit: int, seconds: float) -> bytes | None:
        """The bytes of a file; None when Slack does not give it, or more than `limit`."""
        assert self._session is not None
        wait = aiohttp.ClientTimeout(total=seconds)
        headers = {"Authorization": f"Bearer {team.token}"}
        async with self._session.get(url, headers=headers, allow_redirects=False, timeout=wait) as answered:
            if answered.status != 200:
                return None
            taken = bytearray()
            async for chunk in answered.content.iter_chunked(65536):
                taken += chunk
                if len(taken) > limit:
                    return None
            return bytes(taken)

    async def hand_over(self, url: str, content: bytes) -> None:
        """Gives Slack the bytes of a file at the address that it named for them. Raises Trouble when it does not take them; connection errors as they are."""
        if not self.is_slack(url):
            raise Trouble("an upload: not an address of Slack's")
        assert self._session is not None
        wait = aiohttp.ClientTimeout(total=UPLOAD_SECONDS)
        async with self._session.post(url, data=content, allow_redirects=False, timeout=wait) as answered:
            if answered.status != 200:
                raise Trouble(f"an upload: {answered.status}")

    def _told(self, team: Team, method: str, channel: str, refused: SlackApiError) -> Exception:
        reason, response = _reason(refused), cast(Any, refused.response)
        status = getattr(response, "status_code", 0) or getattr(response, "status", 0)
        if reason in ("ratelimited", "rate_limited") or status == 429:
            after = {name.lower(): value for name, value in dict(response.headers).items()}.get("retry-after", "1")
            seconds = min(float(after), LONGEST_PAUSE) if str(after).isdigit() else 1.0
            self._limits.pause(team.id, method, channel, seconds)
            return SlowDown(seconds)
        if reason in WEATHER or status >= 500:
            return Trouble(f"{method}: {reason} ({status})")
        told = response.get("response_metadata") if hasattr(response, "get") else None
        detail = "; ".join(map(str, (told or {}).get("messages") or ()))[:300]
        return Refusal(method, reason, detail)


def _body(method: str, given: dict[str, Any]) -> dict[str, Any]:
    """JSON, but for files a form: their methods take nothing else."""
    if not method.startswith("files."):
        return {"json": given}
    return {"data": {name: value if isinstance(value, str) else json.dumps(value) for name, value in given.items()}}


def _reason(refused: SlackApiError) -> str:
    try:
        return str(cast(Any, refused.response)["error"] or "unknown")
    except (KeyError, TypeError, ValueError, AttributeError):
        return "unknown"
