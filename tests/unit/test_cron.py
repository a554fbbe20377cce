"""Schedules on particular nights and days: what a person is promised about clock changes, leap days and lines that never come."""

from datetime import UTC, datetime, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.kernel.errors import Invalid
from core.workflows.cron import fires, least_gap, next_fire, preview, recent


def on(cron: str, zone: str, start: str, count: int) -> list[str]:
    """The next due times as that zone's clock and offset show them."""
    after = datetime.fromisoformat(start)
    after = after.replace(tzinfo=ZoneInfo(zone)) if after.tzinfo is None else after
    return [at.astimezone(ZoneInfo(zone)).isoformat() for at in preview(cron, zone, after, count)]


@pytest.mark.parametrize(
    ("cron", "zone", "start", "due"),
    [
        # The gap: once, at the first valid instant.
        (
            "30 3 * * *",
            "Europe/Helsinki",
            "2026-03-28T12:00",
            ["2026-03-29T04:00:00+03:00", "2026-03-30T03:30:00+03:00"],
        ),
        (
            "0,30 3 * * *",
            "Europe/Helsinki",
            "2026-03-29T00:00",
            ["2026-03-29T04:00:00+03:00", "2026-03-30T03:00:00+03:00"],
        ),
        (
            "15 2 * * *",
            "America/Los_Angeles",
            "2026-03-08T00:00",
            ["2026-03-08T03:00:00-07:00", "2026-03-09T02:15:00-07:00"],
        ),
        ("0 0 * * *", "Asia/Beirut", "2026-03-28T12:00", ["2026-03-29T01:00:00+03:00", "2026-03-30T00:00:00+03:00"]),
        (
            "15 2 * * *",
            "Australia/Lord_Howe",
            "2026-10-04T00:00",
            ["2026-10-04T02:30:00+11:00", "2026-10-05T02:15:00+11:00"],
        ),
        ("0 0 * * *", "America/Havana", "2026-03-07T12:00", ["2026-03-08T01:00:00-04:00", "2026-03-09T00:00:00-04:00"]),
        # The fold: the first time.
        (
            "30 3 * * *",
            "Europe/Helsinki",
            "2026-10-25T00:00",
            ["2026-10-25T03:30:00+03:00", "2026-10-26T03:30:00+02:00"],
        ),
        (
            "30 1 * * *",
            "America/Los_Angeles",
            "2026-11-01T00:00",
            ["2026-11-01T01:30:00-07:00", "2026-11-02T01:30:00-08:00"],
        ),
        ("30 1 * * *", "America/Los_Angeles", "2026-11-01T01:30:00-08:00", ["2026-11-02T01:30:00-08:00"]),
        ("30 23 * * *", "Asia/Beirut", "2026-10-24T12:00", ["2026-10-24T23:30:00+03:00", "2026-10-25T23:30:00+02:00"]),
        (
            "45 1 * * *",
            "Australia/Lord_Howe",
            "2026-04-05T00:00",
            ["2026-04-05T01:45:00+11:00", "2026-04-06T01:45:00+10:30"],
        ),
        # Midnight in Los Angeles stays midnight on both days.
        (
            "0 0 * * *",
            "America/Los_Angeles",
            "2026-03-07T12:00",
            ["2026-03-08T00:00:00-08:00", "2026-03-09T00:00:00-07:00"],
        ),
        (
            "0 0 * * *",
            "America/Los_Angeles",
            "2026-10-31T12:00",
            ["2026-11-01T00:00:00-07:00", "2026-11-02T00:00:00-08:00"],
        ),
    ],
)
def test_a_time_of_day_comes_once_on_the_night_of_a_clock_change(
    cron: str, zone: str, start: str, due: list[str]
) -> None:
    assert on(cron, zone, start, len(due)) == due


@pytest.mark.parametrize(
    ("zone", "start"),
    [
        ("Europe/Helsinki", "2026-03-29T01:10"), ("Europe/Helsinki", "2026-10-25T01:10"), ("America/Los_Angeles", "2026-11-01T00:10"),
        ("Asia/Beirut", "2026-10-24T22:10"), ("Asia/Beirut", "2026-03-28T22:10"), ("Australia/Lord_Howe", "2026-04-05T00:10"),
        ("Australia/Lord_Howe", "2026-10-04T00:10"),
    ],
)  # fmt: skip
def test_every_half_hour_is_half_an_hour_apart_through_the_whole_night(zone: str, start: str) -> None:
    after = datetime.fromisoformat(start).replace(tzinfo=ZoneInfo(zone))
    due = preview("*/30 * * * *", zone, after, 12)
    assert {late - early for early, late in pairwise(due)} == {timedelta(minutes=30)}


def test_a_clock_that_moves_by_half_an_hour_loses_no_minute() -> None:
    due = on("*/10 1-2 * * *", "Australia/Lord_Howe", "2026-04-05T00:55", 15)
    assert due[:9] == [f"2026-04-05T01:{m}:00+11:00" for m in ("00", "10", "20", "30", "40", "50")] + [
        f"2026-04-05T01:{m}:00+10:30" for m in ("30", "40", "50")
    ]
    assert due[9:] == [f"2026-04-05T02:{m}:00+10:30" for m in ("00", "10", "20", "30", "40", "50")]


