"""A shared chat: what everybody there reads, and taps there by one of them; everything real but the platform."""

from dataclasses import dataclass, field
from uuid import UUID

from bots.kit import rooms
from bots.kit.dialog import Tap
from bots.kit.dispatch import Answer, Dispatch
from bots.kit.outbound import Letters
from bots.kit.parts import Parts
from bots.kit.screen import Button, Screen
from core.kernel.due import DueItem
from tests.bots.dialogs.person import Person, words_of


@dataclass
class Wall:
    """The group `address` at Telegram. `screens` are the messages of Nod there in order, as they stand now."""

    parts: Parts
    address: str = "-100200300"
    name: str = "Family"
    screens: dict[UUID, Screen] = field(default_factory=dict)

    @property
    def where(self) -> dict[str, str]:
        return {"provider": "telegram", "tenant": "", "address": self.address, "name": self.name}

    @property
    def found(self) -> DueItem:
        found = rooms.room_at(self.parts, "telegram", "", self.address)
        assert found is not None
        return found

    def connect(self, by: Person) -> Answer:
        """Somebody writes /nod there."""
        by.answer = Dispatch(self.parts).answer(by.actor, Tap("room.here", ()), None, {"room": self.where})
        self.looks()
        by.looks()
        return by.answer

    def looks(self) -> None:
        """Lets the door deliver what is due there."""
        letters = Letters(self.parts)
        for item in self.parts.storage.due.due("deliveries", 500, "telegram"):
            with self.parts.storage.work(item.workspace_id, item.user_id) as work:
                here = work.messages.delivery(item.id).room_id is not None
            letter = letters.claim(item) if here else None
            if letter is not None:
                assert letter.room is not None and letter.link.address == self.address
                for button in (one for row in letter.screen.buttons for one in row):
                    self.parts.tokens.pack(button, letter.link.id)
                self.screens[item.id] = letter.screen
                letters.settle(letter, str(item.id))

    @property
    def last(self) -> str:
        return words_of(next(reversed(self.screens.values())))

    def labels(self) -> list[str]:
        return [one.label for row in next(reversed(self.screens.values())).buttons for one in row]

    def button(self, label: str) -> tuple[UUID, Button]:
        for place, screen in reversed(self.screens.items()):
            for button in (one for row in screen.buttons for one in row):
                if button.label.startswith(label):
                    return place, button
        raise AssertionError(f"no button {label!r} in {[words_of(one) for one in self.screens.values()]}")

    def tapped(self, by: Person, label: str) -> str:
        """One of them presses a button there; what they alone are told."""
        place, button = self.button(label)
        return self.pressed(by, button, place)

    def pressed(self, by: Person, button: Button, place: UUID) -> str:
        token = self.parts.tokens.pack(button, self.found.id)
        tap = rooms.tapped(self.parts, by.actor, self.found, token, str(place))
        by.answer = Dispatch(self.parts).answer(by.actor, tap, None, {})
        self.looks()
        by.looks()
        return by.toast
