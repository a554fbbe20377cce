"""The web process: the chat page, its live stream, REST, the webhooks of other surfaces, and health."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from typing import Any

from fastapi import FastAPI, Request
from starlette.middleware import Middleware
from starlette.staticfiles import StaticFiles
from starlette.types import Scope

from bots.kit.dispatch import Dispatch
from bots.kit.parts import Parts
from bots.web.flush import Flush
from bots.web.guard import Guard
from bots.web.health import Health
from bots.web.inputs import Inputs
from bots.web.page import STATIC, Page
from bots.web.stream import Streams
from bots.web.visitors import Visitors
from core.kernel.errors import Unavailable
from core.kernel.settings import Settings


@dataclass(frozen=True)
class Web:
    """The application, and what ends its open streams."""

    app: FastAPI
    streams: Streams


class Files(StaticFiles):
    """Our own files, kept by browsers for an hour; their addresses change with their content."""

    async def get_response(self, path: str, scope: Scope) -> Any:
        """As StaticFiles does, but allowed to be kept."""
        response = await super().get_response(path, scope)
        response.headers["Cache-Control"] = "max-age=3600"
        return response


def make_web(
    parts: Parts,
    settings: Settings,
    schema_is_current: Callable[[], bool] = lambda: True,
    metrics: Callable[[], bytes] = lambda: b"",
) -> Web:
    """The application over the parts of this process."""
    visitors, flush = Visitors(parts, settings), Flush(parts)
    streams = Streams(parts, visitors, flush)

    @asynccontextmanager
    async def life(app: FastAPI) -> AsyncIterator[None]:
        await parts.hop(visitors.make_local_person)
        listening = asyncio.create_task(streams.listen())
        slack = app.state.slack
        if slack is not None:
            slack.begin()
        forming = asyncio.create_task(slack.run()) if slack is not None else None
        try:
            yield
        finally:
            streams.stop()
            if slack is not None and forming is not None:
                slack.stop()
                await forming
            listening.cancel()
            with suppress(asyncio.CancelledError):
                await listening

    app = FastAPI(
        openapi_url=None, docs_url=None, redoc_url=None, lifespan=life,
        middleware=[Middleware(Guard, settings=settings)],
    )  # fmt: skip
    health = Health(parts.hop, parts.redis_url, schema_is_current, metrics)
    inputs = Inputs(parts, visitors, Dispatch(parts), flush)
    page = Page(parts, visitors, flush)
    app.add_exception_handler(Unavailable, page.away)
    for part in (page, inputs, streams, health):
        app.include_router(part.router)
    app.mount("/static", Files(directory=STATIC))
    app.state.slack = _slack(parts, settings)
    if app.state.slack is not None:
        app.state.slack.mount(app)
    _mount_others(app, parts, settings)
    return Web(app, streams)


def _slack(parts: Parts, settings: Settings) -> Any:
    """Slack's own calls, where that is how they come."""
    if settings.slack_signing_secret is None:
        return None
    from bots.slack import ways
    from bots.slack.http import SlackHttp

    return SlackHttp(parts, settings) if ways.by_http(settings) else None


def _mount_others(app: FastAPI, parts: Parts, settings: Settings) -> None:
    """REST, the addresses of webhooks, and the webhook of Telegram where that is how updates come."""
    from bots.api import make_api
    from bots.hooks import make_hooks

    app.mount("/api", make_api(parts))
    app.include_router(make_hooks(parts))
    if settings.telegram_token is None:
        return
    from bots.telegram import webhook

    if webhook.wanted(settings):

        @app.post(webhook.PATH, include_in_schema=False)
        async def telegram_webhook(request: Request) -> Any:
            return await webhook.take(parts, settings, request)
