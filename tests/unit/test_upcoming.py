"""Calendar events that begin soon: single ones, series, moved and cancelled occurrences, and rules that no calendar should follow."""

import time
from datetime import UTC, datetime, timedelta

import pytest

from runners.upcoming import upcoming

NOW = datetime(2026, 11, 23, 7, 50, tzinfo=UTC)


def calendar(*events: str) -> bytes:
    body = "".join(f"BEGIN:VEVENT\n{event}\nEND:VEVENT\n" for event in events)
    return f"BEGIN:VCALENDAR\nVERSION:2.0\nPRODID:-//t//t//EN\n{body}END:VCALENDAR\n".replace("\n", "\r\n").encode()


def soon(*events: str, minutes: int = 15) -> list[str]:
    found = upcoming(calendar(*events), "Europe/Berlin", NOW, NOW + timedelta(minutes=minutes))
    return [f"{each.title} {each.start:%H:%M}" for each in found]


@pytest.mark.parametrize(
    "start",
    ["DTSTART:20261123T080000Z", "DTSTART:20261123T090000", "DTSTART;TZID=Europe/Berlin:20261123T090000", "DTSTART;TZID=America/New_York:20261123T030000"],
)  # fmt: skip
def test_an_event_begins_soon_in_whatever_zone_it_is_written(start: str) -> None:
    assert soon(f"UID:1\nSUMMARY:Call\n{start}") == ["Call 08:00"]


@pytest.mark.parametrize(
    "event",
    [
        "UID:1\nSUMMARY:Later\nDTSTART:20261123T081000Z",
        "UID:1\nSUMMARY:Begun\nDTSTART:20261123T074000Z",
        "UID:1\nSUMMARY:All day\nDTSTART;VALUE=DATE:20261123",
        "UID:1\nSUMMARY:Off\nSTATUS:CANCELLED\nDTSTART:20261123T080000Z",
        "UID:1\nSUMMARY:Nowhere",
    ],
)
def test_what_is_not_soon_is_not_told(event: str) -> None:
    assert soon(event) == []


def test_a_series_goes_by_the_clock_of_its_zone() -> None:
    daily = "UID:1\nSUMMARY:Stand-up\nDTSTART;TZID=Europe/Berlin:20260701T090000\nRRULE:FREQ=DAILY"
    assert soon(daily) == ["Stand-up 08:00"]
    assert soon(f"{daily};UNTIL=20260801") == []
    assert soon(f"{daily};COUNT=10") == []
    assert soon(f"{daily};COUNT=300") == ["Stand-up 08:00"]
    assert soon(f"{daily};UNTIL=20261123T230000Z") == ["Stand-up 08:00"]
    assert soon(f"{daily}\nEXDATE;TZID=Europe/Berlin:20261123T090000") == []


@pytest.mark.parametrize(
    "rule",
    [
        "FREQ=WEEKLY;BYDAY=MO,WE;INTERVAL=1",
        "FREQ=MONTHLY;BYDAY=4MO",
        "FREQ=MONTHLY;BYDAY=MO;BYSETPOS=4",
        "FREQ=MONTHLY;BYMONTHDAY=23",
    ],
)
def test_the_rules_that_people_make_are_followed(rule: str) -> None:
    assert soon(f"UID:1\nSUMMARY:It\nDTSTART;TZID=Europe/Berlin:20260601T090000\nRRULE:{rule}") == ["It 08:00"]


def test_a_moved_occurrence_comes_at_its_new_time_only() -> None:
    series = "UID:1\nSUMMARY:Stand-up\nDTSTART;TZID=Europe/Berlin:20260701T090000\nRRULE:FREQ=DAILY"
    moved = "UID:1\nSUMMARY:Stand-up\nRECURRENCE-ID;TZID=Europe/Berlin:20261123T090000\nDTSTART;TZID=Europe/Berlin:20261123T"
    assert soon(series, f"{moved}120000") == []
    assert soon(series, f"{moved}090300") == ["Stand-up 08:03"]


def test_rules_that_make_no_sense_hide_no_other_event_and_take_no_time() -> None:
    fine = "UID:9\nSUMMARY:Fine\nDTSTART:20261123T080000Z"
    began = time.process_time()
    odd = (
        "FREQ=SECONDLY", "FREQ=DAILY;BYMONTH=2;BYMONTHDAY=30", "FREQ=DAILY;BYMONTH=2;BYMONTHDAY=30;COUNT=3", "FREQ=WEEKLY;UNTIL=99991231T000000Z",
        "FREQ=MONTHLY;INTERVAL=12;BYMONTH=2", "FREQ=DAILY;INTERVAL=7;BYDAY=TU", "FREQ=MONTHLY;BYDAY=MO;BYSETPOS=10", "FREQ=MONTHLY;BYDAY=1MO;BYMONTHDAY=20",
        "FREQ=YEARLY;BYWEEKNO=53;BYDAY=9MO", "FREQ=MONTHLY;INTERVAL=12;BYMONTHDAY=31", "FREQ=DAILY;BYHOUR=25", "FREQ=MONTHLY;BYMONTHDAY=0",
    )  # fmt: skip
    for rule in odd:
        assert soon(f"UID:1\nSUMMARY:Odd\nDTSTART:20000101T000000Z\nRRULE:{rule}", fine) == ["Fine 08:00"]
    assert time.process_time() - began < 2
    assert upcoming(b"nothing", "UTC", NOW, NOW + timedelta(days=1)) == []
