"""What is independent runs side by side, what waits lets the rest go on, and a resumed run repeats nothing."""

import contextvars
import random
import threading
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.kernel.errors import Conflict, Invalid, Unavailable
from core.orchestration.ports import SkillContext, Usage, Waits
from runners.engine.evaluate import Cancelled, Waiting
from tests.unit.played import Add, Kept, Numbers, SlowAdd, Sum, graph_of, played

LATER = datetime(2026, 12, 1, tzinfo=UTC)
PATIENCE = 10


class Meets(SlowAdd):
    """Ends only when as many as it was told are at work at once."""

    name = "test.meets"

    def __init__(self, parties: int) -> None:
        self.barrier = threading.Barrier(parties)

    def run(self, context: SkillContext, inputs: Numbers) -> Sum:
        self.barrier.wait(PATIENCE)
        return super().run(context, inputs)


def test_independent_slow_steps_run_beside_each_other():
    nodes = ({"id": f"n{at}", "skill": "test.meets", "inputs": {"first": at}} for at in range(3))
    assert played(graph_of(*nodes, of=[{"$": "n0.total"}, {"$": "n2.total"}]), Kept(), None, Meets(3)) == {"of": [0, 2]}


def test_entries_run_beside_each_other_as_far_as_the_node_allows():
    each = {"id": "each", "skill": "test.meets", "for_each": "params.numbers", "inputs": {"first": {"$": "item"}}}
    numbers = list(range(12))
    graph = graph_of(each | {"parallel": 4}, all={"$": "each[].total"})
    assert played(graph, Kept(), {"numbers": numbers}, Meets(4)) == {"all": numbers}


def test_no_more_entries_than_allowed_are_at_work():
    busy, most, lock = [0], [0], threading.Lock()
    enough = threading.Barrier(3)

    class Counts(SlowAdd):
        name = "test.counts"

        def run(self, context: SkillContext, inputs: Numbers) -> Sum:
            with lock:
                busy[0] += 1
                most[0] = max(most[0], busy[0])
            enough.wait(PATIENCE)
            with lock:
                busy[0] -= 1
            enough.wait(PATIENCE)
            return Sum(total=0)

    each = {"id": "each", "skill": "test.counts", "for_each": "params.numbers", "parallel": 3}
    played(graph_of(each), Kept(), {"numbers": list(range(9))}, Counts())
    assert most == [3]


def test_quick_steps_do_not_wait_for_a_slow_one_beside_them():
    quick_is_done = threading.Event()

    class Slow(SlowAdd):
        name = "test.patient"

        def run(self, context: SkillContext, inputs: Numbers) -> Sum:
            assert quick_is_done.wait(PATIENCE)
            return Sum(total=1)

    class Quick(Add):
        name = "test.quick"

        def run(self, context: SkillContext, inputs: Numbers) -> Sum:
            quick_is_done.set()
            return Sum(total=2)

    nodes = [
        {"id": "slow", "skill": "test.patient"},
        {"id": "other", "skill": "test.slow"},
        {"id": "quick", "skill": "test.quick", "after": ["other"]},
    ]
    out = played(graph_of(*nodes, all=[{"$": "slow.total"}, {"$": "quick.total"}]), Kept(), None, Slow(), Quick())
    assert out == {"all": [1, 2]}


def test_a_failure_lets_the_branch_beside_it_end():
    failed = threading.Event()

    class Slow(SlowAdd):
        name = "test.patient"

        def run(self, context: SkillContext, inputs: Numbers) -> Sum:
            assert failed.wait(PATIENCE)
            return Sum(total=1)

    class Tells(Kept):
        def fail(self, *told: Any, **more: Any) -> None:
            super().fail(*told, **more)
            failed.set()

    steps = Tells()
    nodes = [
        {"id": "slow", "skill": "test.patient"},
        {"id": "bad", "skill": "test.slow", "inputs": {"first": 13}},
        {"id": "never", "skill": "test.add", "after": ["slow"]},
    ]
    with pytest.raises(Unavailable):
        played(graph_of(*nodes), steps, None, Slow())
    assert steps.names("fail") == ["bad"]
    assert steps.names("finish") == ["slow"]
    assert "never" not in steps.names("begin")


def test_skills_in_threads_see_the_callers_context_variables():
    seen: list[str] = []
    variable = contextvars.ContextVar("variable", default="nothing")
    both = threading.Barrier(2)

    class Sees(SlowAdd):
        name = "test.sees"

        def run(self, context: SkillContext, inputs: Numbers) -> Sum:
            both.wait(PATIENCE)
            seen.append(variable.get())
            return Sum(total=0)

    variable.set("the trace")
    played(graph_of({"id": "a", "skill": "test.sees"}, {"id": "b", "skill": "test.sees"}), Kept(), None, Sees())
    assert seen == ["the trace"] * 2


