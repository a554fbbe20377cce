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
from bots.kit.outbound import Outbound
from bots.kit.parts import Parts
from bots.mail.sender import CHANNEL, MailSender
from bots.mail.server import mail_server
from bots.web.entering import Entering
from bots.web.flush import Flush
from bots.web.guard import Guard
from bots.web.health import Health
from bots.web.inputs import Inputs
from bots.web.installed import Installed
from bots.web.joining import Joining
from bots.web.page import Page
from bots.web.pages import STATIC
from bots.web.problems import Problems
from bots.web.stream import Streams
from bots.web.visitors import Visitors
from core.kernel.errors import Unauthenticated, Unavailable
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
        # The person of this installation may have left; the page then says how to get in, and how to come back.
        with suppress(Unauthenticated):
            await parts.hop(visitors.make_local_person)
        listening = asyncio.create_task(streams.listen())
        mails = _mails(parts, settings)
        writing = asyncio.create_task(mails.run()) if mails is not None else None
        slack = app.state.slack
        if slack is not None:
            slack.begin()
        forming = asyncio.create_task(slack.run()) if slack is not None else None
        try:
            yield
        finally:
            streams.stop()
            if mails is not None and writing is not None:
                mails.stop()
                await writing
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
    entering = Entering(parts, visitors, settings)
    page = Page(parts, visitors, flush, entering)
    problems = Problems(parts)
    app.add_exception_handler(Unavailable, problems.away)
    app.add_exception_handler(404, problems.nowhere)
    app.add_exception_handler(Exception, problems.broken)
    for part in (page, inputs, streams, health, entering, Joining(parts, visitors), Installed(parts)):
        app.include_router(part.router)
    app.mount("/static", Files(directory=STATIC))
    app.state.slack = _slack(parts, settings)
    if app.state.slack is not None:
        app.state.slack.mount(app)
    _mount_others(app, parts, settings)
    return Web(app, streams)


def _mails(parts: Parts, settings: Settings) -> Outbound | None:
    """What takes mails to people to the mail server, where one is set up. It is this process that people ask for them."""
    server = mail_server(settings)
    return None if server is None else Outbound(parts, CHANNEL, MailSender(parts, server, settings.public_url))


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
