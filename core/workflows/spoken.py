"""Schedules as people write them in English (`every weekday at 8`, `first Monday of the month`, a cron line) become cron. What is not fully understood
is not guessed, and what cron cannot say (`every other day`) is refused by saying so."""

import re

from core.kernel.errors import Invalid

DAYS = ("sun", "mon", "tue", "wed", "thu", "fri", "sat")
MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
MORNING = "8:00"
EARLIEST_AT_NIGHT = 6
"""From this hour on `8 at night` is 20:00; before it, after midnight."""
TIMES_A_DAY = {"twice": "8,18", "two times": "8,18", "2 times": "8,18", "three times": "8,13,18", "3 times": "8,13,18",
               "four times": "8,12,16,20", "4 times": "8,12,16,20"}  # fmt: skip
ORDINALS = {
    "first": 1,
    "1st": 1,
    "second": 2,
    "2nd": 2,
    "third": 3,
    "3rd": 3,
    "fourth": 4,
    "4th": 4,
    "fifth": 5,
    "5th": 5,
}
SHORTCUTS = {"@hourly": "0 * * * *", "@daily": "0 0 * * *", "@midnight": "0 0 * * *", "@weekly": "0 0 * * 0",
             "@monthly": "0 0 1 * *", "@yearly": "0 0 1 1 *", "@annually": "0 0 1 1 *"}  # fmt: skip
_NAMED_TIMES = {"noon": "12:00", "midday": "12:00", "midnight": "0:00", "morning": MORNING, "mornings": MORNING,
                "evening": "18:00", "evenings": "18:00", "night": "22:00", "nights": "22:00", "lunchtime": "12:00"}  # fmt: skip
_NUMBERS = {
    "one": 1,
    "two": 2,
    "three": 3,
    "four": 4,
    "five": 5,
    "six": 6,
    "eight": 8,
    "ten": 10,
    "twelve": 12,
    "fifteen": 15,
    "twenty": 20,
    "thirty": 30,
}
_DAY = r"(?:sun|mon|tues?|wed(?:nes)?|thu(?:rs)?|fri|sat(?:ur)?)(?:days?)?"
_MONTH = r"(?:jan(?:uary)?|feb(?:ruary)?|mar(?:ch)?|apr(?:il)?|may|june?|july?|aug(?:ust)?|sept?(?:ember)?|oct(?:ober)?|nov(?:ember)?|dec(?:ember)?)"
_ORDINAL = "|".join((*ORDINALS, "last"))
_FILLER = frozenset(("every", "each", "on", "at", "the", "and", "in", "of", "a", "day", "days", "daily", "month", "months", "monthly", "o'clock",
                     "oclock", "run", "it", "please", "once", "week", "weeks", "weekly", "per", "all", "year", "years", "yearly"))  # fmt: skip
_CLOCK = re.compile(r"\b(\d{1,2})(?:(?::|\.|h)(\d{2}))?\s*(am|pm|h\b)?(?![\d/*]|st\b|nd\b|rd\b|th\b)")
_CRON = re.compile(r"^[\d*,/\-A-Za-z#L]+(\s+[\d*,/\-A-Za-z#L]+){4}$")
_SPAN = re.compile(
    r"\b(?:between|from)\s+([\w:.]+(?:\s*(?:am|pm))?)\s*(?:and|to|till|until|-|–)\s*([\w:.]+(?:\s*(?:am|pm))?)\b"
)
_INTERVAL = re.compile(r"\b(?:every|each|once every)\s+(?:(\d{1,3})\s*)?(minutes?|mins?|hours?|hrs?|h)\b")
_CANNOT = (
    (r"\b(?:every|each) (?:other|second|2nd) (?:day|morning|evening|night)\b|\bevery (?:two|2|3|three|4|four|5|five|6|six) days\b|\balternate days\b", "days"),
    (r"\b(?:every|each) (?:other|second|2nd) (?:week|month)\b|\bevery (?:two|2|three|3|four|4) weeks\b|\b(?:fortnight|bi-?weekly)\w*\b", "weeks"),
    (rf"\b(?:every|each) (?:other|second|2nd) {_DAY}\b", "weeks"),
    (r"\b(?:every|each) \d* ?seconds?\b", "seconds"),
)  # fmt: skip


