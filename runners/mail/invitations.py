"""Reads the calendar parts of a mail (RFC 5545, RFC 5546), also the ones that only nearly keep to it."""

import re
from collections.abc import Iterator, Sequence
from contextlib import suppress
from datetime import UTC, date, datetime, timedelta, tzinfo
from typing import Any
from zoneinfo import ZoneInfo

from runners.mail.charsets import decoded
from runners.mail.clean import cleaned, line
from runners.mail.facts import Invitation

_BARE_NEWLINE = re.compile(rb"\r?\n")
_METHOD = re.compile(r"^METHOD:(\w+)", re.MULTILINE | re.IGNORECASE)
_MAILTO = re.compile(r"^\s*mailto:", re.IGNORECASE)
_MOST = 20


def invitations(parts: Sequence[tuple[bytes, str]], zone: ZoneInfo) -> tuple[Invitation, ...]:
    """The events in the calendar parts (content and `method` parameter of each), none twice. Times without a timezone are on
    the owner's clock `zone`. A part or an event that cannot be read is left out."""
    found: dict[tuple[str, int, bool], Invitation] = {}
    for content, method in parts:
        for invitation in _read(content, method, zone):
            found.setdefault((invitation.uid, invitation.sequence, invitation.occurrence), invitation)
    return tuple(found.values())[:_MOST]


def _read(content: bytes, method: str, zone: ZoneInfo) -> Iterator[Invitation]:
    from icalendar import Calendar  # a sixth of a second to import, and few mails have such a part

    content = _BARE_NEWLINE.sub(b"\r\n", content.strip())
    try:
        calendars: Any = Calendar.from_ical(content, multiple=True)
    except Exception:
        try:
            calendars = Calendar.from_ical(
                decoded(content).replace("\r\n", "\n").replace("\n", "\r\n").encode(), multiple=True
            )
        except Exception:
            return
    named = _METHOD.search(decoded(content[:2000]).replace("\r", ""))
    method = (method or (named[1] if named else "")).upper() or "PUBLISH"
    for calendar in calendars:
        for event in list(calendar.walk("VEVENT"))[:_MOST]:
            with suppress(Exception):  # one broken event must not hide the others
                if invitation := _event(event, method, zone):
                    yield invitation


def _event(event: Any, method: str, zone: ZoneInfo) -> Invitation | None:
    uid = line(str(event.get("UID") or ""), 900)
    begins = event.decoded("DTSTART", None)
    if not uid or not isinstance(begins, date):
        return None
    start, name = _placed(begins, zone)
    if event.get("DTEND") is not None:
        end = _placed(event.decoded("DTEND"), zone)[0]
    elif event.get("DURATION") is not None:
        end = start + event.decoded("DURATION")
    else:
        end = start + (timedelta(hours=1) if isinstance(start, datetime) else timedelta(days=1))
    if isinstance(start, datetime) != isinstance(end, datetime) or end < start:  # pyright: ignore[reportOperatorIssue]
        end = start + (timedelta(hours=1) if isinstance(start, datetime) else timedelta(days=1))
    if not isinstance(start, datetime) and end == start:
        end = start + timedelta(days=1)
    rule = event.get("RRULE")
    status = str(event.get("STATUS") or "").upper()
    return Invitation(
        method=method,
        uid=uid,
        sequence=_whole(event.get("SEQUENCE")),
        title=line(str(event.get("SUMMARY") or ""), 500),
        start=start,
        end=end,
        timezone=name,
        location=line(str(event.get("LOCATION") or ""), 1000),
        description=cleaned(str(event.get("DESCRIPTION") or "")).strip()[:4000],
        organizer=_address(event.get("ORGANIZER")),
        recurrence=line(_rule(rule), 500) if rule else None,
        occurrence=event.get("RECURRENCE-ID") is not None,
        cancelled=method == "CANCEL" or status == "CANCELLED",
        last=_last(rule, start, end),
    )


def _placed(when: date | datetime, zone: ZoneInfo) -> tuple[datetime | date, str]:
    """A time on a clock that everybody knows by name: the event's own where it is an IANA one, else the owner's."""
    if not isinstance(when, datetime):
        return when, str(zone)
    if when.tzinfo is None:
        return when.replace(tzinfo=zone), str(zone)
    name = _iana(when.tzinfo)
    if name:
        return when.astimezone(ZoneInfo(name)), name
    return when.astimezone(zone), str(zone)


def _iana(tz: tzinfo) -> str | None:
    name = getattr(tz, "key", None) or getattr(tz, "zone", None) or ""
    if not name or name.upper() in ("UTC", "ETC/UTC", "GMT", "Z") or tz is UTC:
        return None
    try:
        return str(ZoneInfo(str(name)))
    except (KeyError, ValueError, OSError):
        return None


def _rule(rule: Any) -> str:
    rules = rule if isinstance(rule, list) else [rule]
    written = rules[0].to_ical()
    return written.decode("utf-8", "replace") if isinstance(written, bytes) else str(written)


def _last(rule: Any, start: datetime | date, end: datetime | date) -> date | None:
    """The day after which nothing follows: of the event itself, or of its series where that is told by UNTIL or COUNT."""
    ends = end.date() if isinstance(end, datetime) else end - timedelta(days=1)
    if not rule:
        return ends
    rules = rule[0] if isinstance(rule, list) else rule
    until = rules.get("UNTIL")
    if until:
        last = until[0] if isinstance(until, list) else until
        return last.date() if isinstance(last, datetime) else last
    count = rules.get("COUNT")
    if not count:
        return None
    from dateutil.rrule import rrulestr

    naive = start.replace(tzinfo=None) if isinstance(start, datetime) else datetime(start.year, start.month, start.day)
    if _whole(count) > 1000:
        return None
    dates = list(rrulestr(_rule(rule), dtstart=naive))
    return dates[-1].date() if dates else ends


def _whole(value: Any) -> int:
    try:
        return max(0, min(int(value[0] if isinstance(value, list) else value), 2**31))
    except (TypeError, ValueError, IndexError):
        return 0


def _address(value: Any) -> str | None:
    if value is None:
        return None
    address = _MAILTO.sub("", line(str(value), 330)).lower()
    return address if re.fullmatch(r"[^\s<>,;@]+@[^\s<>,;@]+", address) and 3 <= len(address) <= 320 else None
