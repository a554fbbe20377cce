"""Telegram in the fault rig: the emulator, everybody with a phone, and what they see there."""

import asyncio
import re
from collections.abc import Iterator
from contextlib import suppress
from typing import Any
from uuid import UUID

from bots.kit.outbound import Letter
from bots.telegram.sender import TelegramSender
from core.kernel.errors import Invalid
from tests.emulators.telegram import TelegramEmulator
from tests.emulators.telegram.html import parse_html
from tests.faults.chats import Chats, Copy, Face
from tests.faults.doors import Doors, Web
from tests.faults.system import Asked, System
from tests.runners.world import World

TOLD = {
    "approve": (re.compile(r"Approved[.,]"), "suggestion.approve"),
    "reject": (re.compile(r"Rejected\."), "suggestion.reject"),
}
"""How a toast begins that says that a tap counted, and of which button."""
SAID_BEFORE = re.compile(r"Already (approved|rejected)")
PATIENT_SECONDS = 3600.0
SECRET = "Only_Telegram-knows_this-1"
DECISIONS = "SELECT suggestion_id, decision, count(*) FROM nod.approvals GROUP BY suggestion_id, decision"
KEPT = "SELECT external_id FROM nod.inbound_events WHERE channel = 'telegram'"


class Phones(Chats):
    """Everybody's chat with the bot. `telegram` is the platform, which lets a tap wait for its answer as long as it takes. `webhook`: it calls the web process; else it
    is asked for updates."""

    def __init__(self, system: System, webhook: bool = False) -> None:
        self.telegram = system.beside.enter_context(TelegramEmulator(callback_seconds=PATIENT_SECONDS))
        environment = {"NOD_TELEGRAM_TOKEN": self.telegram.token, "NOD_TELEGRAM_API_URL": self.telegram.api_url}
        self.web = Web(system, environment)
        if webhook:
            environment |= {"NOD_PUBLIC_URL": self.web.url, "NOD_TELEGRAM_WEBHOOK_SECRET": SECRET}
            self.web.environment.update(environment)
        super().__init__(system, "telegram", Doors(system, "telegram", environment))
        self._sender = TelegramSender(self.parts, None, None, None)  # pyright: ignore[reportArgumentType]  # It only draws here.
        self.people: dict[UUID, Any] = {}
        self.rooms: list[UUID] = []
        for number, world in enumerate(system.people):
            phone = self.telegram.user(f"Person {number}")
            phone.started, phone.chat.statuses[self.telegram.bot.id] = True, "member"
            self.people[world.actor.user_id] = phone
            self.link(world, str(phone.id), str(phone.id))

    def phone(self, world: World) -> Any:
        """Whose it is."""
        return self.people[world.actor.user_id]

    def copies(self, world: World, text: str) -> list[Copy]:
        chat = self.phone(world).chat
        calls = {
            call.response["result"]["message_id"]: call
            for call in self.telegram.calls_to("sendMessage")
            if call.status == 200 and call.params["chat_id"] == str(chat.id)
        }
        found = [message for message in chat._every.values() if message.from_bot and text in message.versions[0].text]
        return [
            Copy(m.seen, m.labels, c.began, c.ended, c.lost, m.frozen or m.deleted, m)
            for m in found
            if (c := calls.get(m.id)) is not None
        ]

    def tap(self, one: Asked, label: str = "Approve") -> bool:
        copy = self.card(one, label)
        if copy is None or copy.message.deleted:
            return False
        self.phone(one.world).taps(copy.message, label)
        return True

    def write(self, world: World, words: str) -> None:
        self.phone(world).sends(words)

    def seen(self, letter: Letter) -> Face | None:
        chat = self.telegram.world.chats[int(letter.link.address or "")]
        message = chat.message(int((letter.delivery.remote_ref or "").rpartition(":")[2]))
        if message is None or message.frozen or chat.statuses.get(self.telegram.bot.id) == "kicked":
            return None
        return message.text, message.labels

    def drawn(self, letter: Letter) -> Face:
        drawn = asyncio.run(self._sender._draw(letter))  # pyright: ignore[reportPrivateUsage]
        rows = drawn.buttons.inline_keyboard if drawn.buttons else ()
        return parse_html(drawn.text)[0].strip(), [button.text for row in rows for button in row]

    def settled(self) -> bool:
        return super().settled() and not self.telegram.pending_updates

    def broken(self) -> Iterator[str]:
        with self.system.owner() as owner:
            made = {(row[0], row[1]): row[2] for row in owner.execute(DECISIONS).fetchall()}
            kept = {row[0] for row in owner.execute(KEPT).fetchall()}
        for update in self.telegram.updates:
            if str(update["update_id"]) not in kept and update not in self.telegram.pending_updates:
                yield "an update that was confirmed and is lost"
        for group in (chat for chat in self.telegram.world.chats.values() if chat.person is None):
            for one in self.asked:
                if sum(one.text in message.text for message in group.bot_messages) > 1:
                    yield f"a card that was shown too often in a group: {one.text}"
        told: dict[tuple[UUID, str], int] = {}
        for tap in self.telegram.world.taps.values():
            if tap.toast is None:
                yield "a tap that nobody answered"
                continue
            try:
                action, args = self._pressed(tap)
            except Invalid:
                if any(how.match(tap.toast) for how, _ in TOLD.values()):
                    yield f"a tap on a button that is not ours counted: {tap.toast}"
                continue
            for decision, (how, button) in TOLD.items():
                if how.match(tap.toast) and (action == button or action.startswith("suggestion.")):
                    told[UUID(args[0]), decision] = told.get((UUID(args[0]), decision), 0) + 1
            before = SAID_BEFORE.match(tap.toast)
            if before and not made.get((UUID(args[0]), before[1].removesuffix("ed").replace("approv", "approve"))):
                yield f"a toast that is not true: {tap.toast}"
        for (suggestion, decision), times in told.items():
            if times > made.get((suggestion, decision), 0):
                yield "a tap of which somebody was told that it counted, without its decision"

    def _pressed(self, tap: Any) -> tuple[str, tuple[str, ...]]:
        """The action and what it is about. Raises Invalid for what no button of that chat carries."""
        whose = next(user for user, phone in self.people.items() if phone is tap.person)
        places = [self.links[whose]] if tap.message.chat.person else self.rooms
        for place in places[:-1]:
            with suppress(Invalid):
                return self.parts.tokens.unpack(tap.data, place)
        return self.parts.tokens.unpack(tap.data, places[-1])
