"""Tells what a sender newly wrote from what is quoted, forwarded or signed below it. Linear in the length of the text."""

import re
from dataclasses import dataclass
from functools import cache

from runners.mail.lexicon import alternatives, anywhere, languages, lexicon, plain

_QUOTED = re.compile(r"^\s{0,3}[>|]")
_RULE = re.compile(r"^\s*[_=*-]{20,}\s*$")
_POSTSCRIPT = re.compile(r"^\s*(?:P\.?\s?P?\.?S\.?|N\.?B\.?)\s?[:.\s]", re.IGNORECASE)
_PLACE_OR_TIME = re.compile(r"\d{1,4}[./:年-]\d|@|\d{4}|\d{1,2}\s*\w{3}|\b\w+day\b|<", re.IGNORECASE)
_NAMED_AND_DATED = re.compile(r"\d.*<[^<>\s]+@[^<>\s]+>\s*:$")
_LONGEST_HEADER = 300
_SIGNED_LINES = 9
_SIGNED_WIDTH = 90


@dataclass(frozen=True)
class Split:
    """A text in its parts: `new` by the sender, the `quoted` rest, and the `signature`."""

    new: str
    quoted: str = ""
    signature: str = ""


def split(text: str) -> Split:
    """Takes `text` apart. When everything is quoted or forwarded, `new` is empty."""
    kept: list[str] = []
    quoted: list[str] = []
    lines = text.split("\n")
    place = 0
    while place < len(lines):
        row = lines[place]
        attribution = _attribution(lines, place)
        if _QUOTED.match(row):
            quoted.append(row)
            place += 1
        elif attribution and _quote_follows(lines, place + attribution):
            quoted.extend(lines[place : place + attribution])
            place += attribution
        elif attribution or _is_separator(row) or _is_header_block(lines, place):
            quoted.extend(lines[place:])
            break
        else:
            kept.append(row)
            place += 1
    while kept and (not kept[-1].strip() or _RULE.match(kept[-1])):
        kept.pop()
    new, signature = _signed("\n".join(kept).strip("\n"))
    return Split(_other_languages(new).strip(), "\n".join(quoted), signature)


def _attribution(lines: list[str], place: int) -> int:
    """How many lines from `place` say "on … somebody wrote:"; 0 when they do not."""
    joined = ""
    for count in (1, 2, 3):
        if place + count > len(lines) or (count > 1 and not lines[place + count - 1].strip()):
            return 0
        joined = f"{joined} {lines[place + count - 1].strip()}".strip()
        if len(joined) > _LONGEST_HEADER or not joined:
            return 0
        said = plain(joined)
        verb = anywhere("wrote").search(said)
        if verb and _ends_as_header(said, verb.end()) and _PLACE_OR_TIME.search(said):
            return count
        if _NAMED_AND_DATED.search(said) and _quote_follows(lines, place + count):
            return count
    return 0


def _ends_as_header(said: str, after_verb: int) -> bool:
    return said.endswith(":") or (said.endswith(">") and after_verb < len(said) - 3 and "@" in said)


def _quote_follows(lines: list[str], place: int) -> bool:
    return any(_QUOTED.match(row) for row in lines[place : place + 3])


def _is_separator(row: str) -> bool:
    said = plain(row).strip()
    if not 8 <= len(said) <= 120:
        return False
    bare = said.strip("-_=*> :.")
    return bool(_forwarded().fullmatch(bare)) and (said[0] in "-_=*" or said.endswith(":"))


def _is_header_block(lines: list[str], place: int) -> bool:
    """Two or more lines like `From: …`, `Sent: …` after a blank line, a rule or at the top (how Outlook quotes)."""
    if place and lines[place - 1].strip() and not _RULE.match(lines[place - 1]):
        return False
    labels = {
        match[1].casefold() for row in lines[place : place + 5] if (match := _label().match(plain(row).strip()[:200]))
    }
    first = _label().match(plain(lines[place]).strip()[:200])
    return bool(first) and len(labels) >= 3


def _signed(text: str) -> tuple[str, str]:
    """`text` without its signature; a postscript stays."""
    lines = text.split("\n")
    cut = next((i for i, row in enumerate(lines) if row.rstrip() in ("--", "—") and (row.startswith("--") or i)), None)
    if cut is None:
        cut = next((i for i, row in enumerate(lines) if i and _sent_from().match(plain(row).strip()[:80])), None)
    for place in range(len(lines) - 1, 0, -1):
        if _closes(lines, place, cut):
            cut = place
            break
    if cut is None:
        return text, ""
    tail = lines[cut:]
    said_after = next((i for i, row in enumerate(tail) if _POSTSCRIPT.match(row)), None)
    new = lines[:cut] + (["", *tail[said_after:]] if said_after is not None else [])
    return "\n".join(new).rstrip(), "\n".join(tail)


def _closes(lines: list[str], place: int, end: int | None) -> bool:
    """Whether a letter ends at this line with a greeting, and only a name and an address follow."""
    said = plain(lines[place]).strip()
    match = _closing().match(said)
    if (
        not match
        or len(said) > 60
        or (place and lines[place - 1].strip().endswith((",", ":")) and lines[place - 1].strip()[-1] == ",")
    ):
        return False
    if said.rstrip().endswith("?") or len(said) - match.end() > 40:
        return False
    tail = [row.strip() for row in lines[place + 1 : end] if row.strip()]
    return len(tail) <= _SIGNED_LINES and all(len(row) <= _SIGNED_WIDTH and not row.endswith("?") for row in tail)


def _other_languages(text: str) -> str:
    """Attributions of the languages that we have no words for."""
    if len(text) > 20_000 or any(len(row) > _LONGEST_HEADER for row in text.split("\n")):
        return text  # that library's patterns are quadratic in the length of a line
    if not _AS_HEADER.search(text):
        return text
    from mailparser_reply import EmailReplyParser

    found = EmailReplyParser(languages=_others()).read(text)
    first = found.replies[0] if found.replies else None
    return first.content if first and len(found.replies) > 1 and first.content.strip() else text


_AS_HEADER = re.compile(r"^.{0,250}(?:\d{4}|@).{0,200}[:：]\s*$|^\s*\*?[\w-]{2,12}\*?:.{0,200}@", re.MULTILINE)


def _others() -> list[str]:
    from mailparser_reply.constants import MAIL_LANGUAGES

    return [code for code in MAIL_LANGUAGES if code not in languages()]


@cache
def _forwarded() -> re.Pattern[str]:
    phrases = tuple({phrase for code in languages() for phrase in lexicon(code).forwarded})
    return re.compile(rf"(?:{alternatives(phrases)}).{{0,60}}", re.IGNORECASE)


@cache
def _label() -> re.Pattern[str]:
    names = {plain(name) for code in languages() for name in lexicon(code).header_labels}
    return re.compile(rf"\*?({'|'.join(sorted(map(re.escape, names), key=len, reverse=True))})\s?:\*?\s", re.IGNORECASE)


@cache
def _sent_from() -> re.Pattern[str]:
    return re.compile(anywhere("sent_from").pattern, re.IGNORECASE)


@cache
def _closing() -> re.Pattern[str]:
    return re.compile(anywhere("closings").pattern, re.IGNORECASE)
