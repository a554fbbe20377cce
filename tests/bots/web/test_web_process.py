"""The process: says when it is ready, ends at once when asked, also with pages open, and writes no secret anywhere."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient

from bots import wiring
from bots.kit.hop import Hop
from bots.web.health import Health
from core.kernel.settings import Settings
from tests.databases import MASTER_KEY, fresh_database, make_settings
from tests.servers import ROOT

__all__ = ["fresh_database"]

TOKEN = "a-token-that-nobody-may-read"


@pytest.fixture
def process(settings: Settings, tmp_path: Path) -> Iterator[tuple[subprocess.Popen[bytes], str, Path]]:
    """`python -m bots web` on a free port: the process, its address, and where it writes."""
    reading, writing = os.pipe()
    port = _free_port()
    assert settings.database_url is not None
    assert settings.redis_url is not None
    environment = {
        **os.environ,
        "NOD_DATABASE_URL": settings.database_url.get_secret_value(), "NOD_REDIS_URL": settings.redis_url.get_secret_value(),
        "NOD_DATA_DIR": str(settings.data_dir), "NOD_MASTER_KEY": MASTER_KEY, "NOD_PORT": str(port),
        "NOD_SIGN_IN_TOKEN": TOKEN, "NOD_READY_FD": str(writing), "NOD_LOG_LEVEL": "debug",
    }  # fmt: skip
    output = tmp_path / "output"
    with output.open("wb") as out:
        started = subprocess.Popen(
            [sys.executable, "-m", "bots", "web"], cwd=ROOT, env=environment, stdout=out, stderr=subprocess.STDOUT,
            pass_fds=(writing,),
        )  # fmt: skip
    os.close(writing)
    with os.fdopen(reading) as announced:
        assert announced.readline() == "ready\n", output.read_text()
    yield started, f"http://127.0.0.1:{port}", output
    if started.poll() is None:
        started.kill()
    started.wait()


def _free_port() -> int:
    import socket

    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def test_it_is_ready_ends_at_once_and_keeps_its_secrets(process: tuple[subprocess.Popen[bytes], str, Path]) -> None:
    started, url, output = process
    with httpx.Client(base_url=url, headers={"Origin": url}, timeout=60) as client:
        assert client.get("/readyz").json()["ready"] is True
        assert client.get("/", params={"token": TOKEN}).status_code == 303
        secret = next(iter(client.cookies.values()))
        assert client.post("/chat/say", data={"text": "a private word"}).status_code == 303
        assert "a private word" in client.get("/").text
        with client.stream("GET", "/chat/stream") as stream:
            lines = stream.iter_lines()
            assert next(lines) == "retry: 1000"
            started.send_signal(signal.SIGTERM)
            assert started.wait(timeout=60) == 0
    written = output.read_text()
    for private in (TOKEN, secret, "a private word"):
        assert private not in written


def test_a_door_that_is_not_there_is_told() -> None:
    asked = subprocess.run(
        [sys.executable, "-m", "bots", "window"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert asked.returncode == 2
    assert "python -m bots web" in asked.stderr


def test_without_its_servers_it_lives_but_is_not_ready(fresh_database: str, tmp_path: Path) -> None:
    health = Health(
        Hop(1), "redis://127.0.0.1:1/0", wiring.schema_is_current(make_settings(fresh_database, tmp_path)), bytes
    )
    app = FastAPI()
    app.include_router(health.router)
    client = TestClient(app)
    assert client.get("/healthz").status_code == 200
    ready = client.get("/readyz")
    assert (ready.status_code, ready.json()["checks"]) == (503, {"database": False, "broker": False})
