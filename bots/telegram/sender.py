"""Sends and edits for the outbound loop. Telegram has no idempotency key: a send whose answer was lost is sent again, because a card
twice is better than none; both copies show the truth and work once."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from typing import Any

import telegram
from telegram import InlineKeyboardMarkup, InputMediaPhoto, LinkPreviewOptions
from telegram.error import BadRequest, ChatMigrated, Forbidden, RetryAfter, TelegramError

from bots.kit import clean
from bots.kit.outbound import Blocked, Gone, Letter, Refused, SlowDown
from bots.kit.parts import Parts
from bots.kit.screen import Button, Paragraph, Screen
from bots.telegram import pieces, reach, render
from bots.telegram.limits import Limits, seconds_of

HTML = "HTML"
PHOTO = "photo:"
NO_PREVIEW = LinkPreviewOptions(is_disabled=True)
SAME = "message is not modified"
GONE = ("message to edit not found", "message can't be edited", "message_id_invalid", "message to edit is")
NOBODY = ("chat not found", "user is deactivated", "peer_id_invalid", "user not found")


@dataclass(frozen=True)
class Drawn:
    """A letter as Telegram takes it."""

    text: str
    buttons: InlineKeyboardMarkup | None
    picture: bytes | None = None


def reference(message: Any) -> str | None:
    """How a delivery finds its message again; a photo's caption is edited by another method than a text."""
    if message is None:
        return None
    return f"{PHOTO if getattr(message, 'photo', None) else ''}{message.message_id}"


class TelegramSender:
    """bots.kit.outbound.Sender."""

    def __init__(self, parts: Parts, bot: telegram.Bot, limits: Limits, public_url: str | None) -> None:
        self._parts, self._bot, self._limits, self._public_url = parts, bot, limits, public_url

    async def send(self, letter: Letter) -> str | None:
        drawn = await self._draw(letter)
        async with self._troubles(letter):
            await self._limits.turn(_chat(letter))
            try:
                ref = await self._send(_chat(letter), drawn)
                self._limits.sent(_chat(letter))
                return ref
            except ChatMigrated as moved:
                there, link = str(moved.new_chat_id), letter.link
                await self._parts.hop(reach.moved, self._parts, link.workspace_id, link.user_id, link.id, there)
                return await self._send(there, drawn)

    async def _send(self, chat: str, drawn: Drawn) -> str | None:
        if drawn.picture is None:
            return reference(
                await self._bot.send_message(
                    chat, drawn.text, HTML, link_preview_options=NO_PREVIEW, reply_markup=drawn.buttons
                )
            )
        return reference(
            await self._bot.send_photo(chat, drawn.picture, drawn.text, parse_mode=HTML, reply_markup=drawn.buttons)
        )

    async def edit(self, letter: Letter) -> str | None:
        ref = letter.delivery.remote_ref or ""
        number = int(ref.removeprefix(PHOTO))
        drawn = await self._draw(letter)
        if ref.startswith(PHOTO) != (drawn.picture is not None):
            with suppress(TelegramError):
                await self._bot.delete_message(_chat(letter), number)
            raise Gone
        async with self._troubles(letter):
            await self._limits.turn(_chat(letter), edit=True)
            if drawn.picture is None:
                await self._bot.edit_message_text(
                    drawn.text, _chat(letter), number, parse_mode=HTML, link_preview_options=NO_PREVIEW,
                    reply_markup=drawn.buttons,
                )  # fmt: skip
            else:
                media = InputMediaPhoto(drawn.picture, drawn.text, HTML)
                await self._bot.edit_message_media(media, _chat(letter), number, reply_markup=drawn.buttons)
        return ref

    async def _draw(self, letter: Letter) -> Drawn:
        """What does not fit into one message is shown as far as it goes, with *Read all* in the place of every other button."""
        screen, say = letter.screen, letter.say
        if screen.form is not None:
            elsewhere = Paragraph(text=say("telegram.form.elsewhere"), muted=True)
            screen = screen.model_copy(update={"blocks": (*screen.blocks, elsewhere), "form": None})
        picture, limit = None, pieces.LIMIT
        if screen.picture is not None and screen.picture.kind == "photo":
            blobs = self._parts.storage.blobs(letter.link.workspace_id, letter.link.user_id)
            picture, limit = await self._parts.hop(blobs.get, screen.picture.blob), pieces.CAPTION_LIMIT
            screen = _captioned(screen)
        text = render.text(screen, say)
        if clean.utf16(text) <= limit:
            return Drawn(text or "…", self._keyboard(letter, screen.buttons), picture)
        return Drawn(*self._beginning(letter, pieces.pieces(screen, say, limit)), picture)

    def _beginning(self, letter: Letter, parts: list[Screen]) -> tuple[str, InlineKeyboardMarkup | None]:
        say = letter.say
        note = render.block(Paragraph(text=say("telegram.part", part=1, parts=len(parts)), muted=True), say)
        read = Button(label=say("telegram.read_all", n=len(parts)), action="telegram.read", style="primary")
        return f"{render.text(parts[0], say)}\n\n{note}", self._keyboard(letter, ((read,),))

    def _keyboard(self, letter: Letter, rows: tuple[tuple[Button, ...], ...]) -> InlineKeyboardMarkup | None:
        return render.keyboard(rows, lambda button: self._parts.tokens.pack(button, letter.link.id), self._public_url)

    @asynccontextmanager
    async def _troubles(self, letter: Letter) -> AsyncIterator[None]:
        """Telegram's refusals in the terms of the outbound loop."""
        try:
            yield
        except RetryAfter as slow:
            self._limits.pause(_chat(letter), seconds_of(slow))
            raise SlowDown(seconds_of(slow)) from None
        except Forbidden:
            await self._blocked(letter)
            raise Blocked from None
        except BadRequest as refused:
            reason = refused.message.lower()
            if any(words in reason for words in NOBODY):
                await self._blocked(letter)
                raise Blocked from None
            if any(words in reason for words in GONE):
                raise Gone from None
            if SAME not in reason:
                raise Refused("messaging.refused") from refused

    async def _blocked(self, letter: Letter) -> None:
        link = letter.link
        await self._parts.hop(reach.blocked, self._parts, link.workspace_id, link.user_id, link.id)


def _captioned(screen: Screen) -> Screen:
    """A picture says in words what it shows, for those who do not see it."""
    assert screen.picture is not None
    if not screen.picture.alt:
        return screen
    return screen.model_copy(update={"blocks": (*screen.blocks, Paragraph(text=screen.picture.alt, muted=True))})


def _chat(letter: Letter) -> str:
    return letter.link.address or ""
