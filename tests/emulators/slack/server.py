"""The HTTP and WebSocket side: the Web API, Socket Mode, OAuth, response addresses, files, and the pages to look at."""

from __future__ import annotations

import asyncio
import json
import socket
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import HTMLResponse, PlainTextResponse, Response
from starlette.routing import Route, WebSocketRoute
from uvicorn import Config
from uvicorn.protocols.http.h11_impl import H11Protocol
from uvicorn.server import ServerState

from .methods import METHODS, Caller, authing
from .oauth import Authorize
from .page import draw
from .parameters import Parameters
from .refusals import Refused
from .sockets import Sockets
from .world import Call, World


class DroppableConnection(H11Protocol):
    """Lets a handler cut the connection that its request came by."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        self.app_state = {**self.app_state, "transport": transport}
        super().connection_made(transport)


class Server:
    def __init__(self, world: World) -> None:
        self.world = world
        self.sockets = Sockets(world)
        self._closing = asyncio.Event()
        authorize = Authorize(world)
        self.app = Starlette(
            routes=[
                Route("/api/{method}", self.call, methods=["GET", "POST"]),
                WebSocketRoute("/link/", self.sockets.link),
                Route("/oauth/v2/authorize", authorize.page, methods=["GET"]),
                Route("/oauth/v2/authorize", authorize.decide, methods=["POST"]),
                Route("/actions/{key:path}", self.respond, methods=["POST"]),
                Route("/upload/v1/{file}", self.upload, methods=["POST", "PUT"]),
                Route("/files-pri/{place}/{rest:path}", self.download),
                Route("/page/{person}/{what}", self.page),
                Route("/{anything:path}", self.nothing, methods=["GET", "POST", "PUT", "DELETE"]),
            ]
        )

    async def call(self, request: Request) -> Response:
        method, began = request.path_params["method"], time.monotonic()
        params, team, scopes = Parameters({}), "", ""
        with self.world.lock:
            troubles = self.world.faults.for_call(method)
        retry_after: int | None = None
        try:
            params = await Parameters.of(request)
            await self._pause(sum(trouble.before for trouble in troubles))
            for trouble in troubles:
                if trouble.refusal is not None:
                    raise trouble.refusal
            with self.world.lock:
                caller = self._caller(request, params, method)
                if caller is not None:
                    team, scopes = caller.team.id, ",".join(caller.installation.scopes)
                self.world.faults.check_limits(method, team, params.text("channel"))
                result = self._carry_out(method, caller, request, params)
            body, status = {"ok": True, **result}, 200
        except Refused as refusal:
            body, status, retry_after = refusal.as_json(), refusal.status, refusal.retry_after
        await self._pause(sum(trouble.after for trouble in troubles))
        lost = any(trouble.drop for trouble in troubles)
        with self.world.lock:
            seen = {name: value for name, value in params.values.items() if name not in ("token", "client_secret")}
            ended = time.monotonic()
            self.world.calls.append(Call(method, seen, team, status, body, began, ended, lost))
            self.world.notify()
        if lost:
            await self._hang_up(request)
        headers = {"Retry-After": str(retry_after)} if retry_after else {}
        if scopes:
            headers["X-OAuth-Scopes"] = scopes
        return _json(status, body, headers)

    def _carry_out(self, method: str, caller: Caller | None, request: Request, params: Parameters) -> dict[str, Any]:
        if method == "api.test":
            return {"args": params.values}
        if method == "oauth.v2.access":
            return authing.oauth_v2_access(self.world, params, request.headers.get("authorization", ""))
        if method == "apps.connections.open":
            return authing.apps_connections_open(self.world)
        assert caller is not None
        return METHODS[method](caller)

    def _caller(self, request: Request, params: Parameters, method: str) -> Caller | None:
        """Who calls: the app in a workspace, or nobody where no token is asked for."""
        if method in ("oauth.v2.access", "api.test"):
            return None
        if method not in METHODS and method != "apps.connections.open":
            raise Refused("unknown_method", req_method=method)
        token = _token(request) or params.text("token")
        if not token:
            raise Refused("not_authed")
        if method == "apps.connections.open":
            if token == self.world.app.app_token:
                return None
            raise Refused("not_allowed_token_type" if token in self.world.installations else "invalid_auth")
        if token == self.world.app.app_token:
            raise Refused("not_allowed_token_type")
        installation = self.world.installations.get(token)
        if installation is None:
            raise Refused("invalid_auth")
        if installation.state != "active":
            raise Refused("account_inactive")
        if token in installation.ended:
            raise Refused("token_expired")
        if installation.org is not None:
            installation = installation.org.asked(method, params)
        return Caller(self.world, installation, params)

    async def respond(self, request: Request) -> Response:
        """A response_url: its last words are its key."""
        try:
            body = json.loads(await request.body() or b"{}")
            with self.world.lock:
                url = self.world.response_urls.get(request.path_params["key"])
                if url is None:
                    raise Refused("expired_url", status=404)
                if url.person.team.installation is None:
                    raise Refused("app_missing_action_url", status=404)
                url.use(body)
                self.world.notify()
        except ValueError:
            return PlainTextResponse("invalid_payload", status_code=400)
        except Refused as refusal:
            return _json(refusal.status, refusal.as_json(), {})
        return PlainTextResponse("ok")

    async def upload(self, request: Request) -> Response:
        """The bytes of a promised file, as they are or as the only file of a form."""
        upload = self.world.files.uploads.get(request.path_params["file"])
        if upload is None or upload.done:
            return PlainTextResponse("not found", status_code=404)
        content = await request.body()
        if request.headers.get("content-type", "").startswith("multipart/form-data"):
            async with request.form(max_part_size=60 * 1024 * 1024) as form:
                parts = [one for one in form.values() if not isinstance(one, str)]
                content = await parts[0].read() if parts else b""
        if len(content) != upload.length:
            return PlainTextResponse("length mismatch", status_code=400)
        upload.content = content
        return PlainTextResponse(f"OK - {len(content)}")

    async def download(self, request: Request) -> Response:
        """A file, for an app of its workspace with files:read; anybody else lands on the sign-in page."""
        file = self.world.files.kept.get(request.path_params["place"])
        if file is None:
            return _json(404, {"ok": False, "error": "file_not_found"}, {})
        installation = self.world.installations.get(_token(request))
        ours = installation is not None and request.path_params["place"].partition("-")[0] in installation.reaches
        if not ours or installation.state != "active" or "files:read" not in installation.scopes:
            return HTMLResponse("<!doctype html><title>Sign in</title><h1>Sign in to Slack</h1>")
        return Response(file.content, media_type=file.mime)

    async def page(self, request: Request) -> Response:
        with self.world.lock:
            people = [one for team in self.world.teams.values() for one in team.people]
            person = next((one for one in people if one.id == request.path_params["person"]), None)
            if person is None:
                return await self.nothing(request)
            theme = request.query_params.get("theme", "")
            return HTMLResponse(draw(person, request.path_params["what"], theme))

    async def nothing(self, request: Request) -> Response:
        return PlainTextResponse("not found", status_code=404)

    @asynccontextmanager
    async def listening(self, listener: socket.socket) -> AsyncIterator[None]:
        """Serve on a bound socket; at the end let go of every call that waits, then close the connections."""
        config = Config(
            self.app, http=DroppableConnection, ws="websockets-sansio", log_config=None, access_log=False,
            ws_ping_interval=10.0, lifespan="off",
        )  # fmt: skip
        config.load()
        state = ServerState()
        loop = asyncio.get_running_loop()
        server = await loop.create_server(lambda: DroppableConnection(config, state, {}), sock=listener)
        try:
            yield
        finally:
            server.close()
            self._closing.set()
            for connection in list(self.world.connections):
                await self.sockets.close(connection)
            if state.tasks:
                await asyncio.wait(state.tasks, timeout=2)
            for connection in list(state.connections):
                connection.shutdown()

    async def _pause(self, seconds: float) -> None:
        if seconds:
            try:
                await asyncio.wait_for(self._closing.wait(), seconds)
            except TimeoutError:
                return

    @staticmethod
    async def _hang_up(request: Request) -> None:
        request.scope["state"]["transport"].abort()
        await asyncio.sleep(0.01)


def _token(request: Request) -> str:
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    return token.strip() if scheme.lower() == "bearer" else ""


def _json(status: int, body: dict[str, Any], headers: dict[str, str]) -> Response:
    content = json.dumps(body, ensure_ascii=True).encode()
    return Response(content, status_code=status, headers=headers, media_type="application/json; charset=utf-8")
