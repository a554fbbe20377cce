"""For each connector a small real world: what is on the other side, and ways to change it and look at it from outside.

A new connector adds a rig here; the suite refuses to pass without one."""

import imaplib
import os
import zipfile
from abc import ABC, abstractmethod
from contextlib import AbstractContextManager
from datetime import UTC, datetime, timedelta
from email import message_from_bytes
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, cast
from uuid import UUID, uuid4

from core.connectors.ports import Connector, Place
from core.connectors.tasks import Task
from runners.connectors import connect
from runners.connectors.http.client import connect as connect_http
from tests.emulators.mailserver import PASSWORD, USER, MailServer
from tests.emulators.mcpserver import TOKEN, McpServer
from tests.emulators.smtpserver import SmtpServer
from tests.emulators.website import HOST, Website

if TYPE_CHECKING:
    from runners.connectors.mcp.client import McpConnection

NOW = datetime.now(UTC).replace(microsecond=0)
OWNER = "owner@example.org"
_numbers = count()
REQUEST = {
    "method": "PUT",
    "url": f"https://{HOST}/things/1",
    "content_type": "application/json",
    "body": '{"on": true}',
}
NOTE = {"tool": "note", "arguments": '{"text": "hello"}', "definition": "0" * 16}

REPLY = {
    "sender": OWNER,
    "to": ["erika@example.net"],
    "subject": "Re: Grüße",
    "body": "Gern, am Dienstag.\n",
    "in_reply_to": "<question@example.net>",
    "references": ["<first@example.net>", "<question@example.net>"],
}
LEAVE = {"list_name": "Weekly letter", "mailto": "leave@lists.example", "mailto_subject": "unsubscribe 17"}
EVENT = {
    "title": "Zahnarzt",
    "start": "2026-12-01T10:00:00+01:00",
    "end": "2026-12-01T10:30:00+01:00",
    "timezone": "Europe/Berlin",
    "location": "Hauptstraße 1",
}
TASK = {
    "title": "Pay the electricity",
    "due": "2026-12-01",
    "amount": {"amount": "84.20", "currency": "EUR"},
    "payee": "Stadtwerke",
    "reference": "R-2026-17",
}


def mail(subject: str, sender: str = "erika@example.net") -> bytes:
    """A plain mail."""
    return (
        f"From: {sender}\r\nTo: {OWNER}\r\nSubject: {subject}\r\nMessage-ID: <{subject.replace(' ', '-')}@example.net>\r\n"
        f"Date: Sun, 22 Nov 2026 08:00:00 +0000\r\n\r\nCan you tell me?\r\n"
    ).encode()


def place(folder: Path, now: datetime = NOW) -> Place:
    """A place in a folder."""
    return Place(folder, now, "Europe/Berlin", OWNER)


class Rig(ABC):
    """A connector in its world. `examples` are inputs for its operations; `exact` whether a look-up can prove absence;
    `grows` whether something may arrive after the first read; `stream` is empty where nothing can be read."""

    slug: ClassVar[str]
    stream: ClassVar[str] = "mail"
    examples: ClassVar[dict[str, dict[str, Any]]] = {"mail.send": REPLY, "mail.unsubscribe": LEAVE}
    exact: ClassVar[bool] = True
    grows: ClassVar[bool] = True

    config: dict[str, Any]
    secrets: dict[str, str]
    place: Place

    def open(self, now: datetime = NOW) -> AbstractContextManager[Connector]:
        """As a worker opens it."""
        return connect(self.slug, self.config, self.secrets, place(self.place.folder, now))

    @abstractmethod
    def arrive(self, *names: str) -> None:
        """Something comes in from outside."""

    @abstractmethod
    def arrive_broken(self) -> int:
        """Things come in that cannot be read. How many."""

    @abstractmethod
    def traces(self) -> Any:
        """All of the other side that a reader might change."""

    @abstractmethod
    def effects(self, operation: str) -> list[bytes]:
        """What the other side has from us."""


