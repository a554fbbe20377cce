"""A schedule in a person's words becomes a cron line, and a cron line words, as it is echoed back to them."""

import re
from datetime import time

from bots.kit.place import Place
from bots.kit.spoken import in_english
from bots.kit.words import Say
from core.kernel.errors import Invalid
from core.workflows.spoken import cron_of

WEEKDAYS = "1-5"
_NUMBERS = re.compile(r"^\d+(,\d+)*$")


def cron_in(language: str, words: str) -> str:
    """The cron line of words in English or in the person's language. Raises what `cron_of` raises, with the words as they were written."""
    try:
        return cron_of(words)
    except Invalid as unclear:
        english = in_english(language, words, "schedule")
        if english is None or unclear.code != "workflows.words_unclear":
            raise
    try:
        return cron_of(english)
    except Invalid as unclear:
        raise Invalid(unclear.code, **{**unclear.data, "words": words[:200]}) from None


def in_words(say: Say, place: Place, cron: str) -> str:
    """`every weekday at 08:00`; a line that no plain sentence says is named as it is."""
    fields = cron.split()
    if len(fields) != 5 or fields[3] != "*":
        return say("schedule.cron", cron=cron)
    minute, hour, month_day, _, week_day = fields
    return (
        _by_interval(say, minute, hour, month_day, week_day)
        or _by_day(say, place, fields)
        or say("schedule.cron", cron=cron)
    )


def _by_interval(say: Say, minute: str, hour: str, month_day: str, week_day: str) -> str | None:
    if (month_day, week_day) != ("*", "*"):
        return None
    if hour == "*" and re.fullmatch(r"\*/\d+", minute):
        return say("schedule.minutes", n=int(minute[2:]))
    if hour == "*" and minute == "*":
        return say("schedule.minutes", n=1)
    if hour == "*" and minute.isdigit():
        return say("schedule.hourly") if int(minute) == 0 else say("schedule.hourly_at", n=int(minute))
    if minute == "0" and re.fullmatch(r"\*/\d+", hour):
        return say("schedule.hours", n=int(hour[2:]))
    return None


def _by_day(say: Say, place: Place, fields: list[str]) -> str | None:
    minute, hour, month_day, _, week_day = fields
    if not minute.isdigit() or not _NUMBERS.match(hour):
        return None
    try:
        times = [place.clock(time(int(one), int(minute))) for one in hour.split(",")]
    except ValueError:
        return None
    if month_day == "*" and week_day == "*":
        return say("schedule.daily", times=times)
    if month_day == "*" and week_day.upper() in (WEEKDAYS, "MON-FRI"):
        return say("schedule.weekdays", times=times)
    if month_day == "*" and _NUMBERS.match(week_day):
        days = [say(f"day.{(int(day) + 6) % 7}") for day in week_day.split(",")]
        return say("schedule.on_days", days=days, times=times)
    if week_day == "*" and _NUMBERS.match(month_day):
        return say("schedule.monthly", days=[str(int(day)) for day in month_day.split(",")], times=times)
    return None
