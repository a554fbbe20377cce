"""Gives effect to one update. Who speaks is who Telegram says that it is (`from.id`); never what a payload says."""

import logging
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from typing import Any
from uuid import UUID

import telegram
from telegram.error import BadRequest, NetworkError, RetryAfter, TelegramError

from bots.kit import clean, opening
from bots.kit.arrivals import on_record
from bots.kit.chatting import open_chat
from bots.kit.dialog import Input, Tap, Text, Upload
from bots.kit.dispatch import Dispatch
from bots.kit.here import here
from bots.kit.parts import Parts
from bots.kit.speak import failure
from bots.telegram import reach, render
from bots.telegram.busy import Doing, busy
from bots.telegram.files import NotTaken, fetch, file_of
from bots.telegram.form_flow import FormFlow
from bots.telegram.groups import Groups
from bots.telegram.limits import Limits
from bots.telegram.nodding import nod
from bots.telegram.sender import reference
from bots.telegram.strangers import OWN_ACTIONS, Strangers, say_to
from core.identity.prove import by_account
from core.kernel.actor import Actor
from core.kernel.errors import Invalid, Unauthenticated
from core.messaging.models import InboundEvent
from core.messaging.post import answer

log = logging.getLogger(__name__)
TOAST_LIMIT = 200
TOAST_TRIES = 3
GROUPS = ("group", "supergroup")


