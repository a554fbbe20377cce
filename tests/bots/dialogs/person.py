"""A person at a door: writes, taps, fills in forms, and sees what a door would show; everything real but the door's own drawing."""

from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from bots.kit.chatting import open_chat
from bots.kit.dialog import Chat, Input, Submit, Tap, Text, Upload
from bots.kit.dispatch import Answer, Dispatch
from bots.kit.outbound import Letters
from bots.kit.parts import Parts
from bots.kit.screen import Button, Change, Countdown, Facts, Quote, Screen
from core.kernel.actor import Actor
from core.kernel.due import DueItem


def words_of(screen: Screen) -> str:
    """All that is written on a screen, a line a piece."""
    lines: list[str] = []
    for block in screen.blocks:
        match block:
            case Facts():
                lines += [f"{label}: {value}" for label, value in block.rows]
            case Change():
                lines += [f"{ {'keep': ' ', 'remove': '-', 'add': '+'}[sign] }{line}" for sign, line in block.lines]
            case Countdown():
                lines.append(block.text)
            case Quote():
                lines.append(f"“{block.text}” {block.source}".strip())
            case _:
                lines += list(getattr(block, "items", ())) or [
                    getattr(block, "text", "") or getattr(block, "label", "")
                ]
    return "\n".join(lines)


@dataclass
class Person:
    """One person in one of their chats. `screens` are the messages of the chat in order, as they stand now."""

    parts: Parts
    actor: Actor
    extra: dict[str, Any] = field(default_factory=dict)
    screens: dict[UUID, Screen] = field(default_factory=dict)
    answer: Answer = field(default_factory=Answer)

    def says(self, text: str, reply_to: UUID | None = None) -> str:
        """Writes something; the words of the newest message."""
        return self._does(Text(text, reply_to))

    def sends(self, name: str, content: bytes) -> str:
        """Hands over a file."""
        blob = self.parts.storage.blobs(self.actor.workspace_id, self.actor.user_id).put(content)
        return self._does(Upload(name, blob, len(content)))

    def taps(self, label: str, on: UUID | None = None) -> str:
        """Presses the newest button whose label begins so."""
        place, button = self._button(label, on)
        return self.presses(button, place)

    def presses(self, button: Button, place: UUID | None) -> str:
        """Presses a button that was seen before, whatever stands there now; it goes through the platform and back as a token."""
        assert self.actor.link_id is not None
        token = self.parts.tokens.pack(button, self.actor.link_id)
        name, args = self.parts.tokens.unpack(token, self.actor.link_id)
        return self._does(Tap(name, args, place))

    def fills(self, **values: Any) -> str:
        """Fills in the newest form; what is not named keeps what it shows."""
        place, screen = next((p, s) for p, s in reversed(self.screens.items()) if s.form)
        assert screen.form is not None
        given = {f.name: _posted(f.value) for f in screen.form.fields if f.value is not None} | values
        return self._does(Submit(screen.form.action, screen.form.args, given, place))

    def _does(self, heard: Input) -> str:
        self.answer = Dispatch(self.parts).answer(self.actor, heard, None, dict(self.extra))
        self.looks()
        return self.last

    def looks(self) -> None:
        """Lets the door deliver what is due."""
        letters = Letters(self.parts)
        for item in self.parts.storage.due.due("deliveries", 500, self.actor.surface):
            if item.user_id != self.actor.user_id:
                continue
            letter = letters.claim(DueItem(item.id, item.workspace_id, item.user_id))
            if letter is not None:
                if letter.delivery.link_id == self.actor.link_id:
                    self._pack_all(letter.screen)
                    self.screens[item.id] = letter.screen
                letters.settle(letter, str(item.id))

    def _pack_all(self, screen: Screen) -> None:
        """Every button that is shown has to fit a platform's 64 bytes."""
        assert self.actor.link_id is not None
        for row in screen.buttons:
            assert row, "an empty row of buttons"
            for button in row:
                assert button.label.strip(), f"a button without a label: {button}"
                if not button.url:
                    self.parts.tokens.pack(button, self.actor.link_id)

    @property
    def last(self) -> str:
        """The words of the newest message."""
        return words_of(next(reversed(self.screens.values()))) if self.screens else ""

    @property
    def last_screen(self) -> Screen:
        return next(reversed(self.screens.values()))

    @property
    def last_place(self) -> UUID:
        return next(reversed(self.screens))

    @property
    def toast(self) -> str:
        return self.answer.toast or ""

    def labels(self, place: UUID | None = None) -> list[str]:
        """The labels of a message's buttons (the newest message's)."""
        screen = self.screens[place] if place else self.last_screen
        return [button.label for row in screen.buttons for button in row]

    def _button(self, label: str, on: UUID | None) -> tuple[UUID, Button]:
        for place, screen in reversed(self.screens.items()):
            for row in screen.buttons:
                for button in row:
                    if button.label.startswith(label) and on in (None, place):
                        return place, button
        raise AssertionError(f"no button {label!r}; there are {[self.labels(p) for p in self.screens]}")

    def button(self, label: str) -> tuple[UUID, Button]:
        """The newest button whose label begins so, and where it stands."""
        return self._button(label, None)

    def work(self) -> Any:
        """A transaction in this person's name."""
        return self.parts.storage.work(self.actor.workspace_id, self.actor.user_id)

    def chat(self, work: Any) -> Chat:
        return open_chat(self.parts, work, self.actor)


def _posted(value: Any) -> Any:
    if isinstance(value, list | tuple):
        return [str(one) for one in value]
    if isinstance(value, bool):
        return "on" if value else ""
    return str(value)
