"""A graph is run node after node; a finished step is never run again."""

from datetime import UTC, datetime
from typing import Any, ClassVar
from uuid import UUID
from zoneinfo import ZoneInfo

import pytest
from pydantic import BaseModel

from core.catalog.graph import Graph
from core.kernel.errors import Invalid, NotFound, Unavailable
from core.orchestration.ports import SkillContext, Usage
from runners.engine.evaluate import Cancelled, evaluate


class Kept:
    """Steps in a dict; `log` tells what was called."""

    def __init__(self, done: dict[tuple[str, int], Any] | None = None) -> None:
        self.done = done or {}
        self.log: list[tuple[Any, ...]] = []

    def begin(self, node: str, index: int, skill: str, inputs: Any) -> Any:
        self.log.append(("begin", node, index, skill, inputs))
        return self.done.get((node, index))

    def finish(self, node: str, index: int, outputs: Any, usage: Any) -> None:
        self.log.append(("finish", node, index, outputs, list(usage)))
        self.done[node, index] = outputs

    def fail(self, node: str, index: int, code: str, data: Any, usage: Any) -> None:
        self.log.append(("fail", node, index, code, data, list(usage)))


class Numbers(BaseModel):
    first: int = 0
    values: list[int] = []


class Sum(BaseModel):
    total: int


class Add:
    name: ClassVar[str] = "test.add"
    Input = Numbers
    Output = Sum

    def run(self, context: SkillContext, inputs: Numbers) -> Sum:
        context.usage.append(Usage(tokens_prompt=1))
        if inputs.first == 13:
            raise Unavailable("orchestration.model_failed", why="unlucky")
        if inputs.first == 99:
            raise RuntimeError("a private text")
        return Sum(total=inputs.first + sum(inputs.values))


class Liar(Add):
    name: ClassVar[str] = "test.liar"

    def run(self, context: SkillContext, inputs: Numbers) -> Any:
        return inputs


def _skill(name: str) -> Any:
    try:
        return {"test.add": Add, "test.liar": Liar}[name]()
    except KeyError:
        raise NotFound("orchestration.skill_unknown", skill=name) from None


def _context() -> SkillContext:
    return SkillContext(
        run_id=UUID(int=1),
        agent_id=UUID(int=2),
        agent_name="Test",
        now=datetime(2026, 11, 23, tzinfo=UTC),
        timezone=ZoneInfo("UTC"),
        language="en",
        owner_name="Sam",
        account_addresses=(),
        tools={},
        memory=None,  # type: ignore[arg-type]
        blobs=None,  # type: ignore[arg-type]
        model=None,
        dry_run=False,
    )


def _graph(*nodes: dict[str, Any], **output: Any) -> Graph:
    return Graph.model_validate({"nodes": nodes, "output": output})


def _run(graph: Graph, steps: Kept, params: dict[str, Any] | None = None, **more: Any) -> dict[str, Any]:
    return evaluate(
        graph,
        run={"id": "r1"},
        params=params or {},
        context=more.pop("context", _context()),
        steps=steps,
        skill=_skill,
        **more,
    )


ADD = {"id": "add", "skill": "test.add", "inputs": {"first": {"$": "params.start"}, "values": [1, 2]}}
EACH = {"id": "each", "skill": "test.add", "for_each": "params.numbers", "inputs": {"first": {"$": "item"}}}


def test_references_see_params_run_and_the_outputs_of_earlier_nodes():
    last = {"id": "last", "skill": "test.add", "inputs": {"first": {"$": "add.total"}}}
    out = _run(_graph(last, ADD, total={"$": "last.total"}, of=[{"$": "run.id"}]), Kept(), {"start": 4})
    assert out == {"total": 7, "of": ["r1"]}


def test_for_each_runs_once_an_entry_and_its_outputs_are_a_list():
    steps = Kept()
    out = _run(_graph(EACH, all={"$": "each[].total"}), steps, {"numbers": [5, 6]})
    assert out == {"all": [5, 6]}
    assert [(entry[1], entry[2]) for entry in steps.log if entry[0] == "begin"] == [("each", 0), ("each", 1)]


def test_for_each_stops_at_its_limit():
    out = _run(_graph(EACH | {"limit": 2}, all={"$": "each[].total"}), Kept(), {"numbers": [5, 6, 7]})
    assert out == {"all": [5, 6]}


def test_for_each_over_something_else_is_refused():
    with pytest.raises(Invalid, match="step_not_a_list"):
        _run(_graph(EACH), Kept(), {"numbers": 5})


def test_a_finished_step_is_not_run_again():
    steps = Kept({("each", 0): {"total": 1000}})
    out = _run(_graph(EACH, all={"$": "each[].total"}), steps, {"numbers": [13, 6]})
    assert out == {"all": [1000, 6]}
    assert [entry[:3] for entry in steps.log if entry[0] != "begin"] == [("finish", "each", 1)]


def test_a_missing_reference_leaves_the_default():
    assert _run(_graph(ADD, total={"$": "add.total"}), Kept()) == {"total": 3}


def test_a_failing_step_is_recorded_with_its_usage_and_ends_the_run():
    steps, context = Kept(), _context()
    with pytest.raises(Unavailable):
        _run(_graph(EACH), steps, {"numbers": [1, 13, 2]}, context=context)
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
        _run(_graph(ADD), steps, {"start": 99})
    assert steps.log[-1][3:5] == ("orchestration.step_broken", {"error": "RuntimeError"})


def test_inputs_that_do_not_fit_name_the_field_and_not_the_value():
    steps = Kept()
    with pytest.raises(Invalid) as caught:
        _run(_graph(ADD), steps, {"start": "a private text"})
    assert caught.value.code == "orchestration.step_input_wrong"
    assert caught.value.data == {"node": "add", "fields": ["first: int_parsing"]}
    assert steps.log[-1][:4] == ("fail", "add", 0, "orchestration.step_input_wrong")


def test_only_the_declared_output_passes():
    with pytest.raises(Invalid, match="step_output_wrong"):
        _run(_graph(ADD | {"skill": "test.liar"}), Kept(), {"start": 1})


def test_a_cancelled_run_stops_before_the_next_step():
    steps = Kept()
    answers = iter([False, True])
    with pytest.raises(Cancelled):
        _run(_graph(EACH), steps, {"numbers": [1, 2]}, cancelled=lambda: next(answers))
    assert [entry[:3] for entry in steps.log] == [("begin", "each", 0), ("finish", "each", 0)]


def test_an_unknown_skill_is_named():
    with pytest.raises(NotFound) as caught:
        _run(_graph(ADD | {"skill": "test.nothing"}), Kept())
    assert caught.value.data == {"skill": "test.nothing"}


def test_a_reference_may_join_the_outputs_of_two_nodes():
    graph = _graph(ADD, EACH, all={"$": "[each[].total, [add.total]][]"})
    assert _run(graph, Kept(), {"start": 1, "numbers": [7]}) == {"all": [7, 4]}


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
        _graph(ADD, all={"$": expression}).ordered()
    assert caught.value.code == f"catalog.graph_reference_{code}"
