"""The cast: the bot's own account, and people who write and tap."""

from __future__ import annotations

import time
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Self

from .chat import Chat
from .deep_links import deep_link
from .files import image_size
from .menus import menu_of
from .message import Message, NoSuchButton, SentFile
from .text import Entity, clean, with_detected

if TYPE_CHECKING:
    from .world import World


class Toast(str):
    """What a tap was answered with; empty when the bot only stopped the spinner."""

    show_alert: bool
    url: str | None

    def __new__(cls, text: str, show_alert: bool, url: str | None) -> Self:
        toast = super().__new__(cls, text)
        toast.show_alert, toast.url = show_alert, url
        return toast


class Tap:
    """One press of an inline button, which the bot has to answer."""

    def __init__(self, world: World, id: str, person: Person, message: Message, data: str) -> None:
        self.world = world
        self.id = id
        self.person = person
        self.message = message
        self.data = data
        self.at = time.monotonic()
        self.expired = False
        self.update: dict[str, Any] | None = None
        self.toast: Toast | None = None

    @property
    def answered(self) -> bool:
        return self.toast is not None

    def answer(self, timeout: float = 60.0) -> Toast:
        """Wait for answerCallbackQuery; the toast's text, with `.show_alert` and `.url`."""
        return self.world.wait_until(lambda: self.toast, timeout, lambda: f"the tap on {self.data!r} was not answered")


class Account:
    """A name on Telegram, of a person or of the bot."""

    is_bot = False

    def __init__(self, world: World, id: int, first_name: str, username: str | None, language_code: str | None) -> None:
        self.world = world
        self.id = id
        self.first_name = first_name
        self.username = username
        self.language_code = language_code

    def as_json(self) -> dict[str, Any]:
        """The Bot API's User object."""
        body = {"id": self.id, "is_bot": self.is_bot, "first_name": self.first_name}
        optional = {"username": self.username, "language_code": self.language_code}
        return body | {name: value for name, value in optional.items() if value}


class Bot(Account):
    """The account that the token belongs to. In groups it hears only what privacy mode lets through, unless told."""

    is_bot = True
    reads_all_group_messages = False


