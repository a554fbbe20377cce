"""Socket Mode: connections that the app opened, and the envelopes that are shared out among them."""

from __future__ import annotations

import asyncio
import itertools
import json
import uuid
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs

from starlette.websockets import WebSocket, WebSocketDisconnect, WebSocketState

if TYPE_CHECKING:
    from .deliveries import Attempt, Delivery
    from .world import World

CONNECTION_LIMIT = 10


class Connection:
    """One WebSocket. `leaving` is set once it was told to go, so nothing more is sent over it."""

    def __init__(self, socket: WebSocket, number: int) -> None:
        self.socket = socket
        self.number = number
        self.leaving = False
        self.sent = 0
        self.gone = asyncio.Event()
        self.acks: dict[str, asyncio.Future[dict[str, Any]]] = {}


class Sockets:
    """Lives in the server's event loop."""

    def __init__(self, world: World) -> None:
        self.world = world
        self._numbers = itertools.count(1)
        self._turn = itertools.count()

    async def link(self, socket: WebSocket) -> None:
        """A client arrives with a ticket of apps.connections.open, which is good for one connection."""
        ticket = parse_qs(socket.url.query).get("ticket", [""])[0]
        with self.world.lock:
            known = ticket in self.world.tickets
            self.world.tickets.discard(ticket)
            room = len(self.world.connections) < CONNECTION_LIMIT
        if not known or not room:
            await socket.close(1008)
            return
        await socket.accept()
        connection = Connection(socket, next(self._numbers))
        debug = {"host": "applink-emulated", "build_number": 1, "approximate_connection_time": 18060}
        hello = {
            "type": "hello", "num_connections": len(self.world.connections) + 1, "debug_info": debug,
            "connection_info": {"app_id": self.world.app.id},
        }  # fmt: skip
        await socket.send_text(json.dumps(hello))
        with self.world.lock:
            self.world.connections.append(connection)
            self.world.notify()
        try:
            await self._read(connection)
        finally:
            with self.world.lock:
                self.world.connections.remove(connection)
                self.world.notify()
            connection.gone.set()
            for waiting in connection.acks.values():
                if not waiting.done():
                    waiting.set_exception(ConnectionError())

    @staticmethod
    async def _read(connection: Connection) -> None:
        while True:
            try:
                message = json.loads(await connection.socket.receive_text())
            except (WebSocketDisconnect, RuntimeError):
                return
            except ValueError:
                continue
            waiting = connection.acks.get(str(message.get("envelope_id")))
            if waiting is not None and not waiting.done():
                waiting.set_result(message)

    async def send(self, delivery: Delivery, attempt: Attempt, before: str, seconds: float) -> tuple[bool, Any]:
        """Whether an envelope was acknowledged within `seconds`, and the payload that came with it."""
        with self.world.lock:
            ready = [one for one in self.world.connections if not one.leaving]
        if not ready:
            attempt.problem = "connection_failed"
            return False, None
        connection = ready[next(self._turn) % len(ready)]
        attempt.by = f"connection {connection.number}"
        id = str(uuid.uuid4())
        envelope: dict[str, Any] = {
            "envelope_id": id, "type": delivery.kind, "payload": delivery.payload,
            "accepts_response_payload": delivery.accepts_response,
        }  # fmt: skip
        if delivery.kind == "events_api":
            envelope |= {"retry_attempt": attempt.number, "retry_reason": before}
        waiting = connection.acks[id] = asyncio.get_running_loop().create_future()
        try:
            connection.sent += 1
            await connection.socket.send_text(json.dumps(envelope))
            message = await asyncio.wait_for(waiting, seconds)
        except TimeoutError:
            attempt.problem = "timeout"
            return False, None
        except (ConnectionError, RuntimeError, WebSocketDisconnect):
            attempt.problem = "connection_closed"
            return False, None
        finally:
            connection.acks.pop(id, None)
        return True, message.get("payload") if delivery.accepts_response else None

    async def refresh(self, reason: str, grace: float) -> None:
        """Ask every client to come by a new connection; the old ones end when it has, or after `grace` seconds."""
        with self.world.lock:
            old = list(self.world.connections)
            for connection in old:
                connection.leaving = True
        told = {"type": "disconnect", "reason": reason, "debug_info": {"host": "applink-emulated"}}
        for connection in old:
            await self._send(connection, told)
        if old:
            left = [asyncio.create_task(connection.gone.wait()) for connection in old]
            _, late = await asyncio.wait(left, timeout=grace)
            for task in late:
                task.cancel()
        for connection in old:
            await self.close(connection)

    @staticmethod
    async def _send(connection: Connection, message: dict[str, Any]) -> None:
        try:
            await connection.socket.send_text(json.dumps(message))
        except (RuntimeError, WebSocketDisconnect):
            return

    @staticmethod
    async def close(connection: Connection) -> None:
        if connection.socket.application_state is WebSocketState.CONNECTED:
            try:
                await connection.socket.close()
            except (RuntimeError, WebSocketDisconnect):
                return
