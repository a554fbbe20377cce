"""Expressions say what they take, and cannot be made to cost more than a moment."""

import subprocess
import sys
import time
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.catalog.expressions import Condition, condition, query, weigh
from core.kernel.errors import Invalid

MAILS = [{"id": f"m{at}", "size": at, "text": "x" * 200, "tags": ["a", "b"]} for at in range(2_000)]


def refused(work: Any) -> tuple[str, Any]:
    """The code and the rule (or why) of what it raises; within a second of work."""
    began = time.thread_time()
    with pytest.raises(Invalid) as caught:
        work()
    assert time.thread_time() - began < 1
    return caught.value.code.removeprefix("catalog.expression_"), caught.value.data.get("rule") or caught.value.data.get("why")  # fmt: skip


@pytest.mark.parametrize(
    ("expression", "names"),
    [
        ("a", {("a",)}),
        ("a.b.c", {("a", "b")}),
        ("a[0].b", {("a",)}),
        ("[a.b, c][]", {("a", "b"), ("c",)}),
        ("join(',', a.b[].c)", {("a", "b")}),
        ("sort_by(a, &x)[0].y", {("a",)}),
        ("{x: a.b, y: c || d}", {("a", "b"), ("c",), ("d",)}),
        ("a[?x == `1`].y", {("a",)}),
        ("@", {("@",)}),
        ("*.a", {("@",)}),
    ],
)
def test_a_query_knows_what_it_takes(expression: str, names: set[tuple[str, ...]]):
    assert query(expression).names == names


def test_a_query_finds_what_is_there_and_null_for_what_is_not():
    scope = {"a": {"b": [{"c": 1}, {"c": 2}]}, "n": None}
    assert query("a.b[].c")(scope) == [1, 2]
    assert query("a.b.c")(scope) is None
    assert query("n.x.y")(scope) is None
    assert query("z")(scope) is None


@pytest.mark.parametrize(
    ("expression", "code", "rule"),
    [
        ("a..b", "broken", None),
        ("[" * 900 + "]" * 900, "broken", None),
        ("a" * 2_001, "too_big", "length"),
        ("|".join(["[@, @]"] * 30), "too_big", "growth"),
        ("|".join(["[@, @][]"] * 30), "too_big", "growth"),
        ("|".join(["map(&[@, @], @)[]"] * 30), "too_big", "growth"),
        ("|".join(["to_string(@)"] * 30), "too_big", "growth"),
        ("!" * 100 + "a", "too_big", "nesting"),
    ],
)
def test_a_query_that_could_explode_is_refused(expression: str, code: str, rule: str | None):
    assert refused(lambda: query(expression)) == (code, rule)


def test_a_query_whose_result_is_too_large_is_refused():
    scope = {"glue": "x" * 1_000_000, "parts": [""] * 100_000, "list": list(range(100_000))}
    assert refused(lambda: query("join(glue, parts)")(scope)) == ("too_big", "result")
    assert refused(lambda: query("[list, list, list, list, list, list]")(scope)) == ("too_big", "result")


def test_a_function_over_the_wrong_type_fails_in_words():
    assert refused(lambda: query("sum(a)")({"a": "x"})) == ("failed", "type")


@pytest.mark.parametrize(
    ("expression", "names"),
    [
        ("a.b.c > 1 && a.b.d < 2", {("a", "b")}),
        ("has(a.b)", {("a", "b")}),
        ("a['b'].c == d", {("a",), ("d",)}),
        ("a.list.exists(x, x.y == b.z)", {("a", "list"), ("b", "z")}),
        ("a.startsWith('b.c') && type(d) == int", {("a",), ("d",)}),
        ("'it\\'s c' + \"x.y\" + r'\\' + a // b.c", {("a",)}),
        ("{'k': a}.k == 1 && true", {("a",)}),
    ],
)
def test_a_condition_knows_what_it_takes(expression: str, names: set[tuple[str, ...]]):
    assert condition(expression).names == names


