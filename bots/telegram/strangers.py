"""Telegram accounts that are not linked yet: a greeting, a one-time code, which account it would link, and a yes before it does."""

import html
import re
from collections.abc import Awaitable, Callable
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any
from uuid import NAMESPACE_URL, UUID, uuid5

import telegram
from telegram import InlineKeyboardButton, InlineKeyboardMarkup, LinkPreviewOptions
from telegram.error import BadRequest, ChatMigrated, Forbidden

from bots.dialogs import invitations
from bots.dialogs.newcomers import CODES_AN_HOUR, Newcomer, invited_to, is_back, let_in, may_try
from bots.kit import clean, opening
from bots.kit.dialog import Chat, Reply, Tap, action
from bots.kit.dispatch import Dispatch
from bots.kit.heard import run_command
from bots.kit.outbound import SlowDown
from bots.kit.parts import Parts
from bots.kit.place import place
from bots.kit.screen import Block, Button, Paragraph, Screen
from bots.kit.words import Say
from bots.telegram import render
from bots.telegram.limits import Limits
from core.identity.ports import Known
from core.identity.prove import letters_of, redeem, who_made
from core.kernel.actor import Actor
from core.kernel.errors import Conflict, Invalid
from core.messaging.models import InboundEvent
from core.messaging.post import answer

CODES = "telegram.codes"
OWN_ACTIONS = ("telegram.link", "telegram.not_me", "telegram.join")
INVITED = re.compile(r"(?:/(?:start|join)(?:@\w+)?\s+)?((?:[A-Za-z0-9]{4}[-\s]?){2}[A-Za-z0-9]{4})")
CODE = re.compile(r"(?:/start(?:@\w+)?\s+)?([A-Za-z0-9]{4}[-\s]?[A-Za-z0-9]{4})")
Toast = Callable[[telegram.CallbackQuery, str | None, bool], Awaitable[None]]


def stranger_id(telegram_id: int) -> UUID:
    """What buttons of somebody without a link are bound to."""
    return uuid5(NAMESPACE_URL, f"tg://user?id={telegram_id}")


def say_to(parts: Parts, person: telegram.User) -> Say:
    """The language of the person's client, as long as there is no profile."""
    return parts.words.in_language(place(person.language_code or "en", "UTC", datetime.now(UTC)))


@action("telegram.link")
def linked(chat: Chat, code: str) -> Reply:
    """The account is linked by now: hello."""
    greeting = run_command(chat, "start", "")
    return Reply(greeting.screen, toast=chat.say("telegram.linked", account=chat.user.email), subject=greeting.subject)


@action("telegram.join")
def joined(chat: Chat, code: str) -> Reply:
    """They are a member by now: hello. Where they have an account and are none, the invitation is asked about as it is for everybody who has one."""
    with suppress(Invalid):
        return invitations.card(chat, code)
    greeting = run_command(chat, "start", "")
    told = chat.say("invitation.welcome", name=chat.work.people.workspace().name)
    return Reply(greeting.screen, toast=told, subject=greeting.subject)


@action("telegram.not_me")
def left_alone(chat: Chat) -> Reply:
    """A button from before the account was linked."""
    return Reply(toast=chat.say("telegram.linked", account=chat.user.email), alert=True)


