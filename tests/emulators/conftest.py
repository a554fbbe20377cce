"""A Telegram of its own for every test, and python-telegram-bot as the bot that uses it; and what tests of Slack share."""

import asyncio
import struct
import zlib
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from telegram import Bot
from telegram.request import HTTPXRequest

from .listening import Listener, listening
from .slack import SlackEmulator, Team
from .telegram import TelegramEmulator


class SyncBot:
    """python-telegram-bot's Bot whose methods block, so that a test reads in one colour."""

    def __init__(self, telegram: TelegramEmulator) -> None:
        self._runner = asyncio.Runner()
        self._bot = Bot(
            telegram.token,
            base_url=f"{telegram.api_url}/bot",
            base_file_url=f"{telegram.file_url}/bot",
            request=HTTPXRequest(httpx_kwargs={"verify": False}),
            get_updates_request=HTTPXRequest(httpx_kwargs={"verify": False}),
        )

    def __getattr__(self, name: str) -> Callable[..., Any]:
        method = getattr(self._bot, name)
        return lambda *args, **kwargs: self._runner.run(method(*args, **kwargs))

    def run(self, coroutine: Any) -> Any:
        return self._runner.run(coroutine)

    def close(self) -> None:
        self._runner.run(self._bot.shutdown())
        self._runner.close()


@pytest.fixture
def telegram() -> Iterator[TelegramEmulator]:
    with TelegramEmulator() as emulator:
        yield emulator


@pytest.fixture
def bot(telegram: TelegramEmulator) -> Iterator[SyncBot]:
    client = SyncBot(telegram)
    yield client
    client.close()


@pytest.fixture
def acme(slack: SlackEmulator) -> Team:
    """A team that Ada installed the app in; `slack` is each module's own."""
    team = slack.team("Acme")
    team.install(by=team.person("Ada"))
    return team


@pytest.fixture
def app(slack: SlackEmulator) -> Iterator[Listener]:
    """The app's HTTP end: what Slack sends, and what it answers."""
    with listening() as listener:
        slack.listens(listener.url)
        listener.heard.clear()
        yield listener


@pytest.fixture
def png() -> bytes:
    """A picture of 3 × 2 white pixels."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    pixels = zlib.compress(b"".join(b"\x00" + b"\xff" * 9 for _ in range(2)))
    header = struct.pack(">IIBBBBB", 3, 2, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", pixels) + chunk(b"IEND", b"")
