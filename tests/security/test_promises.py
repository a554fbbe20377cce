"""The page of promises names tests that exist, for every promise, or says what is missing."""

import ast
import re
from functools import cache

from tests.servers import ROOT

ROW = re.compile(r"^\| (\d+) \| (.+?) \| (.*?) \| (.*?) ?\|$", re.MULTILINE)
NAMED = re.compile(r"`([\w/]+\.py)::(\w+)`")
PAGE = (ROOT / "docs" / "promises.md").read_text("utf-8")


@cache
def _tests_of(file: str) -> set[str]:
    tree = ast.parse((ROOT / "tests" / file).read_text("utf-8"))
    return {node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef) and node.name.startswith("test_")}


def test_every_promise_stands_there_once_and_is_shown_or_says_what_is_missing() -> None:
    rows = ROW.findall(PAGE)
    assert [int(number) for number, *_ in rows] == list(range(1, 37))
    for number, _, shown, missing in rows:
        assert NAMED.search(shown) or missing.strip(), f"promise {number} is shown by nothing and does not say so"


def test_every_test_that_is_named_exists() -> None:
    gone = [f"{file}::{name}" for file, name in NAMED.findall(PAGE) if name not in _tests_of(file)]
    assert gone == []
