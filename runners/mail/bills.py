"""Recognises bills: how much, until when, under which number, to whom; and bills that need nothing any more."""

import re
from collections.abc import Sequence
from datetime import date, datetime, timedelta
from functools import cache
from typing import Literal

from runners.mail.amounts import Priced, amounts
from runners.mail.clean import line, quote
from runners.mail.facts import Bill
from runners.mail.lexicon import alternatives, lexicon, plain, spotter
from runners.mail.moments import Found, dated

_IBAN = re.compile(r"(?<!\w)[A-Z]{2}\d{2}(?: ?[A-Z0-9]{4}){2,7}(?: ?[A-Z0-9]{1,4})?(?!\w)")
_REACH = 60
_NUMBER = r"[ \t]*(?:[:#.№]|n\.?[ºo°r]\.?|no\.?|nr\.?|is|is the|ist|lautet)*[ \t:#]*(?P<number>(?=[A-Z0-9/._-]*\d)[A-Z0-9]+(?:[-/._][A-Z0-9]+){0,6})"


def bill(text: str, subject: str, language: str, local: datetime, month_first: bool = False) -> Bill | None:
    """The bill that a mail is about, or None. `text` is unwrapped; `local` when it was sent, on the owner's clock."""
    whole = f"{subject}\n{text}"
    said = plain(whole)
    if not _find(language, "bill", said):
        return None
    priced = [one for one in amounts(whole) if one.money.amount > 0]
    if not priced:
        return None
    dates = dated(whole, language, local, month_first)
    main = _owed(said, language, priced)
    due, due_at = _due(said, language, dates, local.date())
    settled = _settled(said, language, bool(due))
    number = _number(said, language)
    named = _find(language, "bill", plain(subject))
    if not (due or number or named) or (_find(language, "offer", said) and not (number or named)):
        return None
    return Bill(
        quote=quote(_line_of(whole, due_at if due_at is not None else main.start)),
        amount=main.money,
        due=due,
        number=number,
        payee=_payee(whole, language),
        iban=_iban(whole),
        reminder=bool(_find(language, "reminder", said)),
        settled=settled,
    )


def _find(language: str, field: str, said: str) -> re.Match[str] | None:
    return spotter(language, field).search(said) or (spotter("en", field).search(said) if language != "en" else None)


def _owed(said: str, language: str, priced: Sequence[Priced]) -> Priced:
    """The amount behind the most telling label ("total due" before "amount"), else the largest."""
    best: tuple[int, int, Priced] | None = None
    for rank, label in enumerate(_labels(language)):
        for match in label.finditer(said):
            after = next((one for one in priced if 0 <= one.start - match.end() <= _REACH), None)
            if after and "\n\n" not in said[match.end() : after.start]:
                best = (rank, -after.start, after)
        if best:
            return best[2]
    return max(priced, key=lambda one: one.money.amount)


@cache
def _labels(language: str) -> tuple[re.Pattern[str], ...]:
    totals = lexicon(language).total + (lexicon("en").total if language != "en" else ())
    return tuple(re.compile(alternatives((label,)), re.IGNORECASE) for label in totals)


def _due(said: str, language: str, dates: Sequence[Found], sent: date) -> tuple[date | None, int | None]:
    for code in dict.fromkeys((language, "en")):
        if match := _in_days(code).search(said):
            days = next(int(group) for group in match.groups() if group)
            return sent + timedelta(days=days), match.start()
    for code in dict.fromkeys((language, "en")):
        for label in _due_labels(code):
            for match in label.finditer(said):
                near = next((each for each in dates if -2 <= each.start - match.end() <= 30), None)
                if near and "\n\n" not in said[match.end() : near.start]:
                    return near.day, match.start()
    return None, None


@cache
def _due_labels(language: str) -> tuple[re.Pattern[str], ...]:
    return tuple(re.compile(alternatives((label,)), re.IGNORECASE) for label in lexicon(language).due)


@cache
def _in_days(language: str) -> re.Pattern[str]:
    phrases = (
        re.escape(plain(each)).replace(r"\ ", r"\s+").replace(r"\{n\}", r"(\d{1,3})")
        for each in lexicon(language).due_in
    )
    return re.compile("|".join(phrases), re.IGNORECASE)


def _settled(said: str, language: str, has_due: bool) -> Literal["paid", "debited", "credited"] | None:
    if _find(language, "credited", said):
        return "credited"
    if _find(language, "debited", said):
        return "debited"
    paid = _find(language, "paid", said)
    # A single word ("receipt") says little beside a day by which to pay.
    if paid and not (has_due and (len(paid[0]) < 12 or _find(language, "reminder", said))):
        return "paid"
    return None


def _number(said: str, language: str) -> str | None:
    for label in lexicon(language).number + (lexicon("en").number if language != "en" else ()):
        for match in _numbered(label).finditer(said):
            found = match["number"].strip(".-_/")
            if len(found) >= 3 and not re.fullmatch(r"\d{1,2}[./-]\d{1,2}[./-]\d{2,4}", found):
                return found[:60]
    return None


@cache
def _numbered(label: str) -> re.Pattern[str]:
    return re.compile(alternatives((label.rstrip("."),)) + r"\.?" + _NUMBER, re.IGNORECASE)


def _payee(text: str, language: str) -> str:
    for code in dict.fromkeys((language, "en")):
        pattern = re.compile(
            rf"^\s*(?:{alternatives(lexicon(code).payee)})\s*[:：]\s*(.{{2,120}})$", re.IGNORECASE | re.MULTILINE
        )
        if match := pattern.search(text):
            return line(match[1], 120)
    return ""


def _iban(text: str) -> str | None:
    for match in _IBAN.finditer(text):
        compact = match[0].replace(" ", "")
        for length in range(min(34, len(compact)), 14, -1):
            candidate = compact[:length]
            moved = candidate[4:] + candidate[:4]
            if int("".join(str(int(char, 36)) for char in moved)) % 97 == 1:  # ISO 13616
                return candidate
    return None


def _line_of(text: str, place: int) -> str:
    start = text.rfind("\n", 0, place) + 1
    end = text.find("\n", place)
    return text[start : end if end >= 0 else len(text)]
