"""A running door, and a person at their desk."""

import asyncio
import threading
from dataclasses import dataclass
from typing import Any, Self

from bots.kit.parts import Parts
from bots.slack.door import Door
from core.identity.register import add_link
from core.kernel.actor import Actor
from core.kernel.settings import Settings
from tests.runners.world import World

FAST = 1000.0


class Running:
    """A door in a thread of its own. `trouble` is what it ended with."""

    def __init__(self, parts: Parts, settings: Settings, rate: float = FAST) -> None:
        self._parts, self._settings, self._rate = parts, settings, rate
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
        self.door = Door(self._parts, self._settings, self._rate)
        serving = asyncio.create_task(self.door.run())
        ready = asyncio.create_task(self.door.ready.wait())
        await asyncio.wait({serving, ready}, return_when=asyncio.FIRST_COMPLETED)
        self._up.set()
        await serving

    def __enter__(self) -> Self:
        self._thread.start()
        assert self._up.wait(30)
        if self.trouble is not None:
            raise self.trouble
        return self

    def stop(self) -> None:
        if self._thread.is_alive():
            self._loop.call_soon_threadsafe(self.door.stop)
        self._thread.join(20)
        assert not self._thread.is_alive(), "the door did not stop"

    def __exit__(self, *_: object) -> None:
        self.stop()
        if self.trouble is not None:
            raise self.trouble


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