class Answering:
    """Handles events; `wake` tells the outgoing side that something may be due."""

    def __init__(
        self, parts: Parts, bot: telegram.Bot, limits: Limits, public_url: str | None, wake: Callable[[], None]
    ) -> None:
        self._parts, self._bot, self._wake = parts, bot, wake
        self._dispatch = Dispatch(parts, FormFlow(public_url))
        self._strangers = Strangers(parts, bot, limits, self._dispatch)
        self._groups = Groups(parts, bot, self._dispatch, self._strangers, self._known, self._known_in, self._extra)

    async def handle(self, event: InboundEvent) -> str:
        """What it was: `message`, `tap`, `member`, `ignored`, `unreadable`."""
        try:
            update = telegram.Update.de_json(event.payload or {}, None)
        except Exception:
            log.warning("an update could not be read", extra={"event": str(event.id)})
            return "unreadable"
        if update.callback_query is not None:
            await self._tap(event, update.callback_query)
            return "tap"
        if update.message is not None and update.message.from_user is not None:
            return "message" if await self._message(event, update.message, update.message.from_user) else "ignored"
        if update.my_chat_member is not None:
            await self._member(update.my_chat_member)
            return "member"
        return "ignored"

    async def _message(self, event: InboundEvent, message: telegram.Message, person: telegram.User) -> bool:
        if await self._groups.moved(message) or _is_service(message):
            return False
        if message.chat.type != "private":
            heard = await self._groups.message(event, message, person)
            self._wake()
            return heard
        if person.is_bot:
            return False
        address, answered_ref = str(message.chat.id), _answered(message)
        actor, reply_to = await self._parts.hop(self._pointed, person, address, answered_ref)
        if actor is None:
            await self._strangers.message(event, message, person)
            self._wake()
            return True
        if await self._strangers.code_from_known(actor, message):
            self._wake()
            return True
        if reply_to is None and answered_ref is not None:
            reply_to = await self._place(actor, address, answered_ref)
        if reply_to is None and answered_ref is not None:
            elsewhere = await self._answered_elsewhere(person, address, answered_ref)
            actor, reply_to = elsewhere or (actor, None)
        understood = False
        async with busy(self._bot, message.chat.id, message.message_id) as doing:
            heard = await self._heard(actor, message, reply_to, doing)
            if heard is not None:
                answered = await self._dispatch.handle(actor, heard, self._extra(person), event.id)
                understood = answered.understood
        self._wake()
        if understood:
            await nod(self._bot, message)
        return True

    async def _heard(
        self, actor: Actor, message: telegram.Message, reply_to: UUID | None, doing: Doing
    ) -> Input | None:
        """What was said; None when a file could not be taken, which is said."""
        file = file_of(message)
        if file is None:
            return Text(message.text or "", reply_to)
        if message.from_user is not None:
            say = say_to(self._parts, message.from_user)
            code = "telegram.fetching" if file.size is not None else "telegram.fetching_unsized"
            doing.now(say(code, name=_named(file.name), size=file.size))
        try:
            content = await fetch(self._bot, file)
        except NotTaken as why:
            await self._parts.hop(self._tell, actor, why.code, why.data)
            return None
        if message.from_user is not None:
            doing.now(say_to(self._parts, message.from_user)("telegram.looking", name=_named(file.name)))
        blobs = self._parts.storage.blobs(actor.workspace_id, actor.user_id)
        blob = await self._parts.hop(blobs.put, content)
        return Upload(file.name, blob, len(content), message.caption or "")

    async def _tap(self, event: InboundEvent, query: telegram.CallbackQuery) -> None:
        chat = query.message.chat if query.message is not None else None
        if chat is None or chat.type != "private":
            tap = await self._groups.tap(event, query, self._toast)
            self._wake()
            if tap is not None and tap.delivery_id is None and chat is not None:
                await self._give_up(query, str(chat.id))
            return
        actor, place = await self._parts.hop(self._pointed, query.from_user, str(chat.id), reference(query.message))
        if actor is None:
            await self._strangers.tap(event, query, self._toast)
            self._wake()
            return
        try:
            tap = self._pressed(actor, query)
        except Invalid as forged:
            found = await self._parts.hop(self._pressed_elsewhere, query)
            if found is None:
                words = await self._parts.hop(self._words, actor, forged)
                await self._toast(query, words, True)
                return
            (actor, tap), place = found, None
        if tap.action not in OWN_ACTIONS:
            place = place or await self._place(actor, str(chat.id), reference(query.message))
            tap = replace(tap, delivery_id=place)
        answered = await self._dispatch.handle(actor, tap, self._extra(query.from_user), event.id)
        self._wake()
        await self._toast(query, answered.toast, answered.alert)
        if tap.delivery_id is None and tap.action not in OWN_ACTIONS:
            await self._retire(actor, query, str(chat.id))

    def _pointed(self, person: telegram.User, address: str, ref: str | None) -> tuple[Actor | None, UUID | None]:
        """Who taps or answers, and the delivery that what they point at stands for, where that is on our record."""
        actor = known(self._parts, person.id)
        return (None, None) if actor is None else (actor, here(self._parts, actor, address, ref))

    async def _retire(self, actor: Actor, query: telegram.CallbackQuery, address: str) -> None:
        """A copy that we do not know: its sending was cut off before it was on our record, and the card was sent again. Nobody will ever
        update it, so it gives up its buttons."""
        if await self._place(actor, address, reference(query.message)) is not None or query.message is None:
            return
        await self._give_up(query, address)

    async def _give_up(self, query: telegram.CallbackQuery, address: str) -> None:
        if query.message is None:
            return
        say = say_to(self._parts, query.from_user)
        with suppress(TelegramError):
            await self._bot.edit_message_text(say("telegram.copy"), address, query.message.message_id)

    def _pressed(self, actor: Actor, query: telegram.CallbackQuery) -> Tap:
        """Raises Invalid `messaging.button_forged`, `messaging.button_unknown`."""
        assert actor.link_id is not None
        data = query.data or ""
        try:
            return Tap(*self._parts.tokens.unpack(data, actor.link_id))
        except Invalid:
            before = self._strangers.own(data, query.from_user)
            if before is None:
                raise
            return before

    def _pressed_elsewhere(self, query: telegram.CallbackQuery) -> tuple[Actor, Tap] | None:
        """A button from when, or of what, this chat spoke for another workspace of the person's: it is of that one."""
        for actor in everywhere(self._parts, query.from_user.id):
            with suppress(Invalid):
                return actor, self._pressed(actor, query)
        return None

    async def _answered_elsewhere(self, person: telegram.User, address: str, ref: str) -> tuple[Actor, UUID] | None:
        """The same for words that answer a message of ours."""
        for actor in await self._parts.hop(everywhere, self._parts, person.id):
            place = await self._parts.hop(here, self._parts, actor, address, ref)
            if place is not None:
                return actor, place
        return None

    async def _place(self, actor: Actor, address: str, ref: str | None) -> UUID | None:
        """As bots.kit.here; a message that was tapped or answered as it arrived may not be on our record yet."""
        if ref is None:
            return await self._parts.hop(here, self._parts, actor, address, None)
        return await on_record(lambda: self._parts.hop(here, self._parts, actor, address, ref))

    async def _member(self, change: telegram.ChatMemberUpdated) -> None:
        """The person blocked the bot, or lets it speak again; a group took it in, or threw it out."""
        if change.chat.type in GROUPS:
            await self._groups.member(change)
            self._wake()
            return
        actor = await self._known(change.from_user) if change.chat.type == "private" else None
        if actor is None or actor.link_id is None:
            return
        if change.new_chat_member.status in ("kicked", "left"):
            await self._parts.hop(reach.blocked, self._parts, actor.workspace_id, actor.user_id, actor.link_id)
        else:
            await self._parts.hop(here, self._parts, actor, str(change.chat.id), None)

    async def _toast(self, query: telegram.CallbackQuery, text: str | None, alert: bool = False) -> None:
        """Ends the waiting of the person's client. What was decided is decided and stands on the card: a toast that does not arrive, or
        comes too late, is let go."""
        words = clean.cut(text, TOAST_LIMIT, clean.utf16) if text else None
        for _ in range(TOAST_TRIES):
            try:
                await self._bot.answer_callback_query(query.id, words, show_alert=alert and words is not None)
                return
            except (BadRequest, RetryAfter):
                return
            except NetworkError:
                continue

    def _words(self, actor: Actor, problem: Invalid) -> str:
        with self._parts.storage.work(actor.workspace_id, actor.user_id) as work:
            return failure(open_chat(self._parts, work, actor).say, problem).line

    def _tell(self, actor: Actor, code: str, data: dict[str, Any]) -> None:
        with self._parts.storage.work(actor.workspace_id, actor.user_id) as work:
            answer(work, work.people.link(actor.link_id), {"say": code, "data": data})
            work.commit()

    def _extra(self, person: telegram.User) -> dict[str, Any]:
        """What is known of a person besides who they are: the language of their client, and how a link into this chat begins."""
        language = {"language": person.language_code[:35]} if person.language_code else {}
        return {**language, opening.BASE: f"{self._bot.link}?start="}

    async def _known(self, person: telegram.User) -> Actor | None:
        return await self._parts.hop(known, self._parts, person.id)

    async def _known_in(self, person: telegram.User, workspace_id: UUID) -> Actor | None:
        return await self._parts.hop(known_in, self._parts, person.id, workspace_id)


