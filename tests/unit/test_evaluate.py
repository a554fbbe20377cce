"""A graph is run node after node; a finished step is never run again."""

import threading
import time
from typing import Any

import pytest
from pydantic import BaseModel

from core.kernel.errors import Conflict, Failure, Invalid, NotFound, Unavailable
from core.orchestration.ports import SkillContext, Usage
from runners.engine.evaluate import Cancelled, Waiting, evaluate
from runners.engine.plan import Plan
from tests.unit.played import Add, Kept, Numbers, Sum, finder, graph_of, played
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


def test_a_failing_step_is_recorded_with_its_usage_and_ends_the_run():
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


def test_after_a_failure_nothing_new_starts():
    steps = Kept()
    with pytest.raises(Unavailable):
        played(graph_of(ADD, ADD | {"id": "other"}), steps, {"start": 13})
    assert steps.names("begin") == ["add"]


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


def test_a_step_whose_condition_is_false_is_skipped_and_others_see_null():
    steps = Kept()
    quiet = ADD | {"id": "quiet", "when": "params.start > 10"}
    after = {"id": "after", "skill": "test.add", "inputs": {"first": {"$": "quiet.total"}, "values": [5]}}
    out = played(graph_of(quiet, after, quiet={"$": "quiet"}, after={"$": "after.total"}), steps, {"start": 4})
    assert out == {"quiet": None, "after": 5}
    assert steps.names("skip") == ["quiet"]
    assert steps.names("begin") == ["after"]


def test_a_condition_on_the_entry_is_asked_for_each():
    steps = Kept()
    graph = graph_of(EACH | {"when": "item != 6 && index < 3"}, all={"$": "each"})
    out = played(graph, steps, {"numbers": [5, 6, 7, 8]})
    assert out == {"all": [{"total": 5}, None, {"total": 7}, None]}
    assert steps.names("skip") == [("each", 1), ("each", 3)]


def test_a_condition_on_the_index_is_asked_for_each():
    out = played(graph_of(EACH | {"when": "index > 0"}, all={"$": "each"}), Kept(), {"numbers": [5, 6]})
    assert out == {"all": [None, {"total": 6}]}


def test_a_condition_on_anything_else_is_asked_once():
    steps = Kept()
    graph = graph_of(EACH | {"when": "has(params.go)"}, all={"$": "each"})
    assert played(graph, steps, {"numbers": [5, 6]}) == {"all": None}
    assert steps.names("skip") == ["each"]


def test_a_condition_that_cannot_be_decided_fails_its_step():
    steps = Kept()
    with pytest.raises(Invalid) as caught:
        played(graph_of(ADD | {"when": "params.nothing > 3"}), steps, {"start": 1})
    assert caught.value.code == "orchestration.condition_failed"
    assert caught.value.data == {"node": "add", "expression": "params.nothing > 3", "why": "missing"}
    assert steps.names("fail") == ["add"]


def test_a_function_over_the_wrong_type_fails_its_step():
    with pytest.raises(Invalid) as caught:
        played(graph_of(ADD | {"inputs": {"first": {"$": "sum(params.start)"}}}), Kept(), {"start": "x"})
    assert (caught.value.code, caught.value.data["node"]) == ("orchestration.reference_failed", "add")


def test_a_list_of_nothing_and_no_list_at_all_run_nothing():
    for params in ({"numbers": []}, {}):
        assert played(graph_of(EACH, all={"$": "each"}), Kept(), params) == {"all": []}


def test_a_step_comes_after_what_it_takes_nothing_from():
    steps = Kept()
    first = ADD | {"id": "first", "after": ["second"]}
    played(graph_of(first, ADD | {"id": "second"}), steps, {"start": 1})
    assert steps.names("begin") == ["second", "first"]


def test_an_error_can_be_gone_on_without_and_read():
    steps = Kept()
    broken = ADD | {"on_error": "continue"}
    later = {"id": "later", "skill": "test.add", "inputs": {"first": {"$": "add.total"}, "values": [2]}}
    graph = graph_of(broken, later, total={"$": "later.total"}, why={"$": "errors.add"}, all={"$": "errors"})
    out = played(graph, steps, {"start": 13})
    error = {"code": "orchestration.model_failed", "data": {"why": "unlucky"}}
    assert out == {"total": 2, "why": error, "all": {"add": error}}


