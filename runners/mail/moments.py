"""Finds dates and times in text, and says what day they mean.

A grammar of our own: dateparser reads "Donnerstag, 3. Dezember um 15 Uhr" as the year 2115 and "9 h" as in nine hours, and
finds dates in "we" and "may".
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, time, timedelta
from itertools import islice
from zoneinfo import ZoneInfo

from runners.mail.calendar_words import Grammar, grammar
from runners.mail.clean import quote
from runners.mail.facts import Moment
from runners.mail.lexicon import plain
from runners.mail.sentences import Sentence, sentences

_GAP_AFTER, _GAP_BEFORE = 45, 14
_SENTENCE_END = re.compile(r"[.!?;]\s+[A-ZÀ-Þ]|\n\s*\n|。")
_MOST = 40
_ZONES = {
    "UTC": "UTC", "GMT": "UTC", "EST": "America/New_York", "EDT": "America/New_York", "ET": "America/New_York",
    "PST": "America/Los_Angeles", "PDT": "America/Los_Angeles", "PT": "America/Los_Angeles", "CET": "Europe/Berlin",
    "CEST": "Europe/Berlin", "MEZ": "Europe/Berlin", "MESZ": "Europe/Berlin", "BST": "Europe/London", "EET": "Europe/Helsinki",
    "EEST": "Europe/Helsinki", "JST": "Asia/Tokyo", "AEST": "Australia/Sydney", "AEDT": "Australia/Sydney",
}  # fmt: skip
"""Only abbreviations that mean one place to most who write them; CST and IST do not."""
_ZONE = re.compile(rf"\s?\(?({'|'.join(sorted(_ZONES, key=len, reverse=True))})\)?(?!\w)")
_SHORT_DAYS = frozenset(("mon", "tue", "tues", "wed", "thu", "thur", "thurs", "fri"))
_BEFORE_TIME = re.compile(r",?\s+(?:at\s+)?\d")
_PAST_YEAR = timedelta(days=45)


@dataclass(frozen=True)
class Found:
    """A date in a text. `exact` unless only a weekday was named; `clock` and `until` where a time belongs to it."""

    start: int
    end: int
    day: date
    exact: bool = True
    clock: time | None = None
    until: time | None = None
    passed: bool = False
    zone: str | None = None


@dataclass(frozen=True)
class _Clock:
    start: int
    end: int
    at: time
    until: time | None
    sure: bool
    zone: str | None = None


def moments(text: str, language: str, sent: datetime, zone: ZoneInfo, month_first: bool = False) -> tuple[Moment, ...]:
    """What dates and times an unwrapped `text` names, in order. Relative ones count from `sent`; times are in `zone`.
    `month_first`: how to read 12/3."""
    words = grammar(language)
    local = sent.astimezone(zone)
    every = list(sentences(text, language))
    return tuple(
        _moment(text, found, words, zone, _sentence_of(every, found))
        for found in dated(text, language, local, month_first)
    )


def dated(text: str, language: str, local: datetime, month_first: bool = False) -> list[Found]:
    """The dates in `text` with the times that belong to them; `local` is when the text was written, on the reader's clock."""
    words, said = grammar(language), plain(text)
    dates = sorted(_dates(said, words, local.date(), month_first), key=lambda each: each.start)[:_MOST]
    if not dates:
        return []
    clocks = list(_clocks(said, words, dates))[:_MOST]
    return [_with_clock(said, found, dates, clocks) for found in dates]


def _moment(text: str, found: Found, words: Grammar, zone: ZoneInfo, sentence: Sentence | None) -> Moment:
    start: datetime | date = found.day
    end: datetime | date | None = None
    if found.clock:
        named = ZoneInfo(found.zone) if found.zone else zone
        start = datetime.combine(found.day, found.clock, named).astimezone(zone)
        if found.until:
            end = datetime.combine(found.day, found.until, named).astimezone(zone)
            end = end if end > start else end + timedelta(days=1)
    said = plain(text)
    by = words.deadline_before.search(said[max(0, found.start - 60) : found.start]) or words.deadline_after.match(
        said[found.end : found.end + 12]
    )
    role = "deadline" if by else "appointment" if found.clock and not found.passed else "mention"
    return Moment(
        quote=quote(sentence.text if sentence else text[found.start : found.end]),
        start=start,
        end=end,
        role=role,
        settled=not (sentence and sentence.asks),
    )


def _sentence_of(every: Sequence[Sentence], found: Found) -> Sentence | None:
    return next((each for each in every if each.start <= found.start < each.end), None)


