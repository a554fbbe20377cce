"""A person who speaks German or Spanish meets no English on any screen that can be reached by commands and buttons."""

import re
from collections.abc import Callable
from functools import cache

import pytest

from bots.kit.dialog import commands
from bots.kit.words import GAP, load
from tests.bots.dialogs import stage
from tests.bots.dialogs.person import Person, words_of

TAPS = 120
FORMATS = {
    "de": ("Mo.", "Di.", "Mi.", "Do.", "Fr.", "Sa.", "So."),
    "es": ("lun", "mar", "mié", "jue", "vie", "sáb", "dom"),
}


@cache
def english(language: str) -> frozenset[str]:
    """Sentences of English without gaps, of two words at least, that the language says otherwise."""
    words = load(strict=True)
    theirs = words.codes(language)
    return frozenset(
        form
        for code, sentence in words.codes().items()
        for form in sentence.forms
        if " " in form.strip() and not GAP.search(form) and code in theirs and form not in theirs[code].forms
    )


def left_in_english(person: Person, language: str) -> set[str]:
    said = {
        line
        for screen in person.screens.values()
        for line in (
            *words_of(screen).split("\n"),
            *(button.label for row in screen.buttons for button in row),
            *((text for field in screen.form.fields for text in (field.label, field.help)) if screen.form else ()),
        )
    }
    pieces = said | {piece for line in said for piece in re.split(r"(?<=[.?!:]) ", line)} | {person.toast}
    return pieces & english(language)


@pytest.mark.parametrize("language", ["de", "es"])
def test_no_screen_is_left_in_english(arrives: Callable[..., Person], language: str) -> None:
    person = arrives("Europe/Berlin")
    person.extra = {"timezone": "Europe/Berlin", "language": f"{language}-{language.upper()}"}
    person.says("/start")
    person.taps("Ja" if language == "de" else "Sí")
    assert left_in_english(person, language) == set()
    stage.suggests(person, stage.mail(), stage.event(), stage.task())
    person.looks()
    assert any(day in person.last for day in FORMATS[language])

    seen: set[str] = set()
    # Other tests of this process may have commands of their own.
    for name in sorted(name for name, said in commands.items() if said.__module__.startswith("bots.")):
        person.says(f"/{name}")
        assert left_in_english(person, language) == set(), name
    for _ in range(TAPS):
        waiting = (
            (place, button)
            for place, screen in reversed(person.screens.items())
            for row in screen.buttons
            for button in row
            if button.url is None and _kind(button) not in seen and not button.action.startswith("leave.")
        )
        place, button = next(waiting, (None, None))
        if button is None:
            break
        seen.add(_kind(button))
        person.presses(button, place)
        assert left_in_english(person, language) == set(), (button.label, button.action)
        assert "error.unexpected" not in (person.answer.code or ""), (button.label, person.toast)
    assert len(seen) > 60


def _kind(button: object) -> str:
    """Buttons of one kind do the same to different things."""
    action, args = getattr(button, "action", ""), getattr(button, "args", ())
    return " ".join((action, *(arg for arg in args if not re.search(r"[0-9a-f]{8}|^\d+$", arg))))
