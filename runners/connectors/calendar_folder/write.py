"""An approved event as iCalendar (RFC 5545), as a calendar stores it: one object a file, no METHOD (RFC 4791, 4.1)."""

import re
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import icalendar

from core.connectors.operations import CalendarCreate
from core.kernel.errors import Invalid
from runners.mail.compose import key_hash

KEY_PROPERTY = "X-NOD-KEY"
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f]")


def event_uid(event: CalendarCreate, key: str) -> str:
    """An invitation keeps its own UID; else it comes from the key."""
    return event.uid or f"nod-{key_hash(key)}"


def write_event(event: CalendarCreate, key: str, now: datetime) -> bytes:
    """The event's calendar object. A time is written in its own timezone, with the VTIMEZONE it needs.
    Raises Invalid `connectors.event_invalid` naming the field."""
    if event.all_day is isinstance(event.end, datetime) or event.end <= event.start:  # type: ignore[operator]
        raise Invalid("connectors.event_invalid", field="end")
    made = icalendar.Event()
    made.add("uid", _text(event_uid(event, key)))
    made.add("dtstamp", now.astimezone(UTC).replace(microsecond=0))
    made.add("sequence", event.sequence)
    made.add("summary", _text(event.title))
    made.add("dtstart", _local(event.start, event.timezone))
    made.add("dtend", _local(event.end, event.timezone))
    if event.location:
        made.add("location", _text(event.location))
    if event.description:
        made.add("description", _text(event.description))
    if event.organizer:
        made.add("organizer", icalendar.vCalAddress(f"mailto:{_text(event.organizer)}"))
    if event.recurrence:
        made.add("rrule", _rule(event.recurrence))
    made.add(KEY_PROPERTY, key_hash(key))
    calendar = icalendar.Calendar()
    calendar.add("prodid", "-//Nod//Nod//EN")
    calendar.add("version", "2.0")
    calendar.add_component(made)
    # A timezone is described for as long as the event needs it; a series for ten years at least.
    first = _day(event.start) - timedelta(days=366)
    last = _day(event.end) + timedelta(days=3660 if event.recurrence else 366)
    calendar.add_missing_timezones(first_date=first, last_date=last)
    return calendar.to_ical()


def _day(moment: datetime | date) -> date:
    return moment.date() if isinstance(moment, datetime) else moment


def _local(moment: datetime | date, timezone: str) -> datetime | date:
    if not isinstance(moment, datetime):
        return moment
    if timezone.upper() in ("UTC", "ETC/UTC", "Z"):
        return moment.astimezone(UTC)
    try:
        return moment.astimezone(ZoneInfo(timezone))
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise Invalid("connectors.event_invalid", field="timezone") from None


def _rule(text: str) -> icalendar.vRecur:
    try:
        rule = icalendar.vRecur.from_ical(text.removeprefix("RRULE:"))
    except Exception:
        raise Invalid("connectors.event_invalid", field="recurrence") from None
    if "FREQ" not in rule:
        raise Invalid("connectors.event_invalid", field="recurrence")
    return rule


def _text(text: str) -> str:
    return _CONTROL.sub(" ", text)
