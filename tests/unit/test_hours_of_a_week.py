"""The hours of a week: read from words, kept in one form, true across midnight and the change of the clock."""

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest

from core.kernel.errors import Invalid
from core.preferences.hours import kept, week_of

BERLIN = ZoneInfo("Europe/Berlin")
WORK = "mon,tue,wed,thu,fri 09:00-17:00"


@pytest.mark.parametrize(
    ("words", "kept_as"),
    [
        ("weekdays 9 to 17", WORK),
        ("Mon-Fri 9-17", WORK),
        ("Monday to Friday, 9:00 until 17:00", WORK),
        ("every weekday from 9am to 5pm", WORK),
        ("Mo–Fr 9 bis 17 Uhr", WORK),
        ("montags, dienstags 8.30-12", "mon,tue 08:30-12:00"),
        ("lunes a viernes de 9 a 17", WORK),
        ("Tuesdays and Thursdays 14-18", "tue,thu 14:00-18:00"),
        ("weekends", "sat,sun 00:00-00:00"),
        ("22 to 6", "mon,tue,wed,thu,fri,sat,sun 22:00-06:00"),
        ("Fri to Mon 18-20", "mon,fri,sat,sun 18:00-20:00"),
        ("daily 18:00-24:00", "mon,tue,wed,thu,fri,sat,sun 18:00-00:00"),
    ],
)
def test_hours_are_read_from_words(words: str, kept_as: str) -> None:
    assert str(week_of(words)) == kept_as
    assert str(kept(kept_as)) == kept_as


@pytest.mark.parametrize(
    "words", ["", "sometimes", "9", "mon 25-26", "mon 9-9", "mon 9-12 and 14-17", "every second monday 9-17", "x" * 500]
)
def test_what_is_not_understood_is_not_guessed(words: str) -> None:
    with pytest.raises(Invalid) as refused:
        week_of(words)
    assert refused.value.code == "preferences.hours_unclear"


def _at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=BERLIN).astimezone(UTC)


def test_they_hold_and_change_by_the_clock_on_the_wall() -> None:
    work, night = kept(WORK), week_of("Sat 22 to 6")
    assert work.holds(_at("2026-11-23T09:00"), BERLIN) and not work.holds(_at("2026-11-23T17:00"), BERLIN)
    assert work.changes(_at("2026-11-20T16:00"), BERLIN) == _at("2026-11-20T17:00")
    assert work.changes(_at("2026-11-20T17:00"), BERLIN) == _at("2026-11-23T09:00")
    # The night of the clock change has an hour more.
    assert night.holds(_at("2026-10-25T05:59"), BERLIN) and not night.holds(_at("2026-10-25T06:00"), BERLIN)
    assert night.changes(_at("2026-10-24T22:00"), BERLIN) == _at("2026-10-25T06:00")
    assert week_of("always").changes(_at("2026-11-20T16:00"), BERLIN) is None
    assert week_of("daily 18-22").changes(_at("2026-03-28T23:00"), BERLIN) == _at("2026-03-29T18:00")
