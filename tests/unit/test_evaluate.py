"""A graph is run node after node; a finished step is never run again."""


import pytest

from core.kernel.errors import Invalid, NotFound, Unavailable
from core.orchestration.ports import Usage
from runners.engine.evaluate import Cancelled
from tests.unit.played import Kept, graph_of, played
from tests.unit.played import context as made

ADD = {"id": "add", "skill": "test.add", "inputs": {"first": {"$": "params.start"}, "values": [1, 2]}}
EACH = {"id": "each", "skill": "test.add", "for_each": "params.numbers", "inputs": {"first": {"$": "item"}}}


def test_references_see_params_run_and_the_outputs_of_earlier_nodes():
    last = {"id": "last", "skill": "test.add", "inputs": {"first": {"$": "add.total"}}}
    out = played(graph_of(last, ADD, total={"$": "last.total"}, of=[{"$": "run.id"}]), Kept(), {"start": 4})
    assert out == {"total": 7, "of": ["r1"]}


def test_for_each_runs_once_an_entry_and_its_outputs_are_a_list():
    steps = Kept()
    out = played(graph_of(EACH, all={"$": "each[].total"}), steps, {"numbers": [5, 6]})
    assert out == {"all": [5, 6]}
    assert [(entry[1], entry[2]) for entry in steps.log if entry[0] == "begin"] == [("each", 0), ("each", 1)]


def test_for_each_stops_at_its_limit():
    out = played(graph_of(EACH | {"limit": 2}, all={"$": "each[].total"}), Kept(), {"numbers": [5, 6, 7]})
    assert out == {"all": [5, 6]}


def test_for_each_over_something_else_is_refused():
    with pytest.raises(Invalid, match="step_not_a_list"):
        played(graph_of(EACH), Kept(), {"numbers": 5})


def test_a_finished_step_is_not_run_again():
    steps = Kept({("each", 0): {"total": 1000}})
    out = played(graph_of(EACH, all={"$": "each[].total"}), steps, {"numbers": [13, 6]})
    assert out == {"all": [1000, 6]}
    assert [entry[:3] for entry in steps.log if entry[0] != "begin"] == [("finish", "each", 1)]


def test_a_missing_reference_leaves_the_default():
    assert played(graph_of(ADD, total={"$": "add.total"}), Kept()) == {"total": 3}


def test_a_failing_step_is_recorded_with_its_usage_and_ends_theplayed():
    steps, context = Kept(), made()
    with pytest.raises(Unavailable):
        played(graph_of(EACH), steps, {"numbers": [1, 13, 2]}, context=context)
    assert steps.log[-1] == (
        "fail",
        "each",
        1,
        "orchestration.model_failed",
        {"why": "unlucky"},
        [Usage(tokens_prompt=1)],
    )
    assert len(context.usage) == 2


def test_a_broken_skill_is_recorded_without_its_words():
    steps = Kept()
    with pytest.raises(RuntimeError):
        played(graph_of(ADD), steps, {"start": 99})
    assert steps.log[-1][3:5] == ("orchestration.step_broken", {"error": "RuntimeError"})


def test_inputs_that_do_not_fit_name_the_field_and_not_the_value():
    steps = Kept()
    with pytest.raises(Invalid) as caught:
        played(graph_of(ADD), steps, {"start": "a private text"})
    assert caught.value.code == "orchestration.step_input_wrong"
    assert caught.value.data == {"node": "add", "fields": ["first: int_parsing"]}
    assert steps.log[-1][:4] == ("fail", "add", 0, "orchestration.step_input_wrong")


def test_only_the_declared_output_passes():
    with pytest.raises(Invalid, match="step_output_wrong"):
        played(graph_of(ADD | {"skill": "test.liar"}), Kept(), {"start": 1})


def test_a_cancelled_run_stops_before_the_next_step():
    steps = Kept()
    answers = iter([False, True])
    with pytest.raises(Cancelled):
        played(graph_of(EACH), steps, {"numbers": [1, 2]}, cancelled=lambda: next(answers))
    assert [entry[:3] for entry in steps.log] == [("begin", "each", 0), ("finish", "each", 0)]


def test_an_unknown_skill_is_named():
    with pytest.raises(NotFound) as caught:
        played(graph_of(ADD | {"skill": "test.nothing"}), Kept())
    assert caught.value.data == {"skill": "test.nothing"}


def test_a_reference_may_join_the_outputs_of_two_nodes():
    graph = graph_of(ADD, EACH, all={"$": "[each[].total, [add.total]][]"})
    assert played(graph, Kept(), {"start": 1, "numbers": [7]}) == {"all": [7, 4]}


@pytest.mark.parametrize(
    ("expression", "code"),
    [
        ("nobody.total", "dangling"),
        ("[add, nobody[].x]", "dangling"),
        ("join(',', nobody)", "dangling"),
        ("add..x", "broken"),
    ],
)
def test_a_reference_to_nothing_is_refused_before_anything_runs(expression: str, code: str):
    with pytest.raises(Invalid) as caught:
        graph_of(ADD, all={"$": expression}).ordered()
    assert caught.value.code == f"catalog.graph_reference_{code}"
