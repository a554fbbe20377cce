"""The platforms of the chat doors as the benchmark has them (the emulators of the tests, in this process), and people who are linked there with cards to decide."""

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from uuid import UUID

import bots.slack
import yaml
from core.identity.register import add_link
from storage import Storage
from tests.emulators.slack import SlackEmulator
from tests.emulators.telegram import TelegramEmulator

from bench.suggest import suggest
from bench.world import Person, World

MANIFEST = Path(bots.slack.__file__).parent / "manifest.yaml"
PATIENCE = 180.0


@contextmanager
def telegram_door(world: World, processes: int = 1) -> Iterator[tuple[TelegramEmulator, list[Any]]]:
    """Telegram, and `nod telegram` that many times."""
    with TelegramEmulator() as telegram:
        started = [
            world.processes.start(
                "bots", "telegram", NOD_TELEGRAM_TOKEN=telegram.token, NOD_TELEGRAM_API_URL=telegram.api_url
            )
            for _ in range(processes)
        ]
        yield telegram, started
        world.processes.stop()


@contextmanager
def slack_door(world: World) -> Iterator[tuple[SlackEmulator, Any]]:
    """Slack with a team that has Nod, and `nod slack`."""
    with SlackEmulator(manifest=yaml.safe_load(MANIFEST.read_text("utf-8"))) as slack:
        team = slack.team("Acme")
        team.install(by=team.person("Admin", is_admin=True))
        assert team.installation is not None
        started = world.processes.start(
            "bots", "slack", NOD_SLACK_BOT_TOKEN=team.installation.bot_token, NOD_SLACK_APP_TOKEN=slack.app.app_token,
            NOD_SLACK_API_URL=slack.api_url,
        )  # fmt: skip
        yield slack, team
        world.processes.stop(started)


def linked(storage: Storage, person: Person, provider: Any, subject: str, address: str, tenant: str = "") -> UUID:
    """The person's chat at a platform from now on."""
    with storage.work(person.workspace_id, person.user_id) as work:
        link = add_link(work, person.user_id, provider, subject, address, tenant)
        work.commit()
    return link.id


def telegram_people(telegram: TelegramEmulator, storage: Storage, people: Sequence[Person]) -> list[tuple[Any, Person]]:
    """Everybody with a phone, linked, past the first hello."""
    made = []
    for number, person in enumerate(people):
        phone = telegram.user(f"Person {number}")
        phone.started, phone.chat.statuses[telegram.bot.id] = True, "member"
        linked(storage, person, "telegram", str(phone.id), str(phone.id))
        made.append((phone, person))
    return made


def cards(storage: Storage, people: Sequence[Person], each: int) -> None:
    """So many suggestions for everybody, on their way to their chats."""
    for person in people:
        suggest(storage, person.actor, each)


def until(happened: Callable[[], bool], what: str, patience: float = PATIENCE) -> None:
    """Looks every tenth of a second. Raises RuntimeError when it does not happen."""
    end = time.monotonic() + patience
    while not happened():
        if time.monotonic() > end:
            raise RuntimeError(f"{what} did not happen in {patience:.0f} s")
        time.sleep(0.1)


def paced(actions: Sequence[Callable[[], Any]], rate: float) -> tuple[list[Any], float]:
    """What each action answered, begun at that many a second whatever becomes of them; and how late the latest began, in seconds."""
    begun, late, answers = time.monotonic(), 0.0, []
    for number, act in enumerate(actions):
        due = begun + number / rate
        wait = due - time.monotonic()
        if wait > 0:
            time.sleep(wait)
        late = max(late, -wait)
        answers.append(act())
    return answers, late
