"""A running door, and a person at their desk."""

from dataclasses import dataclass
from typing import Any, Self

from bots.kit.parts import Parts
from bots.slack.door import Door
from core.identity.register import add_link
from core.kernel.actor import Actor
from core.kernel.settings import Settings
from tests.bots.running import RunningDoor
from tests.runners.world import World

FAST = 1000.0


class Running(RunningDoor):
    """The Slack door."""

    def __init__(self, parts: Parts, settings: Settings, rate: float = FAST) -> None:
        super().__init__(lambda: Door(parts, settings, rate))


@dataclass
class Desk:
    """The world's person at Slack."""

    team: Any
    world: World
    person: Any
    actor: Actor

    @classmethod
    def linked(cls, team: Any, world: World, name: str = "Tom") -> Self:
        """Linked without a word."""
        person = team.person(name, locale="en-GB", tz="Europe/Berlin")
        with world.work() as work:
            link = add_link(work, world.actor.user_id, "slack", person.id, person.dm.id, team.id)
            work.commit()
        actor = Actor(world.actor.user_id, world.actor.workspace_id, "owner", "slack", link_id=link.id)
        return cls(team, world, person, actor)

    def card(self, label: str = "Approve") -> Any:
        """The newest card with that button."""
        return self.person.dm.wait_for(lambda message: label in message.labels)

    def lines(self) -> list[Any]:
        """What stands in this chat by our own record."""
        with self.world.work() as work:
            return list(work.messages.transcript(self.actor.link_id, None, 100))
