"""A message as its chat shows it now, with every version that it had."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple

from .text import cut

if TYPE_CHECKING:
    from .chat import Chat
    from .people import Account


class NoSuchButton(AssertionError):
    """The message shows no such button, so nobody can tap it."""


class Button(NamedTuple):
    """`data` is what a tap sends, `url` what it opens: one of the two, or neither for the other kinds."""

    text: str
    data: str | None
    url: str | None
    raw: dict[str, Any]


class Span(NamedTuple):
    """A stretch of formatted text: the entity's type, the words it covers, the address that it leads to."""

    type: str
    text: str
    url: str | None


@dataclass(frozen=True)
class SentFile:
    """A file as the server keeps it. `kind` is document or photo; `size` in bytes."""

    file_id: str
    unique_id: str
    kind: str
    name: str
    mime: str
    content: bytes
    path: str
    width: int = 0
    height: int = 0

    @property
    def size(self) -> int:
        return len(self.content)

    def as_json(self) -> Any:
        size = {"file_id": self.file_id, "file_unique_id": self.unique_id, "file_size": self.size}
        if self.kind == "photo":
            return [{**size, "width": self.width, "height": self.height}]
        return {**size, "file_name": self.name, "mime_type": self.mime}


@dataclass(frozen=True)
class Version:
    """What a message said between two edits. `text` is the caption where there is a file."""

    text: str
    entities: list[dict[str, Any]]
    markup: dict[str, Any] | None
    link_preview: dict[str, Any] | None
    file: SentFile | None
    date: int


@dataclass(eq=False)
class Message:
    """Live: properties read the chat's present state."""

    chat: Chat
    id: int
    sender: Account
    date: int
    versions: list[Version]
    reply_to: Message | None = None
    protect_content: bool = False
    disable_notification: bool = False
    edit_date: int | None = None
    deleted: bool = False
    frozen: bool = False
    service: dict[str, Any] = field(default_factory=dict)
    reactions: dict[int, list[dict[str, Any]]] = field(default_factory=dict)
    update: dict[str, Any] | None = None

    @property
    def now(self) -> Version:
        return self.versions[-1]

    @property
    def text(self) -> str:
        return self.now.text

    @property
    def seen(self) -> str:
        """The text as an eye reads it: without the joiners (U+2060) that part what would be pressable."""
        return self.text.replace("\u2060", "")

    @property
    def entities(self) -> list[dict[str, Any]]:
        return self.now.entities

    @property
    def file(self) -> SentFile | None:
        return self.now.file

    @property
    def markup(self) -> dict[str, Any] | None:
        """The reply markup as it was sent, of any kind."""
        return self.now.markup

    @property
    def link_preview(self) -> dict[str, Any] | None:
        return self.now.link_preview

    @property
    def from_bot(self) -> bool:
        return self.sender is self.chat.world.bot

    @property
    def spans(self) -> list[Span]:
        return [Span(e["type"], cut(self.text, e["offset"], e["length"]), e.get("url")) for e in self.entities]

    @property
    def buttons(self) -> list[list[Button]]:
        """Rows of the inline keyboard; empty when there is none."""
        rows = (self.markup or {}).get("inline_keyboard", [])
        return [[Button(b["text"], b.get("callback_data"), b.get("url"), b) for b in row] for row in rows]

    @property
    def keyboard(self) -> list[list[str]]:
        return [[button.text for button in row] for row in self.buttons]

    @property
    def labels(self) -> list[str]:
        return [label for row in self.keyboard for label in row]

    def button(self, label: str) -> Button:
        """The button that says `label`, or the only one whose label contains it."""
        every = [button for row in self.buttons for button in row]
        found = [b for b in every if b.text == label] or [b for b in every if label in b.text]
        if len(found) != 1:
            raise NoSuchButton(f"{len(found)} buttons for {label!r}; the message shows {self.labels}: {self.text!r}")
        return found[0]

    def wait_for(self, predicate: Callable[[Message], bool], timeout: float = 60.0) -> Message:
        """Wait until this message is such that `predicate` holds."""
        return self.chat.world.wait_until(
            lambda: self if predicate(self) else None, timeout, lambda: f"no such change of message {self!r}"
        )

    def wait_until_deleted(self, timeout: float = 60.0) -> None:
        self.wait_for(lambda message: message.deleted, timeout)

    def freeze(self) -> None:
        """From now on the server says "message can't be edited"."""
        with self.chat.world.lock:
            self.frozen = True

    def age(self, seconds: float) -> None:
        """Date the message back, as if it had been sent that long ago."""
        with self.chat.world.lock:
            self.date = int(time.time() - seconds)

    def as_json(self, *, with_reply: bool = True) -> dict[str, Any]:
        """The Bot API's Message object."""
        body: dict[str, Any] = {
            "message_id": self.id,
            "from": self.sender.as_json(),
            "chat": self.chat.as_json(),
            "date": self.date,
        }
        if self.sender is self.chat.world.anonymous:
            body["sender_chat"] = self.chat.as_json()
        if self.edit_date is not None:
            body["edit_date"] = self.edit_date
        if self.reply_to is not None and with_reply and not self.reply_to.deleted:
            body["reply_to_message"] = self.reply_to.as_json(with_reply=False)
        body.update(self.service)
        text_field, entities_field = ("caption", "caption_entities") if self.file else ("text", "entities")
        if self.file:
            body[self.file.kind] = self.file.as_json()
        if self.text:
            body[text_field] = self.text
        if self.entities:
            body[entities_field] = self.entities
        if self.link_preview:
            body["link_preview_options"] = self.link_preview
        if self.markup and "inline_keyboard" in self.markup:
            body["reply_markup"] = self.markup
        if self.protect_content:
            body["has_protected_content"] = True
        return body

    def __repr__(self) -> str:
        keyboard = f" {self.keyboard}" if self.buttons else ""
        return f"<{self.id} {self.sender.first_name}: {self.text!r}{keyboard}{' (deleted)' if self.deleted else ''}>"
