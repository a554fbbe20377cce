"""Schedules as people write them in English (`every weekday at 8`, `Mondays and Thursdays 18:30`, a cron line) become cron. What is not fully understood
is not guessed."""

import re

from core.kernel.errors import Invalid

DAYS = ("sun", "mon", "tue", "wed", "thu", "fri", "sat")
MORNING = "8:00"
_NAMED_TIMES = {"noon": "12:00", "midday": "12:00", "midnight": "0:00", "morning": MORNING, "mornings": MORNING,
                "evening": "18:00", "evenings": "18:00", "night": "22:00", "nights": "22:00", "lunchtime": "12:00"}  # fmt: skip
_DAY = r"(?:sun|mon|tues?|wed(?:nes)?|thu(?:rs)?|fri|sat(?:ur)?)(?:days?)?"
_FILLER = frozenset(("every", "each", "on", "at", "the", "and", "in", "of", "a", "day", "days", "daily", "month", "months", "monthly", "o'clock",
                     "oclock", "run", "it", "please", "once", "week", "weeks", "weekly", "per", "all"))  # fmt: skip
_CLOCK = re.compile(r"\b(\d{1,2})(?:(?::|\.|h)(\d{2}))?\s*(am|pm|h\b)?(?![\d/*]|st\b|nd\b|rd\b|th\b)")
_CRON = re.compile(r"^[\d*,/\-A-Za-z#L]+(\s+[\d*,/\-A-Za-z#L]+){4}$")


def cron_of(words: str) -> str:
    """The cron line (five fields; Sunday is 0). A day without a time is 08:00. Raises Invalid `workflows.words_unclear` (data: words)."""
    text = " ".join(words.strip().lower().replace("’", "'").split())[:200].rstrip(".!")
    if _CRON.match(text) and re.match(r"^[\d*]", text):
        return text.upper() if re.search("[a-z]", text) else text
    found = _interval(text) or _days_and_times(text)
    if found is None:
        raise Invalid("workflows.words_unclear", words=words[:200])
    return found


def _interval(text: str) -> str | None:
    if re.fullmatch(r"(?:every|each|once an?|once every) ?(?:full )?hour|hourly", text):
        return "0 * * * *"
    if re.fullmatch(r"every half(?: an)? hour|every half-hour|half-hourly", text):
        return "*/30 * * * *"
    if re.fullmatch(r"(?:every|each) quarter(?: of an)? hour", text):
        return "*/15 * * * *"
    told = re.fullmatch(r"every (\d{1,2}) ?(minutes?|mins?|hours?|hrs?|h)", text)
    if told is None:
        return None
    number, unit = int(told[1]), told[2][0]
    if unit == "m" and 1 <= number <= 59:
        return "* * * * *" if number == 1 else f"*/{number} * * * *"
    if unit == "h" and 1 <= number <= 23:
        return "0 * * * *" if number == 1 else f"0 */{number} * * *"
    return None


def _days_and_times(text: str) -> str | None:
    month_days, text = _month_days(text)
    week_days, text = _week_days(text)
    times, text = _times(text)
    left = [word for word in re.findall(r"[^\s,&+]+", text) if word not in _FILLER]
    if left or times is None or (month_days and week_days):
        return None
    said = bool(month_days or week_days) or re.search(r"\b(every|each|daily|day|days|all|weekly|monthly)\b", text)
    if not said:
        return None
    if not month_days and not week_days and re.search(r"\b(month|months|monthly)\b", text):
        month_days = "1"
    if not month_days and not week_days and re.search(r"\b(week|weeks|weekly)\b", text):
        week_days = "1"
    minutes = {minute for _, minute in times}
    if len(minutes) != 1:
        return None
    hours = ",".join(str(hour) for hour in sorted({hour for hour, _ in times}))
    return f"{minutes.pop()} {hours} {month_days or '*'} * {week_days or '*'}"


def _month_days(text: str) -> tuple[str, str]:
    """Days of the month (`the 1st and 15th`), and the text without them."""
    text = re.sub(r"\bfirst(?: day)? of (?:the|each|every)? ?month\b", "1st of the month", text)
    found = sorted({int(day) for day in re.findall(r"\b(\d{1,2})(?:st|nd|rd|th)\b", text) if 1 <= int(day) <= 31})
    return ",".join(map(str, found)), re.sub(r"\b\d{1,2}(?:st|nd|rd|th)\b", " ", text) if found else text


def _week_days(text: str) -> tuple[str, str]:
    """Days of the week as a cron field, and the text without them."""
    chosen: set[int] = set()
    for pattern, days in ((r"\b(?:week ?days?|work(?:ing)? ?days?)\b", range(1, 6)), (r"\bweek-?ends?\b", (0, 6))):
        text, count = re.subn(pattern, " ", text)
        chosen.update(days if count else ())
    for first, last in re.findall(rf"\b({_DAY})\s*(?:-|–|to|till|until|through)\s*({_DAY})\b", text):
        at, end = DAYS.index(first[:3]), DAYS.index(last[:3])
        chosen.update((at + step) % 7 for step in range((end - at) % 7 + 1))
    text = re.sub(rf"\b{_DAY}\s*(?:-|–|to|till|until|through)\s*{_DAY}\b", " ", text)
    chosen.update(DAYS.index(day[:3]) for day in re.findall(rf"\b{_DAY}\b", text))
    text = re.sub(rf"\b{_DAY}\b", " ", text)
    if chosen == {1, 2, 3, 4, 5}:
        return "1-5", text
    return ("" if chosen == set(range(7)) else ",".join(map(str, sorted(chosen)))), text if len(
        chosen
    ) < 7 else f"daily {text}"


def _times(text: str) -> tuple[list[tuple[int, int]] | None, str]:
    """(hour, minute) of each time of day, and the text without them; None for a time that no clock shows."""
    explicit = _CLOCK.search(text) is not None
    for name, time in _NAMED_TIMES.items():
        text = re.sub(rf"\b{name}\b", "every" if explicit else f" {time} every ", text)
    times: list[tuple[int, int]] = []
    for hour_text, minute_text, half in _CLOCK.findall(text):
        hour, minute = int(hour_text), int(minute_text or 0)
        if half in ("am", "pm"):
            if not 1 <= hour <= 12:
                return None, text
            hour = hour % 12 + (12 if half == "pm" else 0)
        if hour > 23 or minute > 59:
            return None, text
        times.append((hour, minute))
    return times or [(8, 0)], _CLOCK.sub(" ", text)