class Person(Account):
    """Somebody with a phone. Everything they do reaches the bot as an update and returns what they see."""

    def __init__(self, world: World, id: int, first_name: str, username: str | None, language_code: str | None) -> None:
        super().__init__(world, id, first_name, username, language_code)
        self.chat = Chat(world, id, "private", first_name, person=self)
        self.chat.statuses[id] = "member"
        self.started = False

    def sends(
        self, text: str, *, chat: Chat | None = None, entities: list[Entity] | None = None, anonymously: bool = False
    ) -> Message:
        """Write `text`, in private or in `chat`. The first message in private starts the bot. `anonymously`: as an administrator who hides behind the group."""
        return self._says(chat or self.chat, text, entities, sender=self.world.anonymous if anonymously else self)

    def replies(self, message: Message, text: str) -> Message:
        """Answer `message` by Telegram's reply."""
        return self._says(message.chat, text, None, reply_to=message)

    def answers(self, text: str, *, chat: Chat | None = None) -> Message:
        """Write into the field that a ForceReply has opened: an answer to that message. AssertionError where none is open for this person."""
        with self.world.lock:
            asked = (chat or self.chat).asks(self)
            assert asked is not None, f"nothing asks {self.first_name} for a reply\n{(chat or self.chat).transcript()}"
            return self.replies(asked, text)

    def opens(self, link: str, *, chat: Chat | None = None) -> Message:
        """Follow a deep link (`https://t.me/<bot>?start=…`) and press Start; `?startgroup=…` adds the bot to `chat` and starts it there."""
        kind, payload = deep_link(link, str(self.world.bot.username))
        if kind == "start":
            return self.sends(f"/start {payload}".strip())
        assert chat is not None and chat.person is None, "startgroup needs the group that the bot is added to"
        self.world.add_bot(chat, self)
        return self.sends(f"/start@{self.world.bot.username} {payload}".strip(), chat=chat)

    def menu(self, chat: Chat | None = None) -> list[dict[str, str]]:
        """The commands that this person's client offers in a chat."""
        with self.world.lock:
            return menu_of(self.world.commands, self, chat or self.chat)

    def sends_file(
        self, name: str, content: bytes, mime: str = "application/octet-stream", *, caption: str = "",
        chat: Chat | None = None, reply_to: Message | None = None,
    ) -> Message:  # fmt: skip
        """Send a document of any size; the bot can fetch it up to 20 MB."""
        file = self.world.files.keep("document", name, mime, content)
        return self._says(chat or self.chat, caption, None, reply_to=reply_to, file=file)

    def sends_photo(self, content: bytes, *, caption: str = "", chat: Chat | None = None) -> Message:
        """Send a PNG or JPEG as a photo."""
        file = self.world.files.keep("photo", "photo.jpg", "image/jpeg", content, image_size(content))
        return self._says(chat or self.chat, caption, None, file=file)

    def edits(self, message: Message, text: str) -> Message:
        """Change one's own message."""
        assert message.sender is self, "people edit only what they wrote"
        with self.world.lock:
            cleaned, entities = clean(text, [])
            date = int(time.time())
            new = replace(message.now, text=cleaned, entities=with_detected(cleaned, entities), date=date)
            message.versions.append(new)
            message.edit_date = date
            self.world.notify()
            if self._bot_hears(message):
                message.update = self.world.updates.add("edited_message", message.as_json())
            return message

    def deletes(self, message: Message) -> None:
        """Remove a message, anybody's in private; the bot is not told."""
        with self.world.lock:
            message.deleted = True
            self.world.notify()

    def taps(self, message: Message, label: str) -> Tap:
        """Press the button that says `label` (or alone contains it) on what the message shows now."""
        with self.world.lock:
            if message.deleted:
                raise NoSuchButton(f"the message is gone: {message!r}")
            button = message.button(label)
            if button.data is None:
                raise NoSuchButton(f"{button.text!r} does not call the bot; it opens {button.url!r}")
            return self.taps_data(message, button.data)

    def taps_data(self, message: Message, data: str) -> Tap:
        """Send a callback as a changed client could: any data, on any message of a chat that one is in."""
        with self.world.lock:
            self._must_be_in(message.chat)
            return self.world.press(self, message, data)

    def presses(self, label: str, *, chat: Chat | None = None) -> Message:
        """Press a button of the reply keyboard, which sends its text."""
        chat = chat or self.chat
        if label not in [text for row in chat.reply_keyboard for text in row]:
            raise NoSuchButton(f"the reply keyboard shows {chat.reply_keyboard}, not {label!r}")
        return self.sends(label, chat=chat)

    def reacts(self, message: Message, *emoji: str) -> dict[str, Any] | None:
        """Set one's reactions on a message; returns the update, if the bot asked for that kind."""
        with self.world.lock:
            old = message.reactions.get(self.id, [])
            message.reactions[self.id] = [{"type": "emoji", "emoji": one} for one in emoji]
            self.world.notify()
            body = {
                "chat": message.chat.as_json(), "message_id": message.id, "user": self.as_json(),
                "date": int(time.time()), "old_reaction": old, "new_reaction": message.reactions[self.id],
            }  # fmt: skip
            return self.world.updates.add("message_reaction", body)

    def blocks_bot(self) -> None:
        """From now on the bot gets 403; it is told once, by my_chat_member."""
        self.world.change_bot_status(self.chat, self, "kicked")

    def unblocks_bot(self) -> None:
        self.world.change_bot_status(self.chat, self, "member")

    def _says(
        self, chat: Chat, text: str, entities: list[Entity] | None,
        reply_to: Message | None = None, file: SentFile | None = None, sender: Account | None = None,
    ) -> Message:  # fmt: skip
        with self.world.lock:
            self._must_be_in(chat)
            if sender is self.world.anonymous:
                assert chat.leads(self), f"{self.first_name} is no administrator of {chat!r}"
            if chat is self.chat:
                assert chat.statuses.get(self.world.bot.id) != "kicked", f"{self.first_name} blocks the bot"
                self.started = True
                chat.statuses[self.world.bot.id] = "member"
            cleaned, given = clean(text, entities or [])
            shown = with_detected(cleaned, given)
            message = chat.add(sender or self, cleaned, shown, reply_to=reply_to, file=file)
            if self._bot_hears(message):
                message.update = self.world.updates.add("message", message.as_json())
            return message

    def _must_be_in(self, chat: Chat) -> None:
        assert chat.upgraded_to is None, f"{chat!r} was upgraded to {chat.upgraded_to!r}"
        assert chat.statuses.get(self.id, "left") not in {"left", "kicked"}, f"{self.first_name} is not in {chat!r}"

    def _bot_hears(self, message: Message) -> bool:
        """Privacy mode: in groups the bot gets commands meant for it, replies to it, and mentions of it."""
        bot = self.world.bot
        if message.chat is self.chat or bot.reads_all_group_messages:
            return True
        if message.chat.statuses.get(bot.id) == "administrator":
            return True
        if message.chat.statuses.get(bot.id, "left") in {"left", "kicked"}:
            return False
        if message.reply_to is not None and message.reply_to.sender is bot:
            return True
        for span in message.spans:
            addressed = span.text.partition("@")[2].lower()
            if span.type == "bot_command" and addressed in {"", str(bot.username).lower()}:
                return True
            if span.type == "mention" and addressed == str(bot.username).lower():
                return True
        return False

    def __repr__(self) -> str:
        return f"<{self.first_name} {self.id}>"
