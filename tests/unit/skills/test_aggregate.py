"""Several results become one, by rules that say what happens to each."""

from typing import Any

import pytest

from core.kernel.errors import Invalid
from runners.skills.aggregate import Aggregate, Input, Output
from tests.unit.skills.letters import NOW
from tests.unit.skills.mailbox import context


def _run(how: Any, results: list[Any], **more: Any) -> Output:
    return Aggregate().run(context(now=NOW), Input(how=how, results=results, **more))


@pytest.mark.parametrize(
    ("results", "more", "result"),
    [
        (["a", None, "b"], {}, "a\n\nb"),
        (["a", "b"], {"separator": ", "}, "a, b"),
        ([[1, 2], [3], 4], {}, [1, 2, 3, 4]),
        (["a", {"b": 1}], {}, ["a", {"b": 1}]),
        ([None, None], {}, None),
        ([], {}, None),
    ],
)
def test_results_are_put_in_a_row(results: list[Any], more: dict[str, Any], result: Any) -> None:
    assert _run("concat", results, **more).result == result


def test_objects_are_laid_over_each_other() -> None:
    assert _run("merge", [{"a": 1, "b": 1}, None, {"b": 2}]).result == {"a": 1, "b": 2}
    assert _run("merge", [None]).result is None


def test_lists_of_objects_are_joined_by_a_field() -> None:
    mine, theirs = [{"id": 1, "a": "x"}, {"a": "alone"}], [{"id": 2, "a": "y"}, {"id": 1, "b": "z"}]
    joined = _run("merge", [mine, theirs], by="id").result
    assert joined == [{"id": 1, "a": "x", "b": "z"}, {"a": "alone"}, {"id": 2, "a": "y"}]


def test_a_field_joins_by_value_and_not_by_its_place() -> None:
    assert _run("merge", [[{"x": 1}, {"id": 0, "y": 1}]], by="id").result == [{"x": 1}, {"id": 0, "y": 1}]
    assert _run("merge", [[{"x": 1}, {"y": 1}, {"id": None}]], by="id").result == [{"x": 1}, {"y": 1}, {"id": None}]
    assert len(_run("merge", [[{"id": 1}, {"id": "1"}, {"id": True}]], by="id").result) == 3


def test_what_most_say_wins() -> None:
    output = _run("vote", ["yes", "no", None, "yes"])
    assert (output.result, output.tie) == ("yes", False)
    assert [(count.value, count.votes) for count in output.counts] == [("yes", 2), ("no", 1)]


def test_a_tie_goes_to_the_first_and_is_said() -> None:
    output = _run("vote", [{"a": 1, "b": 2}, {"b": 2, "a": 1}, "x", "x"])
    assert (output.result, output.tie) == ({"a": 1, "b": 2}, True)


def test_one_field_can_be_voted_on() -> None:
    assert _run("vote", [{"ok": True, "why": "a"}, {"ok": True, "why": "b"}, {"why": "c"}], by="ok").result is True
    assert _run("vote", []).result is None


@pytest.mark.parametrize(("how", "results"), [("merge", ["text"]), ("merge", [[1]])])
def test_what_cannot_be_merged_is_named(how: str, results: list[Any]) -> None:
    with pytest.raises(Invalid) as caught:
        _run(how, results)
    assert caught.value.data["found"] in ("string", "array")


def test_a_result_that_is_too_large_is_refused() -> None:
    with pytest.raises(Invalid, match="result_too_large"):
        _run("concat", ["x" * 600_000] * 2)