class MaildirRig(Rig):
    """A Maildir++ as another program keeps it."""

    slug = "maildir"

    def __init__(self, folder: Path) -> None:
        self.root = folder / "Maildir"
        for part in ("cur", "new", "tmp"):
            (self.root / part).mkdir(parents=True)
        self.config, self.secrets, self.place = {"folder": str(self.root)}, {}, place(folder / "own")

    def arrive(self, *names: str) -> None:
        for name in names:
            (self.root / "new" / f"{next(_numbers):08}.M1.host").write_bytes(mail(name))

    def arrive_broken(self) -> int:
        new = self.root / "new"
        (new / "0.empty").write_bytes(b"")
        (new / "1.nul").write_bytes(b"\0" * 5000)
        (new / "2.noise").write_bytes(os.urandom(5000).replace(b":", b"."))
        (new / "3.link").symlink_to("/etc/passwd")
        with open(new / "4.huge", "wb") as huge:
            huge.truncate(64 * 1024 * 1024)
        os.mkfifo(new / "5.pipe")
        return 6

    def traces(self) -> Any:
        return _files(self.root)

    def effects(self, operation: str) -> list[bytes]:
        wanted = "leave@lists.example" if operation == "mail.unsubscribe" else "erika@example.net"
        sent = [p.read_bytes() for p in (self.root / ".Sent").glob("*/*")]
        return [raw for raw in sent if wanted in message_from_bytes(raw)["To"]]


class SampleRig(MaildirRig):
    """The shipped mailbox, with what arrives put into its folder."""

    slug = "sample"

    def __init__(self, folder: Path) -> None:
        self.config, self.secrets, self.place = {}, {}, place(folder / "own")
        self.root = self.place.folder / "mailbox"

    def arrive(self, *names: str) -> None:
        with self.open():
            super().arrive(*names)

    def arrive_broken(self) -> int:
        with self.open():
            return super().arrive_broken()

    def effects(self, operation: str) -> list[bytes]:
        if operation == "mail.unsubscribe":
            return [p.read_bytes() for p in (self.root / "Unsubscribed").glob("*.json")]
        return [p.read_bytes() for p in (self.root / ".Sent").glob("*/nod.*")]


class MailFileRig(MaildirRig):
    """An uploaded zip with an mbox in it."""

    slug = "mailfile"
    grows = False

    def __init__(self, folder: Path) -> None:
        self.place = place(folder / "own")
        self.place.folder.mkdir()
        self.root = self.place.folder / "mailbox"
        self.upload = self.place.folder / "upload.zip"
        self.config, self.secrets = {"file": "upload.zip"}, {}
        self._entries: dict[str, bytes] = {}
        self._write()

    def arrive(self, *names: str) -> None:
        box = self._entries.get("All mail.mbox", b"")
        for name in names:
            box += b"From someone@example.net Sun Nov 22 08:00:00 2026\n" + mail(name).replace(b"\r\n", b"\n") + b"\n"
        self._entries["All mail.mbox"] = box
        self._write()

    def arrive_broken(self) -> int:
        self._entries |= {"empty.eml": b"", "noise.eml": b"\0\1\2" * 500, "../../up.eml": mail("up"), "in.zip": b"PK"}
        self._write()
        return 4

    def traces(self) -> Any:
        return self.upload.read_bytes()

    def _write(self) -> None:
        with zipfile.ZipFile(self.upload, "w", zipfile.ZIP_DEFLATED) as archive:
            for name, content in self._entries.items():
                archive.writestr(name, content)


