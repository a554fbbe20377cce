"""Steps that people write become graphs that the engine carries out, and what cannot run is refused by name."""

import time
from typing import Any
from uuid import UUID, uuid4

import pytest

from core.catalog.graph import Graph, check
from core.kernel.errors import Invalid
from core.orchestration.ports import Waits
from core.workflows.compile import compile_pack, compile_steps
from core.workflows.steps import parse_steps
from runners.contracts import contracts
from runners.engine.evaluate import Waiting, evaluate
from runners.skills.agent import CallAgent
from runners.skills.ask import Ask, Input
from tests.unit.skills.letters import NOW
from tests.unit.skills.mailbox import context

A, B, C = (UUID(int=n) for n in (1, 2, 3))
YES_NO = [{"value": "yes", "label": "Yes"}, {"value": "no", "label": "No"}]


def agent(id: str, agent: UUID = A, **more: Any) -> dict[str, Any]:
    return {"id": id, "kind": "agent", "agent": str(agent), **more}


def ask(id: str, **more: Any) -> dict[str, Any]:
    return {"id": id, "kind": "ask", "question": "Shall it be sent?", "choices": YES_NO, **more}


class Answers:
    """Steps of a run that waits again and again, until each agent and person has answered."""

    def __init__(self, **outputs: dict[str, Any]) -> None:
        self.outputs, self.given, self.skipped = outputs, {}, set()
        self.rounds: list[list[str]] = []
        self._done: dict[str, Any] = {}

    def attempts(self, node: str, index: int) -> int:
        return 0

    def begin(self, node: str, index: int, skill: str, inputs: Any, attempt: int) -> Any:
        self.given[node] = inputs
        return self._done.get(node)

    def finish(self, node: str, index: int, outputs: Any, usage: Any) -> None:
        self._done[node] = outputs

    def fail(self, node: str, index: int, code: str, data: Any, usage: Any, *, ends: bool) -> None:
        raise AssertionError(f"{node}: {code} {data}")

    def skip(self, node: str, index: int) -> None:
        self.skipped.add(node)

    def wait(self, node: str, index: int, waits: Waits, usage: Any) -> None:
        self._done[node] = self.outputs[node]

    def carry_out(self, graph: Graph, given: dict[str, Any]) -> dict[str, Any]:
        """Runs it as often as somebody still has to answer; `rounds` are who was waited for together."""
        while True:
            try:
                return evaluate(
                    graph,
                    run={"id": "r", "input": given, "dry_run": False},
                    params={},
                    context=context(now=NOW),
                    steps=self,
                )
            except Waiting as waiting:
                self.rounds.append(sorted(node for node, _, _ in waiting.steps))


def said(number: int) -> dict[str, Any]:
    return {"run_id": str(uuid4()), "status": "succeeded", "output": {"said": number}}


def test_each_agent_of_a_sequential_pack_is_given_what_the_one_before_gave_back():
    answers = Answers(agent_1=said(1), agent_2=said(2), agent_3=said(3))
    output = answers.carry_out(compile_pack([A, B, A], "sequential"), {"topic": "cheese"})
    assert answers.rounds == [["agent_1"], ["agent_2"], ["agent_3"]]
    assert [answers.given[f"agent_{n}"] for n in (1, 2, 3)] == [
        {"agent": str(A), "input": {"topic": "cheese"}},
        {"agent": str(B), "input": {"said": 1}},
        {"agent": str(A), "input": {"said": 2}},
    ]
    assert output["result"] == {"said": 3}
    assert output["results"] == {"agent_1": {"said": 1}, "agent_2": {"said": 2}, "agent_3": {"said": 3}}


def test_agents_of_a_parallel_pack_run_beside_each_other_with_the_same_input():
    answers = Answers(agent_1=said(1), agent_2=said(2))
    output = answers.carry_out(compile_pack([A, B], "parallel"), {"topic": "cheese"})
    assert answers.rounds == [["agent_1", "agent_2"]]
    assert [answers.given[f"agent_{n}"]["input"] for n in (1, 2)] == [{"topic": "cheese"}] * 2
    assert output["result"] == {"agent_1": {"said": 1}, "agent_2": {"said": 2}}


