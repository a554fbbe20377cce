"""The web process on a measured database, and a browser that is signed in there."""

import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http import HTTPStatus

import httpx
import psutil

from bench.world import World

TOKEN = "only-for-the-benchmark"
START_SECONDS = 30


@contextmanager
def serving(world: World) -> Iterator[tuple[str, psutil.Process]]:
    """Starts `nod web`; its address. Raises RuntimeError when it is not ready in time."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    base = f"http://127.0.0.1:{port}"
    started = world.processes.start("bots", "web", announces=False, NOD_PORT=str(port), NOD_SIGN_IN_TOKEN=TOKEN)
    with httpx.Client(base_url=base, timeout=60) as client:
        _wait(client)
    yield base, started


@contextmanager
def browser(world: World) -> Iterator[httpx.Client]:
    """Starts `nod web` and signs in as the local person. Raises RuntimeError when it is not ready in time."""
    with serving(world) as (base, _):
        asks = {"Origin": base, "Accept": "application/json"}
        with httpx.Client(base_url=base, headers=asks, timeout=60) as client:
            client.get("/", params={"token": TOKEN})
            yield client


def _wait(client: httpx.Client) -> None:
    until = time.monotonic() + START_SECONDS
    while True:
        try:
            if client.get("/readyz").status_code == HTTPStatus.OK:
                return
        except httpx.TransportError:
            pass
        if time.monotonic() > until:
            raise RuntimeError("the web process is not ready")
        time.sleep(0.1)
