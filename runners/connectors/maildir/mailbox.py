"""A mailbox of Maildir folders: inbox and sent mail are read, what is sent is filed. Other connectors with mail on disk
build on it."""

import os
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta
from email import message_from_bytes
from email.message import Message
from email.utils import parseaddr
from pathlib import Path
from typing import Any

from core.connectors.gate import last_gate
from core.connectors.operations import MailSend
from core.connectors.ports import EffectFailed, Finding, Item, Page, Problem, Receipt
from core.kernel.errors import Invalid
from runners.connectors.files import printable, read_file
from runners.connectors.known import Known
from runners.connectors.maildir.store import Entry, Maildir
from runners.connectors.mails import MAIL_LIMIT, PAGE_LIMIT, defect
from runners.mail.compose import compose, key_hash, message_id

SENT_NAMES = (
    ".Sent",
    "Sent",
    ".Sent Items",
    ".Sent Messages",
    "Sent Items",
    "Sent Messages",
    ".INBOX.Sent",
    ".Gesendet",
)
HEADERS = 64 * 1024
INBOX_NAMES = ("", "INBOX", "Inbox", "inbox")


class Mailbox:
    """The Maildirs under one folder. `days` is how old a mail may be to be read at all, None without a limit."""

    def __init__(self, root: Path, now: datetime, days: int | None = None) -> None:
        self._now, self._days = now, days
        self._inbox = _existing(root, INBOX_NAMES) or Maildir(root)
        self._sent = _existing(root, SENT_NAMES) or Maildir(root / ".Sent")

    def read(self, cursor: Mapping[str, Any] | None, limit: int) -> Page:
        """The next mails: what was sent first, so that an answer is known before its question; oldest first.
        The cursor remembers names, so that neither a changed flag nor a late file with an old time goes wrong."""
        state = {name: dict(value) for name, value in (cursor or {}).items()}
        items: list[Item] = []
        problems: list[Problem] = []
        size, more = 0, False
        for folder, maildir in (("Sent", self._sent), ("INBOX", self._inbox)):
            entries = self._young(maildir.entries(), state.get(folder, {}))
            known = Known(state.get(folder, {}).get("known", "")).only({e.unique for e in entries})
            for entry in entries:
                if entry.unique in known:
                    continue
                if len(items) + len(problems) >= limit or size >= PAGE_LIMIT:
                    more = True
                    break
                read = _read(maildir, entry, folder)
                if read is None:
                    continue
                known.add(entry.unique)
                if isinstance(read, Item):
                    items.append(read)
                    size += len(read.raw)
                else:
                    problems.append(read)
            state[folder] = {"known": known.packed(), "at": self._now.isoformat()}
        return Page(tuple(items), state, more, tuple(problems))

    def send(self, mail: MailSend, key: str) -> Receipt:
        """Files the mail among the sent ones, exactly once per key. Raises EffectFailed."""
        try:
            raw = compose(mail, key, self._now)
            last_gate()
            self._sent.add(_name(key), raw, arrived_ns=int(self._now.timestamp()) * 10**9)
        except Invalid as wrong:
            raise EffectFailed(wrong.code, lasting=True, **wrong.data) from None
        except OSError as failed:
            raise EffectFailed(
                "connectors.folder_unwritable", lasting=False, reason=os.strerror(failed.errno or 0)
            ) from None
        return _receipt(mail, key)

    def sent(self, mail: MailSend, key: str) -> Finding:
        """Whether `send` took place."""
        return _receipt(mail, key) if self._sent.find(_name(key)) else "absent"

    def answered(self, message_id: str, by: frozenset[str]) -> bool:
        """Whether the mail of that Message-ID has an answer: one that was sent from here, or one that came from an address in `by`.
        Only mails of the days that are read at all are looked at."""
        for maildir in (self._sent, self._inbox):
            for entry in self._young(maildir.entries(), {}):
                headers = _headers(entry)
                if message_id not in str(headers.get("In-Reply-To", "")):
                    continue
                if maildir is self._sent or parseaddr(str(headers.get("From", "")))[1].casefold() in by:
                    return True
        return False

    def _young(self, entries: Iterable[Entry], state: Mapping[str, Any]) -> list[Entry]:
        # Counted from the last read: what arrives while nobody reads for a year is not too old then.
        floor = 0
        if self._days is not None:
            last = datetime.fromisoformat(state["at"]) if state else self._now
            floor = int((min(last, self._now) - timedelta(days=self._days)).timestamp()) * 10**9
        return sorted((e for e in entries if e.arrived_ns >= floor), key=lambda e: (e.arrived_ns, e.unique))


def _read(maildir: Maildir, entry: Entry, folder: str) -> Item | Problem | None:
    item_id = f"{folder}/{printable(entry.unique)}"
    if not entry.regular:
        return Problem(item_id, "connectors.mail_unreadable", {"reason": "not a file"})
    if entry.size > MAIL_LIMIT:
        return Problem(item_id, "connectors.mail_too_large", {"size": entry.size, "limit": MAIL_LIMIT})
    try:
        try:
            raw = read_file(entry.path, MAIL_LIMIT + 1)
        except FileNotFoundError:  # a flag was changed since the folder was listed, or it was deleted
            moved = maildir.find(entry.unique)
            if moved is None:
                return None
            raw = read_file(moved, MAIL_LIMIT + 1)
    except OSError as failed:
        return Problem(item_id, "connectors.mail_unreadable", {"reason": os.strerror(failed.errno or 0)})
    if len(raw) > MAIL_LIMIT:
        return Problem(item_id, "connectors.mail_too_large", {"size": len(raw), "limit": MAIL_LIMIT})
    if broken := defect(raw):
        return Problem(item_id, broken)
    arrived = datetime.fromtimestamp(entry.arrived_ns / 1e9, UTC)
    return Item(item_id, "mail", raw, arrived, {"folder": folder, "flags": list(entry.flags)})


def _headers(entry: Entry) -> Message:
    try:
        with entry.path.open("rb") as mail:
            head = mail.read(HEADERS)
    except OSError:
        return Message()
    return message_from_bytes(head.replace(b"\r\n", b"\n").partition(b"\n\n")[0] + b"\n\n")


def _existing(root: Path, names: tuple[str, ...]) -> Maildir | None:
    return next((Maildir(root / name) for name in names if Maildir.at(root / name)), None)


def _name(key: str) -> str:
    return f"nod.{key_hash(key)}"


def _receipt(mail: MailSend, key: str) -> Receipt:
    return Receipt(message_id(key, mail.sender), {"folder": "Sent"})
