"""Dates, times, amounts and lists are written as people do where they are."""

from datetime import UTC, date, datetime, time, timedelta
from typing import Any

import pytest

from bots.kit.place import place

NOW = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
BERLIN = place("en", "Europe/Berlin", NOW)


def test_a_moment_is_as_short_as_it_can_be() -> None:
    assert BERLIN.moment(NOW) == "13:00"
    assert BERLIN.moment(datetime(2026, 11, 24, 17, 0, tzinfo=UTC)) == "Tue 18:00"
    assert BERLIN.moment(datetime(2026, 12, 24, 17, 0, tzinfo=UTC)) == "Thu 24 Dec, 18:00"
    assert "2027" in BERLIN.moment(datetime(2027, 1, 1, 12, 0, tzinfo=UTC))


@pytest.mark.parametrize(
    ("language", "timezone", "shown"),
    [
        ("en-US", "America/New_York", "Tue 12:00"),
        ("de", "Europe/Berlin", "Di. 18:00"),
        ("xx", "Mars/Base", "Tue 17:00"),
    ],
)
def test_a_moment_follows_language_and_timezone(language: str, timezone: str, shown: str) -> None:
    assert place(language, timezone, NOW).moment(datetime(2026, 11, 24, 17, 0, tzinfo=UTC)).startswith(shown)


@pytest.mark.parametrize(
    ("value", "style", "shown"),
    [
        ("2026-11-24T17:00:00+00:00", "moment", "Tue 18:00"),
        ("2026-11-24", "date", "Tue 24 Nov"),
        ("08:00", "time", "08:00"),
        (NOW - timedelta(minutes=5), "ago", "5 minutes ago"),
        ({"amount": "1234.5", "currency": "EUR"}, "money", "€1,234.50"),
        ({"amount": "1234", "currency": "JPY"}, "money", "JP¥1,234"),
        (1234567, "size", "1.2\u00a0MB"),
        (999, "size", "999\u00a0B"),
        (10, "duration", "10 seconds"),
        (["a", "b", "c"], "list", "a, b and c"),
        (0.25, "percent", "25%"),
        ("soon", "moment", "soon"),
        (1234.5, None, "1,234.5"),
        (date(2026, 11, 24), None, "Tue 24 Nov"),
        (time(8), "time", "08:00"),
        ("<b>", None, "<b>"),
    ],
)
def test_a_gaps_value_is_shown_in_its_style(value: Any, style: str | None, shown: str) -> None:
    assert BERLIN.shown(value, style) == shown
