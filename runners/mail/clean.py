"""Makes text from outside safe to show and to store: no invisible, no direction-changing, no unstorable characters."""

import re
import unicodedata

_INVISIBLE = re.compile(
    "[\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180e\u200b\u200c\u200e\u200f\u202a-\u202e\u2060-\u206f\u3164\ufeff"
    "\ufff9-\ufffb\uffa0\U000e0000-\U000e0fff]"
)
_UNSTORABLE = re.compile("[\x00-\x08\x0b\x0e-\x1f\x7f-\x84\x86-\x9f\ud800-\udfff\ufffe\uffff]")
_LOOSE_JOINER = re.compile("(?<![\u2190-\U0001faff\ufe0f])\u200d|\u200d(?![\u2190-\U0001faff])")
_BREAKS = re.compile("\r\n?|[\x0c\x85\u2028\u2029]")
_SPACES = re.compile(r"\s+")
_MARKS = re.compile(
    "([\u0300-\u036f\u0483-\u0489\u1ab0-\u1aff\u20d0-\u20ff]{3})[\u0300-\u036f\u0483-\u0489\u1ab0-\u1aff\u20d0-\u20ff]+"
)


def cleaned(text: str) -> str:
    """`text` in NFC with plain line breaks, without bidi controls, zero-width characters, control characters and surrogates;
    of stacked combining marks the first three stay."""
    text = _BREAKS.sub("\n", text)
    text = _LOOSE_JOINER.sub("", _INVISIBLE.sub("", text))
    return _MARKS.sub(r"\1", unicodedata.normalize("NFC", _UNSTORABLE.sub("\ufffd", text)))


def line(text: str, limit: int = 998) -> str:
    """`text` cleaned, on one line, at most `limit` characters long."""
    return _SPACES.sub(" ", cleaned(text)).strip()[:limit].rstrip()


def quote(text: str, limit: int = 300) -> str:
    """`text` cleaned, on one line, cut between words with an ellipsis where it is longer than `limit`."""
    whole = line(text, 10 * limit)
    if len(whole) <= limit:
        return whole
    cut = whole[: limit - 1]
    return (cut.rsplit(" ", 1)[0] if " " in cut[limit // 2 :] else cut).rstrip(" ,;:") + "…"