@pytest.mark.parametrize(
    ("expression", "scope", "holds"),
    [
        ("a.b > 1", {"a": {"b": 2}}, True),
        ("a.b > 1.5 && c in ['x', 'y']", {"a": {"b": 2.0}, "c": "x"}, True),
        ("has(a.b)", {"a": {"c": 1}}, False),
        ("has(a.b)", {"a": {}}, False),
        ("a == null || a.b > 1", {"a": None}, True),
        ("a != null && a.b > 1", {"a": None}, False),
        ("a.b.c == 1 && a.b.d == 2", {"a": {"b": {"c": 1, "d": 2, "e": 3}}}, True),
        ("timestamp(at) < timestamp('2026-12-01T00:00:00Z')", {"at": "2026-11-22T00:00:00Z"}, True),
        ("mails.exists(m, m.size > 1998)", {"mails": MAILS}, True),
        ("mails.exists(m, m.id in wanted.ids)", {"mails": MAILS, "wanted": {"ids": ["m7"]}}, True),
        ("mails.all(m, m.tags.exists(t, t == 'c'))", {"mails": MAILS}, False),
        ("mails.exists(m, m.text.matches('^y'))", {"mails": MAILS}, False),
        ("size(mails) == 2000", {"mails": MAILS}, True),
    ],
)
def test_a_condition_holds_or_not(expression: str, scope: dict[str, Any], holds: bool):
    assert condition(expression).holds(scope) is holds


@pytest.mark.parametrize(
    ("expression", "scope", "why"),
    [
        ("a.b > 1", {"a": {}}, "missing"),
        ("a > 1", {}, "missing"),
        ("unknown(a)", {"a": 1}, "missing"),
        ("a.b > 1", {"a": None}, "type"),
        ("a > 1", {"a": "x"}, "type"),
        ("a[3]", {"a": []}, "type"),
        ("a", {"a": 1}, "type"),
        ("a / 0 == 1", {"a": 1}, "number"),
        ("a + 9223372036854775807 > 0", {"a": 1}, "number"),
    ],
)
def test_a_condition_without_an_answer_fails_in_words(expression: str, scope: dict[str, Any], why: str):
    assert refused(lambda: condition(expression).holds(scope)) == ("failed", why)


def test_a_value_is_json():
    assert condition("[a, timestamp('2026-11-22T08:00:00Z'), duration('90s')]").value({"a": 1}) == [1, "2026-11-22T08:00:00Z", 90.0]  # fmt: skip
    assert condition("a.filter(x, x > 1).map(x, {'n': x})").value({"a": [1, 2]}) == [{"n": 2}]
    assert refused(lambda: condition("1.0 / 0.0").value({})) == ("failed", "number")
    assert refused(lambda: condition("b'abc'").value({})) == ("failed", "type")


@pytest.mark.parametrize(
    ("expression", "code", "rule"),
    [
        ("1 +", "broken", None),
        ("a" * 2_001, "too_big", "length"),
        ("a || " * 390 + "a", "too_big", "length"),
        ("(" * 100 + "a" + ")" * 100, "too_big", "nesting"),
        ("[" * 500, "too_big", "nesting"),
        ("-" * 500 + "1", "too_big", "nesting"),
        ("!" * 500 + "a", "too_big", "nesting"),
        ("true" + " ? true : true" * 100, "too_big", "nesting"),
    ],
)
def test_a_condition_that_could_overflow_is_refused(expression: str, code: str, rule: str | None):
    assert refused(lambda: condition(expression)) == (code, rule)


NUMBERS = list(range(300))


