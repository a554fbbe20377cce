"""Sends and edits for the outbound loop. Telegram has no idempotency key: a send whose answer was lost is sent again, because a card
twice is better than none; both copies show the truth and work once."""

import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from typing import Any, Literal

import telegram
from telegram import ForceReply, InlineKeyboardMarkup, InputMediaDocument, InputMediaPhoto, LinkPreviewOptions
from telegram.error import BadRequest, ChatMigrated, Forbidden, RetryAfter, TelegramError

from bots.kit import clean, raster
from bots.kit.outbound import Blocked, Gone, Letter, Refused, SlowDown
from bots.kit.parts import Parts
from bots.kit.screen import Button, Document, Paragraph, Screen
from bots.telegram import pieces, reach, render
from bots.telegram.limits import Limits, seconds_of

log = logging.getLogger(__name__)
HTML = "HTML"
PHOTO, FILE = "photo:", "file:"
LONGEST_PHOTO = 2560
"""Pixels: a longer side is made smaller by Telegram, until nobody can read what is on it. Such a drawing is sent as a file."""
NO_PREVIEW = LinkPreviewOptions(is_disabled=True)
SAME = "message is not modified"
GONE = ("message to edit not found", "message can't be edited", "message_id_invalid", "message to edit is")
NOBODY = ("chat not found", "user is deactivated", "peer_id_invalid", "user not found")
SILENCED = ("not enough rights to send", "have no write access", "chat_write_forbidden", "chat_restricted")
"""A group in which the bot may not speak any more."""


@dataclass(frozen=True)
class Attached:
    """What a message carries beside its words."""

    kind: Literal["photo", "document"]
    name: str
    content: bytes


@dataclass(frozen=True)
class Drawn:
    """A letter as Telegram takes it; `text` is the caption of what is attached."""

    text: str
    buttons: InlineKeyboardMarkup | None
    attached: Attached | None = None
    asks: ForceReply | None = None

    @property
    def markup(self) -> InlineKeyboardMarkup | ForceReply | None:
        """Buttons or the open field: Telegram takes one of them."""
        return self.buttons or self.asks


def reference(message: Any) -> str | None:
    """How a delivery finds its message again; the caption of a photo or file is edited by another method than a text."""
    if message is None:
        return None
    kind = PHOTO if getattr(message, "photo", None) else FILE if getattr(message, "document", None) else ""
    return f"{kind}{message.message_id}"