def _dates(said: str, words: Grammar, sent: date, month_first: bool) -> Iterator[Found]:
    taken: list[Found] = []
    for match in islice(words.date.finditer(said), _MOST):
        day = _absolute(match, words, sent, month_first)
        if day and (match["sa"] is None or _short_is_date(said, match, words)):
            taken.append(Found(match.start(), match.end(), day))
    for match in islice(words.weekday.finditer(said), _MOST):
        named = next((i for i, found in enumerate(taken) if 0 <= found.start - match.end() <= 9), None)
        if named is not None:
            taken[named] = replace(taken[named], start=match.start())
        elif any(0 <= match.start() - found.end <= 3 for found in taken):
            continue
        elif day := _weekday(said, match, words, sent):
            yield Found(match.start(), match.end(), day, exact=False, passed=day < sent)
    yield from taken
    if words.words.in_ or words.language == "ja":
        for match in islice(words.span.finditer(said), _MOST):
            number = match["n"].casefold()
            count = int(number) if number.isdigit() else words.numbers.get(number, 0)
            if 0 < count <= 400:
                yield Found(
                    match.start(), match.end(), sent + timedelta(days=count * (7 if match["week"] else 1)), exact=False
                )
    for match in islice(words.near.finditer(said), _MOST):
        ahead = 2 if match["after_tomorrow"] else 1 if match["tomorrow"] else 0
        yield Found(match.start(), match.end(), sent + timedelta(days=ahead), exact=False)
    for match in words.month_end.finditer(said):
        if words.deadline_before.search(said[max(0, match.start() - 40) : match.start()]):
            yield Found(match.start(), match.end(), _end_of(sent, week=bool(match["week"])), exact=False)


def _absolute(match: re.Match[str], words: Grammar, sent: date, month_first: bool) -> date | None:
    got = match.groupdict()
    if got["iso"]:
        return _day(got["iy"], got["im"], got["id"], sent)
    if got["jm"]:
        return _day(got["jy"], got["jm"], got["jd"], sent)
    if got["tm"]:
        return _day(got["ty"], words.months[got["tm"].casefold()], got["td"], sent)
    if got["mm"]:
        return _day(got["my"], words.months[got["mm"].casefold()], got["md"], sent)
    first, second = (got["na"], got["nb"]) if got["na"] else (got["sa"], got["sb"] or got["sc"])
    if month_first and (got["sep"] == "/" or got["sc"]):
        first, second = second, first
    return _day(got["ny"], second, first, sent) or _day(got["ny"], first, second, sent)


def _short_is_date(said: str, match: re.Match[str], words: Grammar) -> bool:
    """`3/12` and `3.12.` are dates only where the words around say so: a weekday before, or a word like "by"."""
    before = said[max(0, match.start() - 24) : match.start()]
    if match["sb"] and re.search(
        r"(?<!\w)(?:am|den|dem|zum|vom|der|bis|ab|op|dnia|do|od|w)\s+$", before, re.IGNORECASE
    ):
        return True
    named = list(words.weekday.finditer(before))
    return bool(words.deadline_before.search(before) or (named and len(before) - named[-1].end() <= 7))


def _day(year: str | None, month: str | int, day: str, sent: date) -> date | None:
    try:
        if year:
            return date(int(year) + (2000 if int(year) < 100 else 0), int(month), int(day))
        near = [
            date(sent.year + step, int(month), int(day))
            for step in (0, 1)
            if _exists(sent.year + step, int(month), int(day))
        ]
        return next((each for each in near if each >= sent - _PAST_YEAR), None)
    except ValueError:
        return None


def _exists(year: int, month: int, day: int) -> bool:
    try:
        return bool(date(year, month, day))
    except ValueError:
        return False


def _weekday(said: str, match: re.Match[str], words: Grammar, sent: date) -> date | None:
    lead = (match["lead"] or "").casefold()
    tail = (match["tail"] or "").casefold()
    known = words.words

    def one_of(word: str, phrases: tuple[str, ...]) -> bool:
        return bool(word) and word in {plain(phrase).casefold() for phrase in phrases}

    if one_of(lead, known.every):
        return None
    if match["name"].casefold() in _SHORT_DAYS and not _BEFORE_TIME.match(said, match.end()):
        return None
    ahead = (words.days[match["name"].casefold()] - sent.weekday()) % 7
    if one_of(lead, known.last) or one_of(tail, known.last):
        return sent + timedelta(days=ahead - 7)
    if match["weekbefore"] or match["weekafter"] or (words.language == "ja" and lead.startswith("来週")):
        return sent - timedelta(days=sent.weekday()) + timedelta(days=7 + words.days[match["name"].casefold()])
    ahead = ahead or 7
    # "Next Thursday", said on a Tuesday, is not the day after tomorrow.
    if one_of(lead, known.next) and words.language in ("en", "nl") and ahead <= 2:
        ahead += 7
    return sent + timedelta(days=ahead)


