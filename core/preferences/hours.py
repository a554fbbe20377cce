"""The hours of a week in which somebody is at work, at home or elsewhere: as people write them, as they are kept (`mon,tue,wed,thu,fri 09:00-17:00`), and when they begin
and end."""

import re
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from core.kernel.errors import Invalid

DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
LONGEST = 120
_NAMES = (
    ("mon", "montag", "lunes", "mo", "lu"),
    ("tue", "dienstag", "martes", "tu", "di"),
    ("wed", "mittwoch", "miercoles", "miércoles", "we", "mi"),
    ("thu", "donnerstag", "jueves", "th", "do", "ju"),
    ("fri", "freitag", "viernes", "fr", "vi"),
    ("sat", "samstag", "sabado", "sábado", "sa"),
    ("sun", "sonntag", "domingo", "su", "so"),
)
_SETS = {
    "weekday": range(5), "weekdays": range(5), "workday": range(5), "workdays": range(5), "werktags": range(5), "werktage": range(5), "laborables": range(5),
    "weekend": range(5, 7), "weekends": range(5, 7), "wochenende": range(5, 7), "wochenenden": range(5, 7),
    "daily": range(7), "always": range(7), "täglich": range(7), "immer": range(7), "siempre": range(7), "diario": range(7),
}  # fmt: skip
_FILLER = frozenset(
    (
        "every", "each", "day", "days", "on", "from", "at", "between", "the", "and", "jeden", "tag", "am", "von", "und", "zwischen", "um", "uhr", "todos", "los",
        "dias", "días", "de", "y", "entre", "las", "el", "o'clock", "in", "im", "while", "during",
    )
)  # fmt: skip
_CLOCK = r"(\d{1,2})(?:[:.](\d{2}))?\s*(am|pm|uhr|h)?"
_SPAN = re.compile(rf"\b{_CLOCK}\s*(?:-|to|till|until|and|bis|und|a|y|hasta)\s*(?:las\s+)?{_CLOCK}(?![\w:])")
_RANGE = re.compile(r"([^\W\d_]+)\s*(?:-|\bto\b|\bthrough\b|\bbis\b|\ba\b)\s*([^\W\d_]+)")


@dataclass(frozen=True)
class Week:
    """Days (Monday is 0) and the local times between which it holds on each; to midnight, or over it, where the end is not after the start."""

    days: tuple[int, ...]
    start: time
    end: time

    def __str__(self) -> str:
        return f"{','.join(DAYS[day] for day in self.days)} {self.start:%H:%M}-{self.end:%H:%M}"

    def holds(self, at: datetime, zone: ZoneInfo) -> bool:
        """Whether it holds at an instant."""
        day = at.astimezone(zone).date()
        return any(begin <= at < end for begin, end in (self._on(day - timedelta(days=back), zone) for back in (0, 1)))

    def changes(self, after: datetime, zone: ZoneInfo) -> datetime | None:
        """The next instant, in UTC, at which it begins or ceases to hold; None for a week that always holds."""
        first = after.astimezone(zone).date() - timedelta(days=1)
        edges = {edge for n in range(10) for edge in self._on(first + timedelta(days=n), zone)}
        now = self.holds(after, zone)
        return next((edge for edge in sorted(edges) if edge > after and self.holds(edge, zone) != now), None)

    def _on(self, day: date, zone: ZoneInfo) -> tuple[datetime, datetime]:
        """From when until when it holds on a day; the same instant twice where it does not."""
        begin = datetime.combine(day, self.start, zone)
        if day.weekday() not in self.days:
            return begin.astimezone(UTC), begin.astimezone(UTC)
        over = day if self.end > self.start else day + timedelta(days=1)
        return begin.astimezone(UTC), datetime.combine(over, self.end, zone).astimezone(UTC)


def kept(text: str) -> Week:
    """A week out of what is kept."""
    days, _, hours = text.partition(" ")
    start, _, end = hours.partition("-")
    return Week(tuple(DAYS.index(day) for day in days.split(",")), time.fromisoformat(start), time.fromisoformat(end))


def week_of(words: str) -> Week:
    """`weekdays 9 to 17`, `Mo-Fr 8:30-16 Uhr`, `lunes a viernes de 9 a 17`, `weekends`; days without hours are whole days, hours without days are every day. Raises
    Invalid `preferences.hours_unclear` (data: words): what is not fully understood is not guessed."""
    text = " ".join(words.lower().replace("–", "-").replace("—", "-").split())[:LONGEST]
    unclear = Invalid("preferences.hours_unclear", words=words[:LONGEST])
    spans = list(_SPAN.finditer(text))
    if len(spans) > 1:
        raise unclear
    start, end = time(0), time(0)
    if spans:
        start, end = _clock(spans[0].groups()[:3], unclear), _clock(spans[0].groups()[3:], unclear)
        if start == end:
            raise unclear
        text = f"{text[: spans[0].start()]} {text[spans[0].end() :]}"
    days, text = set[int](), text.strip()
    for told in _RANGE.finditer(text):
        first, last = _day(told[1]), _day(told[2])
        if first is not None and last is not None:
            days |= {day % 7 for day in range(first, last + 1 if last >= first else last + 8)}
            text = text.replace(told[0], " ")
    for word in re.findall(r"[^\s,;.&+/-]+", text):
        if word in _SETS:
            days |= set(_SETS[word])
        elif (day := _day(word)) is not None:
            days.add(day)
        elif word not in _FILLER:
            raise unclear
    if not days and not spans:
        raise unclear
    return Week(tuple(sorted(days)) or tuple(range(7)), start, end)


def _day(word: str) -> int | None:
    bare = word.strip(".")
    for number, names in enumerate(_NAMES):
        for name in names:
            if bare in (name, f"{name}s") or (
                len(name) == 3 and bare in (f"{name}day", f"{name}days", *_LONG.get(name, ()))
            ):
                return number
    return None


_LONG = {
    "tue": ("tues", "tuesday", "tuesdays"), "wed": ("wednesday", "wednesdays"), "thu": ("thur", "thurs", "thursday", "thursdays"), "sat": ("saturday", "saturdays"),
}  # fmt: skip


def _clock(told: tuple[str | None, ...], unclear: Invalid) -> time:
    hour, minute, half = int(told[0] or 0), int(told[1] or 0), told[2]
    if half in ("am", "pm"):
        if not 1 <= hour <= 12:
            raise unclear
        hour = hour % 12 + (12 if half == "pm" else 0)
    if hour == 24 and minute == 0:
        hour = 0
    if hour > 23 or minute > 59:
        raise unclear
    return time(hour, minute)
