"""Groups: a member connects one, what is asked there is tapped there, and whatever is anybody's own goes to their own chat. Who speaks is who Telegram says that it is;
the group itself is nobody."""

import logging
from collections.abc import Awaitable, Callable
from typing import Any
from uuid import UUID

import telegram

from bots.kit import clean
from bots.kit.arrivals import on_record
from bots.kit.dialog import Input, Tap, Text
from bots.kit.dispatch import Answer, Dispatch
from bots.kit.heard import COMMAND
from bots.kit.parts import Parts
from bots.kit.screen import Paragraph, Screen
from bots.telegram.nodding import nod
from bots.telegram.sender import reference
from bots.telegram.strangers import Strangers, Toast, say_to
from core.kernel.actor import Actor
from core.kernel.due import DueItem
from core.kernel.errors import Invalid
from core.messaging.models import InboundEvent
from core.messaging.post import answer
from core.messaging.rooms import lost_room, moved_room

log = logging.getLogger(__name__)
CONNECTS = ("nod", "connect")
GREETS = "start"
AWAY = ("kicked", "left")
ANONYMOUS = "GroupAnonymousBot"
Known = Callable[[telegram.User], Awaitable[Actor | None]]
KnownIn = Callable[[telegram.User, UUID], Awaitable[Actor | None]]
Extra = Callable[[telegram.User], dict[str, Any]]