def known(parts: Parts, telegram_id: int) -> Actor | None:
    """Whom a Telegram account stands for; None for a stranger."""
    try:
        return by_account(parts.storage.directory, "telegram", "", str(telegram_id))
    except Unauthenticated:
        return None


def everywhere(parts: Parts, telegram_id: int) -> list[Actor]:
    """Whom the account stands for in each workspace of its person; first in the one that it speaks for."""
    found = parts.storage.directory.links_of_account("telegram", "", str(telegram_id))
    return [Actor(one.user_id, one.workspace_id, one.role, "telegram", link_id=one.id) for one in found]


def known_in(parts: Parts, telegram_id: int, workspace_id: UUID) -> Actor | None:
    """The same in one workspace; None where the account is not of a member."""
    return next((one for one in everywhere(parts, telegram_id) if one.workspace_id == workspace_id), None)


def _answered(message: telegram.Message) -> str | None:
    """The reference of the message of ours that this one answers."""
    answered = message.reply_to_message
    if answered is None or answered.from_user is None or not answered.from_user.is_bot:
        return None
    return reference(answered)


def _named(file: str) -> str:
    """A file's name in words of ours, which a draft shows as they are."""
    return render.tame(clean.line(file, 60))


def _is_service(message: telegram.Message) -> bool:
    """Members who come and go, titles, pins: nothing that anybody said."""
    return message.text is None and message.caption is None and not message.effective_attachment
