"""The mails of an mbox (RFC 4155, quoted as in mboxrd), one by one: a file is never in memory as a whole."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import IO

_SEPARATOR = re.compile(rb"From (\S+\s*$|.*\d\d:\d\d.*\d{4})")
_QUOTED = re.compile(rb">+From ")
_LINE = 64 * 1024


@dataclass(frozen=True)
class Piece:
    """One mail. `start` and `end` are its place in the file; `raw` is None when it is larger than what is kept."""

    start: int
    end: int
    raw: bytes | None


def pieces(file: IO[bytes], offset: int, limit: int) -> Iterator[Piece]:
    """Mails from `offset` on, which is 0 or the `end` of an earlier piece. Text before the first separator is left out;
    a mail of more than `limit` bytes is skipped over."""
    file.seek(offset)
    start, at = -1, offset
    lines: list[bytes] = []
    size = 0
    fresh, blank = True, True
    while line := file.readline(_LINE):
        if fresh and blank and _SEPARATOR.match(line):
            if start >= 0:
                yield Piece(start, at, b"".join(lines) if size <= limit else None)
            start, lines, size = at, [], 0
        elif start >= 0:
            size += len(line)
            if size <= limit:
                lines.append(line[1:] if fresh and _QUOTED.match(line) else line)
            else:
                lines.clear()
        blank = fresh and line in (b"\n", b"\r\n")
        fresh = line.endswith(b"\n")
        at += len(line)
    if start >= 0:
        yield Piece(start, at, b"".join(lines) if size <= limit else None)