def test_whoever_reads_an_error_waits_for_its_step():
    reader = {"id": "a_reader", "skill": "test.add", "when": "has(errors.add.code)", "inputs": {"first": 1}}
    steps = Kept()
    played(graph_of(reader, ADD | {"on_error": "continue"}), steps, {"start": 13})
    assert steps.names("begin") == ["add", "a_reader"]


def test_something_else_can_stand_for_what_failed():
    graph = graph_of(ADD | {"on_error": {"use": {"total": -1}}}, total={"$": "add.total"})
    for start in (13, 99, "nonsense"):
        assert played(graph, Kept(), {"start": start}) == {"total": -1}


def test_entries_that_fail_leave_the_others_alone():
    graph = graph_of(EACH | {"on_error": "continue"}, all={"$": "each[*].total"}, errors={"$": "errors.each[].index"})
    assert played(graph, Kept(), {"numbers": [1, 13, 2]}) == {"all": [1, 2], "errors": [1]}


class Flaky(Add):
    """Fails as often as it was told."""

    name = "test.flaky"

    def __init__(self, times: int, problem: Exception | None = None) -> None:
        self.left, self.seen = times, []
        self.problem = problem or Unavailable("orchestration.model_failed", why="unlucky")

    def run(self, context: SkillContext, inputs: Numbers) -> Sum:
        self.seen.append(context.attempt)
        if self.left:
            self.left -= 1
            raise self.problem
        return Sum(total=inputs.first)


def _flaky(**more: Any) -> dict[str, Any]:
    return {"id": "flaky", "skill": "test.flaky", "inputs": {"first": 3}, **more}


def test_a_failing_step_is_tried_again():
    skill, steps = Flaky(2), Kept()
    graph = graph_of(_flaky(retry={"attempts": 3, "pause_seconds": 0.01}), total={"$": "flaky.total"})
    assert played(graph, steps, None, skill) == {"total": 3}
    assert skill.seen == [1, 2, 3]
    assert [entry[0] for entry in steps.log] == ["begin", "fail", "begin", "fail", "begin", "finish"]


def test_attempts_come_to_an_end_and_then_on_error_holds():
    skill = Flaky(9)
    graph = graph_of(_flaky(retry={"attempts": 2, "pause_seconds": 0}, on_error="continue"), it={"$": "flaky"})
    assert played(graph, Kept(), None, skill) == {"it": None}
    assert skill.seen == [1, 2]


@pytest.mark.parametrize(
    ("problem", "retry", "tried"),
    [
        (Invalid("orchestration.step_input_wrong"), {}, 1),
        (Invalid("some.code"), {"on": ["some.code"]}, 3),
        (Unavailable("some.code"), {"on": ["other.code"]}, 1),
        (RuntimeError("x"), {}, 1),
        (RuntimeError("x"), {"on": ["orchestration.step_broken"]}, 3),
    ],
)
def test_only_what_may_pass_is_tried_again(problem: Exception, retry: dict[str, Any], tried: int):
    skill = Flaky(9, problem)
    with pytest.raises(type(problem)):
        played(graph_of(_flaky(retry={"pause_seconds": 0, **retry})), Kept(), None, skill)
    assert len(skill.seen) == tried


def test_a_long_pause_holds_no_worker():
    skill, steps = Flaky(1), Kept()
    graph = graph_of(_flaky(retry={"pause_seconds": 60}), total={"$": "flaky.total"})
    with pytest.raises(Waiting) as caught:
        played(graph, steps, None, skill)
    assert [(node, index, waits.kind) for node, index, waits in caught.value.steps] == [("flaky", 0, "time")]
    assert caught.value.until is not None
    with pytest.raises(Waiting):
        played(graph, steps, None, skill)
    steps.time_is_over("flaky")
    assert played(graph, steps, None, skill) == {"total": 3}
    assert skill.seen == [1, 2]


