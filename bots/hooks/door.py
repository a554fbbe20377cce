"""`POST /hooks/{trigger_id}`: 202 only once a delivery is durable. An unknown address and a wrong signature answer alike, and as late."""

import asyncio
import logging
import time
from typing import Any
from uuid import UUID

from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse, Response

from bots.hooks.often import Often
from bots.kit.body import body_of
from bots.kit.parts import Parts
from core.kernel.errors import Invalid, NotFound, Unauthenticated, Unavailable
from core.kernel.telemetry import count, span
from core.workflows.hook import Again, Receipt, earlier, receive

log = logging.getLogger(__name__)
CHANNEL = "webhook"
LIMIT = 1024 * 1024
REFUSED_AFTER_SECONDS = 0.03
TRY_AGAIN_SECONDS = 60
KEPT = ("content-type", "webhook-id", "webhook-timestamp", "webhook-signature", "x-hub-signature-256", "x-github-delivery", "x-github-event", "stripe-signature")  # fmt: skip


def make_hooks(parts: Parts, often: Often | None = None) -> APIRouter:
    """The route over the parts of this process."""
    door, router = _Door(parts, often or Often(parts.redis_url)), APIRouter()

    @router.post("/hooks/{trigger_id}", include_in_schema=False)
    async def hook(trigger_id: str, request: Request) -> Response:
        return await door.take(trigger_id, request)

    return router


class _Door:
    def __init__(self, parts: Parts, often: Often) -> None:
        self._parts, self._often = parts, often

    async def take(self, trigger_id: str, request: Request) -> Response:
        """202, 400 for a body that is none, 401 for whoever did not sign or no such trigger, 413, 429, and 503 while it cannot be stored: then the sender comes again."""
        began = time.monotonic()
        body = await body_of(request, LIMIT)
        if body is None:
            return _answer(413, "too_large")
        id = _uuid(trigger_id)
        headers = {name: request.headers[name] for name in KEPT if name in request.headers}
        try:
            with span("webhook.intake"):
                receipt = await self._parts.hop(self._receive, id, headers, body) if id is not None else None
        except Unavailable as away:
            log.warning("a webhook waits at its sender: %s", away.code)
            return _answer(503, "unavailable", retry_after=TRY_AGAIN_SECONDS)
        except Invalid as wrong:
            return _answer(400, "payload_wrong", why=wrong.data.get("why"))
        if receipt is None:
            await asyncio.sleep(max(0.0, began + REFUSED_AFTER_SECONDS - time.monotonic()))
            return _answer(401, "refused")
        if isinstance(receipt, int):
            return _answer(429, "too_often", retry_after=receipt)
        if receipt.refusal is not None:
            return _answer(429, "limit_reached", retry_after=TRY_AGAIN_SECONDS)
        run: dict[str, Any] = {} if receipt.run_id is None else {"run_id": str(receipt.run_id)}
        return _answer(202, "again" if receipt.again else receipt.outcome, **run)

    def _receive(self, trigger_id: UUID, headers: dict[str, str], body: bytes) -> Receipt | int | None:
        """None for whoever is refused; seconds for whoever comes too often."""
        known = self._parts.storage.directory.by_trigger(trigger_id)
        if known is None:
            return None
        # Asked before the transaction, which shall not wait for Redis; told only to who signed, and only theirs count.
        wait = self._often.wait(trigger_id)
        try:
            with self._parts.storage.work(known.workspace_id, known.user_id) as work:
                receipt = receive(work, trigger_id, headers, body)
                if wait:
                    return wait
                work.commit()
        except (Unauthenticated, NotFound):
            return None
        except Again as taken:
            with self._parts.storage.work(known.workspace_id, known.user_id) as work:
                return earlier(work, trigger_id, taken.key)
        self._often.called(trigger_id)
        return receipt


def _uuid(text: str) -> UUID | None:
    try:
        return UUID(text)
    except ValueError:
        return None


def _answer(status: int, outcome: str, retry_after: int | None = None, **more: Any) -> Response:
    count("inbound_events", channel=CHANNEL, outcome="stored" if status == 202 else "refused")
    headers = {} if retry_after is None else {"Retry-After": str(retry_after)}
    return JSONResponse({"outcome": outcome, **more}, status, headers)