class ImapRig(Rig):
    """An account on a real IMAP server, with a real SMTP server beside it."""

    slug = "imap"
    exact = False

    def __init__(self, folder: Path, imap: MailServer, smtp: SmtpServer, ca_file: Path) -> None:
        self.imap, self.smtp = imap, smtp
        self.user = f"u{uuid4().hex}@example.org" if imap.users else USER
        self.config = {
            "email": OWNER,
            "username": self.user,
            "imap_host": "localhost",
            "imap_port": imap.tls_port or imap.port,
            "imap_security": "tls" if imap.tls_port else "starttls",
            "smtp_host": "localhost",
            "smtp_port": smtp.port,
            "smtp_security": smtp.security,
            "ca_file": str(ca_file),
            "timeout": 5,
        }
        self.secrets, self.place = {"password": PASSWORD}, place(folder / "own")

    def arrive(self, *names: str) -> None:
        self.append(*(mail(name) for name in names))

    def append(self, *mails: bytes, folder: str = "INBOX", at: datetime | None = None) -> None:
        """Puts mails into a folder."""
        client = self.imap.client(self.user)
        for raw in mails:
            when = imaplib.Time2Internaldate(at or NOW)
            assert client.append(folder, "", when, raw)[0] == "OK"
        client.logout()

    def arrive_broken(self) -> int:
        huge = mail("huge") + b"x" * 70 + b"\r\n"
        self.append(os.urandom(900).replace(b":", b".").replace(b"\0", b"."), b"\r\n\r\n", huge * 75_000)
        return 3

    def traces(self) -> Any:
        client = self.imap.client(self.user)
        client.select("INBOX", readonly=True)
        status, data = client.uid("FETCH", "1:*", "(UID FLAGS)")
        client.logout()
        return status, data

    def effects(self, operation: str) -> list[bytes]:
        wanted = "leave@lists.example" if operation == "mail.unsubscribe" else "erika@example.net"
        return [m.raw for m in self.smtp.accepted if wanted in m.recipients and self._ours(m.raw)]

    def _ours(self, raw: bytes) -> bool:
        return raw.startswith(b"Message-ID: <nod.")

    def damage(self, name: bytes) -> None:
        """Cuts a mail's file short behind the back of the server, which has its size in a cache."""
        client = self.imap.client(self.user)
        client.select("INBOX", readonly=True)
        client.fetch("1:*", "(RFC822.SIZE BODY.PEEK[])")
        client.logout()
        for file in (self.imap.files / self.user).glob("*/*"):
            if file.is_file() and name in (raw := file.read_bytes()):
                file.write_bytes(raw[:40])

    def in_sent(self) -> list[bytes]:
        """What is in the server's sent folder."""
        client = self.imap.client(self.user)
        client.select(self.imap.sent, readonly=True)
        numbers = client.search(None, "ALL")[1][0].split()
        found: list[Any] = [client.fetch(n, "(BODY.PEEK[])")[1][0] for n in numbers]
        client.logout()
        return [part[1] for part in found]


class CalendarFolderRig(Rig):
    """A folder that another calendar program writes into too."""

    slug = "calendar_folder"
    stream = "calendar"
    examples: ClassVar[dict[str, dict[str, Any]]] = {"calendar.create": EVENT}

    def __init__(self, folder: Path) -> None:
        self.root = folder / "calendar"
        self.root.mkdir()
        self.config, self.secrets, self.place = {"folder": str(self.root)}, {}, place(folder / "own")

    def arrive(self, *names: str) -> None:
        for name in names:
            start = (NOW + timedelta(days=1)).strftime("%Y%m%dT%H%M%SZ")
            (self.root / f"{name}.ics").write_text(
                "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:-//x//y//EN\r\nBEGIN:VEVENT\r\n"
                f"UID:{name}@example.net\r\nDTSTAMP:{start}\r\nDTSTART:{start}\r\nSUMMARY:{name}\r\n"
                "END:VEVENT\r\nEND:VCALENDAR\r\n"
            )

    def arrive_broken(self) -> int:
        (self.root / "0 noise.ics").write_bytes(os.urandom(3000))
        (self.root / "1 cut.ics").write_bytes(b"BEGIN:VCALENDAR\r\nBEGIN:VEVENT\r\nUID:x\r\nDTSTART:2026")
        (self.root / "2 link.ics").symlink_to("/etc/passwd")
        with open(self.root / "3 huge.ics", "wb") as huge:
            huge.truncate(64 * 1024 * 1024)
        return 4

    def traces(self) -> Any:
        return _files(self.root)

    def effects(self, operation: str) -> list[bytes]:
        return [p.read_bytes() for p in self.root.glob("nod-*.ics")]


