"""Tokens that last twelve hours (docs.slack.dev/authentication/using-token-rotation): renewed before they end, by whichever process needs one first."""

import asyncio
import logging
import time
from collections.abc import Mapping
from typing import Any

import aiohttp
from slack_sdk.errors import SlackApiError
from slack_sdk.web.async_client import AsyncWebClient

from bots.kit.parts import Parts
from core.kernel.settings import Settings

log = logging.getLogger(__name__)
USED = "invalid_refresh_token"
AWAY = (aiohttp.ClientError, OSError, TimeoutError)
EARLY_SECONDS = 1800.0
"""A token is renewed so long before its end; the old one goes on until then."""


def ends(facts: Mapping[str, Any]) -> float:
    """When the token of an installation ends, in Unix seconds; 0 for one that does not."""
    return float(facts.get("expires_at") or 0) if facts.get("refresh_token") else 0.0


def due(end: float, early: float = EARLY_SECONDS) -> bool:
    """Whether a token that ends then has to be renewed by now."""
    return bool(end) and time.time() > end - early


class Rotating:
    """One process's. Another process may be quicker: a refresh token is good once, and whoever comes second finds what the first was given."""

    def __init__(self, parts: Parts, settings: Settings) -> None:
        self._parts, self._settings = parts, settings
        self._turns: dict[tuple[str, str], asyncio.Lock] = {}

    async def renewed(
        self, client: AsyncWebClient, team_id: str, ended: bool = False, org: str = ""
    ) -> Mapping[str, Any] | None:
        """What is known of the team's installation (or, without a team, of the organisation's), with a token that goes on; `ended`: Slack says that the one we have does not. None where Nod is not
        installed. Raises what the client raises when there is no other token and Slack cannot be asked."""
        async with self._turns.setdefault((team_id, org), asyncio.Lock()):
            facts = await self._facts(team_id, org)
            if facts is None or not due(ends(facts), float("inf") if ended else EARLY_SECONDS):
                return facts
            try:
                fresh = await self._ask(client, facts)
            except SlackApiError as refused:
                if str(refused.response.get("error")) == USED:
                    return await self._after(team_id, org, facts, ended)
                if ended or due(ends(facts), 0.0):
                    raise
                return facts
            except AWAY:
                if ended or due(ends(facts), 0.0):
                    raise
                return facts
            kept = await self._parts.hop(
                self._parts.storage.installations.renew, team_id, str(facts["refresh_token"]), fresh, org
            )
            return fresh if kept else await self._facts(team_id, org)

    async def _facts(self, team_id: str, org: str) -> Mapping[str, Any] | None:
        if not team_id and not org:
            return None
        found = await self._parts.hop(self._parts.storage.installations.find, team_id, org)
        return found.facts if found is not None else None

    async def _ask(self, client: AsyncWebClient, facts: Mapping[str, Any]) -> dict[str, Any]:
        secret = self._settings.slack_client_secret
        answered = await client.oauth_v2_access(
            client_id=self._settings.slack_client_id or "", client_secret=secret.get_secret_value() if secret else "",
            grant_type="refresh_token", refresh_token=str(facts["refresh_token"]),
        )  # fmt: skip
        end = int(time.time()) + int(answered.get("expires_in") or 0)
        return {
            **facts, "bot_token": answered["access_token"], "refresh_token": answered["refresh_token"], "expires_at": end,
        }  # fmt: skip

    async def _after(self, team_id: str, org: str, before: Mapping[str, Any], ended: bool) -> Mapping[str, Any] | None:
        """Somebody was quicker; or the refresh token is Slack's no more: then the token is good as long as it goes on."""
        newest = await self._facts(team_id, org)
        if newest is None or newest["bot_token"] != before["bot_token"]:
            return newest
        log.warning("Slack does not renew the token of a team", extra={"team": team_id or org})
        return None if ended or due(ends(before), 0.0) else before
