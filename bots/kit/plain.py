"""A screen as plain text: what is handed over as a file where a chat is too narrow for it."""

import re
from collections.abc import Iterator

from bots.kit import clean
from bots.kit.dialog import Chat, Reply
from bots.kit.screen import (
    Block,
    Bullets,
    Change,
    Countdown,
    Document,
    Facts,
    Heading,
    Paragraph,
    Progress,
    Quote,
    Screen,
)

NAME = 40
RULE = "-" * 40
_LETTERS = re.compile(r"[^a-z0-9]+")
_SIGNS = {"add": "+ ", "remove": "- ", "keep": "  "}


def handed_over(chat: Chat, screen: Screen) -> Reply:
    """The screen as a file in the chat, as a message of its own."""
    content = text(chat, screen).encode("utf-8")
    document = Document(blob=chat.blobs.put(content), name=file_name(screen), size=len(content))
    told = Paragraph(text=chat.say("plain.file", title=clean.line(screen.summary, 120)))
    return Reply(Screen(blocks=(told,), document=document))


def file_name(screen: Screen) -> str:
    """Of the screen's first words, in letters that every system takes."""
    words = _LETTERS.sub("-", clean.line(screen.summary, NAME).lower()).strip("-")
    return f"{words or 'text'}.txt"


def text(chat: Chat, screen: Screen) -> str:
    """All of the screen's words; buttons are not among them. Quotes stand as they are, between two lines."""
    return "\n\n".join("\n".join(_lines(chat, block)) for block in screen.blocks).rstrip() + "\n"


def _lines(chat: Chat, block: Block) -> Iterator[str]:
    match block:
        case Heading() | Paragraph():
            yield block.text
        case Bullets():
            yield from (f"- {item}" for item in block.items)
        case Facts():
            yield from (f"{label}: {value}" if label else value for label, value in block.rows)
        case Quote():
            yield from ([block.source] if block.source else [])
            yield RULE
            yield block.text.rstrip()
            yield RULE
        case Change():
            yield from (f"{_SIGNS[what]}{line}" for what, line in block.lines)
        case Progress():
            yield block.label
        case Countdown():
            yield block.at(chat.place.now)
