"""Mails for tests, written as one would write them; none of them is in the sample mailbox."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from email.message import EmailMessage
from email.utils import format_datetime
from zoneinfo import ZoneInfo

from tests.unit.skills.mailbox import KeptMail

ZONE = ZoneInfo("Europe/Berlin")
NOW = datetime(2026, 11, 25, 9, 0, tzinfo=ZONE)
"""A Wednesday."""
ME = "Sam Field <sam@home.example>"
PASS = "mx.home.example; spf=pass; dkim=pass; dmarc=pass"
_count = iter(range(10**6))


def letter(
    text: str,
    *,
    sender: str = "Anna Lind <anna@lind.example>",
    to: str = ME,
    subject: str = "Hello",
    sent: datetime = NOW - timedelta(days=1),
    headers: Mapping[str, str] | None = None,
    html: str | None = None,
    calendar: str | None = None,
    attachment: str | None = None,
    id: str | None = None,
    answers: str | None = None,
    folder: str = "INBOX",
    flags: tuple[str, ...] = (),
    auth: str | None = PASS,
) -> KeptMail:
    """One mail, as a mailbox keeps it."""
    message = EmailMessage()
    message["From"], message["To"], message["Subject"] = sender, to, subject
    message["Date"] = format_datetime(sent)
    message["Message-ID"] = id or f"<letter.{next(_count)}@test.example>"
    if answers:
        message["In-Reply-To"] = message["References"] = answers
    if auth and folder == "INBOX":
        message["Authentication-Results"] = auth
    for name, value in (headers or {}).items():
        message[name] = value
    message.set_content(text)
    if html is not None:
        message.add_alternative(html, subtype="html")
    if calendar is not None:
        message.add_alternative(calendar, subtype="calendar", params={"method": _method(calendar)})
    if attachment is not None:
        message.add_attachment(b"content", maintype="application", subtype="octet-stream", filename=attachment)
    return KeptMail(f"{folder}/{next(_count)}", message.as_bytes(), sent, folder, flags)


def own(text: str, *, to: str = "Anna Lind <anna@lind.example>", days: int = 6, **more: object) -> KeptMail:
    """A mail that the owner sent."""
    return letter(text, sender=ME, to=to, sent=NOW - timedelta(days=days), folder="Sent", **more)  # type: ignore[arg-type]


def event(**fields: str) -> str:
    """A calendar part with one event; `method` beside the event's own properties."""
    method = fields.pop("method", "REQUEST")
    known = {
        "UID": "u1@cal.example",
        "DTSTAMP": "20261120T100000Z",
        "DTSTART": "20261203T140000Z",
        "SUMMARY": "Talk",
        **fields,
    }
    lines = ["BEGIN:VCALENDAR", "VERSION:2.0", "PRODID:-//Test//EN", f"METHOD:{method}", "BEGIN:VEVENT"]
    for name, value in known.items():
        if value:
            lines.append(f"{name.replace('__', ';')}{value}" if value.startswith((";", ":")) else f"{name}:{value}")
    return "\r\n".join([*lines, "END:VEVENT", "END:VCALENDAR", ""])


def _method(calendar: str) -> str:
    return next(row.partition(":")[2] for row in calendar.splitlines() if row.startswith("METHOD"))
