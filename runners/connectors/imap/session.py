"""One IMAP session (RFC 3501): folders are opened by EXAMINE only, so nothing changes but by filing a sent mail."""

import imaplib
import re
import ssl
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from imap_tools import BaseMailBox, MailBox, MailBoxStartTls, MailBoxUnencrypted
from imap_tools.errors import MailboxLoginError, UnexpectedCommandStatusError
from imap_tools.imap_utf7 import utf7_decode
from imap_tools.utils import quote

from core.connectors.ports import LoginRefused
from core.kernel.errors import Unavailable
from runners.connectors.imap.account import Account

REFUSED = (imaplib.IMAP4.error, UnexpectedCommandStatusError)
"""What a command raises that the server does not carry out. The connection is usable after it, unless it is LOST."""

LOST = (imaplib.IMAP4.abort, OSError, EOFError)
"""What is raised when the connection is gone. `abort` is a kind of REFUSED: catch LOST first."""

_SENT_NAMES = (
    *("sent", "sent items", "sent messages", "sent mail", "gesendet", "gesendete elemente", "gesendete objekte"),
    *("envoyés", "éléments envoyés", "messages envoyés", "enviados", "elementos enviados", "posta inviata"),
    *("inviata", "verzonden", "verzonden items", "skickat", "sendt", "lähetetyt", "wysłane", "отправленные"),
)
_LATER = re.compile(r"\[(UNAVAILABLE|LIMIT|INUSE|SERVERBUG|CONTACTADMIN)\]", re.IGNORECASE)  # RFC 5530
_FOLDER = re.compile(rb'\((?P<flags>[^)]*)\) (?:"[^"]*"|NIL) ?(?P<name>.*)', re.DOTALL)
_FACTS = {name: re.compile(pattern) for name, pattern in (("uid", rb"UID (\d+)"), ("size", rb"RFC822\.SIZE (\d+)"))}
_FLAGS = re.compile(rb"FLAGS \(([^)]*)\)")
_ARRIVED = re.compile(rb'INTERNALDATE "([^"]*)"')
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


@dataclass(frozen=True)
class Header:
    """What a server says of a mail without its text."""

    uid: int
    size: int
    flags: tuple[str, ...]
    arrived: datetime | None


@contextmanager
def session(account: Account) -> "Iterator[Session]":
    """Signs in, and out in the end. Raises LoginRefused or Unavailable."""
    opened = Session(account)
    try:
        yield opened
    finally:
        opened.close()


class Session:
    """A signed-in connection. Its methods raise REFUSED and LOST, `reopen` as `session` does."""

    def __init__(self, account: Account) -> None:
        self._account = account
        self._box = _signed_in(account)
        self._folders: list[tuple[str, frozenset[str]]] | None = None

    def close(self) -> None:
        """Signs out as far as possible."""
        with suppress(*LOST, *REFUSED):
            self._box.logout()

    def reopen(self) -> None:
        """Signs in anew."""
        self.close()
        self._box = _signed_in(self._account)

    def special(self, use: str, names: tuple[str, ...] = ()) -> str | None:
        """The folder that serves a special use (RFC 6154), e.g. `\\Sent`; else the first with one of the names."""
        folders = self._listed()
        found = (name for name, flags in folders if use.lower() in flags)
        named = (f for wanted in names for f, _ in folders if re.split(r"[./]", f)[-1].casefold() == wanted)
        return next(found, None) or next(named, None)

    def sent_folder(self) -> str | None:
        """Where sent mail is: as configured, as the server says, or by its name."""
        return self._account.sent_folder or self.special("\\Sent", _SENT_NAMES)

    def exists(self, folder: str) -> bool:
        """Whether there is such a folder."""
        return any(name == folder for name, _ in self._listed())

    def examine(self, folder: str) -> tuple[int, int]:
        """Opens a folder read-only. Its UIDVALIDITY and UIDNEXT (0 where the server does not say)."""
        self._box.folder.set(folder, readonly=True)
        return self._number("UIDVALIDITY"), self._number("UIDNEXT")

    def uids(self, after: int, since: date) -> list[int]:
        """The open folder's mails with a UID above `after` that arrived on `since` or later, ascending."""
        day = f"{since.day}-{_MONTHS[since.month - 1]}-{since.year}"
        found = {int(uid) for uid in self._box.uids(f"UID {after + 1}:* SINCE {day}", charset=None)}
        return sorted(uid for uid in found if uid > after)  # `n:*` always names the last mail, even below n

    def headers(self, uids: list[int]) -> dict[int, Header]:
        """Size, flags and time of arrival of mails in the open folder."""
        parts = self._fetch(uids, "(UID RFC822.SIZE FLAGS INTERNALDATE)")
        lines = (p if isinstance(p, bytes) else b" ".join(p) for p in parts)
        return {header.uid: header for line in lines if (header := _header(line))}

    def bodies(self, uids: list[int]) -> dict[int, bytes]:
        """The bytes of mails in the open folder; PEEK leaves no \\Seen behind."""
        parts = self._fetch(uids, "(UID BODY.PEEK[])")
        found: dict[int, bytes] = {}
        for part, after in zip(parts, [*parts[1:], b""], strict=True):
            if isinstance(part, tuple):
                tail = after if isinstance(after, bytes) else b""
                uid = _FACTS["uid"].search(part[0]) or _FACTS["uid"].search(tail)
                if uid:
                    found[int(uid[1])] = part[1]
        return found

    def holds(self, folder: str, message_id: str) -> bool:
        """Whether a mail of that Message-ID is in the folder. A folder that is not there has none."""
        if not self.exists(folder):
            return False
        self.examine(folder)
        return bool(self._box.uids(f"HEADER Message-ID {quote(message_id)}", charset=None))

    def answers(self, folder: str, message_id: str, sender: str | None = None) -> bool:
        """Whether a mail that answers that Message-ID is in the folder, of that sender where one is given."""
        if not self.exists(folder):
            return False
        self.examine(folder)
        by = f" FROM {quote(sender)}" if sender else ""
        return bool(self._box.uids(f"HEADER In-Reply-To {quote(message_id)}{by}", charset=None))

    def file(self, folder: str, raw: bytes, at: datetime) -> None:
        """Adds a mail that was read already."""
        self._box.append(raw, folder, dt=at, flag_set=["\\Seen"])

    def _listed(self) -> list[tuple[str, frozenset[str]]]:
        if self._folders is None:
            client = self._box.client
            asked = ("RETURN (SPECIAL-USE)",) if {"SPECIAL-USE", "LIST-EXTENDED"} <= set(client.capabilities) else ()
            client.response("LIST")  # forgets what an earlier command left
            client.xatom("LIST", '""', '"*"', *asked)
            self._folders = [f for line in client.response("LIST")[1] or () if (f := _folder(line))]
        return self._folders

    def _fetch(self, uids: list[int], what: str) -> list[Any]:
        status, data = self._box.client.uid("FETCH", ",".join(map(str, uids)), what)
        if status != "OK":
            raise imaplib.IMAP4.error("FETCH refused")
        return [part for part in data if part is not None]

    def _number(self, name: str) -> int:
        said = self._box.client.response(name)[1]
        return int(said[-1]) if said and said[-1] else 0


