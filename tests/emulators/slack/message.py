"""A message as its conversation shows it now, with every version that it had."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple

from .blocks.composition import every_option
from .blocks.layout import elements_of
from .text import references, unescape

if TYPE_CHECKING:
    from .conversation import Conversation
    from .deliveries import Delivery
    from .people import Person


class NoSuchButton(AssertionError):
    """Nothing that is shown carries that label, so nobody can press it."""


class Button(NamedTuple):
    """Something to press or to choose in: `type` is the element's, `value` what a press of a button sends."""

    text: str
    type: str
    action_id: str
    block_id: str
    value: str | None
    url: str | None
    raw: dict[str, Any]


@dataclass(frozen=True)
class SentFile:
    """A file as the platform keeps it; `size` in bytes."""

    id: str
    name: str
    title: str
    mime: str
    content: bytes
    owner: str

    @property
    def size(self) -> int:
        return len(self.content)


@dataclass(frozen=True)
class Version:
    """What a message said between two edits."""

    text: str
    blocks: list[dict[str, Any]]
    attachments: list[dict[str, Any]]
    metadata: dict[str, Any] | None = None
    files: tuple[SentFile, ...] = ()


class Shown(ABC):
    """What a message and a view have in common: blocks that can be read and pressed."""

    @property
    @abstractmethod
    def blocks(self) -> list[dict[str, Any]]: ...

    @property
    def buttons(self) -> list[Button]:
        """Buttons, menus and inputs in the order in which they stand."""
        return [button for block in self.blocks for button in _buttons(block)]

    @property
    def labels(self) -> list[str]:
        """Labels of the buttons alone."""
        return [button.text for button in self.buttons if button.type in ("button", "icon_button", "feedback_buttons")]

    @property
    def shown(self) -> str:
        """Every text of the blocks, a line each, as a person reads it: entities resolved, markup left as it is."""
        return "\n".join(unescape(line) for block in self.blocks for line in _lines(block))

    @property
    def references(self) -> list[str]:
        """People, groups, channels and addresses that are live in the mrkdwn of the blocks: `@U…`, `!here`, `https://…`."""
        return [one for text in _mrkdwn(self.blocks) for one in references(text)]

    def button(self, label: str) -> Button:
        """What carries `label` (or alone contains it); an action_id works too."""
        every = self.buttons
        for found in (
            [b for b in every if b.text == label],
            [b for b in every if b.action_id == label],
            [b for b in every if label in b.text],
        ):
            if len(found) == 1:
                return found[0]
        raise NoSuchButton(f"no one button for {label!r}; shown are {[b.text for b in every]}: {self.shown!r}")


@dataclass
class Plan:
    """What is streamed beside words: tasks with their states, and blocks."""

    title: str = ""
    tasks: dict[str, dict[str, Any]] = field(default_factory=dict)
    blocks: list[dict[str, Any]] = field(default_factory=list)


