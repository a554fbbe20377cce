"""A running door, and a person with a phone."""

import asyncio
import threading
from dataclasses import dataclass
from typing import Any, Self

from bots.kit.parts import Parts
from bots.telegram.door import Door
from bots.telegram.limits import Rates
from core.approvals.models import Suggestion
from core.identity.register import add_link
from core.kernel.actor import Actor
from core.kernel.settings import Settings
from tests.emulators.telegram import Message, Person, TelegramEmulator
from tests.runners.world import World

FAST = Rates(bot=1000, chat=1000, group=1000)


class Running:
    """A door in a thread of its own. `trouble` is what it ended with."""

    def __init__(self, parts: Parts, settings: Settings, rates: Rates = FAST) -> None:
        self._parts, self._settings, self._rates = parts, settings, rates
        self._up = threading.Event()
        self.trouble: BaseException | None = None
        self._thread = threading.Thread(target=self._serve, daemon=True)

    def _serve(self) -> None:
        try:
            asyncio.run(self._run())
        except BaseException as trouble:
            self.trouble = trouble
        finally:
            self._up.set()

    async def _run(self) -> None:
        self._loop = asyncio.get_running_loop()
        self.door = Door(self._parts, self._settings, self._rates)
        serving = asyncio.create_task(self.door.run())
        ready = asyncio.create_task(self.door.ready.wait())
        await asyncio.wait({serving, ready}, return_when=asyncio.FIRST_COMPLETED)
        self._up.set()
        await serving

    def __enter__(self) -> Self:
        self._thread.start()
        assert self._up.wait(60)
        if self.trouble is not None:
            raise self.trouble
        return self

    def stop(self) -> None:
        if self._thread.is_alive():
            self._loop.call_soon_threadsafe(self.door.stop)
        self._thread.join(60)
        assert not self._thread.is_alive(), "the door did not stop"

    def __exit__(self, *_: object) -> None:
        self.stop()
        if self.trouble is not None:
            raise self.trouble


@dataclass
class Phone:
    """The world's person at Telegram."""

    telegram: TelegramEmulator
    world: World
    person: Person
    actor: Actor

    @classmethod
    def linked(cls, telegram: TelegramEmulator, world: World, name: str = "Mia") -> Self:
        """Linked, and past the first hello."""
        person = telegram.user(name)
        with world.work() as work:
            link = add_link(work, world.actor.user_id, "telegram", str(person.id), str(person.id))
            work.commit()
        person.sends("/start")
        person.chat.wait_for(lambda message: bool(message.labels))
        actor = Actor(world.actor.user_id, world.actor.workspace_id, "owner", "telegram", link_id=link.id)
        return cls(telegram, world, person, actor)

    def card(self, suggestion: Suggestion, label: str = "Approve") -> Message:
        """The card of a suggestion, once it is there with that button."""
        return self.person.chat.wait_for(lambda message: label in message.labels)

    def lines(self) -> list[Any]:
        """What stands in this chat by our own record."""
        with self.world.work() as work:
            return list(work.messages.transcript(self.actor.link_id, None, 100))
