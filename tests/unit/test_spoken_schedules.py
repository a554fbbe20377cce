"""Schedules in words: what is understood is exact, what is not is refused."""

import pytest

from core.kernel.errors import Invalid
from core.workflows.spoken import cron_of

UNDERSTOOD = {
    "every hour": "0 * * * *",
    "hourly": "0 * * * *",
    "every 15 minutes": "*/15 * * * *",
    "every 3 hours": "0 */3 * * *",
    "every half hour": "*/30 * * * *",
    "every day at 8": "0 8 * * *",
    "daily 18:30": "30 18 * * *",
    "every morning": "0 8 * * *",
    "every morning at 7": "0 7 * * *",
    "every evening": "0 18 * * *",
    "every weekday at 08:00": "0 8 * * 1-5",
    "Weekdays 8am": "0 8 * * 1-5",
    "on weekdays at 9 pm": "0 21 * * 1-5",
    "Monday to Friday at 8": "0 8 * * 1-5",
    "mon-fri 8:15": "15 8 * * 1-5",
    "Mondays and Thursdays at 18:30": "30 18 * * 1,4",
    "every Tuesday": "0 8 * * 2",
    "weekends at 10": "0 10 * * 0,6",
    "every day at 8 and 18": "0 8,18 * * *",
    "on the 1st and 15th at 9": "0 9 1,15 * *",
    "first of the month": "0 8 1 * *",
    "monthly": "0 8 1 * *",
    "every week": "0 8 * * 1",
    "every day at noon": "0 12 * * *",
    "0 8 * * 1-5": "0 8 * * 1-5",
    "0 8 * * mon": "0 8 * * MON",
    "*/10 9-17 * * 1-5": "*/10 9-17 * * 1-5",
    "Sunday to Saturday at 7": "0 7 * * *",
}
REFUSED = (
    "", "soon", "when it rains", "every blue moon", "at 25:00", "every day at 8:15 and 9:30", "every 90 minutes", "8", "every other week",
    "not on mondays", "every day except friday", "every day at 13pm",
)  # fmt: skip


@pytest.mark.parametrize(("words", "cron"), UNDERSTOOD.items())
def test_words_that_say_when_become_cron(words: str, cron: str) -> None:
    assert cron_of(words) == cron


@pytest.mark.parametrize("words", REFUSED)
def test_words_that_leave_something_open_are_refused(words: str) -> None:
    with pytest.raises(Invalid) as refused:
        cron_of(words)
    assert refused.value.code == "workflows.words_unclear"
