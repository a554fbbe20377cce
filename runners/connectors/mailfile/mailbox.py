"""An uploaded file of mails as a mailbox: read once from the beginning to the end; what is sent is filed beside it."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from core.connectors.ports import Item, Page, Problem
from runners.connectors.files import printable
from runners.connectors.maildir.mailbox import Mailbox
from runners.connectors.mailfile.archive import BROKEN, Part, Upload
from runners.connectors.mailfile.mbox import pieces
from runners.connectors.mails import MAIL_LIMIT, PAGE_LIMIT, defect, received_at


@dataclass(frozen=True)
class _Found:
    """One step through the upload, and where to go on after it."""

    result: Item | Problem
    part: int
    offset: int


class FileMailbox:
    """The upload at `path`, and `own`: the mailbox in which sent mail is filed. Both are read."""

    def __init__(self, path: Path, own: Mailbox) -> None:
        self._path, self._own = path, own
        self.send, self.sent = own.send, own.sent

    def read(self, cursor: Mapping[str, Any] | None, limit: int) -> Page:
        """The next mails of the file, then what was filed."""
        state = dict(cursor or {})
        at = dict(state.get("file", {}))
        signature = self._signature()
        if at.get("of") != signature:
            at = {"of": signature, "part": 0, "offset": 0}
        items: list[Item] = []
        problems: list[Problem] = []
        size, more = 0, False
        for found in () if at.get("done") else self._walk(at["part"], at["offset"]):
            if len(items) + len(problems) >= limit or size >= PAGE_LIMIT:
                more = True
                break
            at |= {"part": found.part, "offset": found.offset}
            if isinstance(found.result, Item):
                items.append(found.result)
                size += len(found.result.raw)
            else:
                problems.append(found.result)
        state["file"] = at if more else at | {"done": True}
        room = limit - len(items) - len(problems)
        if more or not room:
            return Page(tuple(items), state, True, tuple(problems))
        own = self._own.read(state.get("own"), room)
        return Page((*items, *own.items), state | {"own": own.cursor}, own.more, (*problems, *own.problems))

    def answered(self, message_id: str, by: frozenset[str]) -> bool:
        """Whether it was answered since the upload; the file itself was read by the run and does not change."""
        return self._own.answered(message_id, by)

    def _signature(self) -> str:
        try:
            status = self._path.stat()
            return f"{status.st_size}/{status.st_mtime_ns}"
        except OSError:
            return "missing"

    def _walk(self, part: int, offset: int) -> Iterator[_Found]:
        number = 0
        try:
            with Upload(self._path) as upload:
                for number, found in enumerate(upload.parts()):
                    if number >= part:
                        yield from _mails(upload, found, number, offset if number == part else 0)
        except BROKEN:
            problem = Problem(printable(self._path.name), "connectors.archive_broken")
            yield _Found(problem, number + 1, 0)


def _mails(upload: Upload, part: Part, number: int, offset: int) -> Iterator[_Found]:
    name = printable(part.name)
    if part.defect:
        problem = Problem(name, "connectors.archive_entry_skipped", {"reason": part.defect})
        yield _Found(problem, number + 1, 0)
        return
    try:
        with upload.open(part) as file:
            if part.kind == "eml":
                yield _Found(_mail(name, part, file.read(MAIL_LIMIT + 1)), number + 1, 0)
                return
            any_found = offset > 0
            for piece in pieces(file, offset, MAIL_LIMIT):
                any_found = True
                yield _Found(_mail(f"{name}/{piece.start}", part, piece.raw), number, piece.end)
            if not any_found:
                yield _Found(Problem(name, "connectors.mail_broken"), number + 1, 0)
    except BROKEN:
        yield _Found(Problem(name, "connectors.archive_entry_broken"), number + 1, 0)


def _mail(item_id: str, part: Part, raw: bytes | None) -> Item | Problem:
    if raw is None or len(raw) > MAIL_LIMIT:
        return Problem(item_id, "connectors.mail_too_large", {"limit": MAIL_LIMIT})
    raw = raw.partition(b"\n")[2] if raw.startswith(b"From ") else raw
    if broken := defect(raw):
        return Problem(item_id, broken)
    return Item(item_id, "mail", raw, received_at(raw), {"folder": part.folder, "flags": []})
