"""How dates, times, amounts and lists are written where a person is: by their locale and timezone."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal, InvalidOperation
from functools import cached_property
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from babel import Locale, UnknownLocaleError
from babel.dates import format_date, format_time, format_timedelta, get_timezone_location
from babel.lists import format_list
from babel.numbers import format_currency, format_decimal, format_percent

from bots.kit import directions
from core.kernel.money import Money

SIZES = ("B", "kB", "MB", "GB", "TB")


@dataclass(frozen=True)
class Place:
    """A person's language (BCP 47), timezone, and what time it is (the transaction's clock)."""

    language: str
    zone: ZoneInfo
    now: datetime

    @cached_property
    def locale(self) -> Locale:
        """The locale, or its language alone, or English; English of no country is that of Britain (24 hours, day before month)."""
        wanted = "en-GB" if self.language == "en" else self.language
        for tag in (wanted, wanted.split("-")[0]):
            try:
                return Locale.parse(tag.replace("-", "_"))
            except (ValueError, UnknownLocaleError):
                continue
        return Locale("en", "GB")

    @property
    def right_to_left(self) -> bool:
        """Whether people here write from right to left."""
        return self.locale.text_direction == "rtl"

    def local(self, at: datetime) -> datetime:
        """The wall clock's time here. A time without an offset is taken as UTC."""
        return (at if at.tzinfo else at.replace(tzinfo=UTC)).astimezone(self.zone)

    def day(self, day: date | datetime) -> str:
        """`Tue, 24 Nov` in this year, with the year in any other."""
        if isinstance(day, datetime):
            day = self.local(day).date()
        return self._skeleton("MMMEd" if day.year == self.local(self.now).year else "yMMMEd", day)

    def clock(self, at: time | datetime) -> str:
        """`18:00`, or `6:00 PM` where people write that."""
        if isinstance(at, datetime):
            at = self.local(at).time()
        return format_time(at, "short", locale=self.locale)

    def moment(self, at: datetime) -> str:
        """`18:00` today, `Tue 18:00` within six days, else date and time."""
        here, today = self.local(at), self.local(self.now).date()
        days = (here.date() - today).days
        if days == 0:
            return self.clock(here)
        if -6 <= days <= 6:
            return f"{format_date(here.date(), 'EEE', locale=self.locale)} {self.clock(here)}"
        return f"{self.day(here)}, {self.clock(here)}"

    def ago(self, at: datetime) -> str:
        """`5 minutes ago`, `in 2 hours`."""
        return format_timedelta(
            self.local(at) - self.local(self.now), threshold=1.2, add_direction=True, locale=self.locale
        )

    def duration(self, seconds: float | timedelta) -> str:
        """`10 seconds`, `2 hours`."""
        span = seconds if isinstance(seconds, timedelta) else timedelta(seconds=seconds)
        return format_timedelta(span, threshold=1.5, locale=self.locale)

    def number(self, value: float | Decimal) -> str:
        """`1,234.5`."""
        return format_decimal(value, locale=self.locale)

    def percent(self, share: float) -> str:
        """0.25 → `25%`."""
        return format_percent(share, locale=self.locale)

    def money(self, amount: Money) -> str:
        """`€1,234.50`, in the currency's own number of decimals."""
        return format_currency(amount.amount, amount.currency, locale=self.locale)

    def size(self, size: int) -> str:
        """Bytes as `1.2 MB` (powers of 1000)."""
        value, unit = float(size), 0
        while value >= 1000 and unit < len(SIZES) - 1:
            value, unit = value / 1000, unit + 1
        return (
            f"{format_decimal(round(value, 1 if unit and value < 100 else 0), locale=self.locale)}\u00a0{SIZES[unit]}"
        )

    def listed(self, items: list[str] | tuple[str, ...]) -> str:
        """`a, b and c`."""
        return format_list([directions.apart(item, self.right_to_left) for item in items], locale=self.locale)

    @property
    def zone_name(self) -> str:
        """The timezone as people here call it (`Germany Time` would mislead: the IANA city, localised)."""
        return get_timezone_location(self.zone, locale=self.locale, return_city=True)

    def shown(self, value: Any, style: str | None = None) -> str:
        """A value of a sentence's gap. JSON forms of times (RFC 3339) and money (`{amount, currency}`) are understood; a value that
        does not fit the style is shown as it is."""
        if style is not None:
            try:
                return _STYLES[style](self, value)
            except (ValueError, TypeError, InvalidOperation, OverflowError):
                return str(value)
        if isinstance(value, datetime):
            return self.moment(value)
        if isinstance(value, date):
            return self.day(value)
        if isinstance(value, Money):
            return self.money(value)
        if isinstance(value, int | float | Decimal) and not isinstance(value, bool):
            return self.number(value)
        if isinstance(value, list | tuple):
            return self.listed([self.shown(item) for item in value])
        return str(value)

    def _skeleton(self, skeleton: str, day: date) -> str:
        pattern = self.locale.datetime_skeletons.get(skeleton)
        return format_date(day, pattern or "medium", locale=self.locale)


def place(language: str, timezone: str, now: datetime) -> Place:
    """The place of a profile; an unknown timezone counts as UTC."""
    try:
        zone = ZoneInfo(timezone)
    except (ZoneInfoNotFoundError, ValueError):
        zone = ZoneInfo("UTC")
    return Place(language, zone, now)


def language_name(language: str) -> str:
    """A language by its own name: `Deutsch`."""
    named = Locale.parse(language.replace("-", "_")).get_display_name() or language
    return named[0].upper() + named[1:]


def _instant(value: Any) -> datetime:
    return value if isinstance(value, datetime) else datetime.fromisoformat(value)


def _day(value: Any) -> date:
    if isinstance(value, date):
        return value
    return date.fromisoformat(value) if len(value) == 10 else datetime.fromisoformat(value)


def _clock(value: Any) -> time | datetime:
    if isinstance(value, time | datetime):
        return value
    return time.fromisoformat(value) if len(value) <= 8 else datetime.fromisoformat(value)


def _money(value: Any) -> Money:
    return value if isinstance(value, Money) else Money.model_validate(value)


_STYLES: dict[str, Callable[[Place, Any], str]] = {
    "date": lambda here, value: here.day(_day(value)),
    "time": lambda here, value: here.clock(_clock(value)),
    "moment": lambda here, value: here.moment(_instant(value)),
    "ago": lambda here, value: here.ago(_instant(value)),
    "money": lambda here, value: here.money(_money(value)),
    "number": lambda here, value: here.number(Decimal(str(value))),
    "percent": lambda here, value: here.percent(float(value)),
    "size": lambda here, value: here.size(int(value)),
    "duration": lambda here, value: here.duration(value if isinstance(value, timedelta) else float(value)),
    "list": lambda here, value: here.listed([here.shown(item) for item in value]),
}
STYLES = frozenset(_STYLES)
