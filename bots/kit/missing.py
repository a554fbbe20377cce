"""What a language still lacks, or has wrong, beside English: `python -m bots.kit.missing [language …]` lists it, and ends with 1 where there is something."""

import re
import sys
from collections.abc import Iterator
from pathlib import Path

from babel.messages.plurals import get_plural
from babel.messages.pofile import read_po

from bots.kit.words import FALLBACK, FOLDER, GAP, Sentence, WordsBroken, load

SHORT, ROOM = 30, 25
"""An English text of at most so many characters without a full stop stands on a button or before a value; a translation has so much more room."""
_ENDS = {".": "sentence", "!": "sentence", "?": "sentence", "…": "sentence", ":": "colon"}
_MARKUP = re.compile(r"[<>*_`\\\n]")
_CLOSING = "”“»\"')"


def lacking(folder: Path = FOLDER, languages: tuple[str, ...] = ()) -> Iterator[str]:
    """`de kit.po: form.save has no words`, a line a problem. Raises WordsBroken for a file that cannot be read."""
    words = load(folder)
    english = words.codes(FALLBACK)
    for language in languages or words.languages:
        yield from (f"{language} {problem}" for problem in _fuzzy(folder / language))
        if language == FALLBACK:
            continue
        theirs, places = words.codes(language), _places(folder)
        yield from (f"{language} {places[code]}: {code} has no words" for code in english if code not in theirs)
        yield from (f"{language}: {code} is not among the English ones" for code in theirs if code not in english)
        yield from (
            f"{language} {places[code]}: {code} {problem}"
            for code, sentence in theirs.items()
            if code in english
            for problem in wrong(language, english[code], sentence)
        )


def wrong(language: str, english: Sentence, theirs: Sentence) -> Iterator[str]:
    """What is wrong with a sentence's translation: gaps, plural forms, length, markup, its end."""
    many = get_plural(language).num_plurals if len(english.forms) > 1 else 1
    if (given := len(theirs.forms)) != many:
        yield f"has {given} forms where the language has {many}"
    wanted, filled = _gaps(*english.forms), _gaps(*theirs.forms)
    if wanted != filled:
        yield f"has the gaps {sorted(filled)} where English has {sorted(wanted)}"
    last, most = _last(english), _last(theirs)
    if _gaps(most) != _gaps(last) and given > 1:
        yield "fills its last form otherwise than English"
    for form in theirs.forms:
        bare, plain = GAP.sub("", form), GAP.sub("", last)
        if form != form.strip() or "  " in form:
            yield f"has spaces too many: {form}"
        if sorted(_MARKUP.findall(bare)) != sorted(_MARKUP.findall(plain)):
            yield f"has other markup than English: {form}"
        if "{" in bare or "}" in bare:
            yield f"has a brace that is no gap: {form}"
        if _end(form) != _end(last):
            yield f"ends otherwise than English: {form}"
        if _end(last) == "label" and len(last) <= SHORT and len(form) > len(last) + ROOM:
            yield f"is too long for a button: {form}"


def _last(sentence: Sentence) -> str:
    return sentence.forms[-1]


def _gaps(*forms: str) -> frozenset[tuple[str, str]]:
    return frozenset(gap for form in forms for gap in GAP.findall(form))


def _end(form: str) -> str:
    stripped = form.rstrip(_CLOSING)
    return _ENDS.get(stripped[-1:], "label") if not stripped.endswith("}") else "label"


def _fuzzy(folder: Path) -> Iterator[str]:
    for file in sorted(folder.glob("*.po")):
        with file.open("rb") as stream:
            yield from (f"{file.name}: {m.id} is only a guess (fuzzy)" for m in read_po(stream) if m.id and m.fuzzy)


def _places(folder: Path) -> dict[str, str]:
    """The file of each code."""
    return {
        code: file.name
        for file in sorted((folder / FALLBACK).glob("*.po"))
        for code in re.findall(r'^msgid "(.+)"$', file.read_text("utf-8"), re.MULTILINE)
    }


def main(languages: list[str]) -> int:
    """Lists what is lacking in these languages (in all of them)."""
    found = [f"there is no folder {FOLDER / language}" for language in languages if not (FOLDER / language).is_dir()]
    try:
        found = found or list(lacking(FOLDER, tuple(languages)))
    except WordsBroken as broken:
        found = [str(broken)]
    sys.stdout.write("\n".join(found or ["nothing is lacking"]) + "\n")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