def _end_of(sent: date, *, week: bool) -> date:
    if week:
        return sent + timedelta(days=(4 - sent.weekday()) % 7)
    return (sent.replace(day=28) + timedelta(days=4)).replace(day=1) - timedelta(days=1)


def _clocks(said: str, words: Grammar, dates: Sequence[Found]) -> Iterator[_Clock]:
    place = 0
    for match in words.clock.finditer(said):
        if match.start() < place or any(
            found.start < match.end() and match.start("hour") < found.end for found in dates
        ):
            continue
        first = _clock(match, words)
        end, until = match.end(), None
        between = words.range.match(said, end)
        # A slice, so that the dash between two times is not seen as a part of the second.
        beyond = between.end() if between else end
        other = words.clock.match(said[beyond : beyond + 40]) if between else None
        later = _clock(other, words) if other else None
        if first is None and not (later and later[1] and not match["mark"] and int(match["hour"]) < 24):
            continue
        at, sure = first or (time(int(match["hour"])), True)
        if (
            other
            and later
            and not any(
                found.start < beyond + other.end() and beyond + other.start("hour") < found.end for found in dates
            )
        ):
            until, end = later[0], beyond + other.end()
            if other["pm"] and not match["pm"] and at < time(12) and until >= time(12) and at.hour + 12 <= until.hour:
                at = at.replace(hour=at.hour + 12)
            sure = sure or later[1]
        named = _ZONE.match(said, end)
        place = named.end() if named else end
        yield _Clock(match.start("hour"), place, at, until, sure, _ZONES[named[1]] if named else None)
    for match in words.noon.finditer(said):
        yield _Clock(match.start(), match.end(), time(12), None, True)


def _clock(match: re.Match[str], words: Grammar) -> tuple[time, bool] | None:
    """The time of day, and whether it can be nothing else; None when it is none."""
    hour, mark = int(match["hour"]), match["mark"]
    minute = 30 if match["minute"] == "半" else int(match["minute"] or 0)
    half = (match["half"] or match["pm"] or "").casefold()
    if hour > 24 or (hour == 24 and minute) or (half and hour > 12 and words.language == "en"):
        return None
    if half in {plain(each).casefold() for each in words.words.pm} and hour < 12:
        hour += 12
    elif half and hour == 12 and half in {plain(each).casefold() for each in words.words.am}:
        hour = 0
    after = (match["after"] or "").casefold()
    sure = bool(
        (mark in (":", "時") and match["minute"])
        or (mark == "h" and match["minute"])
        or half
        or (after and after != "h")
        or (match["before"] and (mark or after))
    )
    if not sure and not (match["before"] or after == "h"):
        return None
    if mark == "." and not (match["before"] or after or half):
        return None
    if not sure and words.language == "en" and hour < 8:
        hour += 12
    return time(hour % 24, minute), sure


def _with_clock(said: str, found: Found, dates: Sequence[Found], clocks: Sequence[_Clock]) -> Found:
    """`found` with the nearest time that belongs to it: after it in the same sentence, or right before it."""
    best: tuple[int, _Clock] | None = None
    for clock in clocks:
        if clock.start >= found.end:
            gap, reach = said[found.end : clock.start], _GAP_AFTER
            nearer = any(found.end <= other.start < clock.start for other in dates if other is not found)
        else:
            gap, reach = said[clock.end : found.start], _GAP_BEFORE
            nearer = any(clock.end <= other.start < found.start for other in dates if other is not found)
        if clock.end > found.start and clock.start < found.end:
            continue
        if nearer or len(gap) > (reach if clock.sure else 10) or _SENTENCE_END.search(gap):
            continue
        if best is None or len(gap) < best[0]:
            best = (len(gap), clock)
    if best is None:
        return found
    clock = best[1]
    return replace(
        found,
        clock=clock.at,
        until=clock.until,
        zone=clock.zone,
        start=min(found.start, clock.start),
        end=max(found.end, clock.end),
    )
