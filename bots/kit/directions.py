"""Arabic and Hebrew within other text, and other text within these: what runs the other way is set apart (Unicode's FSI and PDI, UAX #9), so that a name from
outside cannot move the words, amounts and dots around it. Text that runs one way is left as it is."""

import re
import unicodedata
from collections.abc import Callable

FSI, PDI = "\u2068", "\u2069"
_MARKS = re.compile(f"([{FSI}{PDI}])")
_OTHERS = re.compile("[\u202a-\u202e\u2066\u2067]")


def apart(text: str, right_to_left: bool = False) -> str:
    """The text as a part of a sentence that runs from left to right (or from right to left): set apart where some of it runs the other way."""
    if not runs(text, not right_to_left):
        return text
    return f"{FSI}{_even(_OTHERS.sub('', text))}{PDI}"


def runs(text: str, right_to_left: bool) -> bool:
    """Whether any letter of it runs in that direction."""
    strong = ("R", "AL") if right_to_left else ("L",)
    return any(unicodedata.bidirectional(character) in strong for character in text)


def kept_apart(text: str, cleaned: Callable[[str], str]) -> str:
    """`cleaned(text)`, which takes out all marks of direction, with the pairs of FSI and PDI still in it; none where nothing runs from right to left."""
    if FSI not in text or not runs(text, True):
        return cleaned(text)
    return "".join(piece if piece in (FSI, PDI) else cleaned(piece) for piece in _MARKS.split(_even(text)))


def _even(text: str) -> str:
    """The text without an FSI that nothing ends, and without a PDI that ends nothing."""
    pieces, opened = _MARKS.split(text), []
    keep = [piece not in (FSI, PDI) for piece in pieces]
    for at, piece in enumerate(pieces):
        if piece == FSI:
            opened.append(at)
        elif piece == PDI and opened:
            keep[opened.pop()] = keep[at] = True
    return "".join(piece for piece, kept in zip(pieces, keep, strict=True) if kept)