def test_a_failure_after_which_the_worker_died_is_tried_again_without_losing_count():
    skill, steps = Flaky(1), Kept()
    graph = graph_of(_flaky(retry={"attempts": 2, "pause_seconds": 0}), total={"$": "flaky.total"})
    steps.tried["flaky", 0], steps.failed["flaky", 0] = 1, (1, Failure("orchestration.model_failed"))
    with pytest.raises(Unavailable):
        played(graph, steps, None, skill)
    assert skill.seen == [2]


def test_what_was_gone_on_without_is_not_tried_again_when_the_run_is_resumed():
    skill, steps = Flaky(9, Conflict("some.code")), Kept()
    graph = graph_of(_flaky(retry={"attempts": 3, "pause_seconds": 0}, on_error="continue"), why={"$": "errors.flaky"})
    first = played(graph, steps, None, skill)
    assert played(graph, steps, None, skill) == first == {"why": {"code": "some.code", "data": {}}}
    assert skill.seen == [1]


def test_a_pause_ends_when_the_run_is_cancelled():
    asked = threading.Event()
    skill = Flaky(1)
    began = time.monotonic()
    threading.Timer(0.1, asked.set).start()
    with pytest.raises(Cancelled):
        played(graph_of(_flaky(retry={"pause_seconds": 2})), Kept(), None, skill, cancelled=asked.is_set)
    assert time.monotonic() - began < 1
    assert skill.seen == [1]


class Late(Add):
    name = "test.late"

    def run(self, context: SkillContext, inputs: Numbers) -> Sum:
        while time.monotonic() <= (context.deadline or 0):
            pass
        return Sum(total=1)


def test_a_step_that_takes_too_long_fails():
    steps = Kept()
    with pytest.raises(Unavailable) as caught:
        played(graph_of({"id": "late", "skill": "test.late", "timeout": 0.01}), steps, None, Late())
    assert caught.value.code == "orchestration.step_timeout"
    assert caught.value.data == {"node": "late", "seconds": 0.01}
    assert steps.names("fail") == ["late"]


def test_a_step_knows_which_one_it_is():
    seen = []

    class Looks(Add):
        name = "test.looks"

        def run(self, context: SkillContext, inputs: Numbers) -> Sum:
            seen.append((context.node, context.index, context.attempt, context.deadline is not None))
            return Sum(total=0)

    given = made()
    played(graph_of(EACH | {"skill": "test.looks"}), Kept(), {"numbers": [1, 2]}, Looks(), context=given)
    assert seen == [("each", 0, 1, True), ("each", 1, 1, True)]
    assert (given.node, given.deadline) == ("", None)


def test_nothing_that_a_skill_changes_reaches_the_next_run():
    class Spoils(Loose):
        name = "test.spoils"

        def run(self, context: SkillContext, inputs: Anything) -> Anything:
            inputs.value["list"].append(1)
            return Anything(value=len(inputs.value["list"]))

    plan = Plan(graph_of({"id": "a", "skill": "test.spoils", "inputs": {"value": {"list": [0]}}}, n={"$": "a.value"}), finder(Spoils()))  # fmt: skip
    for _ in range(2):
        assert evaluate(plan, run={}, params={}, context=made(), steps=Kept()) == {"n": 2}


class Anything(BaseModel):
    value: Any = None


class Loose:
    name = "test.loose"
    Input = Anything
    Output = Anything

    def run(self, context: SkillContext, inputs: Anything) -> Anything:
        return Anything(value=inputs.value)


def test_a_chain_of_quick_steps_makes_no_thread():
    before = threading.active_count()
    names = []

    class Names(Add):
        name = "test.names"

        def run(self, context: SkillContext, inputs: Numbers) -> Sum:
            names.append(threading.get_ident())
            assert threading.active_count() == before
            return Sum(total=0)

    played(graph_of(*({"id": f"n{at}", "skill": "test.names"} for at in range(5))), Kept(), None, Names())
    assert set(names) == {threading.get_ident()}


def test_no_op_gives_back_its_value():
    value = {"a": [1, None, {"b": "c"}]}
    graph = graph_of({"id": "n", "skill": "noop", "inputs": {"value": value}}, value={"$": "n.value"})
    assert evaluate(graph, run={}, params={}, context=made(), steps=Kept()) == {"value": value}
