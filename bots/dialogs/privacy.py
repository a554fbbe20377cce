"""What is kept of a person, taking all of it along, and leaving: asked twice, once by typing one's own address."""

import math
from collections.abc import Mapping
from typing import Any

from bots.dialogs import talk, ways
from bots.kit.dialog import Chat, Reply, action, notice, step
from bots.kit.screen import Block, Bullets, Button, Document, Heading, Paragraph, Screen, row
from core.messaging.models import Conversation
from core.privacy.leave import WINDOW, leave
from core.privacy.take_along import ask_for_export

DIALOG = "leaving"


@action("privacy.open")
def open_privacy(chat: Chat) -> Reply:
    """What can be done with all that is theirs."""
    return Reply(_page(chat), mode="replace")


def _page(chat: Chat, told: str = "") -> Screen:
    blocks: list[Block] = [Heading(text=chat.say("privacy.heading"))]
    blocks += [Paragraph(text=told)] if told else []
    blocks += [Paragraph(text=chat.say("privacy.what")), Paragraph(text=chat.say("privacy.sealed"), muted=True)]
    return Screen(
        blocks=tuple(blocks),
        buttons=(
            row(Button(label=chat.say("privacy.export"), action="privacy.export"), Button(label=chat.say("history.button"), action="history.open")),
            row(Button(label=chat.say("privacy.leave"), action="privacy.leave", style="danger"), ways.settings(chat)),
        ),
    )  # fmt: skip


@action("privacy.export")
def export(chat: Chat) -> Reply:
    """Has the file made; it comes to this chat, and to the others."""
    ask_for_export(chat.work, chat.actor)
    return Reply(_page(chat, chat.say("privacy.export_asked")), mode="replace", toast=chat.say("privacy.export_asked"))


@notice("privacy.export_ready")
def ready(chat: Chat, data: Mapping[str, Any]) -> Screen:
    """The file, to take along."""
    file = Document(blob=str(data["blob"]), name=f"nod-{data['day']}.zip", size=int(data["size"]))
    blocks = (
        Heading(text=chat.say("privacy.export_ready")),
        Paragraph(text=chat.say("privacy.export_what", size=int(data["size"]))),
    )
    return Screen(blocks=blocks, document=file, buttons=(row(ways.settings(chat)),))


@action("privacy.leave")
def ask(chat: Chat) -> Reply:
    """What leaving means; it takes the person's own address, typed."""
    talk.begin(chat, DIALOG, "confirm", {})
    return Reply(_asks(chat), mode="replace")


def _asks(chat: Chat, wrong: str = "") -> Screen:
    days = math.ceil(WINDOW.total_seconds() / 86_400)
    blocks: list[Block] = [Heading(text=chat.say("leave.heading"))]
    blocks += [Paragraph(text=wrong)] if wrong else []
    blocks += [
        Bullets(items=(chat.say("leave.stops"), chat.say("leave.back", n=days), chat.say("leave.gone", n=days))),
        Paragraph(text=chat.say("leave.type", account=chat.user.email)),
    ]
    take = Button(label=chat.say("privacy.export"), action="privacy.export")
    return Screen(blocks=tuple(blocks), buttons=(row(talk.cancel(chat), take),), tone="ask")


@step(DIALOG)
def typed(chat: Chat, conversation: Conversation) -> Reply:
    """The address, or something else: then nothing happens."""
    words = " ".join(getattr(chat.input, "text", "").split())
    if words.casefold() != chat.user.email.casefold():
        return Reply(_asks(chat, chat.say("privacy.confirmation_wrong", account=chat.user.email)))
    left = leave(chat.work, chat.actor, words)
    talk.end(chat, DIALOG)
    told = (
        Heading(text=chat.say("leave.done")),
        Paragraph(text=chat.say("leave.stopped")),
        Paragraph(text=chat.say("leave.code", code=left.code, until=left.until)),
        Paragraph(text=chat.say("leave.how_back", code=left.code), muted=True),
    )
    return Reply(
        Screen(blocks=told, tone="done"), toast=chat.say("leave.code", code=left.code, until=left.until), alert=True
    )
