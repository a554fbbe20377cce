"""A running door, and a person with a phone."""

from dataclasses import dataclass
from typing import Any, Self

from bots.kit.parts import Parts
from bots.telegram.door import Door
from bots.telegram.limits import Rate, Rates
from core.approvals.models import Suggestion
from core.identity.register import add_link
from core.kernel.actor import Actor
from core.kernel.settings import Settings
from tests.bots.running import RunningDoor
from tests.emulators.telegram import Message, Person, TelegramEmulator
from tests.runners.world import World

FAST = Rates(Rate(1000), Rate(1000), Rate(1000))


class Running(RunningDoor):
    """The Telegram door."""

    def __init__(self, parts: Parts, settings: Settings, rates: Rates = FAST) -> None:
        super().__init__(lambda: Door(parts, settings, rates))


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
