"""Takes a mail apart: headers, addresses, bodies, calendar parts. Whatever the bytes are, it gives something back."""

import email
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.message import Message
from email.utils import getaddresses, parsedate_to_datetime

from runners.mail import charsets
from runners.mail.clean import cleaned, line
from runners.mail.facts import Person
from runners.mail.flowed import unflowed
from runners.mail.markup import Link, Page, page

LARGEST = 4_000_000
"""Bytes of a mail that are looked at; what follows (attachments, as a rule) is not needed to understand it."""
TEXT = 40_000
"""Characters of text that are looked at."""
_PARTS = 100
_ID = re.compile(r"<[^<>\s]{1,900}>")
_ADDRESS = re.compile(r"[^\s<>,;\x00-\x1f]+@[^\s<>,;\x00-\x1f]+")


@dataclass(frozen=True)
class Letter:
    """A mail taken apart. Header names are in lower case; values raw. `text` is what a reader sees, `damaged` how it was broken."""

    headers: dict[str, list[str]]
    text: str = ""
    html: Page | None = None
    calendars: tuple[tuple[bytes, str], ...] = ()
    attachments: tuple[str, ...] = ()
    delivery_status: str = ""
    returned_headers: str = ""
    content_type: str = "text/plain"
    damaged: tuple[str, ...] = ()

    def raw(self, name: str) -> str:
        """The first value of a header, unfolded but not decoded; empty when there is none."""
        values = self.headers.get(name.lower())
        return re.sub(r"[\r\n]+\s*", " ", values[0]).strip() if values else ""

    def said(self, name: str) -> str:
        """The first value of a header, decoded and cleaned, on one line."""
        return line(charsets.header(self.raw(name)))

    def people(self, *names: str) -> tuple[Person, ...]:
        """Whom the headers name, without duplicates; entries without an address are left out."""
        found: dict[str, Person] = {}
        for name in names:
            for value in self.headers.get(name.lower(), ())[:5]:
                for person in _people(value):
                    found.setdefault(person.address, person)
        return tuple(found.values())[:200]

    def ids(self, *names: str) -> tuple[str, ...]:
        """The Message-IDs in the headers, in order, without duplicates."""
        found = (each for name in names for each in _ID.findall(line(self.raw(name), 20_000)))
        return tuple(dict.fromkeys(found))[-50:]

    @property
    def date(self) -> datetime | None:
        """When it says that it was written; aware; None when it says nothing sensible."""
        try:
            when = parsedate_to_datetime(self.raw("date"))
            when = when.replace(tzinfo=UTC) if when.tzinfo is None else when
            return when if 1990 <= when.astimezone(UTC).year < 2200 else None
        except (ValueError, TypeError, OverflowError, IndexError):
            return None

    @property
    def links(self) -> tuple[Link, ...]:
        """The links of the HTML part."""
        return self.html.links if self.html else ()


def _people(value: str) -> Iterator[Person]:
    value = re.sub(r"[\r\n]+\s*", " ", value)[:50_000]
    try:
        pairs = getaddresses([value])
    except Exception:  # a header that trips the standard parser is read as plain text below
        pairs = []
    if not any(_ADDRESS.fullmatch(address) for _, address in pairs):
        pairs = [(value[: match.start()], match[0]) for match in _ADDRESS.finditer(value)][:50]
    for name, written in pairs:
        address = line(charsets.header(written), 400).lower().strip("<>'\"")
        if _ADDRESS.fullmatch(address) and len(address) <= 320:
            yield Person(name=line(charsets.header(name), 200).strip("\"' "), address=address)


@dataclass
class _Pile:
    """What was found while walking through the parts."""

    plain: list[str] = field(default_factory=list)
    pages: list[Page] = field(default_factory=list)
    calendars: list[tuple[bytes, str]] = field(default_factory=list)
    names: list[str] = field(default_factory=list)
    status: str = ""
    returned: str = ""
    damaged: list[str] = field(default_factory=list)