class Asks(Add):
    """Its answer comes later."""

    name = "test.asks"
    quick = False

    def run(self, context: SkillContext, inputs: Numbers) -> Sum:
        context.usage.append(Usage(tokens_prompt=7))
        raise Waits("person", LATER + timedelta(days=inputs.first), {"question": "?"})


ASK = {"id": "ask", "skill": "test.asks"}
REST = {"id": "rest", "skill": "test.add", "inputs": {"first": 5}}
BOTH = {"id": "both", "skill": "test.add", "inputs": {"first": {"$": "ask.total"}, "values": [{"$": "rest.total"}]}}
WAITS = graph_of(ASK, BOTH, REST, total={"$": "both.total"})


def _waiting(steps: Kept, graph: Any = WAITS) -> Waiting:
    with pytest.raises(Waiting) as caught:
        played(graph, steps, None, Asks())
    return caught.value


def test_what_does_not_wait_goes_on_and_then_the_run_waits():
    steps = Kept()
    waiting = _waiting(steps)
    assert [(node, index, waits.kind) for node, index, waits in waiting.steps] == [("ask", 0, "person")]
    assert waiting.until == LATER
    assert steps.names("finish") == ["rest"]
    assert ("wait", "ask", 0, "person", [Usage(tokens_prompt=7)]) in steps.log


def test_a_step_without_its_answer_waits_on_and_is_not_asked_again():
    steps = Kept()
    _waiting(steps)
    _waiting(steps)
    assert steps.names("wait") == ["ask"]


def test_with_the_answer_the_run_goes_on_after_it():
    steps = Kept()
    _waiting(steps)
    steps.answer("ask", {"total": 1})
    assert played(WAITS, steps, None, Asks()) == {"total": 6}
    assert steps.names("finish") == ["rest", "both"]


@pytest.mark.parametrize(("on_error", "total"), [("continue", 5), ({"use": {"total": 10}}, 15)])
def test_an_answer_that_is_a_failure_is_treated_as_the_node_says(on_error: Any, total: int):
    steps = Kept()
    graph = graph_of(ASK | {"on_error": on_error}, BOTH, REST, total={"$": "both.total"})
    _waiting(steps, graph)
    steps.answer_badly("ask", Conflict("orchestration.child_failed"))
    assert played(graph, steps, None, Asks()) == {"total": total}
    assert steps.names("fail") == []


def test_an_answer_that_is_a_failure_can_end_the_run():
    steps = Kept()
    _waiting(steps)
    steps.answer_badly("ask", Conflict("orchestration.child_failed"))
    with pytest.raises(Exception, match="child_failed"):
        played(WAITS, steps, None, Asks())
    assert steps.names("fail") == ["ask"]


def test_the_earliest_of_several_waits_is_when_the_run_goes_on():
    steps = Kept()
    each = ASK | {"for_each": "params.days", "inputs": {"first": {"$": "item"}}, "parallel": 2}
    with pytest.raises(Waiting) as caught:
        played(graph_of(each), steps, {"days": [3, 1, 0]}, Asks())
    assert [(node, index) for node, index, _ in caught.value.steps] == [("ask", 0), ("ask", 1)]
    assert caught.value.until == LATER + timedelta(days=1)


def test_a_failure_beside_what_waits_ends_the_run():
    with pytest.raises(Unavailable):
        played(graph_of(ASK, REST | {"inputs": {"first": 13}}), Kept(), None, Asks())


def test_a_cancelled_run_lets_what_is_running_end():
    asked, at_work = threading.Event(), threading.Barrier(2)

    class Cancels(SlowAdd):
        name = "test.cancels"

        def run(self, context: SkillContext, inputs: Numbers) -> Sum:
            at_work.wait(PATIENCE)
            asked.set()
            return Sum(total=0)

    steps = Kept()
    nodes = [{"id": "a", "skill": "test.cancels"}, {"id": "b", "skill": "test.cancels"}, REST | {"after": ["a"]}]
    with pytest.raises(Cancelled):
        played(graph_of(*nodes), steps, None, Cancels(), cancelled=asked.is_set)
    assert sorted(steps.names("finish")) == ["a", "b"]
    assert "rest" not in steps.names("begin")


