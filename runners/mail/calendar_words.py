"""The patterns of dates and times in one language: names of days and months from CLDR (by Babel), the rest from the lexicon."""

import re
from dataclasses import dataclass
from functools import cache
from re import Pattern

from runners.mail.lexicon import Lexicon, alternatives, lexicon, plain

_SHORT_EXTRA = {"de": {"mrz": 3}, "nl": {"mrt": 3}, "en": {"sept": 9}, "es": {"sept": 9, "set": 9}}
_SHORT_DAYS = {"en": {"mon": 0, "tue": 1, "tues": 1, "wed": 2, "thu": 3, "thur": 3, "thurs": 3, "fri": 4}}
_PORTUGUESE_DAYS = {"segunda": 0, "terça": 1, "quarta": 2, "quinta": 3, "sexta": 4}
# The accusative, which is what follows "w" (on).
_POLISH_DAYS = {"środę": 2, "sobotę": 5, "niedzielę": 6}


@dataclass(frozen=True)
class Grammar:
    """Patterns of one language; all are matched in plain text without regard to case. `clock` has the groups
    `before`, `half` (am or pm in front), `hour`, `mark`, `minute`, `after`, `pm`."""

    language: str
    words: Lexicon
    months: dict[str, int]
    days: dict[str, int]
    numbers: dict[str, int]
    date: Pattern[str]
    weekday: Pattern[str]
    near: Pattern[str]
    span: Pattern[str]
    clock: Pattern[str]
    range: Pattern[str]
    noon: Pattern[str]
    deadline_before: Pattern[str]
    deadline_after: Pattern[str]
    month_end: Pattern[str]