class TelegramSender:
    """bots.kit.outbound.Sender."""

    def __init__(self, parts: Parts, bot: telegram.Bot, limits: Limits, public_url: str | None) -> None:
        self._parts, self._bot, self._limits, self._public_url = parts, bot, limits, public_url

    async def send(self, letter: Letter) -> str | None:
        drawn = await self._draw(letter)
        async with self._troubles(letter), self._limits.turn(_chat(letter)):
            try:
                return await self._send(_chat(letter), drawn)
            except ChatMigrated as moved:
                there = str(moved.new_chat_id)
                await self._parts.hop(reach.moved, self._parts, letter, there)
                return await self._send(there, drawn)

    async def _send(self, chat: str, drawn: Drawn) -> str | None:
        attached, bot = drawn.attached, self._bot
        if attached is None:
            sent = await bot.send_message(
                chat, drawn.text, HTML, link_preview_options=NO_PREVIEW, reply_markup=drawn.markup
            )
        elif attached.kind == "photo":
            sent = await bot.send_photo(
                chat, attached.content, drawn.text, parse_mode=HTML, reply_markup=drawn.markup, filename=attached.name
            )
        else:
            sent = await bot.send_document(
                chat, attached.content, drawn.text, parse_mode=HTML, reply_markup=drawn.markup, filename=attached.name,
                disable_content_type_detection=True,
            )  # fmt: skip
        return reference(sent)

    async def edit(self, letter: Letter) -> str | None:
        ref = letter.delivery.remote_ref or ""
        number = int(ref.rpartition(":")[2])
        drawn = await self._draw(letter)
        if (":" in ref) != (drawn.attached is not None) or drawn.asks is not None:
            # Telegram makes no text of a photo, and opens the field for words for a new message only.
            with suppress(TelegramError):
                await self._bot.delete_message(_chat(letter), number)
            raise Gone
        async with self._troubles(letter), self._limits.turn(_chat(letter), edit=True):
            if drawn.attached is None:
                await self._bot.edit_message_text(
                    drawn.text, _chat(letter), number, parse_mode=HTML, link_preview_options=NO_PREVIEW,
                    reply_markup=drawn.buttons,
                )  # fmt: skip
            else:
                made = InputMediaPhoto if drawn.attached.kind == "photo" else InputMediaDocument
                media = made(drawn.attached.content, drawn.text, HTML, filename=drawn.attached.name)
                edited = await self._bot.edit_message_media(media, _chat(letter), number, reply_markup=drawn.buttons)
                ref = reference(edited) or ref
        return ref

    async def _draw(self, letter: Letter) -> Drawn:
        """What does not fit into one message is shown as far as it goes, with *Read all* in the place of the other buttons."""
        screen, say = letter.screen, letter.say
        if screen.form is not None:
            elsewhere = Paragraph(text=say("telegram.form.elsewhere"), muted=True)
            screen = screen.model_copy(update={"blocks": (*screen.blocks, elsewhere), "form": None})
        attached = await self._parts.hop(self._attached, letter)
        limit = pieces.LIMIT if attached is None else pieces.CAPTION_LIMIT
        screen = _captioned(screen)
        text = render.text(screen, say)
        if clean.utf16(text) <= limit:
            buttons = self._keyboard(letter, screen.buttons)
            asks = _field(letter, screen) if buttons is None else None
            return Drawn(text or "…", buttons, attached, asks)
        # A drawing and a file have nothing under them that a yes would be given to: their buttons stay.
        stay = screen.buttons if attached is not None and not _is_photo(screen) else ()
        return Drawn(*self._beginning(letter, pieces.pieces(screen, say, limit), stay), attached)

    def _attached(self, letter: Letter) -> Attached | None:
        """The file or the picture of the screen; a drawing as pixels, and left out where it cannot be drawn: the words say the same."""
        blobs = self._parts.storage.blobs(letter.link.workspace_id, letter.link.user_id)
        screen = letter.screen
        shown = screen.document or screen.picture
        if shown is None:
            return None
        content = blobs.get(shown.blob)
        if isinstance(shown, Document):
            return Attached("document", shown.name, content)
        if shown.kind == "photo":
            return Attached("photo", "picture", content)
        try:
            high = raster.height(content)
            sharp = next((one for one in (raster.SHARP, raster.ENOUGH) if high * one <= LONGEST_PHOTO), None)
            drawn = raster.png(content, sharp or raster.SHARP)
            return Attached("photo" if sharp else "document", "drawing.png", drawn)
        except ValueError:
            log.warning("a drawing cannot be drawn", extra={"delivery": str(letter.delivery.id)})
            return None

    def _beginning(
        self, letter: Letter, parts: list[Screen], stay: tuple[tuple[Button, ...], ...]
    ) -> tuple[str, InlineKeyboardMarkup | None]:
        say = letter.say
        note = render.block(Paragraph(text=say("telegram.part", part=1, parts=len(parts)), muted=True), say)
        read = Button(label=say("telegram.read_all", n=len(parts)), action="telegram.read", style="primary")
        file = Button(label=say("plain.as_file"), action="telegram.file")
        return f"{render.text(parts[0], say)}\n\n{note}", self._keyboard(letter, ((read, file), *stay))

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
        except ChatMigrated as moved:
            # Where the chat is now, nothing of what stood in it can be edited.
            await self._parts.hop(reach.moved, self._parts, letter, str(moved.new_chat_id))
            raise Gone from None
        except Forbidden:
            await self._blocked(letter)
            raise Blocked from None
        except BadRequest as refused:
            reason = refused.message.lower()
            if any(words in reason for words in (*NOBODY, *SILENCED)):
                await self._blocked(letter)
                raise Blocked from None
            if any(words in reason for words in GONE):
                raise Gone from None
            if SAME not in reason:
                raise Refused("messaging.refused") from refused

    async def _blocked(self, letter: Letter) -> None:
        """Of a room the outbound loop takes leave by itself (core.messaging.rooms.lost_room)."""
        link = letter.link
        if letter.room is None:
            await self._parts.hop(reach.blocked, self._parts, link.workspace_id, link.user_id, link.id)


def _field(letter: Letter, screen: Screen) -> ForceReply | None:
    """Opens the field for words, in a chat of one person: in a group it would open for everybody."""
    return ForceReply(input_field_placeholder=screen.asks) if screen.asks and letter.room is None else None


def _captioned(screen: Screen) -> Screen:
    """A photo says in words what it shows, for those who do not see it; the words of a drawing are there already."""
    if screen.picture is None or not screen.picture.alt or not _is_photo(screen):
        return screen
    return screen.model_copy(update={"blocks": (*screen.blocks, Paragraph(text=screen.picture.alt, muted=True))})


def _is_photo(screen: Screen) -> bool:
    return screen.picture is not None and screen.picture.kind == "photo"


def _chat(letter: Letter) -> str:
    return letter.link.address or ""