@dataclass(eq=False)
class Message(Shown):
    """Live: properties read the present state. `only_for` is set where it is ephemeral."""

    conversation: Conversation
    ts: str
    sender: Person
    versions: list[Version]
    thread_ts: str | None = None
    only_for: Person | None = None
    edited_ts: str | None = None
    deleted: bool = False
    streaming: bool = False
    plan: Plan | None = None
    subtype: str | None = None
    reactions: dict[str, list[str]] = field(default_factory=dict)
    delivery: Delivery | None = None
    unfurl_links: bool = True
    unfurl_media: bool = True

    @property
    def now(self) -> Version:
        return self.versions[-1]

    @property
    def text(self) -> str:
        """The top-level text: what a notification shows, and the message itself where it has no blocks."""
        return self.now.text

    @property
    def blocks(self) -> list[dict[str, Any]]:
        return self.now.blocks

    @property
    def shown(self) -> str:
        return super().shown or unescape(self.text)

    @property
    def references(self) -> list[str]:
        """As in the blocks, and in the top-level text, whose mentions notify even where blocks hide it."""
        return references(self.text) + super().references

    @property
    def metadata(self) -> dict[str, Any] | None:
        return self.now.metadata

    @property
    def files(self) -> tuple[SentFile, ...]:
        return self.now.files

    @property
    def from_bot(self) -> bool:
        return self.sender.is_bot

    @property
    def thread(self) -> list[Message]:
        """Replies to this message, oldest first."""
        return [one for one in self.conversation.messages if one.thread_ts == self.ts and one is not self]

    def wait_for(self, predicate: Callable[[Message], bool], timeout: float = 60.0) -> Message:
        """Wait until this message is such that `predicate` holds."""
        return self.conversation.world.wait_until(
            lambda: self if predicate(self) else None, timeout, lambda: f"no such change of message {self!r}"
        )

    def wait_until_deleted(self, timeout: float = 60.0) -> None:
        self.wait_for(lambda message: message.deleted, timeout)

    def wait_for_reply(self, predicate: Callable[[Message], bool], timeout: float = 60.0) -> Message:
        """The newest reply in this message's thread for which `predicate` holds."""
        return self.conversation.wait_for(
            lambda one: one.thread_ts == self.ts and one is not self and predicate(one), timeout=timeout
        )

    def change(self, version: Version) -> None:
        """A new version; the caller holds the lock."""
        self.versions.append(version)
        self.edited_ts = self.conversation.team.next_ts()
        self.conversation.world.notify()

    def as_json(self) -> dict[str, Any]:
        """The message object as the Web API and interaction payloads show it."""
        team = self.conversation.team
        body: dict[str, Any] = {"type": "message", "user": self.sender.id, "ts": self.ts, "team": team.id}
        if self.subtype:
            body["subtype"] = self.subtype
        if self.from_bot:
            body |= {"bot_id": self.sender.bot_id, "app_id": self.conversation.world.app.id}
        body["text"] = self.text
        if self.blocks:
            body["blocks"] = self.blocks
        if self.now.attachments:
            body["attachments"] = self.now.attachments
        if self.files:
            body["files"] = [self.conversation.world.files.as_json(file) for file in self.files]
        if self.thread_ts:
            body["thread_ts"] = self.thread_ts
        if replies := self.thread:
            body |= {
                "thread_ts": self.ts, "reply_count": len(replies), "latest_reply": replies[-1].ts,
                "reply_users": list(dict.fromkeys(one.sender.id for one in replies)),
            }  # fmt: skip
        if self.edited_ts:
            body["edited"] = {"user": self.sender.id, "ts": self.edited_ts}
        if self.reactions:
            body["reactions"] = [
                {"name": name, "users": users, "count": len(users)} for name, users in self.reactions.items()
            ]
        if self.metadata:
            body["metadata"] = self.metadata
        return body

    def __repr__(self) -> str:
        labels = f" {self.labels}" if self.labels else ""
        return f"<{self.ts} {self.sender.name}: {self.shown!r}{labels}{' (deleted)' if self.deleted else ''}>"


def _buttons(block: dict[str, Any]) -> Iterator[Button]:
    for _, element in elements_of(block):
        kind = element["type"]
        if kind in ("image", "mrkdwn", "plain_text"):
            continue
        where = (element["action_id"], block["block_id"])
        if kind == "feedback_buttons":
            for side in ("positive_button", "negative_button"):
                one = element[side]
                yield Button(one["text"]["text"], kind, *where, one["value"], None, element)
        elif kind in ("button", "icon_button"):
            url = element.get("url")
            yield Button(unescape(element["text"]["text"]), kind, *where, element.get("value"), url, element)
        else:
            label = block.get("label") or element.get("placeholder") or {"text": element["action_id"]}
            yield Button(unescape(label["text"]), kind, *where, None, None, element)


def _lines(block: dict[str, Any]) -> Iterator[str]:
    for name in ("title", "text", "label"):
        if isinstance(block.get(name), dict) and block["type"] != "plan":
            yield block[name]["text"]
    if block["type"] == "markdown":
        yield block["text"]
    if block["type"] == "image":
        yield block["alt_text"]
    if block["type"] == "rich_text":
        yield from _rich(block)
    if block["type"] == "plan":
        yield block["title"]
        yield from (f"{task['title']}: {task['status']}" for task in block["tasks"])
    for one in block.get("fields") or []:
        yield one["text"]
    if block["type"] == "table":
        for row in block["rows"]:
            yield " | ".join("".join(_rich(cell)) if "elements" in cell else cell.get("text", "") for cell in row)
    for _, element in elements_of(block):
        if isinstance(element.get("text"), str):
            yield element["text"]
        elif element["type"] == "image":
            yield element["alt_text"]
        elif element["type"] in ("checkboxes", "radio_buttons"):
            yield from (option["text"]["text"] for option in every_option(element))
    if isinstance(block.get("hint"), dict):
        yield block["hint"]["text"]


def _mrkdwn(value: Any) -> Iterator[str]:
    if isinstance(value, list):
        for one in value:
            yield from _mrkdwn(one)
    elif isinstance(value, dict):
        if value.get("type") == "mrkdwn":
            yield value["text"]
        for one in value.values():
            yield from _mrkdwn(one)


def _rich(value: dict[str, Any]) -> Iterator[str]:
    for element in value.get("elements", []):
        if "elements" in element:
            yield "".join(_rich(element))
        else:
            yield element.get("text") or element.get("url") or f"<@{element.get('user_id', element['type'])}>"
