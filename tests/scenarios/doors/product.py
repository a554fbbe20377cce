"""Nod as it runs, for all scenarios at once: the page, Telegram and Slack, each door in a thread at its real address, a worker and a scheduler as processes, on a
database and a broker number of their own."""

from __future__ import annotations

import logging
import os
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any, Self
from uuid import UUID

import psycopg
import redis
import yaml
from psycopg.sql import SQL, Identifier
from pydantic import SecretStr

import bots.slack
from bots.kit.parts import Parts
from bots.kit.tokens import Tokens
from bots.kit.words import Words
from bots.wiring import load_dialogs, tokens_of
from core.catalog.kinds import templates
from core.identity.models import Membership
from core.identity.prove import open_session
from core.identity.register import add_link
from core.kernel.actor import Actor, Role
from core.kernel.ids import new_id
from core.kernel.settings import Settings
from storage import Storage, open_storage
from storage.migrate import migrate
from tests.bots.served import page
from tests.bots.slack.running import Running as SlackDoor
from tests.bots.telegram.running import Running as TelegramDoor
from tests.databases import as_uri, make_settings, somebody
from tests.emulators.openai import Emulator, emulated
from tests.emulators.slack import SlackEmulator
from tests.emulators.telegram import TelegramEmulator
from tests.runners.world import World, log_lines, make_world, process
from tests.scenarios.doors.at_slack import AtSlack
from tests.scenarios.doors.at_telegram import AtTelegram
from tests.scenarios.doors.at_web import AtWeb
from tests.scenarios.doors.person import Person

MANIFEST = Path(bots.slack.__file__).parent / "manifest.yaml"
COOKIE = "nod_0"
NOBODY = UUID(int=0)
LOCALES = {"en": "en-GB", "de": "de-DE"}


class Errors(logging.Handler):
    """What the doors log as an error: nothing of it may come of anything that a person does."""

    def __init__(self) -> None:
        super().__init__(logging.ERROR)
        self.lines: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.lines.append(self.format(record))


