"""The catalogue and the source agree: whatever is said has words, whatever has words is said, and every gap is filled."""

import ast
import re
from collections.abc import Iterator
from datetime import UTC, datetime
from functools import cache
from pathlib import Path

import pytest
import yaml

from bots.kit.place import STYLES, place
from bots.kit.words import GAP, Sentence, Words, WordsBroken, load

ROOT = Path(__file__).parent.parent.parent.parent
ROOMS = ("bots", "core", "runners", "storage")
FAILURES = {
    "Failure", "Invalid", "NotFound", "Forbidden", "Unauthenticated", "Conflict", "LimitReached", "Unavailable",
}  # fmt: skip
CODE = re.compile(r"[a-z][a-z0-9_]*(?:\.[A-Za-z0-9_:-]+)+")
IN_TEMPLATE = re.compile(r"say\(['\"]([a-z_.]+)['\"]")
DYNAMIC_IN_TEMPLATE = re.compile(r"say\(['\"]([a-z_.]+\.)['\"] ~")
NOT_SHOWN = frozenset(("kernel.fault_raised",))
HERE = place("en", "Europe/Berlin", datetime(2026, 11, 22, 12, tzinfo=UTC))


class Source(ast.NodeVisitor):
    """What one file says: `said` (code, gaps it fills or None when they are not known, line), every `mentioned` code, `patterns` of
    codes that are put together."""

    def __init__(self, file: Path) -> None:
        self.file = file
        self.said: list[tuple[str, frozenset[str] | None, int]] = []
        self.mentioned: set[str] = set()
        self.patterns: set[str] = set()
        self.visit(ast.parse(file.read_text("utf-8")))

    def visit_Call(self, node: ast.Call) -> None:
        name = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
        code = node.args[0] if node.args else None
        if name in {"say", *FAILURES} and isinstance(code, ast.Constant) and isinstance(code.value, str):
            names = [keyword.arg for keyword in node.keywords]
            filled = None if None in names or len(node.args) > 1 else frozenset(name for name in names if name)
            self.said.append((code.value, filled, node.lineno))
        if name == "Words":
            for keyword in node.keywords:
                if keyword.arg == "code" and isinstance(keyword.value, ast.Constant):
                    self.said.append((str(keyword.value.value), None, node.lineno))
        if name == "say" and isinstance(code, ast.JoinedStr) and not _pattern(code).strip(".*"):
            raise AssertionError(f"{self.file}:{node.lineno} says what no test can know")
        self.generic_visit(node)

    def visit_Constant(self, node: ast.Constant) -> None:
        if isinstance(node.value, str) and CODE.fullmatch(node.value):
            self.mentioned.add(node.value)

    def visit_JoinedStr(self, node: ast.JoinedStr) -> None:
        pattern = _pattern(node)
        if re.match(r"[a-z_]+\\\.", pattern):
            self.patterns.add(pattern)
        self.generic_visit(node)


def _pattern(node: ast.JoinedStr) -> str:
    parts = (re.escape(str(part.value)) if isinstance(part, ast.Constant) else r"[\w.:-]+" for part in node.values)
    return "".join(parts)


@cache
def sources() -> tuple[Source, ...]:
    files = (file for room in ROOMS for file in sorted((ROOT / room).rglob("*.py")))
    return tuple(Source(file) for file in files)


def said() -> Iterator[tuple[str, frozenset[str] | None, str]]:
    """Every code that somebody says, the gaps they fill, and where."""
    for source in sources():
        for code, filled, line in source.said:
            yield code, filled, f"{source.file.relative_to(ROOT)}:{line}"
    for file in (ROOT / "bots/web/templates").glob("*.html"):
        for code in IN_TEMPLATE.findall(file.read_text("utf-8")):
            if not code.endswith("."):
                yield code, None, str(file.relative_to(ROOT))
    for file in (ROOT / "core/catalog/templates").glob("*/manifest.yaml"):
        manifest = yaml.safe_load(file.read_text("utf-8"))
        for code in (*manifest["does"], *manifest["never"]):
            yield code, frozenset(), str(file.relative_to(ROOT))


@pytest.fixture(scope="module")
def words() -> Words:
    return load(strict=True)


def test_whatever_is_said_has_words(words: Words) -> None:
    silent = sorted(
        {f"{code} ({where})" for code, _, where in said() if code not in words.codes() and code not in NOT_SHOWN}
    )
    assert silent == []


def test_whatever_is_said_fills_every_gap(words: Words) -> None:
    codes = words.codes()
    empty = [
        f"{code} needs {', '.join(missing)} ({where})"
        for code, filled, where in said()
        if code in codes and filled is not None and (missing := sorted(codes[code].gaps - filled - {"n"}))
    ]
    assert empty == []


def test_whatever_has_words_is_said(words: Words) -> None:
    mentioned = {code for source in sources() for code in source.mentioned} | {code for code, _, _ in said()}
    patterns = {pattern for source in sources() for pattern in source.patterns}
    for file in (ROOT / "bots/web/templates").glob("*.html"):
        patterns |= {re.escape(start) + ".+" for start in DYNAMIC_IN_TEMPLATE.findall(file.read_text("utf-8"))}
    for manifest in (*(ROOT / "core").rglob("manifest.yaml"), *(ROOT / "runners").rglob("manifest.yaml")):
        mentioned |= set(re.findall(CODE.pattern, manifest.read_text("utf-8")))
    any_of = re.compile("|".join(sorted(patterns)))

    def is_said(code: str) -> bool:
        """In full, put together, or as a longer form of one that is (`card.done` and the operation; `<error>.todo`)."""
        parts = code.split(".")
        starts = {".".join(parts[:length]) for length in range(2, len(parts) + 1)}
        return bool(starts & mentioned) or any_of.fullmatch(code) is not None

    unsaid = sorted(code for code in words.codes() if not is_said(code))
    assert unsaid == []