def cron_of(words: str) -> str:
    """The cron line (five fields; Sunday is 0). A day without a time is 08:00; "twice a day" is at 8 and 18. Raises Invalid `workflows.words_unclear` (data: words), and
    `workflows.words_beyond_cron` (data: words, `what`: days, weeks, seconds, minutes, hours, times) for what is understood but no cron line says."""
    text = " ".join(words.strip().lower().replace("’", "'").split())[:200].rstrip(".!")
    if text in SHORTCUTS:
        return SHORTCUTS[text]
    if _CRON.match(text) and re.match(r"^[\d*]", text):
        return text.upper() if re.search("[a-z]", text) else text
    text = re.sub(rf"\b({'|'.join(_NUMBERS)})\b(?= (?:minutes?|hours?|days|weeks|times))", _number, text)
    for pattern, what in _CANNOT:
        if re.search(pattern, text) and not re.search(rf"\b(?:second|2nd) {_DAY} of\b", text):
            raise Invalid("workflows.words_beyond_cron", words=words[:200], what=what)
    found = _interval(text, words) or _times_a_day(text) or _of_the_month(text) or _days_and_times(text, words)
    if found is None:
        raise Invalid("workflows.words_unclear", words=words[:200])
    return found


def _number(word: re.Match[str]) -> str:
    return str(_NUMBERS[word[1]])


def _beyond(words: str, what: str) -> Invalid:
    return Invalid("workflows.words_beyond_cron", words=words[:200], what=what)


def _interval(text: str, words: str) -> str | None:
    """`every 2 hours between 9 and 17 on weekdays`: an interval, perhaps within hours, perhaps on days."""
    text = re.sub(r"\bhourly\b", "every hour", text)
    text = re.sub(r"\bhalf[- ]hourly\b|\b(?:every|each) half(?:[- ]an)?[- ]hour\b", "every 30 minutes", text)
    text = re.sub(r"\b(?:every|each) quarter(?: of an)?[- ]hour\b", "every 15 minutes", text)
    text = re.sub(r"\b(?:once an?|(?:every|each|once every) full) hour\b", "every hour", text)
    told = _INTERVAL.search(text)
    if told is None:
        return None
    number, unit = int(told[1] or 1), told[2][0]
    rest = f"{text[: told.start()]} {text[told.end() :]}"
    within, rest = _hours_within(rest)
    month_days, rest = _month_days(rest)
    week_days, rest = _week_days(rest)
    left = [word for word in re.findall(r"[^\s,&+]+", rest) if word not in _FILLER]
    if left or within is None or number == 0 or (month_days and week_days):
        return None
    if unit == "m" and number % 60 == 0:
        number, unit = number // 60, "h"
    # Every 45 minutes is no such thing in cron, which begins anew with each hour; every 5 hours with each day.
    if unit == "m" and (number > 59 or 60 % number):
        raise _beyond(words, "minutes")
    if unit == "h" and (number > 23 or (24 % number and not within)):
        raise _beyond(words, "hours")
    if unit == "m":
        minute, hour = "*" if number == 1 else f"*/{number}", f"{within[0]}-{within[1] - 1}" if within else "*"
    else:
        step = "" if number == 1 else f"/{number}"
        minute, hour = "0", f"{within[0]}-{within[1]}{step}" if within else f"*{step}"
    return f"{minute} {hour} {month_days or '*'} * {week_days or '*'}"


def _hours_within(text: str) -> tuple[tuple[int, int] | tuple[()] | None, str]:
    """The hours of `between 9 and 17` (empty when nothing is said, None when these are no full hours in order), and the text without them."""
    told = _SPAN.search(text)
    if told is None or re.match(_DAY, told[1]):
        return (), text
    start, end = _full_hour(told[1]), _full_hour(told[2])
    rest = f"{text[: told.start()]} {text[told.end() :]}"
    return ((start, end) if start is not None and end is not None and start < end else None), rest


def _full_hour(text: str) -> int | None:
    text = _NAMED_TIMES.get(text, text)
    if _CLOCK.fullmatch(text) is None:
        return None
    times, _ = _times(text)
    return times[0][0] if times and times[0][1] == 0 else None


def _times_a_day(text: str) -> str | None:
    """`twice a day`, also on some days."""
    told = re.search(
        rf"\b({'|'.join(TIMES_A_DAY)}) (?:a|each|every|per) (?:day|weekday)\b|\b(twice|two times) daily\b", text
    )
    if told is None:
        return None
    hours = TIMES_A_DAY[told[1] or told[2]]
    rest = f"{text[: told.start()]} {text[told.end() :]}" + (" weekdays" if told[0].endswith("weekday") else "")
    week_days, rest = _week_days(rest)
    if [word for word in re.findall(r"[^\s,&+]+", rest) if word not in _FILLER]:
        return None
    return f"0 {hours} * * {week_days or '*'}"


