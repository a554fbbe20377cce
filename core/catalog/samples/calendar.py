"""Relative dates: samples say "four days from now, a Friday, at 18:30", so that they are fresh on whatever day they are opened."""

import re
from collections.abc import Callable, Mapping
from datetime import UTC, date, datetime, time, timedelta
from email.utils import format_datetime
from pathlib import Path
from zoneinfo import ZoneInfo

from pydantic import BaseModel, ConfigDict, Field

from core.catalog.samples.written import written

_WEEKDAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_STEP = re.compile(r"([+-])(\d+)(min|h|d|w|b)(?::(mon|tue|wed|thu|fri|sat|sun))?")
_MOMENT = re.compile(rf"(?P<steps>(?:{_STEP.pattern})+)(?:\s+(?P<clock>\d\d:\d\d))?(?:\s+(?P<rest>.*))?", re.DOTALL)
_PLACEHOLDER = re.compile(r"\{\{(.*?)\}\}", re.DOTALL)
_DIRECTIVE = re.compile(r"%(-?[A-Za-z])")


class Words(BaseModel):
    """The names of days (Monday first) and months of one language, in the case that a full date takes."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    weekdays: tuple[str, ...] = Field(min_length=7, max_length=7)
    weekdays_short: tuple[str, ...] = Field(min_length=7, max_length=7)
    months: tuple[str, ...] = Field(min_length=12, max_length=12)
    months_short: tuple[str, ...] = Field(min_length=12, max_length=12)


class _Facts(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    timezone: str
    owner: str
    languages: dict[str, Words]


class SampleDates:
    """Turns the moments and placeholders of one sample folder into real ones, for a given `now`.

    A moment is one or more steps and a time of day on the owner's clock: `-3d 09:12`, `+2b 15:00` (working days), `+3d:fri 18:30` (the first
    Friday from then on; with a minus sign, the last one before), `-2h` (from this very minute), `-3d+14d` (one after the other).
    """

    def __init__(self, folder: Path, now: datetime, owner: str | None = None) -> None:
        """Read `mailbox.yaml` in `folder`. ValueError when `now` has no timezone."""
        if now.tzinfo is None:
            raise ValueError("now needs a timezone")
        facts = _Facts.model_validate(written(folder / "mailbox.yaml"))
        self.zone = ZoneInfo(facts.timezone)
        self.now = now.astimezone(self.zone)
        self.owner = owner or facts.owner
        self._languages: Mapping[str, Words] = facts.languages
        self._parts = folder / "parts"

    def moment(self, text: str) -> datetime:
        """The aware time, in the owner's timezone, that a moment names. ValueError when it names none."""
        match = _MOMENT.fullmatch(text.strip())
        if match is None or match["rest"]:
            raise ValueError(f"not a moment: {text!r}")
        return self._resolve(match["steps"], match["clock"])

    def day(self, text: str) -> date:
        """The owner's calendar day that a moment names."""
        return self.moment(text).date()

    def render(self, text: str) -> str:
        """Replace every `{{placeholder}}`. ValueError for one that is not known."""
        return _PLACEHOLDER.sub(lambda match: self._placeholder(match[1].strip()), text)

    def _placeholder(self, text: str) -> str:
        name, _, argument = text.partition(" ")
        kind, _, language = name.partition(".")
        if kind == "owner":
            return self.owner
        if kind == "include":
            return self.render((self._parts / argument.strip()).read_text("utf-8").rstrip("\n"))
        match = _MOMENT.fullmatch(argument.strip())
        if match is None or kind not in _KINDS:
            raise ValueError(f"not a placeholder: {{{{{text}}}}}")
        words = self._languages.get(language or "en")
        if words is None:
            raise ValueError(f"no words for the language {language!r}")
        return _KINDS[kind](self._resolve(match["steps"], match["clock"]), (match["rest"] or "").strip(), words)

    def _resolve(self, steps: str, clock: str | None) -> datetime:
        when = self.now
        for sign, count, unit, weekday in _STEP.findall(steps):
            direction = 1 if sign == "+" else -1
            when = self._step(when, direction, int(count), unit)
            while weekday and when.weekday() != _WEEKDAYS.index(weekday):
                when += timedelta(days=direction)
        if clock:
            when = datetime.combine(when.date(), time.fromisoformat(clock), self.zone)
        return when.replace(second=0, microsecond=0)

    def _step(self, when: datetime, direction: int, count: int, unit: str) -> datetime:
        if unit in ("h", "min"):
            elapsed = timedelta(hours=count) if unit == "h" else timedelta(minutes=count)
            return (when.astimezone(UTC) + direction * elapsed).astimezone(self.zone)
        if unit != "b":
            return when + direction * timedelta(days=count * (7 if unit == "w" else 1))
        for _ in range(count):
            when = _working_day(when + timedelta(days=direction), direction)
        return _working_day(when, direction)


def _working_day(when: datetime, direction: int) -> datetime:
    while when.weekday() > 4:
        when += timedelta(days=direction)
    return when


def _in_words(when: datetime, pattern: str, words: Words) -> str:
    names = {
        "A": words.weekdays[when.weekday()],
        "a": words.weekdays_short[when.weekday()],
        "B": words.months[when.month - 1],
        "b": words.months_short[when.month - 1],
        "-d": str(when.day),
        "-m": str(when.month),
        "-H": str(when.hour),
        "-I": str(when.hour % 12 or 12),
        "p": "am" if when.hour < 12 else "pm",
    }
    return _DIRECTIVE.sub(lambda match: names.get(match[1]) or when.strftime(match[0]), pattern)


_KINDS: Mapping[str, Callable[[datetime, str, Words], str]] = {
    "date": lambda when, _, __: format_datetime(when),
    "day": _in_words,
    "weekday": lambda when, _, words: words.weekdays[when.weekday()],
    "ics": lambda when, _, __: when.strftime("%Y%m%dT%H%M%S"),
    "icsutc": lambda when, _, __: when.astimezone(UTC).strftime("%Y%m%dT%H%M%SZ"),
    "icsdate": lambda when, _, __: when.strftime("%Y%m%d"),
}
