"""A team installs Nod: Slack's OAuth, with what is begun and what comes of it in our own storage, sealed."""

import hashlib
import logging
import secrets
from typing import Any

from slack_bolt.oauth.async_oauth_flow import AsyncOAuthFlow
from slack_bolt.oauth.async_oauth_settings import AsyncOAuthSettings
from slack_sdk.oauth.installation_store import Bot, Installation
from slack_sdk.oauth.installation_store.async_installation_store import AsyncInstallationStore
from slack_sdk.oauth.state_store.async_state_store import AsyncOAuthStateStore

from bots.kit.parts import Parts
from bots.slack.teams import Teams
from core.kernel.settings import Settings

log = logging.getLogger("slack_bolt.oauth")
STATE_SECONDS = 600
SCOPES = (
    "app_mentions:read", "assistant:write", "channels:read", "chat:write", "commands", "files:read", "files:write",
    "groups:read", "im:history", "im:write", "users:read",
)  # fmt: skip
"""Those of manifest.yaml."""
KEPT = ("app_id", "bot_id", "bot_user_id", "bot_token", "team_name", "user_id", "enterprise_id", "enterprise_name")


class OwnInstallations(AsyncInstallationStore):
    """Slack's InstallationStore over core.identity.ports.Installations. Tokens of people are not asked for and not kept."""

    def __init__(self, parts: Parts, teams: Teams) -> None:
        self._parts, self._store, self._teams = parts, parts.storage.installations, teams

    @property
    def logger(self) -> logging.Logger:
        return log

    async def async_save(self, installation: Installation) -> None:
        """Keeps it in the place of an earlier one."""
        await self.async_save_bot(installation.to_bot(), installation.user_id)

    async def async_save_bot(self, bot: Bot, user_id: str | None = None) -> None:
        """The same, of a bot alone. One of an organisation is known by that alone, whichever team Slack names beside it. Raises ValueError for one of neither."""
        team_id, org = _whose(bot.enterprise_id, bot.team_id, bot.is_enterprise_install)
        if not team_id and not org:
            raise ValueError("an installation needs a team or an organisation")
        given = {**vars(bot), "user_id": user_id}
        facts = {name: given[name] for name in KEPT if given.get(name)}
        facts["scopes"] = list(bot.bot_scopes)
        if bot.bot_refresh_token and bot.bot_token_expires_at:
            facts |= {"refresh_token": bot.bot_refresh_token, "expires_at": int(bot.bot_token_expires_at)}
        await self._parts.hop(self._store.save, team_id, org, facts)
        for id in [team_id] if team_id else await self._parts.hop(self._store.teams_of, org):
            self._teams.forget(id)

    async def async_find_bot(
        self, *, enterprise_id: str | None, team_id: str | None, is_enterprise_install: bool | None = False
    ) -> Bot | None:
        """None where Nod is not installed."""
        which = _whose(enterprise_id, team_id, is_enterprise_install)
        found = await self._parts.hop(self._store.find, *which) if any(which) else None
        if found is None or found.facts is None:
            return None
        facts = found.facts
        return Bot(
            app_id=facts.get("app_id"), enterprise_id=facts.get("enterprise_id"), team_id=which[0] or None,
            is_enterprise_install=bool(which[1]),
            team_name=facts.get("team_name"), bot_token=facts["bot_token"], bot_id=facts.get("bot_id", ""),
            bot_user_id=facts["bot_user_id"], bot_scopes=facts.get("scopes", ()), installed_at=found.installed_at.timestamp(),
        )  # fmt: skip

    async def async_find_installation(
        self, *, enterprise_id: str | None, team_id: str | None, user_id: str | None = None,
        is_enterprise_install: bool | None = False,
    ) -> Installation | None:  # fmt: skip
        """The team's, whoever installed it."""
        bot = await self.async_find_bot(
            enterprise_id=enterprise_id, team_id=team_id, is_enterprise_install=is_enterprise_install
        )
        if bot is None:
            return None
        return Installation(
            app_id=bot.app_id, enterprise_id=bot.enterprise_id, team_id=bot.team_id,
            is_enterprise_install=bot.is_enterprise_install, team_name=bot.team_name, user_id=user_id or "",
            bot_token=bot.bot_token, bot_id=bot.bot_id, bot_user_id=bot.bot_user_id, bot_scopes=bot.bot_scopes,
            installed_at=bot.installed_at,
        )  # fmt: skip

    async def async_delete_bot(self, *, enterprise_id: str | None, team_id: str | None) -> None:
        """Forgets the token."""
        which = _whose(enterprise_id, team_id, False)
        if any(which):
            await self._parts.hop(self._store.revoke, *which)
        if team_id:
            self._teams.forget(team_id)

    async def async_delete_installation(
        self, *, enterprise_id: str | None, team_id: str | None, user_id: str | None = None
    ) -> None:
        """A person's own part: there is none that is kept."""


def _whose(enterprise_id: str | None, team_id: str | None, whole: bool | None) -> tuple[str, str]:
    """Team and organisation, of which an installation has one: an organisation's team that has one of its own is just a team."""
    return ("", enterprise_id or "") if whole or not team_id else (team_id, "")


class OwnStates(AsyncOAuthStateStore):
    """What was begun here, by its hash; each ends once, within ten minutes."""

    def __init__(self, parts: Parts) -> None:
        self._parts, self._store = parts, parts.storage.installations

    @property
    def logger(self) -> logging.Logger:
        return log

    async def async_issue(self, *args: Any, **kwargs: Any) -> str:
        """A new one."""
        state = secrets.token_urlsafe(32)
        await self._parts.hop(self._store.issue, _digest(state), STATE_SECONDS)
        return state

    async def async_consume(self, state: str) -> bool:
        """Whether it was, and had not ended."""
        return bool(state) and await self._parts.hop(self._store.consume, _digest(state))


def flow_of(parts: Parts, settings: Settings, teams: Teams) -> AsyncOAuthFlow:
    """The installation's two pages. The state is bound to the browser by a cookie, too."""
    assert settings.slack_client_id is not None
    assert settings.slack_client_secret is not None
    assert settings.public_url is not None
    store = OwnInstallations(parts, teams)
    chosen = AsyncOAuthSettings(
        client_id=settings.slack_client_id, client_secret=settings.slack_client_secret.get_secret_value(), scopes=SCOPES,
        user_scopes=(), redirect_uri=settings.public_url.rstrip("/") + "/slack/oauth_redirect", install_path="/slack/install",
        redirect_uri_path="/slack/oauth_redirect", install_page_rendering_enabled=False, installation_store=store,
        state_store=OwnStates(parts), state_expiration_seconds=STATE_SECONDS, logger=log,
        authorization_url=_authorize_url(settings),
    )  # fmt: skip
    return AsyncOAuthFlow(client=teams.client(), logger=log, settings=chosen)


def _authorize_url(settings: Settings) -> str | None:
    """Where Slack asks; None for Slack's own."""
    base = settings.slack_api_url.rstrip("/").removesuffix("/api")
    return None if base == "https://slack.com" else base + "/oauth/v2/authorize"


def _digest(state: str) -> str:
    return hashlib.sha256(state.encode("utf-8", "replace")).hexdigest()
