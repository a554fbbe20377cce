"""Schedules in the long run, against enumeration: days that have words of their own, and a scheduler that is away, late, and whose clock jumps."""

from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from itertools import takewhile
from uuid import UUID
from zoneinfo import ZoneInfo

from hypothesis import given, settings
from hypothesis import strategies as st

from core.workflows.cron import fires
from core.workflows.due import CATCH_UP, LATE, Reckoning, first_fire
from core.workflows.due import spread as place
from core.workflows.models import Misfire, Overlap
from tests.unit.test_cron_oracle import CHANGES, Cron, crons, walked

NAMES = ("SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT")
ZONES = ("Europe/Berlin", "America/New_York", "Asia/Kolkata", "Pacific/Auckland", "UTC")
DAY = timedelta(days=1)


def _last_of_month(day: date) -> bool:
    return (day + DAY).month != day.month


days = st.one_of(
    st.just(("L * *", _last_of_month)),
    st.builds(
        lambda n, which: (f"* * {NAMES[n]}#{which}", lambda day: day.isoweekday() % 7 == n and (day.day - 1) // 7 + 1 == which),
        st.integers(0, 6), st.integers(1, 5),
    ),
    st.builds(
        lambda n: (f"* * {n}L", lambda day: day.isoweekday() % 7 == n % 7 and (day + 7 * DAY).month != day.month), st.integers(0, 7),
    ),
    st.just(("29 2 *", lambda day: (day.month, day.day) == (2, 29))),
    st.builds(lambda n: (f"* * {n}", lambda day: day.isoweekday() % 7 == n % 7), st.integers(0, 7)),
    st.builds(lambda n: (f"{n} * *", lambda day: day.day == n), st.integers(28, 31)),
)  # fmt: skip


@settings(max_examples=200)
@given(
    days, st.sampled_from(ZONES), st.integers(5, 22), st.integers(0, 59), st.dates(date(2015, 1, 1), date(2035, 1, 1))
)
def test_the_last_day_the_first_monday_and_a_leap_day_come_on_the_days_that_a_calendar_shows(
    day: tuple[str, object], zone: str, hour: int, minute: int, start: date
) -> None:
    words, shown = day
    here = ZoneInfo(zone)
    span = 1500 if "29 2" in words else 100
    wanted = [
        datetime(each.year, each.month, each.day, hour, minute, tzinfo=here).astimezone(UTC)
        for each in (start + n * DAY for n in range(1, span))
        if shown(each)  # type: ignore[operator]
    ]
    after = datetime(start.year, start.month, start.day, 23, 59, tzinfo=here)
    until = after + span * DAY - 2 * DAY
    found = list(takewhile(lambda due: due < until, fires(f"{minute} {hour} {words}", zone, after)))
    assert found == [at for at in wanted if at < until], (words, zone, start)


@dataclass(frozen=True)
class Schedule:
    id: UUID
    cron: str
    timezone: str
    misfire_policy: Misfire
    next_fire_at: datetime | None
    overlap: Overlap = "skip"
    spread_seconds: int = 0
    waiting_since: datetime | None = None


jumps = st.lists(st.integers(-3600, 5 * 3600), min_size=1, max_size=25)


@settings(max_examples=150)
@given(
    crons,
    st.sampled_from(CHANGES),
    st.sampled_from(("once", "all", "skip")),
    jumps,
    st.integers(0, 24 * 3600),
    st.uuids(),
    st.integers(0, 90),
)
def test_whenever_it_looks_and_however_its_clock_jumps_each_fire_starts_once_as_the_policy_says(
    cron: Cron, change: tuple[str, datetime], policy: Misfire, seconds: list[int], before: int, id: UUID, spread: int
) -> None:
    zone, at = change
    began = at - timedelta(seconds=before)
    own = first_fire(id, cron.text, zone, spread, began)
    offset = place(id, spread)
    assert timedelta() <= offset < timedelta(seconds=spread or 1)
    assert own - offset == next(fires(cron.text, zone, own - offset - timedelta(seconds=1)))
    schedule = Schedule(id, cron.text, zone, policy, own, spread_seconds=spread)
    now = newest = began
    started: list[datetime] = []
    looked: list[tuple[datetime, datetime]] = []
    for jump in seconds:
        now += timedelta(seconds=jump)
        if schedule.next_fire_at is None or schedule.next_fire_at > now:
            continue
        decision = Reckoning(now).decide(schedule, busy=False)
        started += decision.starts
        looked.append((newest, now))
        newest = now
        assert decision.next_fire_at is None or decision.next_fire_at > now
        schedule = replace(schedule, next_fire_at=decision.next_fire_at)
    assert started == sorted(set(started)), "in order, and each once"
    due = [
        each + offset for each in walked(cron, ZoneInfo(zone), began - offset, newest - offset) if each + offset >= own
    ]
    assert set(started) <= set(due), "nothing but what a patient watcher sees"
    for since, until in looked:
        theirs = [each for each in due if since < each <= until or (since == began and each <= until)]
        mine = [each for each in started if each in theirs]
        match policy:
            case "all":
                assert mine == theirs[-CATCH_UP:]
            case "once":
                assert mine == theirs[-1:]
            case _:
                assert mine == [each for each in theirs[-1:] if until - each <= LATE]
