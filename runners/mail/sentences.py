"""Cuts text into sentences, after joining the lines that a mail program broke."""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from runners.mail.lexicon import plain

_STANDS_ALONE = re.compile(r"^\s*(?:[-*•·–]\s|\d{1,2}[.)]\s|\w[\w ./-]{1,24}:\s|\|)")
_ENDS = re.compile(r"[.!?:;。]['\")\]]*$")
_NARROW = 45
_WIDE = re.compile("[\u3041-\u30ff\u3400-\u9fff、]$|^[\u3041-\u30ff\u3400-\u9fff]")
_BREAK = re.compile(
    r"[!?]+['\")\]]*(?=\s|$|[^\x00-\x7f])|[.…]['\")\]]*(?=\s+[^\W\da-zà-öø-ÿ]|\s*$|\s+['\"(\[¿¡])|。|\n"
)
_ABBREVIATION = re.compile(
    r"(?:^|[\s(])(?:[^\W\d]|Dr|Mr|Mrs|Ms|Nr|No|St|Prof|bzw|ca|inkl|Sr|Sra|Mme|godz|ul|Str|approx|[a-z]\.[a-z])\.$",
    re.IGNORECASE,
)
_ORDINAL = re.compile(r"(?<![\d.,:])\d{1,2}\.$")
_WITH_ORDINALS = frozenset(("de", "pl"))


@dataclass(frozen=True)
class Sentence:
    """One sentence of a text and where it stands; `said` in simple punctuation, as long as `text`."""

    text: str
    start: int
    end: int

    @property
    def said(self) -> str:
        return plain(self.text)

    @property
    def asks(self) -> bool:
        """Whether it ends with a question mark, or begins with the Spanish one."""
        said = self.said.rstrip(" '\")]")
        return said.endswith(("?", "?!", "!?")) or said.lstrip().startswith("¿")


def unwrapped(text: str) -> str:
    """`text` with hard line breaks within paragraphs joined; lists, labels and short lines stay lines of their own."""
    rows: list[str] = []
    last = ""
    for row in text.split("\n"):
        current = row.strip()
        goes_on = (
            last and current and len(last) >= _NARROW and not _ENDS.search(last) and not _STANDS_ALONE.match(current)
        )
        if last and current and len(last) >= 15 and _WIDE.search(last) and _WIDE.match(current):
            rows[-1] += current
        elif goes_on or (last and current and current[0].islower() and len(last) >= 25 and not _ENDS.search(last)):
            rows[-1] += " " + current
        else:
            rows.append(current)
        last = current
    return "\n".join(rows)


def sentences(text: str, language: str) -> Iterator[Sentence]:
    """The sentences of an unwrapped text, in order. Where a language writes ordinals with a dot, none ends at one."""
    ordinal = _ORDINAL if language in _WITH_ORDINALS else None
    said = plain(text)
    start = 0
    for match in _BREAK.finditer(said):
        before = said[max(start, match.start() - 8) : match.start() + 1]
        short = match[0][0] == "." and (_ABBREVIATION.search(before) or (ordinal and ordinal.search(before)))
        if match.end() <= start or short:
            continue
        yield from _one(text, start, match.end())
        start = match.end()
    yield from _one(text, start, len(text))


def _one(text: str, start: int, end: int) -> Iterator[Sentence]:
    piece = text[start:end]
    if piece.strip():
        lead = len(piece) - len(piece.lstrip())
        yield Sentence(piece.strip(), start + lead, start + lead + len(piece.strip()))