def _signed_in(account: Account) -> BaseMailBox:
    server = account.imap
    try:
        match server.security:
            case "tls":
                box: BaseMailBox = MailBox(server.host, server.port, account.seconds, ssl_context=account.tls)
            case "starttls":
                box = MailBoxStartTls(server.host, server.port, account.seconds, ssl_context=account.tls)
            case "none":
                box = MailBoxUnencrypted(server.host, server.port, account.seconds)
    except ssl.SSLCertVerificationError:
        raise Unavailable("connectors.certificate_untrusted", host=server.host) from None
    except ssl.SSLError:
        raise Unavailable("connectors.tls_failed", host=server.host) from None
    except (*LOST, *REFUSED, ValueError):
        raise Unavailable("connectors.server_unreachable", host=server.host) from None
    try:
        if (account.username + account.password).isascii():
            box.login(account.username, account.password, initial_folder=None)
        else:
            box.login_utf8(account.username, account.password, initial_folder=None)
    except LOST:
        raise Unavailable("connectors.server_unreachable", host=server.host) from None
    except (MailboxLoginError, imaplib.IMAP4.error) as refused:
        later = _LATER.search(str(refused))
        with suppress(*LOST, *REFUSED):
            box.client.shutdown()
        if later:
            raise Unavailable("connectors.login_postponed", host=server.host) from None
        raise LoginRefused(host=server.host) from None
    return box


def _header(line: bytes) -> Header | None:
    uid, size = (pattern.search(line) for pattern in _FACTS.values())
    if uid is None or size is None:
        return None
    flags, arrived = _FLAGS.search(line), _ARRIVED.search(line)
    return Header(
        uid=int(uid[1]),
        size=int(size[1]),
        flags=tuple(sorted(flags[1].decode("ascii", "replace").split())) if flags else (),
        arrived=_moment(arrived[1].decode("ascii", "replace").strip()) if arrived else None,
    )


def _moment(text: str) -> datetime | None:
    # By hand: strptime's month names depend on the process's locale.
    try:
        day, month, rest = text.split("-", 2)
        return datetime.strptime(f"{int(day)}-{_MONTHS.index(month.title()) + 1}-{rest}", "%d-%m-%Y %H:%M:%S %z")
    except ValueError:
        return None


def _folder(line: Any) -> tuple[str, frozenset[str]] | None:
    head = line[0] if isinstance(line, tuple) else line
    match = _FOLDER.match(head) if isinstance(head, bytes) else None
    if match is None:
        return None
    name = line[1] if isinstance(line, tuple) else match["name"].strip()
    if name.startswith(b'"') and name.endswith(b'"'):
        name = re.sub(rb"\\(.)", rb"\1", name[1:-1])
    return utf7_decode(name), frozenset(match["flags"].decode("ascii", "replace").lower().split())
