"""When a person wants to hear from Nod, by the clock on their wall: across midnight, and on the nights on which it is changed."""

from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.identity.models import NotificationPreferences, QuietHours
from core.kernel.ids import new_id
from core.messaging.quiet import quiet_until, spread, welcome_from

BERLIN = ZoneInfo("Europe/Berlin")


def _at(text: str, zone: ZoneInfo = BERLIN, fold: int = 0) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=zone, fold=fold).astimezone(UTC)


def _hours(start: str = "22:00", end: str = "07:00", *, enabled: bool = True) -> QuietHours:
    return QuietHours(start=start, end=end, enabled=enabled)


@pytest.mark.parametrize(
    ("now", "until"),
    [
        ("2026-11-22T21:59:59", None),
        ("2026-11-22T22:00", "2026-11-23T07:00"),
        ("2026-11-23T00:00", "2026-11-23T07:00"),
        ("2026-11-23T06:59:59", "2026-11-23T07:00"),
        ("2026-11-23T07:00", None),
        ("2026-11-23T12:00", None),
    ],
)
def test_quiet_hours_span_midnight(now: str, until: str | None) -> None:
    assert quiet_until(_hours(), BERLIN, _at(now)) == (None if until is None else _at(until))


def test_quiet_hours_within_a_day() -> None:
    nap = _hours("13:00", "14:30")
    assert quiet_until(nap, BERLIN, _at("2026-11-22T13:00")) == _at("2026-11-22T14:30")
    assert quiet_until(nap, BERLIN, _at("2026-11-22T14:30")) is None
    assert quiet_until(nap, BERLIN, _at("2026-11-22T23:00")) is None


def test_quiet_hours_that_are_off_or_empty_hold_nothing() -> None:
    assert quiet_until(_hours(enabled=False), BERLIN, _at("2026-11-22T23:00")) is None
    assert quiet_until(_hours("09:00", "09:00"), BERLIN, _at("2026-11-22T09:00")) is None


def test_a_night_on_which_the_clock_is_changed_ends_when_the_wall_says_so() -> None:
    spring, autumn = _at("2026-03-28T23:00"), _at("2026-10-24T23:00")
    assert quiet_until(_hours(), BERLIN, spring) == spring + timedelta(hours=7)
    assert quiet_until(_hours(), BERLIN, autumn) == autumn + timedelta(hours=9)


def test_an_end_that_the_clock_leaves_out_is_the_end_of_the_gap() -> None:
    night = _hours("22:00", "02:30")
    ends = _at("2026-03-29T03:00")
    assert quiet_until(night, BERLIN, _at("2026-03-29T01:59")) == ends
    assert quiet_until(night, BERLIN, ends) is None


def test_an_end_that_comes_twice_is_over_the_first_time() -> None:
    night = _hours("22:00", "02:30")
    first = _at("2026-10-25T02:30")
    assert quiet_until(night, BERLIN, _at("2026-10-25T02:10")) == first
    assert quiet_until(night, BERLIN, _at("2026-10-25T02:10", fold=1)) is None


@pytest.mark.parametrize(
    "zone", ["Europe/Berlin", "Australia/Lord_Howe", "Asia/Kathmandu", "America/Los_Angeles", "Asia/Beirut"]
)
@given(minutes=st.integers(0, 2 * 365 * 24 * 60), start=st.times(), end=st.times())
def test_what_is_held_is_free_when_its_time_comes_and_never_held_longer_than_a_day(
    zone: str, minutes: int, start: time, end: time
) -> None:
    there, now = ZoneInfo(zone), datetime(2025, 1, 1, tzinfo=UTC) + timedelta(minutes=minutes)
    quiet = _hours(start.strftime("%H:%M"), end.strftime("%H:%M"))
    until = quiet_until(quiet, there, now)
    if until is not None:
        assert timedelta() < until - now <= timedelta(hours=25)
        assert quiet_until(quiet, there, until) is None


def _from(
    frequency: str, made: str, now: str, quiet: QuietHours = _hours(enabled=False), zone: ZoneInfo = BERLIN
) -> datetime:
    wishes = NotificationPreferences(frequency=frequency, quiet_hours=quiet)  # pyright: ignore[reportArgumentType]
    return welcome_from(wishes, zone, _at(made, zone), _at(now, zone))


def test_what_comes_hourly_comes_together_at_the_full_hour() -> None:
    for made in ("2026-11-22T10:00:01", "2026-11-22T10:20", "2026-11-22T10:59:59"):
        assert _from("hourly", made, made) == _at("2026-11-22T11:00")
    assert _from("hourly", "2026-11-22T10:20", "2026-11-22T11:00") == _at("2026-11-22T11:00")
    assert _from("hourly", "2026-11-22T10:20", "2026-11-22T15:30") == _at("2026-11-22T15:30")


def test_a_full_hour_is_one_of_the_persons_own_clock() -> None:
    kathmandu = ZoneInfo("Asia/Kathmandu")
    assert _from("hourly", "2026-11-22T10:20", "2026-11-22T10:20", zone=kathmandu) == _at("2026-11-22T11:00", kathmandu)


def test_what_comes_daily_comes_when_quiet_hours_end_also_where_they_are_off() -> None:
    assert _from("daily", "2026-11-22T07:30", "2026-11-22T07:30") == _at("2026-11-23T07:00")
    assert _from("daily", "2026-11-22T06:30", "2026-11-22T06:30") == _at("2026-11-22T07:00")


def test_an_hour_that_comes_within_quiet_hours_waits_for_their_end() -> None:
    assert _from("hourly", "2026-11-22T21:30", "2026-11-22T21:30", _hours()) == _at("2026-11-23T07:00")
    assert _from("immediate", "2026-11-22T21:30", "2026-11-22T23:00", _hours()) == _at("2026-11-23T07:00")


def test_people_hear_minutes_apart_each_always_at_the_same_time_and_never_within_their_quiet_hours() -> None:
    ids = [new_id() for _ in range(200)]
    late = [spread(one) for one in ids]
    assert late == [spread(one) for one in ids] and len(set(late)) > 60 and max(late) < timedelta(minutes=4)
    hourly = NotificationPreferences(
        frequency="hourly", quiet_hours=QuietHours(start="22:00", end="07:00", enabled=True)
    )
    utc, three = ZoneInfo("Etc/UTC"), timedelta(minutes=3)
    at = lambda text: datetime.fromisoformat(f"2026-11-23T{text}+00:00")  # noqa: E731
    assert welcome_from(hourly, utc, at("10:20"), at("10:20"), three) == at("11:03")
    assert welcome_from(hourly, utc, at("21:20"), at("21:20"), three) == at("07:03") + timedelta(days=1)
    assert welcome_from(hourly, utc, at("05:20"), at("07:01"), three) == at("07:03"), (
        "those that were held come in their order"
    )
    assert welcome_from(hourly, utc, at("05:20"), at("07:03"), three) == at("07:03")
    assert welcome_from(NotificationPreferences(), utc, at("10:20"), at("10:20"), three) == at("10:20")
