"""Slack's own calls of the web process: signed requests, and the installation of Nod by a team. Whoever cannot prove to be Slack is refused before anything
is read of what they say."""

import hashlib
import hmac
import logging
import time
from typing import Any

from fastapi import FastAPI, Request
from fastapi.responses import PlainTextResponse, Response
from slack_bolt.adapter.starlette.async_handler import to_async_bolt_request, to_starlette_response

from bots.kit.body import body_of
from bots.kit.parts import Parts
from bots.slack import ways
from bots.slack.listening import Listening
from core.kernel.settings import Settings
from core.kernel.telemetry import count

log = logging.getLogger(__name__)
PATH, INSTALL, CALLBACK = "/slack/events", "/slack/install", "/slack/oauth_redirect"
LIMIT = 512 * 1024
AGE_SECONDS = 300
"""How old a signed request may be (docs.slack.dev/authentication/verifying-requests-from-slack)."""
DEEPEST = 60


class SlackHttp:
    """The addresses, and what runs beside them: `begin` in the loop that serves, then `run` until `stop`."""

    def __init__(self, parts: Parts, settings: Settings) -> None:
        self._parts, self._settings = parts, settings

    def begin(self) -> None:
        """Makes what belongs to the loop. The configured bot's own team is learned with the first request that needs it."""
        self._listening = Listening(self._parts, self._settings)
        self._flow = None
        if ways.installable(self._settings):
            from bots.slack.installing import flow_of

            self._flow = flow_of(self._parts, self._settings, self._listening.teams)

    async def run(self) -> None:
        """Handles forms that were sent in."""
        try:
            await self._listening.forms.run()
        finally:
            await self._listening.teams.close()

    def stop(self) -> None:
        """Ends `run`."""
        self._listening.forms.stop()

    def mount(self, app: FastAPI) -> None:
        """Adds the addresses."""
        app.post(PATH, include_in_schema=False)(self.take)
        if ways.installable(self._settings):
            app.get(INSTALL, include_in_schema=False)(self.install)
            app.get(CALLBACK, include_in_schema=False)(self.installed)

    async def take(self, request: Request) -> Response:
        """401 for what Slack did not sign just now, 413 and 400 for what is no request of Slack's; what could not be kept gets a 5xx, and Slack comes again."""
        body = await body_of(request, LIMIT)
        if body is None:
            return _no(413)
        secret = self._settings.slack_signing_secret
        if secret is None or not signed(secret.get_secret_value(), request.headers, body, time.time()):
            count("inbound_events", channel="slack", outcome="refused")
            return _no(401)
        try:
            body.decode("utf-8")
            if _deep(body):
                return _no(400)
            answered = await self._listening.intake.bolt.async_dispatch(to_async_bolt_request(request, body))
        except (ValueError, RecursionError):
            count("inbound_events", channel="slack", outcome="malformed")
            return _no(400)
        return to_starlette_response(answered)

    async def install(self, request: Request) -> Response:
        """Sends a browser to Slack, which asks whether Nod may come in."""
        assert self._flow is not None
        return to_starlette_response(await self._flow.handle_installation(to_async_bolt_request(request, b"")))

    async def installed(self, request: Request) -> Response:
        """Slack sends the browser back with what it may."""
        assert self._flow is not None
        return to_starlette_response(await self._flow.handle_callback(to_async_bolt_request(request, b"")))


def signed(secret: str, headers: Any, body: bytes, now: float) -> bool:
    """Whether Slack signed it, lately. The library's own check raises on what is no number, and on letters beyond ASCII."""
    told, given = headers.get("x-slack-request-timestamp", ""), headers.get("x-slack-signature", "")
    if not (told.isascii() and told.isdigit() and len(told) <= 12) or abs(now - int(told)) > AGE_SECONDS:
        return False
    proof = "v0=" + hmac.new(secret.encode(), b"v0:" + told.encode() + b":" + body, hashlib.sha256).hexdigest()
    return hmac.compare_digest(proof.encode(), given.encode("utf-8", "replace"))


def _deep(body: bytes) -> bool:
    """Whether it nests deeper than anything of Slack's: what parses it stands on the stack."""
    depth = most = 0
    for letter in body:
        depth += (letter in b"[{") - (letter in b"]}")
        most = max(most, depth)
    return most > DEEPEST


def _no(status: int) -> Response:
    return PlainTextResponse("no\n", status)
