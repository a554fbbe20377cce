"""A person with a phone."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from core.kernel.actor import Actor
from tests.emulators.telegram import Message, TelegramEmulator
from tests.emulators.telegram import Person as Account
from tests.runners.world import World
from tests.scenarios.doors.person import PATIENCE, Person, Seen, full, plainly

T = TypeVar("T")
QUESTION = (
    "Write your answer.",
    "Write a part of the name",
    "Tap one, or write it.",
    "Tap each that you want",
    "Tap yes or no.",
)
SAVE = "Save, then show me"


@dataclass(frozen=True)
class Bubble:
    """A message of the bot."""

    message: Message

    @property
    def words(self) -> str:
        return plainly(self.message.text)

    @property
    def labels(self) -> list[str]:
        return self.message.labels

    @property
    def gone(self) -> bool:
        return self.message.deleted

    @property
    def previews(self) -> bool:
        return not (self.message.link_preview or {}).get("is_disabled") and self.message.file is None


class AtTelegram(Person):
    door = "telegram"

    def __init__(self, world: World, actor: Actor, telegram: TelegramEmulator, account: Account) -> None:
        super().__init__(world, actor)
        self.telegram, self.account = telegram, account
        self._last: dict[str, Any] | None = None

    def says(self, words: str, answering: Seen | None = None) -> None:
        if isinstance(answering, Bubble):
            self._last = self.account.replies(answering.message, words).update
        else:
            self._last = self.account.sends(words).update

    def sends(self, name: str, content: bytes) -> None:
        self._last = self.account.sends_file(name, content).update

    def presses(self, label: str, on: Seen) -> None:
        self.keeps(label, on)()

    def repeats(self) -> None:
        self.telegram.redeliver(self._last)

    def leaves(self) -> None:
        self.account.blocks_bot()

    def keeps(self, label: str, on: Seen) -> Callable[[], None]:
        assert isinstance(on, Bubble)
        data = on.message.button(label).data
        assert data is not None
        return lambda: self.forges(data, on)

    def forges(self, data: str, on: Seen) -> None:
        assert isinstance(on, Bubble)
        tap = self.account.taps_data(on.message, data)
        self._last = tap.update
        self.heard.append(plainly(tap.answer(PATIENCE)))

    def fills(self, given: Mapping[str, Any], wrong: str = "") -> None:
        """One question after another, as long as Nod asks. What stands already is shown at once, and picked from."""
        asked = self.wait(lambda: next((one for one in reversed(self._bubbles) if is_question(one)), None))
        left, overview, saved = list(given), False, False
        for _ in range(40):
            before = self._state()
            if SAVE in asked.labels:
                overview, saved = True, not left
                self.presses(left.pop(0) if left else SAVE, asked)
            else:
                self._answers(asked, given)
            self.wait(lambda before=before: True if self._state() != before else None)
            newest = self._bubbles[-1]
            if not is_question(newest):
                assert not wrong, f"nothing was wrong: {newest.words!r}"
                return
            if wrong and wrong in newest.words and saved is overview:
                return
            asked = newest
        raise AssertionError(f"the questions do not end: {asked.words!r}")

    def _answers(self, asked: Bubble, given: Mapping[str, Any]) -> None:
        lines = asked.words.splitlines()
        label = next((name for name in given if name in lines), None)
        there = asked.labels
        if label is None:
            keep = next((one for one in there if one.startswith(("Keep", "Skip", "Done"))), None)
            self.presses(keep or full("No", asked), asked)
            return
        value = given[label]
        if isinstance(value, bool):
            self.presses("Yes" if value else "No", asked)
        elif isinstance(value, list | tuple):
            self._ticks(asked, [str(one) for one in value])
        elif str(value) in there:
            self.presses(str(value), asked)
        else:
            self.says(str(value))

    def _ticks(self, asked: Bubble, wanted: list[str]) -> None:
        while True:
            wrong = next(
                (one for one in asked.labels if one[:2] in ("✓ ", "○ ") and (one[0] == "✓") != (one[2:] in wanted)),
                None,
            )
            if wrong is None:
                return self.presses("Done", asked)
            before = self._state()
            self.presses(wrong, asked)
            self.wait(lambda before=before: True if self._state() != before else None)

    def _state(self) -> tuple[int, int]:
        newest = self._bubbles[-1].message
        return newest.id, len(newest.versions)

    @property
    def _bubbles(self) -> list[Bubble]:
        return [Bubble(message) for message in self.account.chat.bot_messages]

    @property
    def messages(self) -> Sequence[Bubble]:
        return self._bubbles

    def wait(self, look: Callable[[], T | None]) -> T:
        return self.telegram.wait_for(look, PATIENCE)


def is_question(one: Bubble) -> bool:
    """Whether a form asks there, and waits."""
    asks = (one.message.markup or {}).get("force_reply") or SAVE in one.labels
    return bool(asks) or ("Cancel" in one.labels and any(how in one.words for how in QUESTION))
