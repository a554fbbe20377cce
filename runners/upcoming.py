"""Which events of a calendar object begin within some minutes: single ones and those of a series."""

import re
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import icalendar
from dateutil.rrule import rrulestr

_KNOWN_PARTS = {"FREQ", "INTERVAL", "COUNT", "UNTIL", "WKST", "BYDAY", "BYMONTH", "BYMONTHDAY", "BYSETPOS"}
_LONGEST = (0, 31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)
_UNTIL_WITHOUT_ZONE = re.compile(r"UNTIL=(\d{8})(T\d{6})?(?!\d|T|Z)")
_LONG_AGO = timedelta(days=366 * 30)


@dataclass(frozen=True)
class Upcoming:
    """One occurrence; `start` in UTC."""

    uid: str
    title: str
    start: datetime

    @property
    def key(self) -> str:
        """The same for the same occurrence, another when it was moved."""
        return f"{self.uid}/{self.start:%Y%m%dT%H%M%S}"


def upcoming(raw: bytes, timezone: str, after: datetime, until: datetime) -> list[Upcoming]:
    """The occurrences that begin in (after, until]. A time without a zone is in `timezone` (IANA). What lasts whole days does not begin at an instant; what was cancelled, or what no
    library can read, is left out."""
    try:
        components = icalendar.Calendar.from_ical(raw).walk("VEVENT")
    except Exception:
        return []
    here = ZoneInfo(timezone)
    found: list[Upcoming] = []
    moved = {start for each in components if (start := _instant(each.get("RECURRENCE-ID"), here)) is not None}
    for each in components:
        try:
            found += [
                Upcoming(str(each.get("UID", "")), str(each.get("SUMMARY", "")), start)
                for start in _starts(each, here, moved, after, until)
                if after < start <= until and str(each.get("STATUS", "")).upper() != "CANCELLED"
            ]
        except Exception:  # noqa: S112 - one event that makes no sense hides no other
            continue
    return found


def _starts(event: Any, here: ZoneInfo, moved: set[datetime], after: datetime, until: datetime) -> Iterator[datetime]:
    first = _instant(event.get("DTSTART"), here)
    if first is None:
        return
    rule = event.get("RRULE")
    if rule is None or event.get("RECURRENCE-ID") is not None:
        yield first
        return
    left_out = moved | set(_dates(event.get("EXDATE"), here))
    for start in {*_series(event, here, rule, after, until), *_dates(event.get("RDATE"), here)}:
        if start not in left_out:
            yield start


def _series(event: Any, here: ZoneInfo, written: Any, after: datetime, until: datetime) -> list[datetime]:
    """By the clock of the event's own zone. A rule that is not plain, or as old as a generation, is left to calendars."""
    text = written.to_ical().decode()
    began = event.get("DTSTART").dt
    began = began if began.tzinfo is not None else began.replace(tzinfo=here)
    if not _is_plain(text) or after - began > _LONG_AGO:
        return []
    text = _UNTIL_WITHOUT_ZONE.sub(lambda end: f"UNTIL={end[1]}{end[2] or 'T235959'}Z", text)
    rule: Any = rrulestr(text, dtstart=began)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        bounded = rule.replace(until=min(until, rule._until or until))
    return [at.astimezone(UTC) for at in bounded.between(after, until, inc=True)]


def _is_plain(text: str) -> bool:
    """Whether some day fits the rule: dateutil looks for one up to the year 9999, in many seconds. What people's calendars make passes."""
    split = (part.partition("=") for part in text.upper().split(";"))
    parts: dict[str, str] = {name: value for name, _, value in split}
    often, days = parts.get("INTERVAL", "1") != "1", parts.get("BYDAY", "")
    month_days = [abs(int(day)) for day in parts.get("BYMONTHDAY", "").split(",") if day]
    numbers = [abs(int(number)) for number in re.findall(r"-?\d+", days)]
    longest = max((_LONGEST[int(month)] for month in parts.get("BYMONTH", "1").split(",")), default=31)
    wrong = (
        set(parts) - _KNOWN_PARTS,
        parts.get("FREQ") not in ("DAILY", "WEEKLY", "MONTHLY", "YEARLY"),
        any(day > longest for day in month_days),
        any(number > 5 for number in numbers),
        numbers and (month_days or "BYSETPOS" in parts),
        often and "BYMONTH" in parts and parts["FREQ"] != "YEARLY",
        often and days and parts["FREQ"] == "DAILY",
        often and any(day > 28 for day in month_days),
        "BYSETPOS" in parts and not (parts["FREQ"] == "MONTHLY" and days and not month_days),
        abs(int(parts.get("BYSETPOS", "1"))) > 4,
    )
    return not any(wrong)


def _instant(property: Any, here: ZoneInfo) -> datetime | None:
    at = getattr(property, "dt", None)
    if not isinstance(at, datetime):
        return None
    return (at if at.tzinfo is not None else at.replace(tzinfo=here)).astimezone(UTC)


def _dates(property: Any, here: ZoneInfo) -> Iterator[datetime]:
    for each in property if isinstance(property, list) else [property] if property is not None else []:
        for date in getattr(each, "dts", ()):
            at = _instant(date, here)
            if at is not None:
                yield at