def take_apart(raw: bytes) -> Letter:
    """The mail in `raw`. Never raises: what cannot be read is left out and named in `damaged`."""
    damaged: list[str] = ["cut"] if len(raw) > LARGEST else []
    raw = raw[:LARGEST]
    if raw.startswith(b"From "):
        raw = raw.partition(b"\n")[2]
    try:
        # compat32 keeps headers as they are; the modern policies parse them at once and raise on some real mails.
        message = email.message_from_bytes(raw)
        headers: dict[str, list[str]] = {}
        for name, value in message.raw_items():
            headers.setdefault(name.lower(), []).append(str(value))
    except (Exception, RecursionError):
        return Letter(headers=_headers_only(raw), text=cleaned(charsets.decoded(raw[:TEXT])), damaged=("structure",))
    pile = _Pile(damaged=damaged)
    for part in _leaves(message):
        try:
            _put(part, pile)
        except Exception:  # one broken part must not hide the others
            pile.damaged.append("part")
    html = max(pile.pages, key=lambda each: len(each.text), default=None)
    return Letter(
        headers=headers,
        text=_reader_text("\n\n".join(pile.plain), html),
        html=html,
        calendars=tuple(pile.calendars[:10]),
        attachments=tuple(pile.names[:50]),
        delivery_status=pile.status,
        returned_headers=pile.returned,
        content_type=line(message.get_content_type(), 100),
        damaged=tuple(dict.fromkeys(pile.damaged)),
    )


def _reader_text(plain: str, html: Page | None) -> str:
    """The plain text, unless it is only a notice that the mail is to be read in HTML."""
    plain = plain.strip()
    if html and len(plain) < 300 and len(html.text) > 5 * len(plain):
        return html.text[:TEXT]
    return plain[:TEXT]


def _leaves(message: Message) -> Iterator[Message]:
    """The parts that hold something, in order; not into mails that are attached, except to see what a bounce returns."""
    waiting, seen = [message], 0
    while waiting and seen < _PARTS:
        part = waiting.pop()
        seen += 1
        inner = part.get_payload() if part.is_multipart() else None
        if isinstance(inner, list) and part.get_content_maintype() != "message":
            waiting.extend(reversed([each for each in inner if isinstance(each, Message)]))
        else:
            yield part


def _put(part: Message, pile: _Pile) -> None:
    kind = part.get_content_type()
    name = _file_name(part)
    if name:
        pile.names.append(name)
    if kind == "message/delivery-status":
        pile.status = _inner_text(part)
    elif kind in ("message/rfc822", "text/rfc822-headers", "message/global"):
        pile.returned = _inner_text(part)
    elif kind in ("text/calendar", "application/ics") or name.lower().endswith(".ics"):
        pile.calendars.append((_content(part, pile)[:200_000], str(part.get_param("method") or "").upper()))
    elif name and part.get_content_disposition() == "attachment":
        return
    elif kind == "text/html":
        pile.pages.append(page(charsets.decoded(_content(part, pile)[:600_000], _charset(part))))
    elif kind in ("text/plain", "text/markdown", "text/enriched") or (kind.startswith("text/") and not name):
        text = cleaned(charsets.decoded(_content(part, pile)[: 8 * TEXT], _charset(part)))[: 2 * TEXT]
        if str(part.get_param("format") or "").lower() == "flowed":
            text = unflowed(text, joined=str(part.get_param("delsp") or "").lower() == "yes")
        pile.plain.append(text)


def _content(part: Message, pile: _Pile) -> bytes:
    content = part.get_payload(decode=True)
    if any(type(defect).__name__.startswith("InvalidBase64") for defect in part.defects):
        pile.damaged.append("base64")
    return content if isinstance(content, bytes) else b""


def _charset(part: Message) -> str | None:
    charset = part.get_param("charset")
    return charset[2] if isinstance(charset, tuple) else charset


def _file_name(part: Message) -> str:
    try:
        return line(charsets.header(part.get_filename() or ""), 200)
    except (ValueError, LookupError, TypeError):
        return "?"


def _inner_text(part: Message) -> str:
    inner = part.get_payload()
    pieces = inner if isinstance(inner, list) else [part]
    return cleaned("\n".join(str(each) for each in pieces[:20])[:TEXT])


def _headers_only(raw: bytes) -> dict[str, list[str]]:
    head = re.split(rb"\r?\n\r?\n", raw[:100_000], maxsplit=1)[0]
    headers: dict[str, list[str]] = {}
    for row in re.sub(rb"\r?\n[ \t]+", b" ", head).splitlines():
        name, colon, value = row.partition(b":")
        if colon and re.fullmatch(rb"[!-9;-~]+", name):
            headers.setdefault(name.decode("ascii").lower(), []).append(
                value.strip().decode("ascii", "surrogateescape")
            )
    return headers
