"""Makes text from outside safe to show, and cuts text where a reader would: never inside a character as people see it.
Grapheme clusters follow UAX #29 closely enough for names and mails (marks, joiners, emoji, flags, Hangul, CRLF)."""

import re
import unicodedata
from collections.abc import Callable, Iterator
from typing import Any

from bots.kit import directions
from bots.kit.screen import Screen

ELLIPSIS = "…"
MARKS_IN_A_ROW = 6
_NO_TEXT = re.compile("[\x00\ud800-\udfff]")
_JOINER, _NON_JOINER = "\u200d", "\u200c"
_FLAG = "\U0001f3f4"
Size = Callable[[str], int]


def utf16(text: str) -> int:
    """The length in UTF-16 code units, as Telegram counts."""
    return len(text) + sum(character > "\uffff" for character in text)


def storable(outside: str) -> str:
    """The same words without what no text is, and PostgreSQL does not keep: NUL and lone surrogates become U+FFFD."""
    return _NO_TEXT.sub("\ufffd", outside)


def text(outside: str) -> str:
    """The same words without what could mislead: no control, format, private-use or lone surrogate characters, no direction overrides,
    no invisible ones, no towers of marks. A control character becomes U+FFFD, so that it is seen; joiners stay where scripts and emoji
    need them."""
    out: list[str] = []
    marks = 0
    for at, character in enumerate(outside.replace("\r\n", "\n").replace("\r", "\n")):
        category = unicodedata.category(character)
        marks = marks + 1 if category in ("Mn", "Me") else 0
        if marks > MARKS_IN_A_ROW:
            continue
        if character in "\n\t" or category[0] in "LNPS" or category in ("Mc", "Mn", "Me"):
            if character not in _BLANK:
                out.append(character)
        elif category == "Zs":
            out.append(" " if character != "\u00a0" else character)
        elif category in ("Zl", "Zp"):
            out.append("\n")
        elif character in (_JOINER, _NON_JOINER):
            if at and out and _joins(out[-1]):
                out.append(character)
        elif category in ("Cc", "Cs", "Co"):
            out.append("\ufffd")
    return "".join(out)


_PREPENDED = frozenset(
    "\u06dd\u070f\u0890\u0891\u08e2\u0d4e\U000110bd\U000110cd\U000111c2\U000111c3\U0001193f\U00011941"
    "\U00011a84\U00011a85\U00011a86\U00011a87\U00011a88\U00011a89\U00011d46"
)
_SPACING = frozenset("\u0e33\u0eb3\uff9e\uff9f")
_BLANK = frozenset("\u115f\u1160\u17b4\u17b5\u3164\uffa0\u2800\u034f")


def _joins(before: str) -> bool:
    """Whether a joiner means something after this character: in a cursive or Indic script, or between emoji."""
    if before in (_JOINER, _NON_JOINER):
        return False
    if before >= "\u2190" and unicodedata.category(before) in ("So", "Sk", "Sm", "Mn"):
        return True
    return "\u0590" <= before <= "\u1fff" and unicodedata.category(before)[0] in "LM"


def line(outside: str, limit: int | None = None) -> str:
    """Safe text on one line, cut at `limit` characters."""
    flat = " ".join(text(outside).split())
    return flat if limit is None else cut(flat, limit)


def screen(shown: Screen) -> Screen:
    """The screen with every text in it made safe; what buttons and fields carry back is left alone. What `directions.apart` set apart stays so."""
    return Screen.model_validate(_texts(shown.model_dump(mode="json"), ""))


_CARRIED = frozenset(
    ("kind", "action", "args", "url", "name", "value", "blob", "style", "tone", "accepts_file", "options")
)


def _texts(value: Any, key: str) -> Any:
    if isinstance(value, str):
        return value if key in _CARRIED else directions.kept_apart(value, text)
    if isinstance(value, dict):
        return {name: _texts(inner, name) for name, inner in value.items()}
    if isinstance(value, list):
        if key == "options":
            return [[option, text(label)] for option, label in value]
        return [_texts(inner, key) for inner in value]
    return value


def graphemes(words: str) -> Iterator[str]:
    """The text, one user-perceived character at a time."""
    start = 0
    for at in range(1, len(words)):
        if _breaks(words, at):
            yield words[start:at]
            start = at
    if words:
        yield words[start:]