def test_a_leap_day_comes_when_there_is_one() -> None:
    assert on("0 9 29 2 *", "Europe/Berlin", "2026-11-22T00:00", 2) == [
        "2028-02-29T09:00:00+01:00",
        "2032-02-29T09:00:00+01:00",
    ]
    assert on("0 9 29 2 *", "UTC", "2096-03-01T00:00", 1) == ["2104-02-29T09:00:00+00:00"]


def test_sunday_is_0_and_7_and_the_end_of_a_week() -> None:
    for cron in ("0 8 * * 0", "0 8 * * 7", "0 8 * * SUN", "0 8 * * sun"):
        assert on(cron, "UTC", "2026-11-22T09:00", 1) == ["2026-11-29T08:00:00+00:00"]
    assert on("0 8 * * FRI-SUN", "UTC", "2026-11-22T09:00", 2) == [
        "2026-11-27T08:00:00+00:00",
        "2026-11-28T08:00:00+00:00",
    ]
    assert on("0 8 * * 5-7", "UTC", "2026-11-22T09:00", 3)[2] == "2026-11-29T08:00:00+00:00"


@pytest.mark.parametrize("cron", ["0 0 30 2 *", "0 0 31 4,6,9,11 *", "0 0 31 2 *"])
def test_a_day_that_never_comes_is_refused_as_such(cron: str) -> None:
    with pytest.raises(Invalid) as refused:
        next_fire(cron, "UTC", datetime(2026, 11, 22, tzinfo=UTC))
    assert refused.value.code == "workflows.cron_never"


@pytest.mark.parametrize(
    "cron",
    [
        "", "* * * * * *", "* * * *", "60 * * * *", "* 24 * * *", "* * 0 * *", "* * 32 * *", "* * * 13 *", "* * * * 8", "*/0 * * * *", "a b c d e",
        "@daily", "1-0 * * * *", "* * * * MON#6", "٣ * * * *", "0 8 * * " + "1," * 200, "0 0 0 30 2 *", "61 0 30 2 *",
    ],
)  # fmt: skip
def test_what_is_no_cron_line_is_refused(cron: str) -> None:
    with pytest.raises(Invalid) as refused:
        next_fire(cron, "UTC", datetime(2026, 11, 22, tzinfo=UTC))
    assert refused.value.code == "workflows.cron_invalid"


@pytest.mark.parametrize(
    "zone", ["Mars/Base", "", "../../etc/passwd", "/etc/passwd", "Europe", "a" * 5000, "Europe/Berlin\0"]
)
def test_a_place_that_is_no_timezone_is_refused(zone: str) -> None:
    with pytest.raises(Invalid) as refused:
        next_fire("0 8 * * *", zone, datetime(2026, 11, 22, tzinfo=UTC))
    assert refused.value.code == "identity.timezone_unknown"


@given(
    st.lists(st.text("0123456789*/,-#LWMONSU ", max_size=8), max_size=7).map(" ".join),
    st.sampled_from(["UTC", "Europe/Berlin"]),
)
def test_no_line_breaks_it(line: str, zone: str) -> None:
    try:
        due = next_fire(line, zone, datetime(2026, 11, 22, tzinfo=UTC))
    except Invalid:
        return
    assert due > datetime(2026, 11, 22, tzinfo=UTC)


def test_the_calendar_ends_with_the_year_9999() -> None:
    late = datetime(9999, 12, 31, 23, 59, tzinfo=UTC)
    assert list(fires("*/30 * * * *", "UTC", late)) == []
    for zone in ("Pacific/Kiritimati", "Pacific/Pago_Pago"):
        with pytest.raises(Invalid):
            next_fire("0 8 * * *", zone, late)


def test_a_week_of_minutes_is_looked_back_on_quickly() -> None:
    until = datetime(2026, 11, 22, 12, tzinfo=UTC)
    found = recent("* * * * *", "Europe/Berlin", until - timedelta(days=900), until, 24)
    assert found == [until - timedelta(minutes=back) for back in range(23, -1, -1)]
    assert recent("0 0 1 1 *", "UTC", until - timedelta(days=4000), until, 24)[0] == datetime(2016, 1, 1, tzinfo=UTC)
    assert recent("0 8 * * *", "UTC", until, until + timedelta(hours=1), 3) == []


@pytest.mark.parametrize(
    ("cron", "minutes"),
    [
        ("* * * * *", 1),
        ("*/15 * * * *", 15),
        ("0,1 8 * * *", 1),
        ("0 8,18 * * *", 600),
        ("59 23,0 * * *", 60),
        ("0 8 * * 1-5", 1440),
    ],
)
def test_the_shortest_time_between_two_fires_is_known(cron: str, minutes: int) -> None:
    assert least_gap(cron, "UTC", datetime(2026, 11, 22, tzinfo=UTC)) == timedelta(minutes=minutes)
