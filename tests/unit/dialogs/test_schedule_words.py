"""Cron lines in words, as they are echoed back."""

from datetime import UTC, datetime

import pytest

from bots.dialogs.schedule_words import in_words
from bots.kit.place import place
from bots.kit.words import load

HERE = place("en-GB", "Europe/Berlin", datetime(2026, 11, 22, tzinfo=UTC))
SAY = load(strict=True).in_language(HERE)
ECHOED = {
    "*/15 * * * *": "every 15 minutes",
    "* * * * *": "every minute",
    "0 * * * *": "every hour",
    "20 * * * *": "every hour, 20 minutes past",
    "0 */3 * * *": "every 3 hours",
    "0 8 * * *": "every day at 08:00",
    "0 8,18 * * *": "every day at 08:00 and 18:00",
    "30 7 * * 1-5": "every weekday at 07:30",
    "0 9 * * 1,4": "every Monday and Thursday at 09:00",
    "0 9 * * 0": "every Sunday at 09:00",
    "0 9 * * 7": "every Sunday at 09:00",
    "0 9 1,15 * *": "on day 1 and 15 of every month at 09:00",
    "0 9 1 1 *": "by the cron line 0 9 1 1 *",
    "*/10 9-17 * * 1-5": "by the cron line */10 9-17 * * 1-5",
}


@pytest.mark.parametrize(("cron", "words"), ECHOED.items())
def test_a_cron_line_is_echoed_in_words(cron: str, words: str) -> None:
    assert in_words(SAY, HERE, cron) == words
