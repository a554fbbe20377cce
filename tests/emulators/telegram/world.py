"""Everything that exists on this small Telegram, behind one lock that whoever waits is woken through."""

from __future__ import annotations

import itertools
import time
from dataclasses import dataclass
from typing import Any

from tests.emulators.changing import Changing

from .chat import Chat
from .faults import Faults
from .files import Files
from .groups import AnonymousAdmin, Group
from .message import Message
from .people import Account, Bot, Person, Tap
from .updates import Updates
from .webhook import Webhook


@dataclass(frozen=True)
class Call:
    """One request to the server and what became of it. Times are `time.monotonic()` seconds; `lost` says that the
    caller never got this response."""

    method: str
    params: dict[str, str]
    files: dict[str, str]
    status: int
    response: dict[str, Any]
    began: float
    ended: float
    lost: bool = False


class World(Changing):
    def __init__(self, token: str, callback_seconds: float) -> None:
        super().__init__()
        self.token = token
        self.callback_seconds = callback_seconds
        self.bot = Bot(self, int(token.partition(":")[0]), "Nod", "nod_test_bot", None)
        self.anonymous = AnonymousAdmin(self)
        self.files = Files()
        self.updates = Updates(self.notify)
        self.webhook: Webhook | None = None
        self.faults = Faults()
        self.calls: list[Call] = []
        self.people: dict[int, Person] = {}
        self.chats: dict[int, Chat] = {}
        self.taps: dict[str, Tap] = {}
        self.commands: dict[tuple[str, str], list[dict[str, str]]] = {}
        self.texts: dict[tuple[str, str], str] = {}
        self._people_ids = itertools.count(7_000_000_001)
        self._group_numbers = itertools.count(1)
        self._tap_ids = itertools.count(4_382_950_000_000_000_001)

    def new_person(self, first_name: str, username: str | None, language_code: str | None) -> Person:
        with self.lock:
            person = Person(self, next(self._people_ids), first_name, username, language_code)
            self.people[person.id] = person
            self.chats[person.chat.id] = person.chat
            return person

    def new_group(self, title: str, kind: str) -> Group:
        with self.lock:
            number = next(self._group_numbers)
            id = -1_002_000_000_000 - number if kind == "supergroup" else -4_000_000 - number
            group = Group(self, id, kind, title)
            self.chats[id] = group
            return group

    def account(self, id: int) -> Account | None:
        return self.bot if id == self.bot.id else self.people.get(id)

    def owner_of(self, chat: Chat) -> Person:
        return next(self.people[id] for id, status in chat.statuses.items() if status == "creator")

    def press(self, person: Person, message: Message, data: str) -> Tap:
        tap = Tap(self, str(next(self._tap_ids)), person, message, data)
        self.taps[tap.id] = tap
        body: dict[str, Any] = {
            "id": tap.id,
            "from": person.as_json(),
            "message": {"chat": message.chat.as_json(), "message_id": message.id, "date": 0}
            if message.deleted
            else message.as_json(),
            "chat_instance": str(message.chat.id * 7919),
            "data": data,
        }
        tap.update = self.updates.add("callback_query", body)
        return tap

    def add_bot(self, chat: Chat, by: Person) -> None:
        """The bot comes into a group."""
        with self.lock:
            self.change_bot_status(chat, by, "member")
            said = chat.add(by, "", [], service={"new_chat_members": [self.bot.as_json()]})
            said.update = self.updates.add("message", said.as_json())

    def change_bot_status(self, chat: Chat, by: Person, status: str) -> None:
        """The bot joins or leaves `chat`, is blocked or unblocked; my_chat_member tells it."""
        with self.lock:
            old = chat.member_json(self.bot)
            chat.statuses[self.bot.id] = status
            body = {
                "chat": chat.as_json(),
                "from": by.as_json(),
                "date": int(time.time()),
                "old_chat_member": old,
                "new_chat_member": chat.member_json(self.bot),
            }
            self.updates.add("my_chat_member", body)
            self.notify()