class HttpRig(Rig):
    """A web service that honours idempotency keys. There is nothing in it that could be read from a cursor on."""

    slug = "http"
    stream = ""
    exact = False
    examples: ClassVar[dict[str, dict[str, Any]]] = {"http.request": REQUEST, "http.request_keyed": REQUEST}

    def __init__(self, folder: Path, site: Website) -> None:
        self.site = site
        self.config: dict[str, Any] = {"hosts": HOST, "honours_key": True}
        self.secrets, self.place = {"secret": "Bearer 0123456789"}, place(folder / "own")
        self.place.folder.mkdir()
        here = {**REQUEST, "url": site.url("/things/1")}
        self.examples = dict.fromkeys(HttpRig.examples, here)  # type: ignore[misc]

    def open(self, now: datetime = NOW) -> AbstractContextManager[Connector]:
        given = {"header": "Authorization", **self.config}
        return connect_http(given, self.secrets, place(self.place.folder, now), self.site.outbound())

    def arrive(self, *names: str) -> None:
        raise AssertionError("nothing arrives here")

    def arrive_broken(self) -> int:
        raise AssertionError("nothing arrives here")

    def traces(self) -> Any:
        return list(self.site.calls)

    def effects(self, operation: str) -> list[bytes]:
        return [repr(call).encode() for call in self.site.calls]


class McpRig(Rig):
    """A server of tools that is reached over https. There is nothing in it that could be read from a cursor on."""

    slug = "mcp"
    stream = ""
    exact = False
    examples: ClassVar[dict[str, dict[str, Any]]] = {"mcp.call": NOTE}

    def __init__(self, folder: Path, server: McpServer) -> None:
        self.server = server
        self.config: dict[str, Any] = {"url": server.url, "read_tools": ["look"]}
        self.secrets, self.place = {"token": TOKEN}, place(folder / "own")
        with self.open() as client:
            definition = cast("McpConnection", client).offer("note").definition
        self.examples = {"mcp.call": NOTE | {"definition": definition}}  # type: ignore[misc]

    def open(self, now: datetime = NOW) -> AbstractContextManager[Connector]:
        from runners.connectors.mcp.client import connect as connect_mcp

        return connect_mcp(self.config, self.secrets, place(self.place.folder, now), self.server.outbound())

    def arrive(self, *names: str) -> None:
        raise AssertionError("nothing arrives here")

    def arrive_broken(self) -> int:
        raise AssertionError("nothing arrives here")

    def traces(self) -> Any:
        return self.server.effects()

    def effects(self, operation: str) -> list[bytes]:
        return [repr(effect).encode() for effect in self.server.effects()]


class Rows:
    """A unit of work with nothing but a task list, in memory."""

    def __init__(self) -> None:
        self.now, self.workspace_id, self.tasks = NOW, UUID(int=7), self
        self.rows: list[Task] = []

    def add(self, task: Task) -> None:
        """See Tasks.add."""
        self.rows.append(task)

    def remove(self, task: Task) -> None:
        """Tasks.remove."""
        self.rows.remove(task)

    def made_by(self, key: str) -> Task | None:
        """See Tasks.made_by."""
        return next((task for task in self.rows if task.made_by == key), None)


RIGS: dict[str, type[Rig]] = {
    rig.slug: rig for rig in (MaildirRig, SampleRig, MailFileRig, ImapRig, CalendarFolderRig, HttpRig, McpRig)
}
LOCAL = {"tasks": {"task.create": TASK}}
"""Connectors that write rows of our own, and examples for their operations."""


def _files(root: Path) -> dict[str, tuple[int, int, int]]:
    found = (p for p in root.rglob("*") if not p.is_dir())
    return {str(p): (s.st_mtime_ns, s.st_size, s.st_ino) for p in found if (s := p.lstat())}
