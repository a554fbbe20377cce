"""News for open pages, as they happen (Server-Sent Events): one Redis subscription a process, fanned out to its streams. A bell only
wakes; what is new is read from the database, also every few seconds without a bell."""

import asyncio
import json
import logging
from collections.abc import AsyncIterator
from contextlib import suppress
from uuid import UUID

from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse, Response, StreamingResponse

from bots.kit.bells import bells
from bots.kit.parts import Parts
from bots.web.flush import Flush
from bots.web.given import uuid_or_none
from bots.web.visitors import Visitor, Visitors
from core.kernel.errors import Failure, Unauthenticated

LOOK_SECONDS = 5.0
BEAT_SECONDS = 10.0
STREAMS_EACH = 20

log = logging.getLogger(__name__)


class Streams:
    """The open pages of this process."""

    def __init__(self, parts: Parts, visitors: Visitors, flush: Flush) -> None:
        self._parts, self._visitors, self._flush = parts, visitors, flush
        self._open: dict[UUID, set[asyncio.Event]] = {}
        self._stopping = False
        self.router = APIRouter(prefix="/chat", include_in_schema=False)
        self.router.add_api_route("/stream", self._stream, methods=["GET"])

    async def listen(self) -> None:
        """Hears bells until it is cancelled."""
        if self._parts.redis_url is not None:
            async for bell in bells(self._parts.redis_url, "web"):
                self.wake(bell.user_id)

    def wake(self, user_id: UUID) -> None:
        """Something of this person's may be new."""
        for woken in self._open.get(user_id, ()):
            woken.set()

    def stop(self) -> None:
        """Ends every stream now; pages come back to the next process."""
        self._stopping = True
        for events in self._open.values():
            for woken in events:
                woken.set()

    async def _stream(self, request: Request) -> Response:
        try:
            visitor = await self._visitors.of(request)
        except Unauthenticated:
            return JSONResponse({"over": True}, 401)
        if len(self._open.get(visitor.actor.user_id, ())) >= STREAMS_EACH:
            return JSONResponse({"busy": True}, 429)
        seen = uuid_or_none(request.headers.get("last-event-id") or request.query_params.get("after"))
        return StreamingResponse(
            self._news(visitor, seen), media_type="text/event-stream", headers={"X-Accel-Buffering": "no"}
        )

    async def _news(self, visitor: Visitor, seen: UUID | None) -> AsyncIterator[str]:
        woken = asyncio.Event()
        self._open.setdefault(visitor.actor.user_id, set()).add(woken)
        sent: dict[str, str] = {}
        beat = asyncio.get_running_loop().time()
        try:
            yield "retry: 1000\nevent: hello\ndata: {}\n\n"
            while not self._stopping:
                woken.clear()
                events = await self._changes(visitor, seen, sent)
                if events:
                    # Whoever was signed out meanwhile is told nothing any more.
                    await self._parts.hop(self._visitors.recognise, visitor.secret)
                for event in events:
                    yield event
                seen = max((UUID(message) for message in sent.values()), default=seen)
                now = asyncio.get_running_loop().time()
                if now - beat >= BEAT_SECONDS:
                    beat = now
                    yield ": beat\n\n"
                    await self._parts.hop(self._visitors.recognise, visitor.secret)
                with suppress(TimeoutError):
                    await asyncio.wait_for(woken.wait(), LOOK_SECONDS)
        except Unauthenticated:
            yield "event: over\ndata: {}\n\n"
        finally:
            events = self._open.get(visitor.actor.user_id, set())
            events.discard(woken)
            if not events:
                self._open.pop(visitor.actor.user_id, None)

    async def _changes(self, visitor: Visitor, seen: UUID | None, sent: dict[str, str]) -> list[str]:
        """The lines that this stream has not sent in their present version. While the database is away: none."""
        try:
            lines = await self._parts.hop(self._flush.lines, visitor.actor, seen)
        except Unauthenticated:
            raise
        except Failure as problem:
            log.warning("no news: %s", problem.code)
            return []
        except Exception:
            log.exception("no news")
            return []
        events = []
        for line in lines:
            if sent.get(line.id) != line.message:
                sent[line.id] = line.message
                events.append(f"event: line\nid: {line.message}\ndata: {json.dumps(line.json())}\n\n")
        return events