class Strangers:
    """Answers them. Their messages are sent at once: without a link there is nothing to deliver to."""

    def __init__(self, parts: Parts, bot: telegram.Bot, limits: Limits, dispatch: Dispatch) -> None:
        self._parts, self._bot, self._limits, self._dispatch = parts, bot, limits, dispatch

    async def message(self, event: InboundEvent, message: telegram.Message, person: telegram.User) -> None:
        """A code is looked up; anything else is answered with how to get one."""
        say = say_to(self._parts, person)
        invited = INVITED.fullmatch((message.text or "").strip())
        if invited is not None:
            await self._invited(event, message, person, say, letters_of(invited[1]))
            return
        found = CODE.fullmatch((message.text or "").strip())
        if found is None:
            hello, how = ("telegram.hello", {"name": clean.line(person.first_name, 60)}), ("telegram.how", {})
            later = [("telegram.opens_later", {})] if _is_link(message.text or "") else []
            await self._send(message.chat.id, say, hello, how, *later)
            return
        code = _letters(found[1])
        try:
            known = await self._parts.hop(self._look_up, event, person.id, code)
        except Invalid as refused:
            account = (code, "telegram", "", str(person.id))
            back = refused.code == "identity.code_refused" and await self._parts.hop(
                is_back, self._parts.storage, *account
            )
            await self._send(message.chat.id, say, ("leave.welcome_back", {}) if back else (refused.code, refused.data))
            return
        account = await self._parts.hop(self._account, known)
        yes = Button(label=say("telegram.link.yes"), action="telegram.link", args=(code,), style="primary")
        no = Button(label=say("telegram.link.no"), action="telegram.not_me")
        ask = (("telegram.link.ask", {"account": account}), ("telegram.link.means", {}))
        await self._send(message.chat.id, say, *ask, buttons=(yes, no), person=person)

    async def _invited(
        self, event: InboundEvent, message: telegram.Message, person: telegram.User, say: Say, code: str
    ) -> None:
        """Somebody has an invitation: who invites to what is shown, and what joining makes of a stranger."""
        try:
            said = await self._parts.hop(self._look_at_invitation, event, person.id, code, say)
        except Invalid as refused:
            await self._send(message.chat.id, say, (refused.code, refused.data))
            return
        yes = Button(label=say("invitation.join"), action="telegram.join", args=(code,), style="primary")
        no = Button(label=say("telegram.link.no"), action="telegram.not_me")
        blocks = (*said, Paragraph(text=say("telegram.join.means")), Paragraph(text=say("telegram.join.account")))
        await self._show(message.chat.id, say, blocks, (yes, no), person)

    def _look_at_invitation(self, event: InboundEvent, telegram_id: int, code: str, say: Say) -> tuple[Block, ...]:
        """Raises Invalid `identity.invitation_refused`, `telegram.too_many_codes`."""
        if not self._may_try(event, telegram_id):
            raise Invalid("telegram.too_many_codes", n=CODES_AN_HOUR)
        return invited_to(self._parts.storage, code, say)

    def _join(self, code: str, person: telegram.User, address: str) -> Actor:
        """As bots.dialogs.invitations.let_in: no address is known of them, and none is taken for granted."""
        name, email = clean.line(person.full_name, 60), f"{person.id}@telegram.invalid"
        who = Newcomer("telegram", str(person.id), address, email, name, person.language_code or "en")
        return let_in(self._parts.storage, code, who)

    async def code_from_known(self, actor: Actor, message: telegram.Message) -> bool:
        """A link with a code, opened by somebody who is linked already: nothing changes, which is said. Whether it was one."""
        found = CODE.fullmatch((message.text or "").strip())
        if found is None or not (message.text or "").strip().startswith("/start"):
            return False
        return await self._parts.hop(self._tell_known, actor, _letters(found[1]))

    def _tell_known(self, actor: Actor, code: str) -> bool:
        try:
            known = who_made(self._parts.storage.directory, code)
        except Invalid:
            return False
        same = known.user_id == actor.user_id
        with self._parts.storage.work(actor.workspace_id, actor.user_id) as work:
            data = {"account": work.people.user(actor.user_id).email}
            link = work.people.link(actor.link_id)
            answer(work, link, {"say": "telegram.linked" if same else "telegram.linked_to_another", "data": data})
            work.commit()
        return True

    def _look_up(self, event: InboundEvent, telegram_id: int, code: str) -> Known:
        """Raises Invalid `identity.code_refused`, `telegram.too_many_codes`."""
        if not self._may_try(event, telegram_id):
            raise Invalid("telegram.too_many_codes", n=CODES_AN_HOUR)
        return who_made(self._parts.storage.directory, code)

    def _may_try(self, event: InboundEvent, telegram_id: int) -> bool:
        return may_try(self._parts.storage.inbox, CODES, str(telegram_id), event)

    def _account(self, known: Known) -> str:
        with self._parts.storage.work(known.workspace_id, known.user_id) as work:
            return work.people.user(known.user_id).email

    def own(self, data: str, person: telegram.User) -> Tap | None:
        """The tap of a button that was made for this person before they were linked; None for any other."""
        try:
            return Tap(*self._parts.tokens.unpack(data, stranger_id(person.id)))
        except Invalid:
            return None

    async def tap(self, event: InboundEvent, query: telegram.CallbackQuery, toast: Toast) -> None:
        """*Link* links, *Not me* does not; any other button is nobody's."""
        say, tap = say_to(self._parts, query.from_user), self.own(query.data or "", query.from_user)
        if tap is None:
            await toast(query, say("telegram.not_linked"), True)
            return
        if tap.action == "telegram.not_me" or query.message is None:
            await self._close(query, say, "telegram.link.left")
            await toast(query, say("telegram.link.left"), False)
            return
        enter, refused = (
            (self._join, "identity.invitation_refused")
            if tap.action == "telegram.join"
            else (self._redeem, "identity.code_refused")
        )
        try:
            actor = await self._parts.hop(enter, tap.args[0], query.from_user, str(query.message.chat.id))
        except (Invalid, Conflict):
            await self._close(query, say, refused)
            await toast(query, say(refused), True)
            return
        language = {"language": query.from_user.language_code} if query.from_user.language_code else {}
        answered = await self._dispatch.handle(actor, tap, language, event.id)
        await toast(query, answered.toast, answered.alert)
        await self._close(query, say, "telegram.join.done" if tap.action == "telegram.join" else "telegram.link.done")

    def _redeem(self, code: str, person: telegram.User, address: str) -> Actor:
        """Raises Invalid `identity.code_refused`; Conflict when somebody was quicker."""
        known = who_made(self._parts.storage.directory, code)
        with self._parts.storage.work(known.workspace_id, known.user_id) as work:
            others = [one for one in work.people.links(known.user_id) if one.address is not None and one.reachable]
            link = redeem(work, known, "telegram", str(person.id), address)
            name = clean.line(person.full_name, 60) or str(person.id)
            for other in others:
                if other.id != link.id:
                    answer(work, other, {"say": "telegram.linked_elsewhere", "data": {"name": name}})
            work.commit()
        return Actor(known.user_id, known.workspace_id, known.role, "telegram", link_id=link.id)

    async def say(self, chat_id: int, person: telegram.User, code: str) -> None:
        """Says something to somebody in a group, with the way to the private chat. Not at all when the group gets too much already, or takes nothing from us."""
        say = say_to(self._parts, person)
        there = InlineKeyboardMarkup([[InlineKeyboardButton(say("telegram.open_private"), url=self._bot.link)]])
        with suppress(SlowDown, BadRequest):
            await self._speak(chat_id, html.escape(say(code), quote=False), there)

    async def _send(
        self, chat_id: int, say: Say, *sentences: tuple[str, dict[str, Any]], buttons: tuple[Button, ...] = (),
        person: telegram.User | None = None,
    ) -> None:  # fmt: skip
        blocks: list[Block] = []
        for code, data in sentences:
            blocks += [Paragraph(text=say(one, **data)) for one in (code, f"{code}.todo") if say.knows(one)]
        await self._show(chat_id, say, tuple(blocks), buttons, person)

    async def _show(
        self, chat_id: int, say: Say, blocks: tuple[Block, ...], buttons: tuple[Button, ...], person: telegram.User | None
    ) -> None:  # fmt: skip
        screen = clean.screen(Screen(blocks=blocks))
        mark = stranger_id(person.id) if person is not None else None
        rows = render.keyboard((buttons,), lambda one: self._parts.tokens.pack(one, mark), None) if mark else None
        await self._speak(chat_id, render.text(screen, say), rows)

    async def _speak(self, chat_id: int, text: str, buttons: InlineKeyboardMarkup | None) -> None:
        """Sends it; who blocked the bot, or threw it out, does not want to hear it."""
        preview = LinkPreviewOptions(is_disabled=True)
        async with self._limits.turn(str(chat_id)):
            try:
                await self._bot.send_message(chat_id, text, "HTML", link_preview_options=preview, reply_markup=buttons)
            except Forbidden:
                return
            except ChatMigrated as moved:
                await self._bot.send_message(
                    moved.new_chat_id, text, "HTML", link_preview_options=preview, reply_markup=buttons
                )

    async def _close(self, query: telegram.CallbackQuery, say: Say, code: str) -> None:
        """Takes the buttons away and says what came of it."""
        if query.message is not None:
            with suppress(BadRequest):
                await self._bot.edit_message_text(say(code), query.message.chat.id, query.message.message_id)


def _is_link(words: str) -> bool:
    """Whether somebody came by a link to a thing of Nod's."""
    return words.startswith("/start ") and opening.opened(words.removeprefix("/start ")) is not None


def _letters(code: str) -> str:
    return re.sub(r"[-\s]", "", code).upper()
