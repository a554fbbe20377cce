"""A chat: its members, its messages, and ways to wait for what the bot will say in it."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from .message import Message, SentFile, Version
from .text import Entity

if TYPE_CHECKING:
    from .people import Account, Person
    from .world import World

DRAFT_SECONDS = 30.0


@dataclass(frozen=True)
class Draft:
    """What a client shows in the place of the message that the bot is still writing. `at` is `time.monotonic()` seconds."""

    id: int
    text: str
    entities: list[Entity]
    at: float


class Chat:
    """`kind` is private, group or supergroup. Ids of messages begin at 1 in every chat, so they repeat across chats."""

    def __init__(self, world: World, id: int, kind: str, title: str, person: Person | None = None) -> None:
        self.world = world
        self.id = id
        self.kind = kind
        self.title = title
        self.person = person
        self.statuses: dict[int, str] = {}
        self.upgraded_to: Chat | None = None
        self.actions: list[str] = []
        self.drafts: list[Draft] = []
        """Every draft that was streamed here, oldest first; `draft` is the one that is still shown."""
        self._drafted: Draft | None = None
        self.pinned: list[Message] = []
        self._every: dict[int, Message] = {}

    @property
    def messages(self) -> list[Message]:
        """What the chat shows now, oldest first."""
        with self.world.lock:
            return [message for message in self._every.values() if not message.deleted]

    @property
    def bot_messages(self) -> list[Message]:
        return [message for message in self.messages if message.from_bot]

    @property
    def last(self) -> Message:
        """The newest message of the bot."""
        messages = self.bot_messages
        assert messages, f"the bot said nothing in {self.title}"
        return messages[-1]

    @property
    def reply_keyboard(self) -> list[list[str]]:
        """The keyboard under the input field: the latest that the bot sent and did not remove."""
        for message in reversed(self.bot_messages):
            markup = message.markup or {}
            if "keyboard" in markup:
                return [[button["text"] for button in row] for row in markup["keyboard"]]
            if markup.get("remove_keyboard"):
                break
        return []

    @property
    def draft(self) -> Draft | None:
        """What the bot is seen writing: for 30 seconds, or until its next message."""
        with self.world.lock:
            shown = self._drafted
            return shown if shown is not None and time.monotonic() - shown.at < DRAFT_SECONDS else None

    def streams(self, draft: Draft) -> None:
        """The bot writes on; the caller holds the lock."""
        self.drafts.append(draft)
        self._drafted = draft
        self.world.notify()

    def asks(self, person: Person) -> Message | None:
        """The message whose ForceReply has opened this person's input field: the newest of the bot, when it asks them."""
        markup = self.bot_messages[-1].markup if self.bot_messages else None
        if not markup or not markup.get("force_reply"):
            return None
        asked = self.bot_messages[-1]
        if markup.get("selective") and self.person is None:
            named = [e.get("user", {}).get("id") for e in asked.entities if e["type"] == "text_mention"]
            named += [self._named(span.text) for span in asked.spans if span.type == "mention"]
            answered = asked.reply_to is not None and asked.reply_to.sender is person
            return asked if answered or person.id in named else None
        return asked

    def _named(self, mention: str) -> int | None:
        name = mention.removeprefix("@").lower()
        return next((id for id, one in self.world.people.items() if (one.username or "").lower() == name), None)

    def leads(self, account: Account) -> bool:
        """Whether somebody is the owner or an administrator."""
        return self.statuses.get(account.id) in ("creator", "administrator")

    def message(self, message_id: int) -> Message | None:
        found = self._every.get(message_id)
        return None if found is None or found.deleted else found

    def wait_for(
        self, predicate: Callable[[Message], bool], timeout: float = 60.0, *, after: Message | None = None
    ) -> Message:
        """The newest message of the bot (newer than `after`) for which `predicate` holds, now or within `timeout` s."""

        def newest() -> Message | None:
            newer = [m for m in self.bot_messages if after is None or m.id > after.id]
            return next((m for m in reversed(newer) if predicate(m)), None)

        return self.world.wait_until(newest, timeout, lambda: f"no such message in {self.title}\n{self.transcript()}")

    def wait_for_text(self, fragment: str, timeout: float = 60.0, *, after: Message | None = None) -> Message:
        """The newest message of the bot that contains `fragment`, as it is or as it is seen."""
        try:
            return self.wait_for(lambda m: fragment in m.text or fragment in m.seen, timeout, after=after)
        except AssertionError as missing:
            raise AssertionError(f"waited for {fragment!r}: {missing}") from None

    def transcript(self) -> str:
        """The whole chat in words, for the message of a failing test."""
        return "\n".join(repr(message) for message in self._every.values()) or "(no messages)"

    def add(
        self,
        sender: Account,
        text: str,
        entities: list[Entity],
        *,
        markup: dict[str, Any] | None = None,
        link_preview: dict[str, Any] | None = None,
        file: SentFile | None = None,
        reply_to: Message | None = None,
        service: dict[str, Any] | None = None,
        protect_content: bool = False,
        disable_notification: bool = False,
    ) -> Message:
        """Append a message and wake everyone who waits; the caller holds the lock."""
        date = int(time.time())
        message = Message(
            chat=self,
            id=len(self._every) + 1,
            sender=sender,
            date=date,
            versions=[Version(text, entities, markup, link_preview, file, date)],
            reply_to=reply_to,
            service=service or {},
            protect_content=protect_content,
            disable_notification=disable_notification,
        )
        self._every[message.id] = message
        if sender is self.world.bot:
            self._drafted = None
        self.world.notify()
        return message

    def as_json(self) -> dict[str, Any]:
        """The Bot API's Chat object."""
        if self.person is not None:
            names = self.person.as_json()
            shown = {name: names[name] for name in ("first_name", "last_name", "username") if name in names}
            return {"id": self.id, "type": "private", **shown}
        return {"id": self.id, "type": self.kind, "title": self.title}

    def member_json(self, account: Account) -> dict[str, Any]:
        """The Bot API's ChatMember object of `account` here."""
        status = self.statuses.get(account.id, "left")
        body: dict[str, Any] = {"user": account.as_json(), "status": status}
        if status == "creator":
            body["is_anonymous"] = False
        elif status == "kicked":
            body["until_date"] = 0
        elif status == "restricted":
            body.update(dict.fromkeys(_MAY, False), is_member=True, until_date=0)
        elif status == "administrator":
            body.update(dict.fromkeys(_RIGHTS, False), can_manage_chat=True, can_delete_messages=True)
        return body

    def __repr__(self) -> str:
        return f"<{self.kind} chat {self.id} {self.title!r}>"


_RIGHTS = (
    "can_be_edited", "is_anonymous", "can_manage_chat", "can_delete_messages", "can_manage_video_chats",
    "can_restrict_members", "can_promote_members", "can_change_info", "can_invite_users", "can_post_stories",
    "can_edit_stories", "can_delete_stories", "can_pin_messages", "can_manage_topics", "can_send_welcome_messages",
)  # fmt: skip
_MAY = (
    "can_send_messages", "can_send_audios", "can_send_documents", "can_send_photos", "can_send_videos",
    "can_send_video_notes", "can_send_voice_notes", "can_send_polls", "can_send_other_messages",
    "can_add_web_page_previews", "can_react_to_messages", "can_edit_tag", "can_change_info", "can_invite_users",
    "can_pin_messages", "can_manage_topics",
)  # fmt: skip
