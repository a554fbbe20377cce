"""The Telegram door in a thread, against the emulator, over this test's own database."""

import warnings
from collections.abc import Iterator
from pathlib import Path

import pytest
from pydantic import SecretStr

from bots.kit.parts import Parts
from bots.kit.tokens import Tokens
from bots.kit.words import Words
from bots.wiring import load_dialogs
from core.catalog.kinds import templates
from core.kernel.settings import Settings
from storage import Storage
from tests.bots.telegram.running import Phone, Running
from tests.emulators.telegram import TelegramEmulator
from tests.runners.world import World, make_world


@pytest.fixture
def telegram() -> Iterator[TelegramEmulator]:
    with TelegramEmulator() as emulator:
        yield emulator


@pytest.fixture
def parts(storage: Storage, settings: Settings, catalogue: Words) -> Iterator[Parts]:
    load_dialogs()
    assert settings.redis_url is not None
    made = Parts(storage, catalogue, Tokens(b"k" * 32), templates(), settings.redis_url.get_secret_value())
    yield made
    made.close()


@pytest.fixture
def world(storage: Storage, settings: Settings, tmp_path: Path) -> World:
    return make_world(storage, settings, tmp_path)


@pytest.fixture
def chosen(settings: Settings, telegram: TelegramEmulator) -> Settings:
    """Settings with the emulated bot."""
    token = SecretStr(telegram.token)
    return settings.model_copy(update={"telegram_token": token, "telegram_api_url": telegram.api_url})


@pytest.fixture
def door(parts: Parts, chosen: Settings) -> Iterator[Running]:
    """The door, up."""
    with Running(parts, chosen) as running:
        yield running


@pytest.fixture
def phone(telegram: TelegramEmulator, world: World, door: Running) -> Phone:
    """The world's person with Telegram, linked, who has said hello."""
    return Phone.linked(telegram, world)


@pytest.fixture(autouse=True)
def quiet_library() -> None:
    """pytest forgets the filters that bots/telegram/api.py sets."""
    warnings.filterwarnings("ignore", message=r"Please use 'Bot\.")
    warnings.filterwarnings("ignore", message=".*retry_after")
