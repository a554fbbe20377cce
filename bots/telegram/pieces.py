"""Cuts a screen that is too long for one message into several, between blocks where that does, else inside a text where a reader
would. Sizes are those of the finished HTML in UTF-16 units, so escaping never makes a piece too long."""

import html
from collections.abc import Iterator

from bots.kit import clean
from bots.kit.screen import Block, Bullets, Change, Facts, Heading, Paragraph, Quote, Screen
from bots.kit.words import Say
from bots.telegram import render

LIMIT = 4096
"""UTF-16 units of a message (core.telegram.org/bots/api#sendmessage)."""
CAPTION_LIMIT = 1024
NOTE = 196
"""What a piece leaves free for the note that says which piece it is."""
FRAME = 120
"""The most that markup around one text takes."""


def size(screen: Screen, say: Say) -> int:
    """The screen's size as one message."""
    return clean.utf16(render.text(screen, say))


def pieces(screen: Screen, say: Say, limit: int = LIMIT) -> list[Screen]:
    """The screen in pieces that fit; its buttons and its form stand under the last one. One that fits stays as it is."""
    if size(screen, say) <= limit:
        return [screen]
    room = limit - NOTE
    groups: list[list[Block]] = [[]]
    left = room
    for one in screen.blocks:
        for part in _fitting(one, say, room):
            taken = clean.utf16(render.block(part, say)) + 2
            if taken > left and groups[-1]:
                groups.append([])
                left = room
            groups[-1].append(part)
            left -= taken
    last = len(groups) - 1
    return [
        screen.model_copy(update={"blocks": tuple(blocks)})
        if at == last
        else Screen(blocks=tuple(blocks), tone=screen.tone, picture=screen.picture if at == 0 else None)
        for at, blocks in enumerate(groups)
    ]


def _fitting(one: Block, say: Say, room: int) -> Iterator[Block]:  # noqa: PLR0912 - one case a kind of block
    if clean.utf16(render.block(one, say)) + 2 <= room:
        yield one
        return
    inside = room - FRAME
    match one:
        case Heading() | Paragraph():
            for words in clean.parts(one.text, inside, _escaped):
                yield one.model_copy(update={"text": words})
        case Quote():
            frame = _escaped(one.source)
            source = one.source if frame < inside // 2 else clean.cut(one.source, inside // 4, _escaped)
            for words in clean.parts(one.text, inside - _escaped(source), _escaped):
                yield one.model_copy(update={"text": words, "source": source})
        case Bullets():
            for item in one.items:
                yield from (Bullets(items=(words,)) for words in clean.parts(item, inside, _escaped))
        case Facts():
            for label, value in one.rows:
                name = clean.cut(label, inside // 4, _escaped)
                for number, words in enumerate(clean.parts(value, inside - _escaped(name), _escaped) or [""]):
                    yield Facts(rows=((name if number == 0 else "", words),))
        case Change():
            for what, line in one.lines:
                for words in clean.parts(line, inside, _escaped) or [""]:
                    yield Change(lines=((what, words),))
        case _:
            yield one


def _escaped(words: str) -> int:
    """How much room the words take at most once they are escaped and tamed."""
    return clean.utf16(html.escape(words, quote=False)) + sum(words.count(mark) for mark in "/@#$.:")
