"""Tokens: what one is worth, how it ends, and how an app comes by it."""

from __future__ import annotations

import base64
import secrets
import time
from typing import Any

from tests.emulators.slack.parameters import Parameters
from tests.emulators.slack.refusals import Refused, missing_argument
from tests.emulators.slack.world import World

from .method import Caller, Method, page

CODE_SECONDS = 600
TOKEN_SECONDS = 43_200


def auth_test(caller: Caller) -> dict[str, Any]:
    team, bot, org = caller.team, caller.installation.bot, caller.installation.org
    if org is not None:
        return {
            "url": f"https://{org.name.lower()}.enterprise.slack.com/", "team": org.name, "user": bot.name, "team_id": org.id,
            "user_id": bot.id, "bot_id": bot.bot_id, "enterprise_id": org.id, "is_enterprise_install": True,
        }  # fmt: skip
    return {
        "url": f"https://{team.domain}.slack.com/", "team": team.name, "user": bot.name, "team_id": team.id,
        "user_id": bot.id, "bot_id": bot.bot_id, "is_enterprise_install": False,
    }  # fmt: skip


def auth_teams_list(caller: Caller) -> dict[str, Any]:
    org = caller.installation.org
    there = [{"id": one.id, "name": one.name} for one in (org.granted if org is not None else [caller.team])]
    teams, metadata = page(caller, there)
    return {"teams": teams, "response_metadata": metadata}


def auth_revoke(caller: Caller) -> dict[str, Any]:
    if caller.params.flag("test"):
        return {"revoked": False}
    caller.team.end_installation("revoked")
    return {"revoked": True}


def apps_uninstall(caller: Caller) -> dict[str, Any]:
    if caller.params.required("client_id") != caller.world.app.client_id:
        raise Refused("invalid_client_id")
    if caller.params.required("client_secret") != caller.world.app.client_secret:
        raise Refused("bad_client_secret")
    caller.team.end_installation("uninstalled")
    return {}


def apps_connections_open(world: World) -> dict[str, Any]:
    """For the app-level token alone: an address good for one connection."""
    ticket = secrets.token_hex(16)
    world.tickets.add(ticket)
    address = world.url.replace("http://", "ws://")
    return {"url": f"{address}/link/?ticket={ticket}&app_id={world.app.id}"}


def oauth_v2_access(world: World, params: Parameters, authorization: str) -> dict[str, Any]:
    """A code for a token; client id and secret by HTTP Basic or as arguments."""
    id, secret = params.text("client_id"), params.text("client_secret")
    if authorization.startswith("Basic "):
        id, _, secret = base64.b64decode(authorization[6:]).decode().partition(":")
    if id != world.app.client_id:
        raise Refused("invalid_client_id")
    if secret != world.app.client_secret:
        raise Refused("bad_client_secret")
    if world.app.rotation and params.text("grant_type") == "refresh_token":
        return _renewed(world, params.required("refresh_token"))
    if params.text("grant_type", "authorization_code") != "authorization_code":
        raise Refused("invalid_grant_type")
    if not params.text("code"):
        raise missing_argument("code")
    grant = world.grants.get(params.text("code"))
    if grant is None or grant.used or time.monotonic() - grant.made_at > CODE_SECONDS:
        raise Refused("invalid_code")
    if params.text("redirect_uri", grant.redirect_uri) != grant.redirect_uri:
        raise Refused("bad_redirect_uri")
    grant.used = True
    if grant.org is not None:
        whole = grant.org.install(grant.person, grant.scopes)
        return {
            "app_id": world.app.id, "authed_user": {"id": grant.person.id}, "scope": ",".join(whole.scopes),
            "token_type": "bot", "access_token": whole.bot_token, "bot_user_id": whole.bot_user_id, "team": None,
            "enterprise": grant.org.as_json(), "is_enterprise_install": True,
        }  # fmt: skip
    installation = grant.team.install(grant.person, grant.scopes)
    lasting = {"refresh_token": installation.refresh_token, "expires_in": TOKEN_SECONDS} if world.app.rotation else {}
    return lasting | {
        "app_id": world.app.id, "authed_user": {"id": grant.person.id}, "scope": ",".join(installation.scopes),
        "token_type": "bot", "access_token": installation.bot_token, "bot_user_id": installation.bot_user_id,
        "team": {"id": grant.team.id, "name": grant.team.name}, "enterprise": None, "is_enterprise_install": False,
    }  # fmt: skip


def _renewed(world: World, refresh_token: str) -> dict[str, Any]:
    """A refresh token is good once."""
    for team in world.teams.values():
        if team.installation is not None and team.installation.refresh_token == refresh_token:
            renewed = team.renew()
            return {
                "app_id": world.app.id, "scope": ",".join(renewed.scopes), "token_type": "bot",
                "access_token": renewed.bot_token, "refresh_token": renewed.refresh_token, "expires_in": TOKEN_SECONDS,
                "bot_user_id": renewed.bot_user_id, "team": {"id": team.id, "name": team.name},
                "enterprise": None, "is_enterprise_install": False,
            }  # fmt: skip
    raise Refused("invalid_refresh_token")


METHODS: dict[str, Method] = {
    "auth.test": auth_test,
    "auth.teams.list": auth_teams_list,
    "auth.revoke": auth_revoke,
    "apps.uninstall": apps_uninstall,
}
