"""Cuts a screen that is too long for one message into several, between blocks where that does, else inside a text where a reader would."""

from collections.abc import Iterator

from bots.kit import clean
from bots.kit.screen import Block, Bullets, Change, Facts, Heading, Paragraph, Quote, Screen
from bots.kit.words import Say
from bots.slack import blocks

MESSAGE_BLOCKS, VIEW_BLOCKS = 50, 100
"""Blocks of a message, of a modal or the App Home (docs.slack.dev/reference/block-kit/blocks)."""
LETTERS = 11_000
"""Slack refuses messages whose blocks are too long together (`msg_blocks_too_long`) without saying how long that is; this passes."""
NOTE = 4
"""Blocks that a message may have beside its words and buttons: which part it is, a picture, what a picture's absence is explained with, and whether it helped."""
PART = 2500


def rooms(screen: Screen) -> int:
    """How many blocks of a message the words may take, beside the buttons and the note which part it is."""
    return max(5, MESSAGE_BLOCKS - NOTE - len(screen.buttons))


def fits(screen: Screen, say: Say) -> bool:
    """Whether it is one message."""
    made = blocks.drawn(screen.blocks, say)
    return len(made) <= rooms(screen) and blocks.size(made) <= LETTERS


def pieces(screen: Screen, say: Say) -> list[Screen]:
    """The screen in pieces that fit; its buttons and its form stand under the last one. One that fits stays as it is."""
    if fits(screen, say):
        return [screen]
    most = rooms(screen)
    groups: list[list[Block]] = [[]]
    left, letters = most, LETTERS
    for one in screen.blocks:
        for part in _parts(one):
            made = blocks.block(part, say)
            if groups[-1] and (len(made) > left or blocks.size(made) > letters):
                groups.append([])
                left, letters = most, LETTERS
            groups[-1].append(part)
            left, letters = left - len(made), letters - blocks.size(made)
    last = len(groups) - 1
    return [
        screen.model_copy(update={"blocks": tuple(group)})
        if at == last
        else Screen(blocks=tuple(group), tone=screen.tone)
        for at, group in enumerate(groups)
    ]


def _parts(one: Block) -> Iterator[Block]:
    """A block in as many as it may be parted into."""
    match one:
        case Heading() | Paragraph() if clean.utf16(one.text) > PART:
            yield from (Paragraph(text=words) for words in clean.parts(one.text, PART, clean.utf16))
        case Quote() if clean.utf16(one.text) + clean.utf16(one.source) > PART:
            sources = clean.parts(one.source, PART, clean.utf16) or [""]
            for number, words in enumerate(clean.parts(one.text, PART, clean.utf16) or [""]):
                yield Quote(text=words, source=sources[0] if number == 0 else "")
            yield from (Paragraph(text=words, muted=True) for words in sources[1:])
        case Bullets():
            for item in one.items:
                yield from (Bullets(items=(words,)) for words in clean.parts(item, PART, clean.utf16))
        case Facts():
            for label, value in one.rows:
                for number, words in enumerate(clean.parts(value, PART, clean.utf16) or [""]):
                    yield Facts(rows=((label if number == 0 else "", words),))
        case Change():
            for what, line in one.lines:
                yield from (Change(lines=((what, words),)) for words in clean.parts(line, PART, clean.utf16) or [""])
        case _:
            yield one