def test_no_dialog_writes_a_sentence_of_its_own() -> None:
    sentences = []
    for file in sorted((ROOT / "bots/dialogs").rglob("*.py")):
        for node in ast.walk(ast.parse(file.read_text("utf-8"))):
            if not isinstance(node, ast.Call):
                continue
            for keyword in node.keywords:
                if keyword.arg in ("text", "label", "toast", "submit", "help", "source") and _sentence(keyword.value):
                    sentences.append(f"{file.relative_to(ROOT)}:{node.lineno}")
    assert sentences == []


def _sentence(value: ast.expr) -> bool:
    """Two words in a row, written down or put together, are a sentence."""
    parts = [value.value] if isinstance(value, ast.Constant) else []
    if isinstance(value, ast.JoinedStr):
        parts = [part.value for part in value.values if isinstance(part, ast.Constant)]
    return any(isinstance(part, str) and re.search(r"[^\W\d_]{2,}", part) for part in parts)


def test_every_gap_has_a_style_that_exists(words: Words) -> None:
    for code, sentence in words.codes().items():
        for form in sentence.forms:
            for _, style in GAP.findall(form):
                assert not style or style in STYLES, code
            assert "{" not in GAP.sub("", form), code


def test_a_sentence_is_chosen_by_number_and_filled_with_plain_words() -> None:
    sentences = {
        "mail": Sentence(("One mail from {who}.", "{n} mails from {who}.")),
        "at": Sentence(("At {when:time}.",)),
    }
    say = Words({"en": sentences}, strict=True).in_language(HERE)
    assert say("mail", n=1, who="{n}") == "One mail from {n}."
    assert say("mail", n=1200, who="Mara") == "1,200 mails from Mara."
    assert say("at", when="2026-11-22T12:00:00Z") == "At 13:00."


def test_a_missing_sentence_or_gap_is_a_mistake_that_no_person_suffers() -> None:
    sentences = {"en": {"hello": Sentence(("Hello {who}.",))}}
    for code, data in (("hello", {}), ("nothing", {})):
        with pytest.raises(WordsBroken):
            Words(sentences, strict=True).in_language(HERE)(code, **data)
    assert Words(sentences).in_language(HERE)("hello") == "Hello …."


def test_another_language_falls_back_sentence_by_sentence() -> None:
    both = {"en": {"a": Sentence(("one",)), "b": Sentence(("two",))}, "de": {"a": Sentence(("eins",))}}
    say = Words(both).in_language(place("de-AT", "Europe/Vienna", HERE.now))
    assert (say("a"), say("b"), say.language) == ("eins", "two", "de")


def test_a_broken_catalogue_is_refused(tmp_path: Path) -> None:
    (tmp_path / "en").mkdir()
    for text in ('msgid "a"\nmsgstr ""\n', 'msgid "a"\nmsgstr "x"\n\nmsgid "a"\nmsgstr "y"\n', 'msgid "a\n'):
        (tmp_path / "en" / "x.po").write_text(text)
        with pytest.raises(WordsBroken):
            load(tmp_path)


def test_every_language_that_is_shipped_has_the_same_sentences_in_the_same_tones(words: Words) -> None:
    in_a_tone = {language: {code for code in words.codes(language) if ".tone-" in code} for language in words.languages}
    assert len(in_a_tone["en"]) > 30 and {"de", "es"} <= set(in_a_tone)
    assert all(there == in_a_tone["en"] for there in in_a_tone.values())


def test_a_sentence_in_a_tone_is_one_of_the_same_language_with_the_same_gaps(words: Words) -> None:
    for language in words.languages:
        for code, sentence in words.codes(language).items():
            base, _, tone = code.partition(".tone-")
            if tone:
                assert tone in ("direct", "gentle", "motivational"), code
                assert sentence.forms != words.codes(language)[base].forms, f"{language} {code} says the same"
                longest = max(map(len, words.codes(language)[base].forms))
                assert tone != "direct" or max(map(len, sentence.forms)) <= longest, f"{language} {code} is not short"
                assert base in words.codes("en") and sentence.gaps <= words.codes("en")[base].gaps | {"n"}, code
    both = {
        "en": {"a": Sentence(("gentle",)), "a.tone-direct": Sentence(("short",))},
        "de": {"a": Sentence(("sanft",))},
    }
    say = Words(both)
    assert say.in_language(HERE, "direct")("a") == "short" and say.in_language(HERE, "gentle")("a") == "gentle"
    assert say.in_language(place("de", "UTC", HERE.now), "direct")("a") == "sanft", (
        "never in another language for the tone"
    )


def test_commands_in_a_sentence_are_written_as_they_are_typed_where_it_is_read(words: Words) -> None:
    assert "/workspace brings" in words.in_language(HERE)("workspace.speaks.means")
    in_slack = words.in_language(HERE, typed="/nod ")
    assert "/nod workspace brings" in in_slack("workspace.speaks.means")
    assert in_slack("slack.room.not_connected").count("/nod connect") == 1 and "/nod nod" not in in_slack(
        "slack.room.how"
    )
    made = Words({"en": {"command.stop": Sentence(("Stop",)), "a": Sentence(("/stop, /stopped, a/stop and {x}",))}})
    assert made.in_language(HERE, typed="/nod ")("a", x="/stop") == "/nod stop, /stopped, a/stop and /stop"
