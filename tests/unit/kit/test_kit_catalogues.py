"""Every language says all that English says, with the same gaps, its own plurals, and labels that fit where they stand."""

import ast
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import yaml

from bots.kit import missing
from bots.kit.place import language_name, place
from bots.kit.spoken import in_english
from bots.kit.words import FALLBACK, FOLDER, GAP, Words, load, phrases

ROOT = Path(__file__).parent.parent.parent.parent
LANGUAGES = tuple(sorted(path.name for path in FOLDER.iterdir() if path.is_dir() and path.name != FALLBACK))
FOLDERS = tuple(
    file.parent for kinds in ("core/catalog/templates", "runners/connectors") for file in sorted((ROOT / kinds).glob("*/manifest.yaml"))
)  # fmt: skip
BUTTON, SUBMIT, MENU, HELP = 75, 24, 256, 2000
"""Characters: a button of Slack, the submit button of its modals, a command in Telegram's menu; a question's hint."""
NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)


@pytest.fixture(scope="module")
def words() -> Words:
    return load(strict=True)


def test_german_and_spanish_are_there() -> None:
    assert {"de", "es"} <= set(LANGUAGES)


@pytest.mark.parametrize("language", LANGUAGES)
def test_nothing_is_lacking_beside_english(language: str) -> None:
    """What to do: `python -m bots.kit.missing` lists it; docs/languages.md says how."""
    assert list(missing.lacking(FOLDER, (language,))) == []


def said_as(keyword: str) -> Iterator[str]:
    """The codes that are said as a button's label, a form's submit …"""
    for file in sorted((ROOT / "bots").rglob("*.py")):
        for node in ast.walk(ast.parse(file.read_text("utf-8"))):
            if isinstance(node, ast.keyword) and node.arg == keyword and isinstance(node.value, ast.Call):
                name = (
                    node.value.func.attr
                    if isinstance(node.value.func, ast.Attribute)
                    else getattr(node.value.func, "id", "")
                )
                code = node.value.args[0] if node.value.args else None
                if name == "say" and isinstance(code, ast.Constant):
                    yield str(code.value)


@pytest.mark.parametrize("language", [FALLBACK, *LANGUAGES])
def test_labels_fit_where_they_stand(language: str, words: Words) -> None:
    limits = [(code, BUTTON) for code in said_as("label")] + [(code, SUBMIT) for code in said_as("submit")]
    limits += [(code, MENU) for code in words.codes() if code.startswith("command.") and code.endswith(".does")]
    long = [
        f"{code}: {form}"
        for code, limit in limits
        for form in words.codes(language).get(code, words.codes()[code]).forms
        if len(GAP.sub("", form)) > limit
    ]
    assert long == []


def own_words(manifest: Any) -> Iterator[str]:
    """All that a person reads of a manifest."""
    if isinstance(manifest, dict):
        yield from (manifest[name] for name in ("title", "description") if isinstance(manifest.get(name), str))
        for inner in manifest.values():
            yield from own_words(inner)
    elif isinstance(manifest, list):
        for inner in manifest:
            yield from own_words(inner)


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("folder", FOLDERS, ids=lambda folder: folder.name)
def test_a_folder_brings_its_own_words_in_every_language(folder: Path, language: str) -> None:
    manifest = yaml.safe_load((folder / "manifest.yaml").read_text("utf-8"))
    read = {manifest["name"], manifest["description"]}
    read |= {node["id"].replace("_", " ") for node in manifest.get("graph", {}).get("nodes", ())}
    read |= {text for part in ("settings", "config", "operations") for text in own_words(manifest.get(part))}
    theirs = phrases(folder / "texts", language)
    assert sorted(read - set(theirs)) == []
    assert sorted(set(theirs) - read - {"none"}) == []


def test_a_language_is_a_folder(tmp_path: Path) -> None:
    """As docs/languages.md shows it: Dutch, begun with two files, speaks at once, says the rest in English, and what it lacks is listed."""
    (tmp_path / "en").symlink_to(FOLDER / "en")
    dutch = tmp_path / "nl"
    dutch.mkdir()
    (dutch / "start.po").write_text(
        'msgid "card.approve"\nmsgstr "Goedkeuren"\n\nmsgid "kind.reply"\nmsgid_plural "kind.reply"\n'
        'msgstr[0] "{n} antwoord"\nmsgstr[1] "{n} antwoorden"\n\nmsgid "settings.timezone.is"\nmsgstr "{zone}, nu"\n'
    )
    spoken = load(tmp_path)
    assert spoken.languages == ("en", "nl") and language_name("nl") == "Nederlands"
    say = spoken.in_language(place("nl-BE", "Europe/Brussels", NOW))
    assert (say("card.approve"), say("kind.reply", n=2), say("card.edit")) == ("Goedkeuren", "2 antwoorden", "Edit")
    lacking = list(missing.lacking(tmp_path, ("nl",)))
    assert "nl card.po: card.edit has no words" in lacking
    assert any("settings.timezone.is has the gaps [('zone', '')]" in line for line in lacking)
    assert len(lacking) == len(spoken.codes()) - 3 + 1


def test_what_is_wrong_with_a_translation_is_said() -> None:
    english = load().codes()
    wrong = {
        "card.approve": "Freigeben, wenn du wirklich ganz sicher bist",
        "form.save": "Speichern:",
        "settings.saved": "<b>Gespeichert</b>.",
        "settings.quiet.is": "{start} bis zum Ende",
        "web.send": " Senden",
    }
    for code, form in wrong.items():
        found = list(missing.wrong("de", english[code], type(english[code])((form,))))
        assert len(found) == 1, (code, found)
    assert list(missing.wrong("de", english["kind.reply"], type(english["form.save"])(("{n} Antworten",)))) == [
        "has 1 forms where the language has 2"
    ]


def test_formats_are_those_of_the_language_that_is_spoken(words: Words) -> None:
    assert [words.spoken(tag) for tag in ("de-AT", "es-MX", "en-US", "fr-FR", "xx")] == [
        "de-AT",
        "es-MX",
        "en-US",
        "en",
        "en",
    ]
    at = {"at": datetime(2026, 12, 24, 17, tzinfo=UTC)}
    arabic = words.in_language(place("ar", "Europe/Berlin", NOW))
    assert (arabic.place.language, arabic("card.to")) == ("en", "To")
    shown = {
        tag: words.in_language(place(tag, "Europe/Berlin", NOW))("card.done.mail.send", **at)
        for tag in ("de", "es", "en")
    }
    assert shown == {
        "de": "Gesendet: Do., 24. Dez., 18:00.",
        "es": "Enviado: jue, 24 dic, 18:00.",
        "en": "Sent Thu 24 Dec, 18:00.",
    }


def test_a_language_without_spoken_times_understands_english_only() -> None:
    assert in_english("nl", "elke dag om 8", "schedule") is None
    assert in_english("../en", "x", "moment") is None
