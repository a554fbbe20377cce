"""Times in a person's own words: what they mean on their own clock, and nothing where they mean none."""

from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any

import pytest

from bots.dialogs.time_words import moment
from bots.kit.place import place

NOW = datetime(2026, 11, 22, 4, 10, tzinfo=UTC)
"""A Sunday, 5:10 in Berlin."""


def chat(timezone: str = "Europe/Berlin") -> Any:
    """The part of a chat that the words are read by."""
    return SimpleNamespace(
        place=place("en", timezone, NOW),
        work=SimpleNamespace(now=NOW),
        profile=SimpleNamespace(language="en-GB", timezone=timezone),
    )


UNDERSTOOD = {
    "tomorrow": "2026-11-23 09:00", "friday": "2026-11-27 09:00", "Friday 14:00": "2026-11-27 14:00", "until friday": "2026-11-27 09:00",
    "in 3 days": "2026-11-25 09:00", "in 2 hours": "2026-11-22 07:10", "half an hour": "2026-11-22 05:40", "in 30 min": "2026-11-22 05:40",
    "monday at 9": "2026-11-23 09:00", "Monday 9": "2026-11-23 09:00", "tonight at 8": "2026-11-22 20:00", "tomorrow at 15": "2026-11-23 15:00",
    "tomorrow at noon": "2026-11-23 12:00", "at 9am": "2026-11-22 09:00", "18:00": "2026-11-22 18:00", "1.12.": "2026-12-01 09:00",
    "24.12.2026 18:00": "2026-12-24 18:00", "2026-12-24 18:00": "2026-12-24 18:00", "Tuesday morning": "2026-11-24 09:00",
    "this evening": "2026-11-22 18:00", "1 December": "2026-12-01 09:00",
}  # fmt: skip


@pytest.mark.parametrize(("words", "means"), UNDERSTOOD.items())
def test_words_mean_a_time_on_the_persons_own_clock(words: str, means: str) -> None:
    here = chat()
    found = moment(here, words)
    assert found is not None
    assert found.astimezone(here.place.zone).strftime("%Y-%m-%d %H:%M") == means


@pytest.mark.parametrize("words", ["", "9", "soon", "when pigs fly", "no", "🐖"])
def test_words_that_mean_no_time_mean_none(words: str) -> None:
    assert moment(chat(), words) is None


def test_the_clock_is_the_persons_not_the_servers() -> None:
    found = moment(chat("America/Los_Angeles"), "monday 9:00")
    assert found == datetime(2026, 11, 23, 17, 0, tzinfo=UTC)