def _breaks(words: str, at: int) -> bool:
    before, after = words[at - 1], words[at]
    if before == "\r" and after == "\n":
        return False
    if _control(before) or _control(after):
        return True
    if _extends(after) or _prepends(before):
        return False
    if before == _JOINER and after >= "\u00a9" and unicodedata.category(after) in ("So", "Sm", "Cn"):
        return False
    if _regional(before) and _regional(after):
        run = 0
        while run < at and _regional(words[at - 1 - run]):
            run += 1
        return run % 2 == 0
    return not _hangul_joined(before, after)


def _control(character: str) -> bool:
    if character in (_JOINER, _NON_JOINER) or "\U000e0020" <= character <= "\U000e007f" or _prepends(character):
        return False
    return unicodedata.category(character) in ("Cc", "Cf", "Zl", "Zp", "Cs")


def _extends(character: str) -> bool:
    return (
        unicodedata.category(character) in ("Mn", "Me", "Mc")
        or character in (_JOINER, _NON_JOINER)
        or character in _SPACING
        or "\U0001f3fb" <= character <= "\U0001f3ff"
        or "\U000e0020" <= character <= "\U000e007f"
    )


def _prepends(character: str) -> bool:
    return "\u0600" <= character <= "\u0605" or character in _PREPENDED


def _regional(character: str) -> bool:
    return "\U0001f1e6" <= character <= "\U0001f1ff"


def _hangul_joined(before: str, after: str) -> bool:
    first, second = _hangul(before), _hangul(after)
    return (
        (first == "L" and second in ("L", "V", "LV", "LVT"))
        or (first in ("LV", "V") and second in ("V", "T"))
        or (first in ("LVT", "T") and second == "T")
    )


def _hangul(character: str) -> str:
    code = ord(character)
    if 0xAC00 <= code <= 0xD7A3:
        return "LV" if (code - 0xAC00) % 28 == 0 else "LVT"
    if 0x1100 <= code <= 0x115F or 0xA960 <= code <= 0xA97C:
        return "L"
    if 0x1160 <= code <= 0x11A7 or 0xD7B0 <= code <= 0xD7C6:
        return "V"
    return "T" if 0x11A8 <= code <= 0x11FF or 0xD7CB <= code <= 0xD7FB else ""


def cut(words: str, limit: int, size: Size = len) -> str:
    """At most `limit` (in `size`), ended by an ellipsis when something was left out."""
    if size(words) <= limit:
        return words
    room, kept = limit - size(ELLIPSIS), []
    for grapheme in graphemes(words):
        room -= size(grapheme)
        if room < 0:
            break
        kept.append(grapheme)
    return "".join(kept).rstrip() + ELLIPSIS if limit >= size(ELLIPSIS) else ""


def parts(words: str, limit: int, size: Size = len) -> list[str]:
    """The whole text in pieces of at most `limit` (in `size`), broken after a paragraph, a line, a word or, where nothing else is
    possible, a grapheme. Joined they are the text again. A grapheme larger than `limit` is a piece of its own."""
    pieces, piece, room = [], "", limit
    for unit in _units(words, limit, size):
        if size(unit) > room and piece:
            keep = _good_end(piece, unit)
            pieces.append(piece[:keep])
            piece = piece[keep:]
            room = limit - size(piece)
            if size(unit) > room and piece:
                pieces.append(piece)
                piece, room = "", limit
        piece += unit
        room -= size(unit)
    return [*pieces, piece] if piece else pieces


def _units(words: str, limit: int, size: Size) -> Iterator[str]:
    """Words with the space after them; a word that is too long, grapheme by grapheme."""
    unit, room = "", limit
    for grapheme in graphemes(words):
        if (unit and unit[-1].isspace() and not grapheme.isspace()) or size(grapheme) > room:
            yield unit
            unit, room = "", limit
        unit += grapheme
        room -= size(grapheme)
    if unit:
        yield unit


def _good_end(piece: str, following: str) -> int:
    """Where to end a full piece: after its last paragraph or line when that is in its second half."""
    for mark in ("\n\n", "\n"):
        end = piece.rfind(mark)
        if end >= len(piece) // 2:
            return end + len(mark)
    return len(piece)