HYBRID = [
    agent("draft"),
    {
        "id": "big",
        "kind": "condition",
        "when": "draft.output.said > 3",
        "then": [
            {"id": "both", "kind": "parallel", "steps": [agent("law", B), agent("tax", C)]},
            {"id": "merged", "kind": "aggregate", "how": "concat", "field": "said"},
        ],
        "otherwise": [ask("sure")],
    },
    agent("send", C),
]


def test_a_hybrid_workflow_takes_one_way_and_goes_on_with_what_it_gave():
    answers = Answers(draft=said(5), law=said(10), tax=said(20), send=said(0))
    output = answers.carry_out(compile_steps(parse_steps(HYBRID), "hybrid"), {})
    assert answers.rounds == [["draft"], ["law", "tax"], ["send"]]
    assert answers.given["law"]["input"] == {"said": 5}
    assert answers.given["send"]["input"] == [10, 20]
    assert answers.skipped == {"sure"}
    assert output["results"]["big"] == [10, 20]


def test_the_other_way_asks_a_person_and_the_answer_goes_on():
    yes = {"answer": "yes", "label": "Yes", "by": None, "at": None, "assumed": False}
    answers = Answers(draft=said(1), sure=yes, send=said(0))
    answers.carry_out(compile_steps(parse_steps(HYBRID), "hybrid"), {})
    assert answers.rounds == [["draft"], ["sure"], ["send"]]
    assert answers.given["sure"]["about"] == {"said": 1}
    assert answers.given["send"]["input"] == yes
    assert answers.skipped == {"law", "tax", "merged"}


def test_what_follows_a_way_that_was_not_taken_goes_on_with_what_was_there_before():
    steps = [agent("draft"), {"id": "c", "kind": "condition", "when": "false", "then": [agent("more")]}, agent("send")]
    answers = Answers(draft=said(7), send=said(0))
    answers.carry_out(compile_steps(parse_steps(steps), "sequential"), {})
    assert answers.given["send"]["input"] == {"said": 7}


def test_in_a_parallel_workflow_a_question_waits_for_the_agents_before_it():
    steps = [agent("a"), agent("b"), {"id": "all", "kind": "aggregate", "how": "merge"}, agent("c"), agent("d")]
    answers = Answers(a=said(1), b={**said(2), "output": {"more": 2}}, c=said(3), d=said(4))
    output = answers.carry_out(compile_steps(parse_steps(steps), "parallel"), {})
    assert answers.rounds == [["a", "b"], ["c", "d"]]
    assert answers.given["c"]["input"] == {"said": 1, "more": 2}
    assert output["result"] == {"c": {"said": 3}, "d": {"said": 4}}


def test_a_condition_within_a_condition_holds_only_where_both_do():
    inner = {"id": "inner", "kind": "condition", "when": "run.input.n < 10", "then": [agent("a")], "otherwise": [agent("b")]}  # fmt: skip
    graph = compile_steps(
        parse_steps([{"id": "outer", "kind": "condition", "when": "run.input.n > 3", "then": [inner]}]), "sequential"
    )
    for number, taken in ((1, set()), (5, {"a"}), (50, {"b"})):
        answers = Answers(a=said(1), b=said(2))
        answers.carry_out(graph, {"n": number})
        assert {"a", "b"} - answers.skipped == taken


def test_a_failing_agent_may_be_passed_over_with_a_result_of_the_authors():
    graph = compile_steps(parse_steps([agent("a", on_error={"use": {"said": 0}}), agent("b")]), "sequential")
    assert graph.nodes[0].on_error.model_dump() == {"use": {"output": {"said": 0}}}


def test_compiled_graphs_fit_the_schemas_of_the_skills():
    for graph in (
        compile_pack([A, B], "sequential"),
        compile_pack([A, B], "parallel"),
        compile_steps(parse_steps(HYBRID), "hybrid"),
        compile_steps(
            parse_steps([agent("a"), {"id": "s", "kind": "aggregate", "how": "summarise", "of": ["a"], "instructions": "Be brief."}]),
            "sequential",
        ),
    ):  # fmt: skip
        check(graph, Platform())


