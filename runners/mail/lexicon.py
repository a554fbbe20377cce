"""The words by which mail of a language is understood; they are data in `lexicon/<language>.yaml`."""

import re
from functools import cache
from pathlib import Path
from re import Pattern

import yaml
from pydantic import BaseModel, ConfigDict

_FOLDER = Path(__file__).with_name("lexicon")
_NEVER = re.compile(r"(?!)")
_PLAIN = str.maketrans("’‘ʼ`´“”„«»‹›\u00a0\u202f\u2007\u3000？！：（）～￥＠", "''''''''''''    ?!:()~¥@")


class Lexicon(BaseModel):
    """One language. Lists hold words and phrases; see the comments in the files for what each is for."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    wrote: tuple[str, ...]
    forwarded: tuple[str, ...]
    header_labels: tuple[str, ...]
    sent_from: tuple[str, ...]
    closings: tuple[str, ...]
    informal: tuple[str, ...]
    formal: tuple[str, ...]
    you_familiar: tuple[str, ...]
    you_formal: tuple[str, ...]
    open_words: tuple[str, ...]
    requests: tuple[str, ...]
    because: tuple[str, ...]
    rhetorical: tuple[str, ...]
    boilerplate: tuple[str, ...]
    no_answer: tuple[str, ...]
    today: tuple[str, ...]
    tomorrow: tuple[str, ...]
    after_tomorrow: tuple[str, ...]
    next: tuple[str, ...]
    this: tuple[str, ...]
    last: tuple[str, ...]
    every: tuple[str, ...]
    week: tuple[str, ...]
    in_: tuple[str, ...] = ()
    days: tuple[str, ...]
    weeks: tuple[str, ...]
    numbers: dict[str, int]
    clock_before: tuple[str, ...]
    clock_after: tuple[str, ...]
    am: tuple[str, ...]
    pm: tuple[str, ...]
    noon: tuple[str, ...]
    range: tuple[str, ...]
    deadline: tuple[str, ...]
    deadline_after: tuple[str, ...] = ()
    end_of_week: tuple[str, ...]
    end_of_month: tuple[str, ...]
    meeting: tuple[str, ...]
    called_off: tuple[str, ...]
    conditional: tuple[str, ...]
    place_labels: tuple[str, ...]
    place_before: tuple[str, ...]
    mass: tuple[str, ...]
    bill: tuple[str, ...]
    offer: tuple[str, ...]
    total: tuple[str, ...]
    due: tuple[str, ...]
    due_in: tuple[str, ...]
    number: tuple[str, ...]
    payee: tuple[str, ...]
    paid: tuple[str, ...]
    debited: tuple[str, ...]
    credited: tuple[str, ...]
    reminder: tuple[str, ...]
    urgency: tuple[str, ...]
    lures: tuple[str, ...]


def plain(text: str) -> str:
    """`text` with typographic quotes, wide punctuation and odd spaces made simple; as long as before, so that places agree."""
    return text.translate(_PLAIN)


@cache
def languages() -> tuple[str, ...]:
    """ISO 639-1 codes of the languages that are understood; English first."""
    return tuple(sorted((file.stem for file in _FOLDER.glob("*.yaml")), key=lambda code: (code != "en", code)))


@cache
def lexicon(language: str) -> Lexicon:
    """The words of `language`; English for one that is not understood."""
    if language not in languages():
        language = "en"
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    data = yaml.load((_FOLDER / f"{language}.yaml").read_text("utf-8"), loader)  # noqa: S506 - a safe loader, in C where there is one
    return Lexicon.model_validate({("in_" if key == "in" else key): value for key, value in data.items()})


def alternatives(phrases: tuple[str, ...]) -> str:
    """A pattern of any of `phrases`, the longest first, in plain text. `*` stands for up to four words, `~` at an end for the
    rest of a compound word."""
    return "|".join(_one(phrase) for phrase in sorted(phrases, key=len, reverse=True)) or "(?!)"


def _one(phrase: str) -> str:
    phrase = plain(phrase)
    between = r"\W+(?:\w+\W+){0,4}?"
    bare = phrase.strip("~")
    pattern = between.join(re.escape(part.strip()).replace(r"\ ", r"\s+") for part in bare.split(" * "))
    before = r"(?<!\w)" if _bounded(phrase[:1]) else ""
    after = r"(?!\w)" if _bounded(phrase[-1:]) else ""
    return before + pattern + after


def _bounded(char: str) -> bool:
    """Whether words of its script are set apart by spaces."""
    return char.isalnum() and char < "\u2e80"


@cache
def spotter(language: str, *fields: str) -> Pattern[str]:
    """Finds any phrase of these fields of the language's words in plain text, whatever the case. Cached."""
    words = lexicon(language)
    phrases = tuple(phrase for field in fields for phrase in getattr(words, field))
    return re.compile(alternatives(phrases), re.IGNORECASE) if phrases else _NEVER


@cache
def anywhere(*fields: str) -> Pattern[str]:
    """Like `spotter`, over all languages at once: for what comes before the language is known."""
    phrases = {phrase for code in languages() for field in fields for phrase in getattr(lexicon(code), field)}
    return re.compile(alternatives(tuple(sorted(phrases))), re.IGNORECASE)