class Groups:
    """Hears them. `known` says whom an account stands for, `known_in` whom in the room's workspace, whichever their own chat speaks for; `extra` what the door knows of a person besides."""

    def __init__(
        self, parts: Parts, bot: telegram.Bot, dispatch: Dispatch, strangers: Strangers, known: Known, known_in: KnownIn,
        extra: Extra,
    ) -> None:  # fmt: skip
        self._parts, self._bot, self._dispatch, self._strangers = parts, bot, dispatch, strangers
        self._known, self._known_in, self._extra = known, known_in, extra

    async def message(self, event: InboundEvent, message: telegram.Message, person: telegram.User) -> bool:
        """A command for us, or words in answer to a card; anything else is the group's own talk. Whether it was for us."""
        command = self._command(message)
        if person.username == ANONYMOUS and person.is_bot:
            if command is not None:
                await self._strangers.say(message.chat.id, person, "telegram.group.anonymous")
            return command is not None
        if person.is_bot:
            return False
        answered = message.reply_to_message
        to_us = answered is not None and answered.from_user is not None and answered.from_user.id == self._bot.id
        if command is None and not to_us:
            return False
        actor = await self._known(person)
        room = await self._room(message.chat.id)
        if actor is not None and room is not None and actor.workspace_id != room.workspace_id:
            actor = await self._known_in(person, room.workspace_id) or actor
        if actor is None:
            code = "telegram.group.not_linked" if command in CONNECTS else "telegram.private_only"
            await self._strangers.say(message.chat.id, person, code)
            return True
        if command == GREETS:
            await self._strangers.say(message.chat.id, person, "telegram.group.hello")
        elif command in CONNECTS:
            await self._connect(event, actor, message, person)
        else:
            place = None if command is not None else await self._place(actor, message.chat.id, reference(answered))
            if command is None and place is None:
                return False
            await self._hear(event, actor, message, person, Text(message.text or "", place))
        return True

    def _command(self, message: telegram.Message) -> str | None:
        """The command's name; None for other words, and for a command to another bot."""
        words = (message.text or "").strip()
        found = COMMAND.fullmatch(words)
        if found is None:
            return None
        named = words[1:].split(maxsplit=1)[0].partition("@")[2]
        return found[1].lower() if named.lower() in ("", self._bot.username.lower()) else None

    async def _connect(
        self, event: InboundEvent, actor: Actor, message: telegram.Message, person: telegram.User
    ) -> None:
        there = {
            "provider": "telegram", "tenant": "", "address": str(message.chat.id), "name": message.chat.title or "",
        }  # fmt: skip
        room = await self._room(message.chat.id)
        elsewhere = room is not None and room.workspace_id != actor.workspace_id
        tap = Tap("room.taken" if elsewhere else "room.here", ())
        await self._hear(event, actor, message, person, tap, {"room": there})

    async def _hear(
        self, event: InboundEvent, actor: Actor, message: telegram.Message, person: telegram.User, heard: Input,
        more: dict[str, Any] | None = None,
    ) -> None:  # fmt: skip
        """Answers in the person's own chat; here it is only nodded at, or, where something was refused, said that there is an answer."""
        answered = await self._dispatch.handle(actor, heard, {**self._extra(person), **(more or {})}, event.id)
        if answered.code is not None and not answered.deliveries and answered.toast:
            await self._parts.hop(self._tell, actor, answered)
        if answered.code is not None or not await nod(self._bot, message):
            await self._strangers.say(message.chat.id, person, "telegram.private_answer")

    async def tap(self, event: InboundEvent, query: telegram.CallbackQuery, toast: Toast) -> Tap | None:
        """A button of what stands in a room, pressed by anybody there; each is answered alone. The tap, where it was one of ours."""
        chat, say = query.message.chat if query.message is not None else None, say_to(self._parts, query.from_user)
        room = await self._room(chat.id) if chat is not None else None
        if room is None:
            await toast(query, say("telegram.private_only"), True)
            return None
        actor = await self._known(query.from_user)
        if actor is not None and actor.workspace_id != room.workspace_id:
            actor = await self._known_in(query.from_user, room.workspace_id) or actor
        if actor is None or actor.workspace_id != room.workspace_id:
            await toast(query, say("telegram.not_linked" if actor is None else "telegram.group.not_member"), True)
            return None
        try:
            action, args = self._parts.tokens.unpack(query.data or "", room.id)
        except Invalid as forged:
            await toast(query, say(forged.code, **forged.data), True)
            return None
        assert chat is not None
        tap = Tap(action, args, await self._place(actor, chat.id, reference(query.message)))
        answered = await self._dispatch.handle(actor, tap, self._extra(query.from_user), event.id)
        await toast(query, answered.toast, answered.alert)
        return tap

    async def member(self, change: telegram.ChatMemberUpdated) -> None:
        """The bot came into a group, or may not speak there any more."""
        was, now = change.old_chat_member, change.new_chat_member
        silenced = now.status == "restricted" and not getattr(now, "can_send_messages", True)
        if now.status in AWAY or silenced:
            room = await self._room(change.chat.id)
            if room is not None:
                await self._parts.hop(self._lost, room)
        elif was.status in AWAY:
            await self._strangers.say(change.chat.id, change.from_user, "telegram.group.hello")

    async def moved(self, message: telegram.Message) -> bool:
        """A group became a supergroup, which has another number. Whether that is what is said."""
        if message.migrate_to_chat_id is None:
            return message.migrate_from_chat_id is not None
        room = await self._room(message.chat.id)
        if room is not None:
            await self._parts.hop(self._move, room, str(message.migrate_to_chat_id))
        return True

    async def _room(self, chat_id: int) -> DueItem | None:
        return await self._parts.hop(self._parts.storage.directory.by_room, "telegram", "", str(chat_id))

    async def _place(self, actor: Actor, chat_id: int, ref: str | None) -> UUID | None:
        """The delivery that a message of ours in a group stands for."""
        if ref is None:
            return None
        return await on_record(lambda: self._parts.hop(self._look, actor, str(chat_id), ref))

    def _look(self, actor: Actor, address: str, ref: str) -> UUID | None:
        with self._parts.storage.work(actor.workspace_id, actor.user_id) as work:
            room = work.rooms.at("telegram", "", address)
            return work.messages.in_room_by_ref(room.id, ref) if room is not None else None

    def _lost(self, room: DueItem) -> None:
        with self._parts.storage.work(room.workspace_id, room.user_id) as work:
            lost_room(work, room.id)
            work.commit()

    def _move(self, room: DueItem, address: str) -> None:
        with self._parts.storage.work(room.workspace_id, room.user_id) as work:
            moved_room(work, room.id, address)
            work.commit()

    def _tell(self, actor: Actor, answered: Answer) -> None:
        """A refusal of what was said in a group is nobody else's business."""
        with self._parts.storage.work(actor.workspace_id, actor.user_id) as work:
            screen = clean.screen(Screen(blocks=(Paragraph(text=answered.toast or ""),), tone="problem"))
            answer(work, work.people.link(actor.link_id), {"screen": screen.model_dump(mode="json")})
            work.commit()