@cache
def grammar(language: str) -> Grammar:
    """The patterns of `language`."""
    words = lexicon(language)
    months, days = _names(language)
    any_month, any_day = _any(months), _any(days)
    ordinal = r"(?:st|nd|rd|th|er|re|ème|º|ª|°|e|\.)?"
    of = r"(?:\s+(?:of|de|di|del|do|den))?"
    year = r"(?:,?\s*(?:de\s+|del\s+|of\s+)?(?P<{0}>(?:19|20)\d\d)(?:\s*r\.)?)?(?!\d)"
    date = "|".join(
        (
            r"(?<![\w./-])(?P<iso>(?P<iy>(?:19|20)\d\d)[-/.](?P<im>\d\d?)[-/.](?P<id>\d\d?))(?![\d/.-]\d|\d)",
            r"(?:(?P<jy>\d{4})年\s*)?(?P<jm>\d\d?)月\s*(?P<jd>\d\d?)日",
            rf"(?<![\w.,/:-])(?P<td>\d\d?){ordinal}{of}\s+(?P<tm>{any_month})\.?(?!\w)" + year.format("ty"),
            rf"(?<!\w)(?P<mm>{any_month})\.?\s+(?P<md>\d\d?)(?:st|nd|rd|th)?(?![\w:.,]\d|\w)" + year.format("my"),
            r"(?<![\w.,/:-])(?P<na>\d\d?)(?P<sep>[./-])(?P<nb>\d\d?)(?P=sep)(?P<ny>(?:19|20)\d\d|\d\d)(?![\w/-]|[.,]\d)",
            r"(?<![\w.,/:-])(?P<sa>\d\d?)(?:\.(?P<sb>\d\d?)\.|/(?P<sc>\d\d?))(?![\w/]|[.,]\d)",
        )
    )
    lead = rf"(?:(?P<lead>{alternatives(words.next + words.this + words.last + words.every)})\s*(?:\w+\s+)?)?"
    week = alternatives(words.week)
    following = alternatives(words.next)
    edge = "" if language == "ja" else r"(?!\w)"
    weekday = (
        rf"(?P<weekbefore>(?:{following})\s*(?:{week})\s*(?:on\s+|am\s+)?)?{lead}(?P<name>{any_day}){edge}"
        rf"(?P<weekafter>,?\s*(?:of\s+|in\s+)?(?:(?:{following})\s+(?:{week})|(?:{week})\s+(?:{following})))?"
        rf"(?:\s+(?P<tail>{alternatives(words.next + words.last)}))?"
    )
    near = (
        rf"(?P<after_tomorrow>{alternatives(words.after_tomorrow)})|"
        rf"(?<!guten )(?<!am )(?<!jeden )(?<!la )(?P<tomorrow>{alternatives(words.tomorrow)})|"
        rf"(?P<today>{alternatives(words.today)})"
    )
    count = r"(?P<n>\d{1,3}|" + (alternatives(tuple(words.numbers)) if words.numbers else r"(?!)") + ")"
    inside = (
        rf"(?:{alternatives(words.in_)})\s+(?:the\s+|den\s+|les\s+)?(?:next\s+|nächsten\s+|prochains\s+)?"
        if words.in_
        else ""
    )
    span = rf"{inside}{count}\s*(?:(?P<day>{alternatives(words.days)})|(?P<week>{alternatives(words.weeks)}))"
    clock = (
        rf"(?:(?P<before>{alternatives(words.clock_before)})\s*)?(?:(?P<half>{alternatives(words.am + words.pm)})\s*)?"
        r"(?<![\d.,:/€$£-])(?P<hour>\d\d?)(?:\s?(?P<mark>[:.h時])\s?(?P<minute>[0-5]\d|半)分?)?(?![\d:/])"
        rf"(?:\s?(?P<after>{_glued((*words.clock_after, 'h'))}))?(?:\s?(?P<pm>{_glued(words.am + words.pm)}))?"
    )
    articles = r"\W*(?:(?!(?:and|or|und|oder|y|o|et|ou|e|en|of|i|lub)\s)\w{1,4}\.?\W+){0,2}"
    return Grammar(
        language=language,
        words=words,
        months=months,
        days=days,
        numbers={plain(word).casefold(): number for word, number in words.numbers.items()},
        date=_compiled(date),
        weekday=_compiled(weekday),
        near=_compiled(near),
        span=_compiled(span),
        clock=_compiled(clock),
        range=_compiled(rf"\s*(?:-|–|—|~|{alternatives(words.range)})\s*"),
        noon=_compiled(alternatives(words.noon)),
        deadline_before=_compiled(rf"(?:{alternatives(words.deadline)}){articles}$"),
        deadline_after=_compiled(rf"[\s()\w]{{0,4}}?(?:{alternatives(words.deadline_after)})"),
        month_end=_compiled(
            rf"(?P<week>{alternatives(words.end_of_week)})|(?P<month>{alternatives(words.end_of_month)})"
        ),
    )


def _names(language: str) -> tuple[dict[str, int], dict[str, int]]:
    from babel import Locale

    locale = Locale(language)
    months: dict[str, int] = {}
    days: dict[str, int] = {}
    for context in ("format", "stand-alone"):
        for width in ("wide", "abbreviated"):
            for number, name in locale.months[context][width].items():
                months[plain(name).casefold().rstrip(".")] = number
        for number, name in locale.days[context]["wide"].items():
            days[plain(name).casefold()] = number
    months.update(_SHORT_EXTRA.get(language, {}))
    days.update(_SHORT_DAYS.get(language, {}))
    if language == "pt":
        days.update(_PORTUGUESE_DAYS)
    if language == "pl":
        days.update(_POLISH_DAYS)
    return {name: number for name, number in months.items() if not name.isdigit()}, days


def _glued(phrases: tuple[str, ...]) -> str:
    """What may follow a number without a space."""
    return alternatives(phrases).replace(r"(?<!\w)", "")


def _any(names: dict[str, int]) -> str:
    return "|".join(re.escape(name) for name in sorted(names, key=len, reverse=True))


def _compiled(pattern: str) -> Pattern[str]:
    return re.compile(pattern, re.IGNORECASE)