def _of_the_month(text: str) -> str | None:
    """`first Monday of the month at 9`, `last day of the month at 18:00`, `last weekday of March`."""
    told = re.search(
        rf"\b({_ORDINAL}) ({_DAY}|day|weekday|work(?:ing)? ?day) (?:of|in) (?:(?:the|each|every|a) )?(?:month|({_MONTH}))\b", text
    )  # fmt: skip
    if told is None:
        return None
    ordinal, day, month = told[1], told[2], _month(told[3])
    times, rest = _times(f"{text[: told.start()]} {text[told.end() :]}")
    left = [word for word in re.findall(r"[^\s,&+]+", rest) if word not in _FILLER]
    if left or times is None:
        return None
    clock = _clock(times)
    if clock is None:
        return None
    if day == "day":
        return f"{clock} {'L' if ordinal == 'last' else ORDINALS[ordinal]} {month} *"
    if day not in ("weekday",) and not day.startswith("work"):
        which = DAYS.index(day[:3])
        return f"{clock} * {month} {which}{'L' if ordinal == 'last' else f'#{ORDINALS[ordinal]}'}"
    return f"{clock} LW {month} *" if ordinal == "last" else None


def _month(name: str | None) -> str:
    return "*" if name is None else str(MONTHS.index(name[:3]) + 1)


def _days_and_times(text: str, words: str) -> str | None:
    months, text = _months(text)
    month_days, text = _month_days(text)
    week_days, text = _week_days(text)
    times, text = _times(text)
    left = [word for word in re.findall(r"[^\s,&+]+", text) if word not in _FILLER]
    if left or times is None or (month_days and week_days):
        return None
    said = bool(month_days or week_days) or re.search(
        r"\b(every|each|daily|day|days|all|weekly|monthly|yearly|year)\b", text
    )
    if not said:
        return None
    if not month_days and not week_days and _once_a_month(months, text):
        month_days = "1"
    if not month_days and not week_days and re.search(r"\b(week|weeks|weekly)\b", text):
        week_days = "1"
    if months == "*" and re.search(r"\b(year|years|yearly)\b", text):
        months, month_days = "1", month_days or "1"
    clock = _clock(times)
    if clock is None:
        raise _beyond(words, "times")
    return f"{clock} {month_days or '*'} {months} {week_days or '*'}"


def _once_a_month(months: str, text: str) -> bool:
    if re.search(r"\b(day|days|daily)\b", text):
        return False
    return months != "*" or re.search(r"\b(month|months|monthly)\b", text) is not None


def _clock(times: list[tuple[int, int]]) -> str | None:
    """The minute and hour fields; None for times that do not share their minute."""
    minutes = {minute for _, minute in times}
    if len(minutes) != 1:
        return None
    return f"{minutes.pop()} {','.join(str(hour) for hour in sorted({hour for hour, _ in times}))}"


def _months(text: str) -> tuple[str, str]:
    """Months as a cron field, and the text without them. `may` alone is none."""
    found = sorted({MONTHS.index(name[:3]) + 1 for name in re.findall(rf"\b{_MONTH}\b", text)})
    if not found:
        return "*", text
    # `1 March`, `March 1`: the day beside a month is no time of day.
    text = re.sub(rf"\b(\d{{1,2}}) (?=(?:of )?{_MONTH}\b)", r"\1th ", text)
    text = re.sub(rf"\b({_MONTH}) (\d{{1,2}})(?!\d|:|\.|st\b|nd\b|rd\b|th\b|\s*(?:am|pm))\b", r"\1 \2th", text)
    return ",".join(map(str, found)), re.sub(rf"\b{_MONTH}\b", " ", text)


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
    if len(chosen) == 7:
        return "", f"daily {text}"
    return ",".join(map(str, sorted(chosen))), text


def _times(text: str) -> tuple[list[tuple[int, int]] | None, str]:
    """(hour, minute) of each time of day, and the text without them; None for a time that no clock shows."""
    explicit = _CLOCK.search(text) is not None
    evening, night = (re.search(rf"\b{name}s?\b", text) is not None for name in ("evening", "night"))
    if explicit and (evening or night) and re.search(r"\bmornings?\b", text):
        return None, text
    for name, time in _NAMED_TIMES.items():
        text = re.sub(rf"\b{name}\b", "every" if explicit else f" {time} every ", text)
    times: list[tuple[int, int]] = []
    for hour_text, minute_text, half in _CLOCK.findall(text):
        hour, minute = int(hour_text), int(minute_text or 0)
        if half in ("am", "pm"):
            if not 1 <= hour <= 12:
                return None, text
            hour = hour % 12 + (12 if half == "pm" else 0)
        elif explicit and ((evening and hour < 12) or (night and EARLIEST_AT_NIGHT <= hour < 12)):
            hour += 12
        if hour > 23 or minute > 59:
            return None, text
        times.append((hour, minute))
    return times or [(8, 0)], _CLOCK.sub(" ", text)
