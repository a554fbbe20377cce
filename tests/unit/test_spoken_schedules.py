"""Schedules in words: what is understood is exact, what is not is refused."""

from contextlib import suppress
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.kernel.errors import Invalid
from core.workflows.cron import preview
from core.workflows.spoken import cron_of

VOCABULARY = (
    "every", "each", "other", "second", "first", "last", "day", "weekday", "Monday", "Fri", "of", "the", "month", "March", "at", "8", "18:30", "9am",
    "between", "and", "17", "2", "hours", "minutes", "15", "twice", "a", "week", "noon", "31st", "*", "*/5", "L", "on", "to", "0", "99",
)  # fmt: skip

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
    "every evening at 8": "0 20 * * *",
    "every night at 11": "0 23 * * *",
    "every night at 2": "0 2 * * *",
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
    "first Monday of the month": "0 8 * * 1#1",
    "the first Monday of each month at 9:30": "30 9 * * 1#1",
    "every second Tuesday of the month at 9": "0 9 * * 2#2",
    "last Friday of the month at 5pm": "0 17 * * 5L",
    "last day of the month at 18:00": "0 18 L * *",
    "on the last day of every month": "0 8 L * *",
    "first day of the month at noon": "0 12 1 * *",
    "last weekday of the month at 16": "0 16 LW * *",
    "last day of February": "0 8 L 2 *",
    "every 2 hours between 9 and 17": "0 9-17/2 * * *",
    "every two hours between 9am and 5pm on weekdays": "0 9-17/2 * * 1-5",
    "every hour from 9 to 17, Monday to Friday": "0 9-17 * * 1-5",
    "every 5 hours between 8 and 18": "0 8-18/5 * * *",
    "every 15 minutes on weekdays": "*/15 * * * 1-5",
    "weekdays every 15 minutes between 9 and 17": "*/15 9-16 * * 1-5",
    "every half hour on Saturdays": "*/30 * * * 6",
    "every quarter of an hour": "*/15 * * * *",
    "every minute": "* * * * *",
    "every 60 minutes": "0 * * * *",
    "twice a day": "0 8,18 * * *",
    "twice daily": "0 8,18 * * *",
    "three times a day": "0 8,13,18 * * *",
    "twice every weekday": "0 8,18 * * 1-5",
    "twice a day on weekends": "0 8,18 * * 0,6",
    "every 1 March at 9": "0 9 1 3 *",
    "on March 1st at 9": "0 9 1 3 *",
    "every day in March at 8": "0 8 * 3 *",
    "every year": "0 8 1 1 *",
    "yearly on 24 December at 10:15": "15 10 24 12 *",
    "@daily": "0 0 * * *",
    "@hourly": "0 * * * *",
    "0 8 * * fri-sun": "0 8 * * FRI-SUN",
}
REFUSED = (
    "", "soon", "when it rains", "every blue moon", "at 25:00", "8", "every 0 minutes",
    "not on mondays", "every day except friday", "every day at 13pm", "every hour between 17 and 9", "every hour between 9:15 and 17",
    "every morning at 7 and evening at 6", "every hour between nine and noon and rain", "first Monday", "first weekday of the month", "sixth Monday of the month", "between 9 and 17",
)  # fmt: skip
BEYOND = {
    "every other day": "days",
    "every second day at 8": "days",
    "every 3 days": "days",
    "every two days": "days",
    "on alternate days": "days",
    "every other week": "weeks",
    "every 2 weeks on Monday": "weeks",
    "fortnightly": "weeks",
    "every other Tuesday": "weeks",
    "every second Friday at 9": "weeks",
    "every 30 seconds": "seconds",
    "every second": "seconds",
    "every 45 minutes": "minutes",
    "every 90 minutes": "minutes",
    "every 5 hours": "hours",
    "every day at 8:15 and 9:30": "times",
}


@pytest.mark.parametrize(("words", "cron"), UNDERSTOOD.items())
def test_words_that_say_when_become_cron(words: str, cron: str) -> None:
    assert cron_of(words) == cron


@pytest.mark.parametrize("words", REFUSED)
def test_words_that_leave_something_open_are_refused(words: str) -> None:
    with pytest.raises(Invalid) as refused:
        cron_of(words)
    assert refused.value.code == "workflows.words_unclear"


@pytest.mark.parametrize(("words", "what"), BEYOND.items())
def test_words_that_no_cron_line_can_say_are_refused_as_such(words: str, what: str) -> None:
    with pytest.raises(Invalid) as refused:
        cron_of(words)
    assert (refused.value.code, refused.value.data["what"]) == ("workflows.words_beyond_cron", what)


@pytest.mark.parametrize("cron", sorted(set(UNDERSTOOD.values())))
def test_whatever_is_understood_is_a_cron_line_that_comes(cron: str) -> None:
    assert preview(cron, "Europe/Berlin", datetime(2026, 11, 22, tzinfo=UTC), 3)


@given(st.lists(st.sampled_from(VOCABULARY), max_size=9).map(" ".join))
def test_no_words_break_it(words: str) -> None:
    with suppress(Invalid):
        preview(cron_of(words), "America/New_York", datetime(2026, 11, 22, tzinfo=UTC), 1)
