"""The Slack door in a thread, against the emulator, over this test's own database."""

from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml
from pydantic import SecretStr

import bots.slack
from bots.kit.parts import Parts
from bots.kit.tokens import Tokens
from bots.kit.words import Words
from bots.wiring import load_dialogs
from core.catalog.kinds import templates
from core.kernel.settings import Settings
from storage import Storage
from tests.bots.slack.running import Desk, Running
from tests.emulators.slack import SlackEmulator
from tests.runners.world import World, make_world

MANIFEST = Path(bots.slack.__file__).parent / "manifest.yaml"


@pytest.fixture
def slack() -> Iterator[SlackEmulator]:
    """Slack, with the app as our own manifest makes it: what the manifest does not ask for, Nod does not get."""
    with SlackEmulator(manifest=yaml.safe_load(MANIFEST.read_text("utf-8"))) as emulator:
        yield emulator


@pytest.fixture
def acme(slack: SlackEmulator):
    """A team with Nod in it, and Mia, its admin."""
    team = slack.team("Acme")
    team.install(by=team.person("Mia", locale="en-GB", tz="Europe/Berlin", is_admin=True))
    return team


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
def chosen(settings: Settings, slack: SlackEmulator, acme) -> Settings:
    """Settings with the emulated app, by Socket Mode."""
    given = {
        "slack_bot_token": SecretStr(acme.installation.bot_token),
        "slack_app_token": SecretStr(slack.app.app_token),
        "slack_api_url": slack.api_url,
    }
    return settings.model_copy(update=given)


@pytest.fixture
def door(parts: Parts, chosen: Settings) -> Iterator[Running]:
    """The door, up."""
    with Running(parts, chosen) as running:
        yield running


@pytest.fixture
def desk(acme, world: World, door: Running) -> Desk:
    """The world's person at Slack, linked."""
    return Desk.linked(acme, world)
