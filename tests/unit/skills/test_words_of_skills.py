"""Whatever a skill or what it stands on may say has words."""

import re
from pathlib import Path

import pytest

from bots.kit.words import load

ROOT = Path(__file__).parents[3]
CODE = re.compile(r"\"((?:catalog|connectors|orchestration|outbound|suggestion)\.[a-z_]+(?:\.[a-z_]+)?)\"")
FILES = [
    *(ROOT / "runners" / "skills").glob("*.py"),
    *(ROOT / "runners" / "models").glob("*.py"),
    *(ROOT / "runners" / "connectors" / "http").glob("*.py"),
    ROOT / "runners" / "templates.py",
    ROOT / "runners" / "outbound_http.py",
]
WORDS = load(strict=True).codes()


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.name)
def test_every_code_has_words(file: Path) -> None:
    assert sorted(code for code in set(CODE.findall(file.read_text())) if code not in WORDS) == []


def test_the_words_of_a_request_have_what_fills_them() -> None:
    say = load(strict=True)
    for code in ("suggestion.why.request", "suggestion.why.request_reason"):
        assert say.codes()[code].gaps <= {"host", "reason"}