class Platform:
    """The platform's skills as graphs are checked against them."""

    def schemas(self, name: str, version: int | None) -> Any:
        found = contracts()[name]
        return found.input, found.output


@pytest.mark.parametrize(
    ("steps", "code", "step"),
    [
        ([agent("a"), agent("a")], "workflows.step_twice", "a"),
        ([agent("run")], "workflows.step_twice", "run"),
        ([{"id": "a", "kind": "condition", "when": "true", "then": [{**agent("b"), "agent": "Inbox"}]}], "workflows.step_invalid", "b"),
        ([agent("a"), {"id": "z", "kind": "dance"}], "workflows.step_invalid", "z"),
        ([{"id": "p", "kind": "parallel", "steps": []}], "workflows.step_invalid", "p"),
        ([ask("q", choices=[])], "workflows.step_invalid", "q"),
        ([agent(f"a{n}") for n in range(10_000)], "workflows.steps_too_many", "a200"),
    ],
)  # fmt: skip
def test_what_is_no_workflow_is_refused_by_the_name_of_the_step(steps: Any, code: str, step: str):
    with pytest.raises(Invalid) as refused:
        parse_steps(steps)
    assert (refused.value.code, refused.value.data["step"]) == (code, step)


def test_five_thousand_steps_inside_each_other_are_refused_within_a_second():
    steps = agent("inmost")
    for number in range(5_000):
        steps = {"id": f"s{number}", "kind": "parallel", "steps": [steps]}
    began = time.process_time()
    with pytest.raises(Invalid, match=r"workflows\.steps_too_deep"):
        parse_steps([steps])
    assert time.process_time() - began < 1


@pytest.mark.parametrize(
    ("steps", "code", "node"),
    [
        ([agent("a", input={"$": "b.output"}), agent("b")], "catalog.graph_cycle", None),
        ([agent("a", input={"$": "c.output"})], "catalog.graph_reference_dangling", "a"),
        ([{"id": "z", "kind": "aggregate", "how": "merge", "of": ["b"]}, agent("b")], "workflows.step_not_before", "z"),
        ([{"id": "c", "kind": "condition", "when": "x" * 1999, "then": [agent("a")]}], "workflows.condition_too_long", "c"),
    ],
)  # fmt: skip
def test_steps_that_cannot_follow_each_other_are_refused_by_name(steps: Any, code: str, node: str | None):
    with pytest.raises(Invalid) as refused:
        check(compile_steps(parse_steps(steps), "sequential"), Platform())
    assert refused.value.code == code
    assert node is None or node in (refused.value.data.get("step"), refused.value.data.get("node"))


def test_ways_that_multiply_are_refused_and_not_written_out():
    steps: list[Any] = [agent("start")]
    for n in range(12):
        way = {"id": f"c{n}", "kind": "condition", "when": "true", "then": [agent(f"t{n}")]}
        other = {"id": f"d{n}", "kind": "condition", "when": "true", "then": [agent(f"u{n}")]}
        steps.append({"id": f"p{n}", "kind": "parallel", "steps": [way, other]})
    with pytest.raises(Invalid, match=r"workflows\.steps_entangled"):
        compile_steps(parse_steps(steps), "hybrid")


def test_a_dry_run_asks_nobody_and_assumes_the_default():
    asked = Input.model_validate({"question": "?", "choices": YES_NO, "default": "no"})
    answer = Ask().run(context(now=NOW, dry_run=True), asked)
    assert (answer.answer, answer.label, answer.assumed) == ("no", "No", True)
    with pytest.raises(Waits):
        Ask().run(context(now=NOW), asked)


def test_a_called_agent_is_waited_for():
    with pytest.raises(Waits) as waits:
        CallAgent().run(context(now=NOW), CallAgent.Input(agent=A, input={"a": 1}))
    assert (waits.value.kind, waits.value.data) == ("run", {"agent_id": str(A), "input": {"a": 1}})


def test_a_workflow_without_steps_is_refused():
    with pytest.raises(Invalid) as refused:
        parse_steps([])
    assert (refused.value.code, refused.value.data["rule"]) == ("workflows.step_invalid", "too_short")
