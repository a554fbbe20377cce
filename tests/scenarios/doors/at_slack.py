"""A person with Slack open."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from core.kernel.actor import Actor
from tests.emulators.slack import Message, SlackEmulator
from tests.runners.world import World
from tests.scenarios.doors.person import PATIENCE, Person, Seen, plainly

T = TypeVar("T")
BOXES = ("checkboxes", "multi_static_select")


@dataclass(frozen=True)
class Post:
    """A message of the app; one that only this person sees is what a tap was answered with."""

    message: Message

    @property
    def words(self) -> str:
        return plainly(self.message.shown)

    @property
    def labels(self) -> list[str]:
        return self.message.labels

    @property
    def gone(self) -> bool:
        return self.message.deleted

    @property
    def previews(self) -> bool:
        return self.message.unfurl_links or self.message.unfurl_media


class AtSlack(Person):
    door = "slack"
    typed = "/nod "

    def __init__(self, world: World, actor: Actor, slack: SlackEmulator, account: Any) -> None:
        super().__init__(world, actor)
        self.slack, self.account = slack, account
        self._last: Any = None

    def command(self, words: str) -> None:
        self._does(self.account.types(f"/nod {words}"))

    def _does(self, delivery: Any) -> None:
        self._last = delivery
        delivery.acknowledge(PATIENCE)

    def repeats(self) -> None:
        self.slack.redeliver(self._last)

    def leaves(self) -> None:
        self.account.deleted = True
        self.slack.fail_next("chat.postMessage", "is_archived", times=1)

    def says(self, words: str, answering: Seen | None = None) -> None:
        if words.startswith("/"):
            self.command(words[1:])
        elif isinstance(answering, Post):
            self.account.says(words, thread=answering.message)
        else:
            self.account.says(words)

    def sends(self, name: str, content: bytes) -> None:
        self.account.sends_file(name, content)

    def presses(self, label: str, on: Seen) -> None:
        self.keeps(label, on)()

    def keeps(self, label: str, on: Seen) -> Callable[[], None]:
        assert isinstance(on, Post)
        button = next(one for one in on.message.buttons if one.text == label)
        return lambda: self._does(self.account.presses(on.message, button))

    def forges(self, data: str, on: Seen) -> None:
        assert isinstance(on, Post)
        button = next(one for one in on.message.buttons if one.type == "button")
        self._does(self.account.presses(on.message, button, data))

    def fills(self, given: Mapping[str, Any], wrong: str = "") -> None:
        """In the modal that is open, or that *Fill in* opens."""

        def look() -> Any:
            modal = self.account.modal
            if modal is not None and modal.submit:
                return modal
            newest = self.messages[-1] if self.messages else None
            return newest if newest is not None and "Fill in" in newest.labels and modal is None else None

        form = self.wait(look)
        if isinstance(form, Post):
            self.presses("Fill in", form)
            form = self.wait(lambda: modal if (modal := self.account.modal) is not None and modal.submit else None)
        self._does(self.account.submits(form, {name: _value(form, name, value) for name, value in given.items()}))
        if wrong or form.errors:
            complaints = "\n".join(form.errors.values())
            assert wrong and wrong in complaints, complaints
            return
        if self.account.modal is form and form.submit:
            self.wait(lambda: True if self.account.modal is not form or not form.submit or form.errors else None)

    @property
    def messages(self) -> Sequence[Post]:
        return [Post(one) for one in self.account.dm.bot_messages if one.only_for in (None, self.account)]

    def wait(self, look: Callable[[], T | None]) -> T:
        return self.slack.wait_for(look, PATIENCE)


def _value(form: Any, name: str, value: Any) -> Any:
    kind = form.input(name)["element"]["type"]
    if isinstance(value, bool):
        return ["Yes"] if value else []
    return list(value) if kind in BOXES and not isinstance(value, str) else value