@st.composite
def graphs(draw: st.DrawFn) -> list[dict[str, Any]]:
    """Nodes of a random graph without cycles, in a random order; some slow, some skipped, some for each entry of a list."""
    count = draw(st.integers(1, 9))
    nodes = []
    for at in range(count):
        before = draw(st.lists(st.integers(0, at - 1), unique=True, max_size=3)) if at else []
        node: dict[str, Any] = {
            "id": f"n{at}",
            "skill": draw(st.sampled_from(["test.add", "test.slow"])),
            "inputs": {"first": draw(st.integers(20, 30)), "values": [_of(nodes[other]) for other in before]},
        }
        if draw(st.booleans()):
            node |= {"for_each": "params.numbers", "parallel": draw(st.integers(1, 3))}
        if draw(st.integers(0, 4)) == 0:
            node["when"] = draw(st.sampled_from(["params.go", "!params.go"]))
        if at and draw(st.integers(0, 3)) == 0:
            node["after"] = [f"n{draw(st.integers(0, at - 1))}"]
        nodes.append(node)
    return draw(st.permutations(nodes))


def _of(node: dict[str, Any]) -> dict[str, str]:
    return {"$": f"sum({node['id']}[].total)" if "for_each" in node else f"{node['id']}.total"}


PARAMS = {"numbers": [1, 2, 3], "go": True}


def _output(nodes: list[dict[str, Any]]) -> dict[str, Any]:
    return {node["id"]: {"$": node["id"]} for node in nodes}


def _safe(nodes: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The sum over a skipped list has no answer: such nodes are not skipped."""
    return [
        {key: value for key, value in node.items() if key != "when"} if "for_each" in node else node for node in nodes
    ]


@given(graphs())
@settings(max_examples=60)
def test_every_node_comes_after_what_it_waits_for(nodes: list[dict[str, Any]]):
    steps = Kept()
    nodes = _safe(nodes)
    graph = graph_of(*nodes, **_output(nodes))
    played(graph, steps, PARAMS)
    begun = [entry[1] for entry in steps.log if entry[0] in ("begin", "skip")]
    ended = {entry[1]: at for at, entry in enumerate(steps.log) if entry[0] in ("finish", "skip")}
    began = {name: at for at, name in reversed(list(enumerate(entry[1] for entry in steps.log)))}
    assert set(begun) == {node["id"] for node in nodes}
    for node in nodes:
        named = {part for part in str(node["inputs"]).replace("(", " ").replace("'", " ").replace(".", " ").replace("[", " ").split() if part in ended}  # fmt: skip
        for other in named | set(node.get("after", ())):
            assert ended[other] < began[node["id"]]


@given(graphs(), st.randoms(use_true_random=False))
@settings(max_examples=60)
def test_the_order_in_which_nodes_are_written_does_not_show(nodes: list[dict[str, Any]], dice: random.Random):
    nodes = _safe(nodes)
    other = list(nodes)
    dice.shuffle(other)
    output = _output(nodes)
    assert played(graph_of(*nodes, **output), Kept(), PARAMS) == played(graph_of(*other, **output), Kept(), PARAMS)


class Stops(Kept):
    """The worker dies, or the step fails, when it is time."""

    def __init__(self, after: int) -> None:
        super().__init__()
        self.left = after

    def finish(self, *told: Any) -> None:
        if self.left == 0:
            raise ConnectionError
        self.left -= 1
        super().finish(*told)


@given(graphs(), st.integers(0, 20))
@settings(max_examples=60)
def test_a_resumed_run_repeats_no_finished_step_and_gives_the_same(nodes: list[dict[str, Any]], after: int):
    nodes = _safe(nodes)
    graph = graph_of(*nodes, **_output(nodes))
    steps = Stops(after)
    try:
        first = played(graph, steps, PARAMS)
    except ConnectionError:
        first = None
    finished = set(steps.done)
    steps.left, steps.log = -1, []
    assert played(graph, steps, PARAMS) == (first or played(graph, Kept(), PARAMS))
    assert finished.isdisjoint({(entry[1], entry[2]) for entry in steps.log if entry[0] == "finish"})


@given(graphs(), st.data())
@settings(max_examples=40)
def test_a_run_resumed_after_a_failure_at_any_step_repeats_no_finished_one(nodes: list[dict[str, Any]], data: Any):
    nodes = _safe(nodes)
    place = data.draw(st.integers(0, len(nodes) - 1))
    broken = [{**node, "inputs": {"first": "x"}} if at == place else node for at, node in enumerate(nodes)]
    output = _output(nodes)
    steps = Kept()
    with suppress(Invalid):
        played(graph_of(*broken, **output), steps, PARAMS)
    finished, steps.log = set(steps.done), []
    played(graph_of(*nodes, **output), steps, PARAMS)
    assert finished.isdisjoint({(entry[1], entry[2]) for entry in steps.log if entry[0] == "finish"})
