"""Finds what waits for the owner's answer in the newly written text of a mail."""

import re
from collections.abc import Iterator, Sequence
from datetime import date, datetime
from itertools import zip_longest
from typing import Literal

from runners.mail.clean import quote
from runners.mail.facts import Moment, Person, Question
from runners.mail.lexicon import plain, spotter
from runners.mail.sentences import Sentence, sentences

_MOST = 5
_LONGEST = 600
_VOCATIVE = re.compile(r"^\W*@?(?P<name>[^\W\d_]{2,30})\s?[,:]\s")
_LINK = re.compile(r"https?://\S+")


def questions(
    text: str,
    language: str,
    moments: Sequence[Moment],
    others: Sequence[Person] = (),
    owner_names: Sequence[str] = (),
) -> tuple[Question, ...]:
    """The questions and requests in an unwrapped `text` that want an answer of the owner. Not those that nobody answers
    (rhetorical ones, boilerplate), nor those that call one of the `others` by name."""
    return tuple(_asked(text, language, moments, _first_names(others) - {name.casefold() for name in owner_names}))[
        :_MOST
    ]


def wants_no_answer(text: str, language: str) -> bool:
    """Whether the sender says that nobody needs to answer."""
    said = plain(text)
    return bool(spotter(language, "no_answer").search(said) or spotter("en", "no_answer").search(said))


def _asked(text: str, language: str, moments: Sequence[Moment], others: set[str]) -> Iterator[Question]:
    every = list(sentences(text, language))
    for sentence, following in zip_longest(every, every[1:]):
        if len(sentence.text) > _LONGEST or not _waits(sentence, language):
            continue
        if following and spotter(language, "because").match(following.said):
            continue  # the sender answers it at once
        called = _VOCATIVE.match(sentence.said)
        if called and called["name"].casefold() in others:
            continue
        inside = [moment for moment in moments if moment.quote == quote(sentence.text)]
        meant = next((moment for moment in inside if moment.role != "deadline"), None)
        yield Question(
            quote=quote(sentence.text),
            kind=_kind(sentence, language),
            moment=meant,
            deadline=_deadline(inside) or _deadline(moments),
        )


def _waits(sentence: Sentence, language: str) -> bool:
    said = _LINK.sub(" ", sentence.said)
    if not any(char.isalpha() for char in said):
        return False
    if _spot(language, "boilerplate", said) or _is_rhetorical(said, language):
        return False
    if _spot(language, "requests", said):
        return True
    return sentence.asks and "?" in said and (len(re.findall(r"\w+", said)) >= 2 or language == "ja")


def _is_rhetorical(said: str, language: str) -> bool:
    """Whether a figure of speech makes up the question or opens it."""
    clause = re.split(r"[.;–—]\s|(?<=\w),\s(?=\w+\s*\?)", said.strip())[-1].strip(" '\"¿¡(")
    match = spotter(language, "rhetorical").search(clause)
    if match is None:
        return False
    opens = match.start() <= 12
    whole = len(clause) - (match.end() - match.start()) <= 12
    return whole or (opens and match.end() - match.start() >= 8)


def _kind(sentence: Sentence, language: str) -> Literal["yes_no", "open", "request"]:
    said = sentence.said
    if _spot(language, "requests", said) and not _opens(said, language):
        return "request"
    if not sentence.asks or _opens(said, language):
        return "open" if sentence.asks else "request"
    return "yes_no"


def _opens(said: str, language: str) -> bool:
    """Whether one of the first words asks for more than yes or no."""
    words = re.split(r"[,;:]\s", said)
    return any(spotter(language, "open_words").match(part.strip(" '\"¿¡(")) for part in words) or bool(
        language == "ja" and spotter("ja", "open_words").search(said)
    )


def _deadline(moments: Sequence[Moment]) -> date | None:
    for moment in moments:
        if moment.role == "deadline":
            return moment.start.date() if isinstance(moment.start, datetime) else moment.start
    return None


def _spot(language: str, field: str, said: str) -> bool:
    return bool(spotter(language, field).search(said))


def _first_names(people: Sequence[Person]) -> set[str]:
    names = {re.split(r"[\s,]+", person.name.strip())[0].casefold() for person in people if person.name}
    return {name for name in names if len(name) >= 2}
