"""Days and times on a card: always with the weekday, in the person's own timezone, and in the event's own where that differs."""

from datetime import date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from bots.kit.dialog import Chat

DAYS = {"MO": 0, "TU": 1, "WE": 2, "TH": 3, "FR": 4, "SA": 5, "SU": 6}


def instant(value: Any) -> datetime:
    """A moment out of JSON."""
    return value if isinstance(value, datetime) else datetime.fromisoformat(str(value))


def day_or_moment(value: Any) -> date | datetime:
    """A day (`2026-11-24`) or a moment out of JSON."""
    text = str(value)
    return date.fromisoformat(text) if len(text) == 10 else datetime.fromisoformat(text)


def span(chat: Chat, start: Any, end: Any, timezone: str = "") -> str:
    """From when to when; the end of whole days is exclusive, as it is in a calendar."""
    first, last = day_or_moment(start), day_or_moment(end)
    if not isinstance(first, datetime) or not isinstance(last, datetime):
        return _days(chat, first, last)
    text = _moments(chat, first, last)
    own = _zone(timezone)
    if own is None or first.astimezone(own).utcoffset() == chat.place.local(first).utcoffset():
        return text
    there = first.astimezone(own)
    return chat.say(
        "card.when.elsewhere", when=text, there=f"{chat.place.day(there.date())}, {chat.place.clock(there.timetz())}",
        zone=timezone.replace("_", " "),
    )  # fmt: skip


def _days(chat: Chat, first: date, last: date) -> str:
    begin = first.date() if isinstance(first, datetime) else first
    until = (last.date() if isinstance(last, datetime) else last) - timedelta(days=1)
    if until <= begin:
        return chat.say("card.when.day", day=chat.place.day(begin))
    return chat.say("card.when.days", first=chat.place.day(begin), last=chat.place.day(until))


def _moments(chat: Chat, first: datetime, last: datetime) -> str:
    here, there = chat.place.local(first), chat.place.local(last)
    if here.date() == there.date():
        return chat.say(
            "card.when.times", day=chat.place.day(here), first=chat.place.clock(here), last=chat.place.clock(there)
        )
    return chat.say(
        "card.when.across", first=f"{chat.place.day(here)}, {chat.place.clock(here)}",
        last=f"{chat.place.day(there)}, {chat.place.clock(there)}",
    )  # fmt: skip


def _zone(name: str) -> ZoneInfo | None:
    try:
        return ZoneInfo(name) if name else None
    except (ZoneInfoNotFoundError, ValueError):
        return None


def repeats(chat: Chat, rule: str) -> str:
    """An RRULE (RFC 5545, 3.3.10) in words where it is a plain one, else as it is."""
    parts = dict(part.split("=", 1) for part in rule.removeprefix("RRULE:").split(";") if "=" in part)
    frequency, plain = (
        parts.get("FREQ", "").lower(),
        set(parts) <= {"FREQ", "UNTIL", "COUNT", "BYDAY", "INTERVAL", "WKST"},
    )
    days = [day for day in parts.get("BYDAY", "").split(",") if day]
    if not plain or parts.get("INTERVAL", "1") != "1" or frequency not in ("daily", "weekly", "monthly", "yearly"):
        return rule
    if days and (frequency != "weekly" or not set(days) <= set(DAYS)):
        return rule
    monday = date(2024, 1, 1)
    named = [chat.say(f"day.{(monday + timedelta(DAYS[day])).weekday()}") for day in days]
    words = chat.say(f"card.repeats.{frequency}_on", days=named) if named else chat.say(f"card.repeats.{frequency}")
    if "COUNT" in parts:
        return chat.say("card.repeats.times", words=words, n=int(parts["COUNT"])) if parts["COUNT"].isdigit() else rule
    if len(until := parts.get("UNTIL", "")) >= 8 and until[:8].isdigit():
        last = date(int(until[:4]), int(until[4:6]), int(until[6:8]))
        return chat.say("card.repeats.until", words=words, day=chat.place.day(last))
    return words