class Product:
    """Running. `at` brings somebody to a door."""

    def __init__(self, settings: Settings, folder: Path, words: Words) -> None:
        self.settings, self._folder, self._words = settings, folder, words
        self.errors = Errors()
        self._doors: list[Parts] = []
        self._numbers = iter(range(1, 1_000_000))
        self._closing = ExitStack()

    def __enter__(self) -> Self:
        with ExitStack() as opening:
            load_dialogs()
            logging.getLogger().addHandler(self.errors)
            opening.callback(logging.getLogger().removeHandler, self.errors)
            self.storage: Storage = open_storage(self.settings)
            opening.callback(self.storage.close)
            opening.enter_context(process(self.settings, "worker"))
            opening.enter_context(process(self.settings, "scheduler"))
            self.telegram = opening.enter_context(TelegramEmulator())
            self.slack = opening.enter_context(SlackEmulator(manifest=yaml.safe_load(MANIFEST.read_text("utf-8"))))
            self.team = self.slack.team("Acme")
            self.team.install(by=self.team.person("Admin", locale="en-GB", tz="Europe/Berlin", is_admin=True))
            assert self.team.installation is not None
            self.chosen = self.settings.model_copy(update={
                "telegram_token": SecretStr(self.telegram.token), "telegram_api_url": self.telegram.api_url,
                "slack_bot_token": SecretStr(self.team.installation.bot_token),
                "slack_app_token": SecretStr(self.slack.app.app_token), "slack_api_url": self.slack.api_url,
                "sign_in_token": SecretStr("the-token-of-this-start"), "port": 0,
            })  # fmt: skip
            self.url = opening.enter_context(page(self._parts(opening), self.chosen))[0]
            opening.enter_context(TelegramDoor(self._parts(opening), self.chosen))
            opening.enter_context(SlackDoor(self._parts(opening), self.chosen))
            self._closing = opening.pop_all()
        return self

    def __exit__(self, *problem: object) -> None:
        self._closing.close()

    def _parts(self, opening: ExitStack) -> Parts:
        """Each door has its own, as a process has."""
        assert self.settings.redis_url is not None
        made = Parts(
            self.storage, self._words, tokens_of(self.settings), templates(), self.settings.redis_url.get_secret_value(),
        )  # fmt: skip
        opening.callback(made.hop.close)
        self._doors.append(made)
        return made

    @property
    def tokens(self) -> Tokens:
        """What packs buttons."""
        return tokens_of(self.settings)

    def world(self) -> World:
        """Somebody new with an agent, mail in a folder, a calendar and tasks."""
        folder = self._folder / str(next(self._numbers))
        return make_world(self.storage, self.settings, folder)

    @contextmanager
    def another_page(self) -> Iterator[str]:
        """One more web process's insides; its address."""
        with ExitStack() as opening, page(self._parts(opening), self.chosen) as (url, _):
            yield url

    @contextmanager
    def thinking(self) -> Iterator[Emulator]:
        """A further worker, which has a language model: this one; the worker that is always there has none, and leaves to it what needs one. Meanwhile the doors know that there is one."""
        with emulated() as model:
            named = {"NOD_MODEL": "openai:gpt-4o-mini", "NOD_MODEL_BASE_URL": model.url, "OPENAI_API_KEY": "sk-canary", "NO_PROXY": "127.0.0.1"}  # fmt: skip
            with process(self.settings, "worker", **named):
                self._know_of_model(True)
                try:
                    yield model
                finally:
                    self._know_of_model(False)

    def _know_of_model(self, there: bool) -> None:
        for parts in self._doors:
            object.__setattr__(parts, "model", there)  # As if each door had been started anew.

    def newcomer(self) -> World:
        """Somebody who has registered and done nothing yet."""
        actor = somebody(self.storage)
        return World(self.storage, self.settings, actor, NOBODY, NOBODY, {}, self._folder)

    @property
    def words(self) -> Words:
        """The catalogues of the doors."""
        return self._words

    def german(self, code: str) -> str:
        """The beginning of a sentence in German."""
        return self._words.codes("de")[code].forms[0].partition("{")[0].strip()

    def stranger(self, door: str, name: str = "Lea") -> Person:
        """Somebody at a door whom Nod does not know: `world` is nobody's. At the page a stranger has no chat."""
        world = self.newcomer()
        if door == "telegram":
            return AtTelegram(world, world.actor, self.telegram, self.telegram.user(name, language_code="en"))
        return AtSlack(world, world.actor, self.slack, self.team.person(name, locale="en-GB", tz="Europe/Berlin"))

    def at(self, door: str, world: World | None = None, name: str = "Mia", language: str = "en") -> Person:
        """Somebody at a door, past the first hello; a new person, or the one of `world` in one more chat. `language` is that of their client."""
        world = world or self.world()
        match door:
            case "web":
                return self._at_web(world, language)
            case "telegram":
                account = self.telegram.user(name, language_code=language)
                account.started = True
                link = self._linked(world, "telegram", str(account.id), str(account.id))
                account.chat.statuses[self.telegram.bot.id] = "member"
                return AtTelegram(world, self._speaking(world, "telegram", link), self.telegram, account)
            case _:
                account = self.team.person(name, locale=LOCALES[language], tz="Europe/Berlin")
                link = self._linked(world, "slack", account.id, account.dm.id, self.team.id)
                return AtSlack(world, self._speaking(world, "slack", link), self.slack, account)

    def _at_web(self, world: World, language: str) -> Person:
        with world.work() as work:
            own = next(one for one in work.people.links(world.actor.user_id) if one.provider == "web")
            own.provider_subject = str(world.actor.user_id)  # As the page itself links.
            secret = open_session(work, world.actor.user_id)
            work.commit()
        return AtWeb(world, self._speaking(world, "web", own.id), self.url, {COOKIE: secret}, language)

    def _linked(self, world: World, provider: Any, subject: str, address: str, tenant: str = "") -> UUID:
        with world.work() as work:
            link = add_link(work, world.actor.user_id, provider, subject, address, tenant)
            work.commit()
        return link.id

    def _speaking(self, world: World, door: Any, link_id: UUID) -> Actor:
        return Actor(world.actor.user_id, world.actor.workspace_id, world.actor.role, door, link_id=link_id)

    def colleague(self, world: World, role: Role) -> World:
        """Somebody else in the workspace of `world`."""
        other = somebody(self.storage)
        actor = Actor(other.user_id, world.actor.workspace_id, role, "web", link_id=other.link_id)
        with self.storage.work(actor.workspace_id, actor.user_id) as work:
            work.people.add(
                Membership(
                    id=new_id(), workspace_id=actor.workspace_id, user_id=actor.user_id, role=role, created_at=work.now
                )
            )
            add_link(work, actor.user_id, "web", f"there:{actor.user_id}", f"web:{actor.user_id}")
            work.commit()
        return World(world.storage, world.settings, actor, world.agent_id, world.version_id, world.tools, world.maildir)

    @property
    def troubles(self) -> list[str]:
        """Everything that was logged as an error, by doors and processes."""
        said = [
            str(line)
            for what in ("worker", "scheduler")
            for line in log_lines(self.settings, what)
            if line.get("level") == "error"
        ]
        return [*self.errors.lines, *said]


@contextmanager
def running(postgres_url: str, redis_url: str, folder: Path, words: Words) -> Iterator[Product]:
    """The product on a new database, which goes with it. Its broker number is not that of the tests beside it: their doors would take turns with these."""
    name = f"nod_doors_{os.getpid()}"
    number = 8 + int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw")) % 8
    broker = f"{redis_url.partition('db=')[0]}db={number}"
    with psycopg.connect(postgres_url, autocommit=True) as server:
        server.execute(SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(Identifier(name)))
        server.execute(SQL("CREATE DATABASE {} TEMPLATE template0").format(Identifier(name)))
        with redis.Redis.from_url(broker) as emptied:
            emptied.flushdb()
        settings = make_settings(as_uri(postgres_url, name), folder / "data", broker)
        try:
            migrate(settings)
            with Product(settings, folder, words) as product:
                yield product
        finally:
            server.execute(SQL("DROP DATABASE {} WITH (FORCE)").format(Identifier(name)))
