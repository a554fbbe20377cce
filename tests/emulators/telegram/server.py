"""The HTTP side: one address per method, one per file, and the troubles that were ordered on the way."""

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
from starlette.responses import Response
from starlette.routing import Route
from uvicorn import Config
from uvicorn.protocols.http.h11_impl import H11Protocol
from uvicorn.server import ServerState

from .methods import METHODS, Answer
from .parameters import Parameters
from .polling import LongPoll
from .refusals import Refused
from .world import Call, World

_LIMITED = {"sendmessage", "senddocument", "sendphoto"}


class DroppableConnection(H11Protocol):
    """Lets a handler cut the connection that its request came by."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        self.app_state = {**self.app_state, "transport": transport}
        super().connection_made(transport)


class Server:
    def __init__(self, world: World) -> None:
        self.world = world
        self.poll = LongPoll(world)
        self._closing = asyncio.Event()
        self.app = Starlette(
            routes=[
                Route("/bot{token}/{method}", self.call, methods=["GET", "POST"]),
                Route("/file/bot{token}/{path:path}", self.download),
                Route("/{anything:path}", self.nothing, methods=["GET", "POST", "PUT", "DELETE"]),
            ]
        )

    async def call(self, request: Request) -> Response:
        name, began = request.path_params["method"], time.monotonic()
        method = name.lower()
        params = Parameters({}, {})
        with self.world.lock:
            troubles = self.world.faults.for_call(method)
        try:
            if request.path_params["token"] != self.world.token:
                raise Refused(401, "Unauthorized")
            if method not in METHODS and method != "getupdates":
                raise Refused(404, "Not Found")
            params = await Parameters.of(request)
            await self._pause(sum(trouble.before for trouble in troubles))
            for trouble in troubles:
                if trouble.refusal is not None:
                    raise trouble.refusal
            body, status = await self._carry_out(method, params), 200
        except Refused as refusal:
            body, status = refusal.as_json(), refusal.status
        await self._pause(sum(trouble.after for trouble in troubles))
        lost = any(trouble.drop for trouble in troubles)
        files = {field: upload.name for field, upload in params.uploads.items()}
        with self.world.lock:
            ended = time.monotonic()
            self.world.calls.append(Call(name, params.values, files, status, body, began, ended, lost))
            self.world.notify()
        if lost:
            await self._hang_up(request)
        return _json(status, body)

    async def _carry_out(self, method: str, params: Parameters) -> dict[str, Any]:
        if method == "getupdates":
            return {"ok": True, "result": await self.poll.get_updates(params)}
        with self.world.lock:
            if method in _LIMITED:
                self.world.faults.check_limits(params.number("chat_id"))
            result = METHODS[method](self.world, params)
        if isinstance(result, Answer):
            return {"ok": True, "result": result.result, "description": result.description}
        return {"ok": True, "result": result}

    async def download(self, request: Request) -> Response:
        if request.path_params["token"] != self.world.token:
            return _json(401, Refused(401, "Unauthorized").as_json())
        file = self.world.files.by_path(request.path_params["path"])
        if file is None:
            return _json(404, Refused(404, "Not Found").as_json())
        return Response(file.content, media_type="application/octet-stream")

    async def nothing(self, request: Request) -> Response:
        return _json(404, Refused(404, "Not Found").as_json())

    @asynccontextmanager
    async def listening(self, listener: socket.socket) -> AsyncIterator[None]:
        """Serve on a bound socket; at the end let go of every call that waits, then close the connections."""
        config = Config(self.app, http=DroppableConnection, ws="none", log_config=None, access_log=False)
        config.load()
        state = ServerState()
        loop = asyncio.get_running_loop()
        server = await loop.create_server(lambda: DroppableConnection(config, state, {}), sock=listener)
        try:
            yield
        finally:
            server.close()
            self.poll.close()
            self._closing.set()
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


def _json(status: int, body: dict[str, Any]) -> Response:
    headers = {}
    retry_after = body.get("parameters", {}).get("retry_after")
    if retry_after:
        headers["Retry-After"] = str(retry_after)
    content = json.dumps(body, ensure_ascii=True).encode()
    return Response(content, status_code=status, headers=headers, media_type="application/json")
