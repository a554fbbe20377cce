"""An ASGI application of the doors, up on a free port of the loopback, in a thread."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import uvicorn

from bots.kit.parts import Parts
from bots.web.app import make_web
from core.kernel.settings import Settings


@contextmanager
def served(app: Any, grace: int = 5) -> Iterator[tuple[str, uvicorn.Server]]:
    """Its address and its server, once it takes calls. `grace`: seconds that calls under way have at the end."""
    server = uvicorn.Server(uvicorn.Config(app, port=0, log_config=None, timeout_graceful_shutdown=grace))
    up = threading.Event()
    startup = server.startup

    async def announced(sockets: Any = None) -> None:
        await startup(sockets)
        up.set()

    server.startup = announced
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    assert up.wait(60) and server.started
    try:
        yield f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}", server
    finally:
        server.should_exit = True
        thread.join(60)
    assert not thread.is_alive()


@contextmanager
def page(parts: Parts, settings: Settings, figures: bytes = b"") -> Iterator[tuple[str, uvicorn.Server]]:
    """The web process's insides: the page, and what Telegram and Slack send by HTTP."""
    web = make_web(parts, settings, lambda: True, lambda: figures)
    with served(web.app) as (url, server):
        try:
            yield url, server
        finally:
            web.streams.stop()
