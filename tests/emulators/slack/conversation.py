"""A channel or a direct conversation: members, messages, and ways to wait for what the app will say in it."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from .message import Message, SentFile, Version

if TYPE_CHECKING:
    from .people import Person
    from .team import Team


class Conversation:
    """`kind` is im, mpim, channel or group (a private channel), as `channel_type` in events."""

    def __init__(self, team: Team, id: str, kind: str, name: str, members: list[Person]) -> None:
        self.team = team
        self.world = team.world
        self.id = id
        self.kind = kind
        self.name = name
        self.members = members
        self.archived = False
        self.threads: dict[str, AssistantThread] = {}
        self.prompts: list[dict[str, str]] = []
        self.prompts_title = ""
        self._every: dict[str, Message] = {}

    @property
    def messages(self) -> list[Message]:
        """What is there now, oldest first, ephemeral messages among it."""
        with self.world.lock:
            return [message for message in self._every.values() if not message.deleted]

    @property
    def bot_messages(self) -> list[Message]:
        return [message for message in self.messages if message.from_bot]

    @property
    def last(self) -> Message:
        """The newest message of the app."""
        messages = self.bot_messages
        assert messages, f"the app said nothing in {self!r}"
        return messages[-1]

    def message(self, ts: str) -> Message | None:
        """A message by its ts, None when it is gone, was never there or is ephemeral."""
        found = self._every.get(ts)
        return None if found is None or found.deleted or found.only_for is not None else found

    def wait_for(
        self, predicate: Callable[[Message], bool], *, after: Message | None = None, timeout: float = 60.0
    ) -> Message:
        """The newest message of the app, ephemeral ones too, for which `predicate` holds, sent after `after`."""

        def look() -> Message | None:
            return next(
                (m for m in reversed(self.bot_messages) if (not after or m.ts > after.ts) and predicate(m)), None
            )

        return self.world.wait_until(look, timeout, lambda: f"no such message in {self!r}: {self.transcript()}")

    def wait_for_text(self, text: str, *, after: Message | None = None, timeout: float = 60.0) -> Message:
        """The newest message of the app that shows `text` anywhere."""
        return self.wait_for(lambda message: text in message.shown, after=after, timeout=timeout)

    def transcript(self) -> str:
        return "\n".join(map(repr, self.messages)) or "nothing"

    def add(
        self, sender: Person, text: str, blocks: list[dict[str, Any]] | None = None, *,
        attachments: list[dict[str, Any]] | None = None, metadata: dict[str, Any] | None = None,
        files: tuple[SentFile, ...] = (), thread_ts: str | None = None, only_for: Person | None = None,
        subtype: str | None = None,
    ) -> Message:  # fmt: skip
        """Put a message in; the caller holds the lock."""
        version = Version(text, blocks or [], attachments or [], metadata, files)
        message = Message(
            self, self.team.next_ts(), sender, [version], thread_ts=thread_ts, only_for=only_for, subtype=subtype
        )
        self._every[message.ts] = message
        self.world.notify()
        return message

    def as_json(self, viewer: Person) -> dict[str, Any]:
        body: dict[str, Any] = {
            "id": self.id, "created": 1_700_000_000, "is_archived": self.archived, "context_team_id": self.team.id,
            "is_channel": self.kind == "channel", "is_group": self.kind == "group", "is_im": self.kind == "im",
            "is_mpim": self.kind == "mpim", "is_private": self.kind != "channel",
        }  # fmt: skip
        if self.kind == "im":
            return body | {"user": next(one.id for one in self.members if one is not viewer), "is_open": True}
        return body | {
            "name": self.name, "name_normalized": self.name, "is_member": viewer in self.members,
            "is_general": self.name == "general", "num_members": len(self.members),
            "topic": {"value": "", "creator": "", "last_set": 0}, "purpose": {"value": "", "creator": "", "last_set": 0},
        }  # fmt: skip

    def __repr__(self) -> str:
        return f"<{self.id} {self.kind} {self.name}>"


class AssistantThread:
    """A thread of the assistant's container beside a person's work."""

    def __init__(self, conversation: Conversation, root: Message, person: Person) -> None:
        self.conversation = conversation
        self.root = root
        self.person = person
        self.status = ""
        self.statuses: list[str] = []
        self.title = ""
        self.prompts: list[dict[str, str]] = []
        self.prompts_title = ""

    @property
    def ts(self) -> str:
        return self.root.ts

    @property
    def messages(self) -> list[Message]:
        return [one for one in self.conversation.messages if one.thread_ts == self.ts and one is not self.root]

    def says(self, text: str) -> Message:
        """The person writes in this thread."""
        return self.person.says(text, thread=self.root)

    def wait_for(self, predicate: Callable[[AssistantThread], bool], timeout: float = 60.0) -> AssistantThread:
        return self.conversation.world.wait_until(
            lambda: self if predicate(self) else None,
            timeout,
            lambda: f"no such thread: status {self.statuses}, title {self.title!r}, prompts {self.prompts}",
        )

    def wait_for_text(self, text: str, timeout: float = 60.0) -> Message:
        """The newest answer in this thread that shows `text`."""
        return self.root.wait_for_reply(lambda one: one.from_bot and text in one.shown, timeout)