@pytest.mark.parametrize(
    ("expression", "scope"),
    [
        ("a.all(x, a.all(y, a.all(z, x + y + z >= 0)))", {"a": NUMBERS}),
        ("a.map(x, a.map(y, a))", {"a": NUMBERS}),
        ("mails.map(m, mails)", {"mails": MAILS}),
        ("mails.filter(m, true).map(m, m)", {"mails": MAILS}),
        ("[1]" + ".map(x, [x, x])" * 40, {}),
        ("[1]" + ".map(x, [x, x, x, x])" * 8, {}),
        ("".join(f"[{', '.join(map(str, NUMBERS[:60]))}].all({name}, " for name in "abcd") + "d >= 0))))", {}),
        ("[a]" + ".map(x, x + x)" * 30, {"a": "x" * 1_000}),
        (" + ".join(["a"] * 290), {"a": "x" * 1_000_000}),
        ("a.exists(x, x.matches('(a{90}){90}'))", {"a": ["b"] * 400}),
        ("[1,2,3,4,5,6,7,8,9].all(a, [1,2,3,4,5,6,7,8,9].all(b, [1,2,3,4,5,6,7,8,9].all(c, [1,2,3,4,5,6,7,8,9].all(d, a + b + c + d > 0))))", {}),
        ("rows.all(r, r.all(a, r.all(b, r.all(c, a + b + c >= 0))))", {"rows": [NUMBERS]}),
    ],
)  # fmt: skip
def test_a_condition_that_would_take_long_is_refused_before_it_starts(expression: str, scope: dict[str, Any]):
    assert refused(lambda: condition(expression).value(scope)) == ("too_big", "work")


def test_deep_values_do_not_reach_the_library():
    value: Any = 1
    for _ in range(100_000):
        value = [value]
    assert refused(lambda: condition("size(a) > 0").holds({"a": value})) == ("too_big", "nesting")


def test_the_worst_that_passes_fits_a_small_stack():
    script = """
import threading
from core.catalog.expressions import condition
worst = ["(" * 24 + "a" + ")" * 24, "-(" * 12 + "1" + ")" * 12, "!" * 24 + "a", "a" + " || a" * 299, "[" * 24 + "]" * 24,
    "true" + " ? true : true" * 24, "{'a':" * 24 + "1" + "}" * 24, "a" + ".b" * 299, "a" + "[0]" * 190, "l.exists(x, " * 24 + "true" + ")" * 24]
deep = 1
for _ in range(99):
    deep = [deep]
def work():
    for each in worst:
        try:
            condition(each).value({"a": True, "l": [1]})
        except Exception as problem:
            assert hasattr(problem, "code"), (each, problem)
    condition("size(a) > 0").holds({"a": deep})
threading.stack_size(1024 * 1024)
thread = threading.Thread(target=work)
thread.start()
thread.join()
print("whole")
"""
    ran = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=60, check=False)
    assert ran.stdout == "whole\n", ran.stderr


_WORDS = ["a", "b", "x", ".", ".all(x, ", ".map(x, ", ".exists(x,", "(", ")", "[", "]", "{", "}", "+", "-", "!", "?", ":", ",", "'s'", '"', "'", "r'\\'", "1", "2.5", "==", "&&", "||", "in", "has(", "size(", ".matches(", "//", "\n", "é", "\\"]  # fmt: skip


@given(st.lists(st.sampled_from(_WORDS), max_size=40))
@settings(max_examples=400)
def test_no_text_breaks_a_condition_in_other_than_its_own_ways(parts: list[str]):
    with suppress(Invalid):
        Condition("".join(parts)).value({"a": [1, 2, {"b": "c"}], "b": {"x": 1}})


def test_weighing_stops_where_it_is_told_to():
    shared: Any = "x"
    for _ in range(30):
        shared = [shared] * 10
    began = time.thread_time()
    assert weigh(shared, 1_000).values > 1_000
    assert time.thread_time() - began < 1
    counted = weigh({"ab": [1, "xyz", {}], "c": None}, 100)
    assert (counted.values, counted.text, counted.depth, counted.widest) == (6, 6, 3, 3)
