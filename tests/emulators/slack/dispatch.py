"""Carries deliveries to the app: by signed HTTP where it gave addresses, else over its Socket Mode connections."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import json
import time
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

import httpx

from .deliveries import Attempt, Delivery

if TYPE_CHECKING:
    from .sockets import Sockets
    from .world import World


class Dispatcher:
    """Runs beside the server. Every delivery is on its own, so a slow one holds no other up."""

    def __init__(self, world: World, sockets: Sockets, ack_seconds: float, pauses: Sequence[float]) -> None:
        self.world = world
        self.sockets = sockets
        self.ack_seconds = ack_seconds
        self.pauses = pauses
        self.woken = asyncio.Event()
        self._tasks: set[asyncio.Task[None]] = set()

    async def run(self) -> None:
        taken = 0
        limits = httpx.Limits(max_connections=None, max_keepalive_connections=50)
        async with httpx.AsyncClient(trust_env=False, timeout=self.ack_seconds, limits=limits) as client:
            try:
                while True:
                    self.woken.clear()
                    with self.world.lock:
                        fresh = self.world.deliveries[taken:]
                    taken += len(fresh)
                    for delivery in fresh:
                        task = asyncio.create_task(self._deliver(client, delivery))
                        self._tasks.add(task)
                        task.add_done_callback(self._tasks.discard)
                    await self.woken.wait()
            finally:
                for task in list(self._tasks):
                    task.cancel()

    async def _deliver(self, client: httpx.AsyncClient, delivery: Delivery) -> None:
        tries = 1 + (len(self.pauses) if delivery.kind == "events_api" else 0)
        for number in range(tries):
            if number:
                await asyncio.sleep(self.pauses[number - 1])
            before = delivery.attempts[-1].problem if delivery.attempts else ""
            attempt = Attempt(number, time.monotonic())
            with self.world.lock:
                delivery.attempts.append(attempt)
                delivery.state = "sent"
                self.world.notify()
            again = True
            if self.world.addresses is not None:
                taken, answer, again = await self._post(client, delivery, attempt, before)
            else:
                taken, answer = await self.sockets.send(delivery, attempt, before, self.ack_seconds)
            attempt.ended = time.monotonic()
            if taken:
                with self.world.lock:
                    delivery.take(answer)
                return
            if not again:
                break
        with self.world.lock:
            delivery.fail()

    async def _post(
        self, client: httpx.AsyncClient, delivery: Delivery, attempt: Attempt, before: str
    ) -> tuple[bool, Any, bool]:
        """Whether it was taken, what came back, and whether it may be tried again."""
        url, body, kind = self._request(delivery)
        attempt.by = url
        headers = {"Content-Type": kind, **sign(self.world.app.signing_secret, body)}
        if attempt.number:
            headers |= {"X-Slack-Retry-Num": str(attempt.number), "X-Slack-Retry-Reason": before}
        try:
            # One limit for the whole exchange: httpx counts each read anew.
            response = await asyncio.wait_for(client.post(url, content=body, headers=headers), self.ack_seconds)
        except (httpx.TimeoutException, TimeoutError):
            attempt.problem = "http_timeout"
            return False, None, True
        except httpx.HTTPError:
            attempt.problem = "connection_failed"
            return False, None, True
        if not response.is_success:
            attempt.problem = "http_error"
            return False, None, response.headers.get("X-Slack-No-Retry") != "1"
        return True, _answer(response), True

    def _request(self, delivery: Delivery) -> tuple[str, bytes, str]:
        addresses, form = self.world.addresses, "application/x-www-form-urlencoded"
        assert addresses is not None
        if delivery.kind == "events_api":
            return addresses.events, json.dumps(delivery.payload).encode(), "application/json"
        if delivery.kind == "slash_commands":
            return addresses.commands, urlencode(delivery.payload).encode(), form
        url = addresses.options if delivery.payload["type"] == "block_suggestion" else addresses.interactivity
        return url, urlencode({"payload": json.dumps(delivery.payload)}).encode(), form

    async def verify(self, url: str) -> str:
        """The challenge that an address has to give back before events go there; what is wrong, or an empty text."""
        body = {
            "token": self.world.app.verification_token,
            "challenge": "3eZbrw1aBm2rZgRNFdxV",
            "type": "url_verification",
        }
        content = json.dumps(body).encode()
        headers = {"Content-Type": "application/json", **sign(self.world.app.signing_secret, content)}
        async with httpx.AsyncClient(trust_env=False, timeout=30) as client:
            response = await client.post(url, content=content, headers=headers)
        answer = _answer(response)
        given = answer.get("challenge") if isinstance(answer, dict) else answer
        return "" if response.is_success and given == body["challenge"] else f"{response.status_code}: {response.text}"


def sign(secret: str, body: bytes, timestamp: int | None = None) -> dict[str, str]:
    """The two headers by which an app knows that a request is Slack's."""
    at = str(int(time.time()) if timestamp is None else timestamp)
    digest = hmac.new(secret.encode(), b"v0:" + at.encode() + b":" + body, hashlib.sha256).hexdigest()
    return {"X-Slack-Request-Timestamp": at, "X-Slack-Signature": f"v0={digest}"}


def _answer(response: httpx.Response) -> Any:
    if not response.content.strip():
        return None
    try:
        return response.json()
    except ValueError:
        return response.text
