"""The pages on which a person puts an app into their workspace, or does not."""

from __future__ import annotations

import html
import secrets
import time
from typing import TYPE_CHECKING
from urllib.parse import parse_qsl, urlencode

from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response

from .world import Grant

if TYPE_CHECKING:
    from .world import World


class Authorize:
    def __init__(self, world: World) -> None:
        self.world = world

    async def page(self, request: Request) -> Response:
        """What is asked for, with Allow and Cancel; what is wrong with the link, in Slack's words."""
        asked = dict(request.query_params)
        if problem := self._problem(asked):
            return HTMLResponse(_page("Something went wrong", f"<p>{html.escape(problem)}</p>"), status_code=400)
        with self.world.lock:
            people = [one for team in self.world.teams.values() for one in team.people]
        options = "".join(
            f'<option value="{one.id}">{html.escape(one.name)} in {html.escape(one.team.name)}' for one in people
        )
        scopes = "".join(f"<li>{html.escape(one)}" for one in self._scopes(asked))
        form = (
            f"<ul>{scopes}</ul><form method=post><label>You are <select name=person>{options}</select></label> "
            "<button name=decision value=allow>Allow</button> <button name=decision value=deny>Cancel</button></form>"
        )
        return HTMLResponse(_page(f"{self.world.app.name} is requesting permission to access a workspace", form))

    async def decide(self, request: Request) -> Response:
        """Back to the app with a code, or with access_denied."""
        asked = dict(request.query_params)
        if problem := self._problem(asked):
            return HTMLResponse(_page("Something went wrong", f"<p>{html.escape(problem)}</p>"), status_code=400)
        given = dict(parse_qsl((await request.body()).decode()))
        with self.world.lock:
            person = next(
                (one for team in self.world.teams.values() for one in team.people if one.id == given.get("person")),
                None,
            )
            if person is None:
                return HTMLResponse(_page("Something went wrong", "<p>Nobody is signed in.</p>"), status_code=400)
            back = {"state": asked.get("state", "")}
            redirect = asked.get("redirect_uri") or self.world.app.redirect_urls[0]
            if given.get("decision") != "allow":
                back = {"error": "access_denied", **back}
            else:
                code = f"{person.team.number}.{secrets.token_hex(16)}"
                scopes = self._scopes(asked)
                org = person.team.org if given.get("org") else None
                self.world.grants[code] = Grant(person.team, person, scopes, redirect, time.monotonic(), org=org)
                back = {"code": code, **back}
        joint = "&" if "?" in redirect else "?"
        return RedirectResponse(f"{redirect}{joint}{urlencode(back)}", status_code=302)

    @staticmethod
    def _scopes(asked: dict[str, str]) -> list[str]:
        return [one for one in asked.get("scope", "").replace(" ", ",").split(",") if one]

    def _problem(self, asked: dict[str, str]) -> str:
        app = self.world.app
        if asked.get("client_id") != app.client_id:
            return "Invalid client_id parameter"
        if not self._scopes(asked) and not asked.get("user_scope"):
            return "Invalid permissions requested: no scopes"
        if unknown := sorted(set(self._scopes(asked)) - set(app.scopes)):
            return f"Invalid permissions requested: {','.join(unknown)}"
        redirect = asked.get("redirect_uri", "")
        if redirect and app.redirect_urls and not any(redirect.startswith(one) for one in app.redirect_urls):
            return "redirect_uri did not match any configured URIs. Passed URI: " + redirect
        if not redirect and not app.redirect_urls:
            return "no redirect_uri is configured for this app"
        return ""


def _page(title: str, body: str) -> str:
    return f"<!doctype html><meta charset=utf-8><title>{html.escape(title)}</title><h1>{html.escape(title)}</h1>{body}"
