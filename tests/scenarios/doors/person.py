"""A person at a door, as every scenario meets them: says words, presses buttons, fills in forms, and sees what the door shows, in the same terms through each."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from typing import Any, ClassVar, Protocol, TypeVar

from core.kernel.actor import Actor
from tests.runners.world import World

T = TypeVar("T")
PATIENCE = 60.0
JOINER = "\u2060"


class Seen(Protocol):
    """A message of Nod's as it stands in the chat now; `words` without the invisible joiners that part marks from names. `previews`: whether a link in it may open by itself."""

    @property
    def words(self) -> str: ...

    @property
    def labels(self) -> list[str]: ...

    @property
    def gone(self) -> bool: ...

    @property
    def previews(self) -> bool: ...


class Person(ABC):
    """`world` is who they are to Nod, `actor` they in this chat; `heard` is what their taps were answered with, one after another."""

    door: ClassVar[str]
    typed: ClassVar[str] = "/"
    """What a command begins with here."""

    def __init__(self, world: World, actor: Actor) -> None:
        self.world, self.actor = world, actor
        self.heard: list[str] = []

    @abstractmethod
    def says(self, words: str, answering: Seen | None = None) -> None:
        """Writes; `answering` a message of Nod's."""

    @abstractmethod
    def sends(self, name: str, content: bytes) -> None:
        """Hands over a file."""

    @abstractmethod
    def presses(self, label: str, on: Seen) -> None:
        """Presses the button of a message; what the door answers at once is kept in `heard`."""

    @abstractmethod
    def keeps(self, label: str, on: Seen) -> Callable[[], None]:
        """A press of a button as it is now, to be made later, whatever stands there then: another device that lags behind."""

    @abstractmethod
    def fills(self, given: Mapping[str, Any], wrong: str = "") -> None:
        """Fills in the form that Nod shows and sends it: label → words, an option's label, a list of such, or True and False. What is not named stays as it is.
        `wrong`: it is refused, in words that hold this, where the person looks; the form can be filled in again."""

    @abstractmethod
    def repeats(self) -> None:
        """What they did last reaches Nod a second time, as platforms and browsers do that."""

    def leaves(self) -> None:
        """From now on the platform takes nothing of Nod's for them."""
        raise NotImplementedError(self.door)

    @abstractmethod
    def forges(self, data: str, on: Seen) -> None:
        """Sends a button's content of one's own making."""

    @property
    @abstractmethod
    def messages(self) -> Sequence[Seen]:
        """What Nod said and what stands, oldest first."""

    @abstractmethod
    def wait(self, look: Callable[[], T | None]) -> T:
        """The first thing other than None that `look` sees, now or after a change."""

    def command(self, words: str) -> None:
        """A command, as it is given at this door."""
        self.says(f"/{words}")

    def sees(self, *words: str, labels: Sequence[str] = (), without: Sequence[str] = ()) -> Seen:
        """The newest message that shows all these words and buttons (by how they begin), and none of the buttons `without`."""

        def look() -> Seen | None:
            return next((one for one in reversed(self.messages) if shows(one, words, labels, without)), None)

        return self._waited(look, words, labels, without)

    def watches(self, one: Seen, *words: str, labels: Sequence[str] = (), without: Sequence[str] = ()) -> Seen:
        """That very message, once it is like this."""
        return self._waited(lambda: one if shows(one, words, labels, without) else None, words, labels, without)

    def press(self, label: str, on: Seen | None = None) -> Seen:
        """Presses the newest button whose label is, or begins like this; the message that it stood on."""
        there = on or self.sees(labels=(label,))
        if on is not None:
            self.watches(on, labels=(label,))
        self.presses(full(label, there), there)
        return there

    def told(self, *words: str) -> str:
        """Waits for an answer to a tap, or else a message, that has these words."""

        def look() -> str | None:
            said = [*self.heard, *(one.words for one in self.messages)]
            return next((one for one in reversed(said) if all(word in one for word in words)), None)

        return self._waited(look, words)

    def card(self, *words: str) -> Seen:
        """The newest card with these words that asks for a decision."""
        return self.sees(*words, labels=("Approve", "Reject"))

    def _waited(self, look: Callable[[], T | None], *wanted: Any) -> T:
        try:
            return self.wait(look)
        except AssertionError as missing:
            shown = "\n".join(f"- {one.words!r} {one.labels}" for one in self.messages[-8:])
            raise AssertionError(
                f"{self.door}: {missing}; wanted {wanted}; heard {self.heard[-3:]}; shown:\n{shown}"
            ) from None

    def close(self) -> None:
        """Goes away."""


def shows(one: Seen, words: Sequence[str], labels: Sequence[str], without: Sequence[str]) -> bool:
    """Whether a message is like that."""
    if one.gone:
        return False
    there = one.labels
    return (
        all(word in one.words for word in words)
        and all(any(found.startswith(label) for found in there) for label in labels)
        and not any(found.startswith(label) for label in without for found in there)
    )


def full(label: str, on: Seen) -> str:
    """The whole label of a message's button that is, or begins like this."""
    there = on.labels
    found = next((one for one in there if one == label), None) or next(
        (one for one in there if one.startswith(label)), None
    )
    assert found is not None, f"no button {label!r}, but {there}: {on.words!r}"
    return found


def plainly(words: str) -> str:
    """Without what a door puts between a mark and a name."""
    return words.replace(JOINER, "")
