"""Cron against an oracle that walks minute by minute and knows nothing but the zone's clock."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import takewhile
from zoneinfo import ZoneInfo, available_timezones

from hypothesis import given, settings
from hypothesis import strategies as st

from core.workflows.cron import fires, recent

MINUTE = timedelta(minutes=1)
LONGEST = {2: 29, 4: 30, 6: 30, 9: 30, 11: 30}
CHANGES = [
    ("Europe/Helsinki", datetime(2026, 3, 29, 1, tzinfo=UTC)),
    ("Europe/Helsinki", datetime(2026, 10, 25, 1, tzinfo=UTC)),
    ("America/Los_Angeles", datetime(2026, 3, 8, 10, tzinfo=UTC)),
    ("America/Los_Angeles", datetime(2026, 11, 1, 9, tzinfo=UTC)),
    ("Asia/Beirut", datetime(2026, 3, 28, 22, tzinfo=UTC)),
    ("Asia/Beirut", datetime(2026, 10, 24, 21, tzinfo=UTC)),
    ("Australia/Lord_Howe", datetime(2026, 4, 4, 15, tzinfo=UTC)),
    ("Australia/Lord_Howe", datetime(2026, 10, 3, 15, 30, tzinfo=UTC)),
    ("America/Sao_Paulo", datetime(2018, 11, 4, 3, tzinfo=UTC)),
    ("America/Sao_Paulo", datetime(2018, 2, 18, 2, tzinfo=UTC)),
    ("America/Havana", datetime(2026, 3, 8, 5, tzinfo=UTC)),
    ("Africa/Casablanca", datetime(2026, 3, 22, 2, tzinfo=UTC)),
    ("Antarctica/Troll", datetime(2026, 3, 29, 1, tzinfo=UTC)),
    ("Pacific/Apia", datetime(2011, 12, 30, 10, tzinfo=UTC)),
]
ZONES = sorted(available_timezones())


@dataclass(frozen=True)
class Field:
    """A field as it is written, and the values that it means."""

    text: str
    values: frozenset[int]


@st.composite
def fields(draw: st.DrawFn, low: int, high: int) -> Field:
    kind = draw(st.sampled_from(("one", "few", "range", "range step", "star step", "star")))
    if kind == "star":
        return Field("*", frozenset(range(low, high + 1)))
    if kind == "star step":
        step = draw(st.integers(1, high))
        return Field(f"*/{step}", frozenset(range(low, high + 1, step)))
    numbers = st.integers(low, high)
    if kind == "one":
        value = draw(numbers)
        return Field(str(value), frozenset((value,)))
    if kind == "few":
        values = draw(st.sets(numbers, min_size=2, max_size=4))
        return Field(",".join(map(str, sorted(values))), frozenset(values))
    start, end = sorted((draw(numbers), draw(numbers)))
    step = draw(st.integers(1, 7)) if kind == "range step" and start < end else 1
    return Field(f"{start}-{end}" + (f"/{step}" if step > 1 else ""), frozenset(range(start, end + 1, step)))


@dataclass(frozen=True)
class Cron:
    minute: Field
    hour: Field
    day: Field
    month: Field
    week_day: Field

    @property
    def text(self) -> str:
        return " ".join(f.text for f in (self.minute, self.hour, self.day, self.month, self.week_day))

    def shows(self, at: datetime) -> bool:
        """Whether that clock and that calendar page match."""
        by_day, by_week = at.day in self.day.values, at.isoweekday() % 7 in {d % 7 for d in self.week_day.values}
        both = self.day.text.startswith("*") or self.week_day.text.startswith("*")
        return (
            at.minute in self.minute.values
            and at.hour in self.hour.values
            and at.month in self.month.values
            and ((by_day and by_week) if both else (by_day or by_week))
        )

    @property
    def is_in_a_calendar(self) -> bool:
        """Unlike the 30th of February."""
        by_week_alone = not (self.day.text.startswith("*") or self.week_day.text.startswith("*"))
        return by_week_alone or any(min(self.day.values) <= LONGEST.get(month, 31) for month in self.month.values)

    @property
    def by_elapsed_time(self) -> bool:
        return self.minute.text.startswith("*") or self.hour.text.startswith("*")


crons = st.builds(
    Cron,
    fields(0, 59),
    fields(0, 23),
    st.one_of(st.just(Field("*", frozenset(range(1, 32)))), fields(1, 31)),
    st.one_of(st.just(Field("*", frozenset(range(1, 13)))), fields(1, 12)),
    st.one_of(st.just(Field("*", frozenset(range(8)))), fields(0, 7)),
).filter(lambda cron: cron.is_in_a_calendar)


def walked(cron: Cron, zone: ZoneInfo, after: datetime, until: datetime) -> Iterator[datetime]:
    """Every minute of real time; a clock that jumps forward passes what it left out at once, one that was set back shows nothing new."""
    at = after - timedelta(hours=30)
    at = at.replace(second=0, microsecond=0)
    newest = at.astimezone(zone).replace(tzinfo=None)
    while (at := at + MINUTE) <= until:
        shown = at.astimezone(zone).replace(tzinfo=None)
        if cron.by_elapsed_time:
            due = cron.shows(shown)
        else:
            passed = []
            while newest < shown:
                newest += MINUTE
                passed.append(newest)
            due = any(cron.shows(clock) for clock in passed)
        if due and at > after:
            yield at


def compare(cron: Cron, zone: str, after: datetime, days: int) -> None:
    until = after + timedelta(days=days)
    found = list(takewhile(lambda due: due <= until, fires(cron.text, zone, after)))
    assert found == list(walked(cron, ZoneInfo(zone), after, until)), (cron.text, zone, after)


@settings(max_examples=300)
@given(crons, st.sampled_from(CHANGES), st.integers(-26 * 3600, 4 * 3600))
def test_every_fire_around_a_clock_change_is_one_that_a_patient_watcher_sees(
    cron: Cron, change: tuple[str, datetime], seconds: int
) -> None:
    zone, at = change
    compare(cron, zone, at + timedelta(seconds=seconds), 2)


@settings(max_examples=100)
@given(crons, st.sampled_from(ZONES), st.datetimes(datetime(2000, 1, 1), datetime(2037, 1, 1)))
def test_every_fire_in_any_zone_is_one_that_a_patient_watcher_sees(cron: Cron, zone: str, after: datetime) -> None:
    compare(cron, zone, after.replace(tzinfo=UTC), 2)


@settings(max_examples=100)
@given(crons, st.sampled_from(CHANGES), st.integers(1, 30), st.integers(0, 14 * 1440))
def test_the_newest_fires_of_a_time_away_are_the_last_ones_of_all(
    cron: Cron, change: tuple[str, datetime], most: int, minutes: int
) -> None:
    zone, at = change
    after, until = at - timedelta(minutes=minutes), at + timedelta(hours=2)
    every = list(takewhile(lambda due: due <= until, fires(cron.text, zone, after)))
    assert recent(cron.text, zone, after, until, most) == every[-most:]
