"""The message catalogue: every sentence a person reads, by message id and language, in `bots/texts/<language>/<topic>.po`.
Read once a process; sentences are plain text, and so is everything that fills their gaps."""

import logging
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from functools import cache, cached_property
from gettext import c2py
from pathlib import Path
from typing import Any

from babel.messages.plurals import get_plural
from babel.messages.pofile import read_po

from bots.kit import directions
from bots.kit.place import Place

FALLBACK = "en"
FOLDER = Path(__file__).parent.parent / "texts"
GAP = re.compile(r"\{([a-z][a-z0-9_]*)(?::([a-z]+))?\}")

log = logging.getLogger(__name__)


class WordsBroken(Exception):
    """A catalogue in the source tree is wrong, or (strict) a sentence or a gap's value is missing. Says which."""


@dataclass(frozen=True)
class Sentence:
    """A sentence's forms: one, or one for each plural category of its language (chosen by the gap `n`)."""

    forms: tuple[str, ...]

    @property
    def gaps(self) -> frozenset[str]:
        """The names that must be filled, over all forms."""
        return frozenset(name for form in self.forms for name, _ in GAP.findall(form))


class Words:
    """All catalogues. `strict` raises WordsBroken for a missing sentence or gap, where a person would be shown a stopgap."""

    def __init__(self, languages: Mapping[str, Mapping[str, Sentence]], strict: bool = False) -> None:
        self._languages = languages
        self._strict = strict
        self._plural = {language: _plural_rule(language) for language in languages}

    @property
    def languages(self) -> tuple[str, ...]:
        """The languages there are, e.g. `en`."""
        return tuple(sorted(self._languages))

    def codes(self, language: str = FALLBACK) -> Mapping[str, Sentence]:
        """Every sentence of a language."""
        return self._languages[language]

    def best(self, language: str) -> str:
        """The nearest language we speak: `de-AT` → `de`, else English."""
        wanted = language.replace("_", "-").lower()
        for known in self._languages:
            if wanted == known.lower() or wanted.split("-")[0] == known.lower():
                return known
        return FALLBACK

    def spoken(self, language: str) -> str:
        """The language as it was asked for (`de-AT`, whose formats are its own) where we speak it, else English: no dates of one language in sentences of another."""
        best = self.best(language)
        return FALLBACK if best == FALLBACK and not language.lower().startswith(FALLBACK) else language

    def in_language(self, place: Place, tone: str = "", typed: str = "/") -> "Say":
        """Speaks the language of the place, in a tone where a sentence has one (`<code>.tone-direct`); `typed` is what commands begin with where it is read."""
        return Say(self, self.best(place.language), replace(place, language=self.spoken(place.language)), tone, typed)

    @cached_property
    def _command(self) -> re.Pattern[str]:
        """The slash of a command in a sentence; a command has words of its own (`command.<name>`)."""
        there = (code.split(".") for code in self._languages.get(FALLBACK, {}))
        names = "|".join(sorted(code[1] for code in there if code[0] == "command" and len(code) == 2))
        return re.compile(rf"(?<![\w/.])/(?=(?:{names})\b)") if names else re.compile(r"(?!)")

    def in_tone(self, language: str, code: str, tone: str) -> str:
        """The code of the sentence in that tone, where the language has it; never one of another language for it."""
        toned = f"{code}.tone-{tone}"
        return toned if tone and toned in self._languages.get(language, {}) else code

    def _find(self, language: str, code: str) -> tuple[str, Sentence] | None:
        for spoken in (language, FALLBACK):
            if code in self._languages.get(spoken, {}):
                return spoken, self._languages[spoken][code]
        return None

    def sentence(self, language: str, place: Place, code: str, data: Mapping[str, Any], typed: str = "/") -> str:
        """The sentence with its gaps filled, and its commands as they are `typed`."""
        found = self._find(language, code)
        if found is None:
            self._missing(f"no words for {code}")
            return code
        spoken, sentence = found
        form = sentence.forms[0]
        if len(sentence.forms) > 1:
            number = data.get("n", 1)
            rule = self._plural[spoken]
            form = sentence.forms[min(rule(abs(int(number))), len(sentence.forms) - 1)]

        if typed != "/":
            form = self._command.sub(typed, form)

        def fill(gap: re.Match[str]) -> str:
            name, style = gap.groups()
            if data.get(name) is None:
                self._missing(f"{code} needs {name}")
                return "…"
            return directions.apart(place.shown(data[name], style), place.right_to_left)

        return GAP.sub(fill, form)

    def _missing(self, problem: str) -> None:
        if self._strict:
            raise WordsBroken(problem)
        log.warning("words missing: %s", problem)


@dataclass(frozen=True)
class Say:
    """`say(code, **data)`: a sentence in one language. `{gap}` shows a value as it is (numbers and times in the manner of the place);
    `{gap:style}` in a style of Place: date, time, moment, ago, money, number, percent, size, duration, list."""

    words: Words
    language: str
    place: Place
    tone: str = ""
    typed: str = "/"

    def __call__(self, code: str, /, **data: Any) -> str:
        toned = self.words.in_tone(self.language, code, self.tone)
        return self.words.sentence(self.language, self.place, toned, data, self.typed)

    def knows(self, code: str) -> bool:
        """Whether there are words for the code."""
        return self.words._find(self.language, code) is not None


def load(folder: Path = FOLDER, strict: bool = False) -> Words:
    """Reads every catalogue. Raises WordsBroken for one that cannot be read, or an id that is given twice."""
    return Words(
        {path.name: _language(path.name, sorted(path.glob("*.po"))) for path in folder.iterdir() if path.is_dir()},
        strict,
    )


@cache
def words() -> Words:
    """The catalogues of this process."""
    return load()


def _language(language: str, files: Iterable[Path]) -> dict[str, Sentence]:
    sentences: dict[str, Sentence] = {}
    for file in files:
        named = re.findall(r'^msgid "(.+)"$', file.read_text("utf-8"), re.MULTILINE)
        twice = {code for code in named if named.count(code) > 1}
        if twice:
            raise WordsBroken(f"{file}: {', '.join(sorted(twice))} given twice")
        with file.open("rb") as stream:
            try:
                catalog = read_po(stream, locale=language, abort_invalid=True)
            except Exception as problem:
                raise WordsBroken(f"{file}: {problem}") from problem
        for message in catalog:
            code = message.id if isinstance(message.id, str) else message.id[0]
            if not code:
                continue
            if code in sentences:
                raise WordsBroken(f"{file}: {code} is given twice")
            forms = (message.string,) if isinstance(message.string, str) else tuple(message.string or ())
            if not forms or not all(forms):
                raise WordsBroken(f"{file}: {code} has no words")
            sentences[code] = Sentence(forms)
    return sentences


@cache
def phrases(folder: Path, language: str) -> Mapping[str, str]:
    """What the folder of an agent or a connector has in a language (`<language>.po`), by the English of its manifest. Nothing where there is none, or where a
    person's own file is broken."""
    file = folder / f"{language}.po"
    if not file.is_file():
        return {}
    try:
        return {english: sentence.forms[0] for english, sentence in _language(language, [file]).items()}
    except WordsBroken as problem:
        log.warning("words broken: %s", problem)
        return {}


def _plural_rule(language: str) -> Callable[[int], int]:
    return c2py(get_plural(language).plural_expr)
