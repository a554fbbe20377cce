"""Every sentence that the dialogs say exists, and is given what its gaps need."""

import ast
import re
from pathlib import Path

import bots.dialogs
from bots.kit.dialog import commands
from bots.kit.words import load

FOLDER = Path(bots.dialogs.__file__).parent
WORDS = load(strict=True).codes()


def said() -> list[tuple[str, str, set[str] | None]]:
    """(where, message id, names that are given; None when they cannot be read off the code)."""
    found = []
    for file in sorted(FOLDER.rglob("*.py")):
        for node in ast.walk(ast.parse(file.read_text("utf-8"))):
            if not isinstance(node, ast.Call):
                continue
            name = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
            place = {"say": 0, "did": 1, "_button": 1}.get(name)
            if place is None or len(node.args) <= place:
                continue
            given = None if any(k.arg is None for k in node.keywords) else {k.arg for k in node.keywords if k.arg}
            for code in _codes(node.args[place]):
                found.append((f"{file.name}:{node.lineno}", code + (".other" if name == "did" else ""), given))
    return found


def _codes(node: ast.expr) -> list[str]:
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return [node.value]
    if isinstance(node, ast.IfExp):
        return _codes(node.body) + _codes(node.orelse)
    return []


def test_every_sentence_that_is_said_exists_with_its_gaps_filled() -> None:
    wrong = []
    for where, code, given in said():
        if code not in WORDS:
            wrong.append(f"{where}: no words for {code}")
        elif given is not None and not WORDS[code].gaps <= given | {"n"}:
            wrong.append(f"{where}: {code} needs {sorted(WORDS[code].gaps - given)}")
        elif given is not None and ("n" in WORDS[code].gaps or len(WORDS[code].forms) > 1) and "n" not in given:
            wrong.append(f"{where}: {code} needs n")
    assert not wrong
    assert len(said()) > 250


def test_no_dialog_has_a_sentence_of_its_own() -> None:
    """Text that is shown comes from the catalogue: nothing with a space in it is given to a block or a button as it stands."""
    wrong = []
    for file in sorted(FOLDER.rglob("*.py")):
        for node in ast.walk(ast.parse(file.read_text("utf-8"))):
            if isinstance(node, ast.Call):
                for keyword in node.keywords:
                    if keyword.arg in ("text", "label", "source", "submit") and isinstance(keyword.value, ast.Constant):
                        wrong.append(f"{file.name}:{node.lineno}: {keyword.value.value!r}")
    assert not wrong


def test_every_error_code_has_words() -> None:
    """Codes of the contexts and the connectors; those of a broken graph are read by whoever wrote it."""
    root = FOLDER.parent.parent
    contexts = "approvals|catalog|connectors|identity|kernel|orchestration|preferences|privacy|workflows"
    raised = re.compile(
        rf"""(?:Invalid|NotFound|Forbidden|Conflict|Unavailable|Unauthenticated|EffectFailed|EffectUnknown)\(\s*"((?:{contexts})\.[a-z_]+)\""""
    )
    codes: set[str] = set()
    for folder in ("core", "runners", "storage"):
        for file in (root / folder).rglob("*.py"):
            codes.update(raised.findall(file.read_text("utf-8")))
    for file in (root / "runners" / "connectors").rglob("*.py"):
        codes.update(re.findall(r'"(connectors\.[a-z_]+)"', file.read_text("utf-8")))
    assert len(codes) > 80
    assert (
        sorted(
            c for c in codes if c not in WORDS and not c.startswith("catalog.graph_") and c != "kernel.database_missing"
        )
        == []
    )


def test_every_command_has_words() -> None:
    assert (
        sorted(name for name in commands if f"command.{name}" not in WORDS or f"command.{name}.does" not in WORDS) == []
    )
