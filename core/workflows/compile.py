"""Packs and workflows become graphs, which the one engine carries out: a step's id is its node's id."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal
from uuid import UUID

from core.catalog.graph import REFERENCE, Graph, Node, Use
from core.kernel.errors import Invalid
from core.workflows.steps import AgentStep, AggregateStep, AskStep, ConditionStep, ParallelStep, Step, Steps

Type = Literal["sequential", "parallel", "hybrid"]
MAX_EXPRESSION = 2000
_GIVEN = "run.input"


def compile_pack(agent_ids: Sequence[UUID], mode: Literal["sequential", "parallel"]) -> Graph:
    """One node for each agent, `agent_1` and so on. Sequential: the first is given the run's input, each further one what the one before gave back.
    Parallel: each is given the run's input, and the result maps the nodes to what they gave back."""
    steps = tuple(AgentStep(id=f"agent_{n}", kind="agent", agent=id) for n, id in enumerate(agent_ids, 1))
    return compile_steps(steps, "sequential" if mode == "sequential" else "parallel")


def compile_steps(steps: Steps, type: Type) -> Graph:
    """The graph of a workflow's steps. Its output holds `result` (what the last step gave) and `results` (by step).

    sequential: one step after the other. parallel: those next to each other beside each other; a question or an aggregate waits for those before it.
    hybrid: one after the other, with parallel groups among them. What follows a condition whose other way is empty goes on with what was there before it.
    Raises Invalid `workflows.step_not_before` (an aggregate of a step that does not come before it), `workflows.condition_too_long`,
    `workflows.steps_entangled` (too many ways lead to one place); data names the step."""
    made = _Compiler()
    end = made.beside(steps, _START) if type == "parallel" else made.after_each_other(steps, _START)
    results = {name: {REFERENCE: result} for name, result in made.results.items()}
    return Graph(nodes=tuple(made.nodes), output={"result": {REFERENCE: end.result}, "results": results})


@dataclass(frozen=True)
class _Place:
    """Where a step begins: after which nodes, with which result of what was before (JMESPath; `parts` where several stood beside each other), under which
    condition (CEL)."""

    after: tuple[str, ...]
    result: str
    when: str | None = None
    parts: tuple[str, ...] = ()


_START = _Place((), _GIVEN)


@dataclass
class _Compiler:
    nodes: list[Node] = field(default_factory=list)
    results: dict[str, str] = field(default_factory=dict)

    def after_each_other(self, steps: Iterable[Step], at: _Place) -> _Place:
        for step in steps:
            at = self._step(step, at)
        return at

    def beside(self, steps: Iterable[Step], at: _Place) -> _Place:
        """Groups of steps beside each other, with what waits for them in between."""
        group: list[Step] = []
        for step in steps:
            if isinstance(step, AggregateStep | AskStep):
                at = self._step(step, self._group(group, at))
                group = []
            else:
                group.append(step)
        return self._group(group, at)

    def _group(self, steps: Sequence[Step], at: _Place) -> _Place:
        if not steps:
            return at
        ends = {step.id: self._step(step, at) for step in steps}
        after = tuple(dict.fromkeys(name for end in ends.values() for name in end.after))
        together = "{" + ", ".join(f"{name}: {end.result}" for name, end in ends.items()) + "}"
        return self._end(steps[-1].id, after, together, at, tuple(end.result for end in ends.values()))

    def _step(self, step: Step, at: _Place) -> _Place:
        match step:
            case ParallelStep():
                end = self._group(step.steps, at)
                return self._end(step.id, end.after, end.result, at, end.parts)
            case ConditionStep():
                return self._condition(step, at)
            case AgentStep():
                given = {REFERENCE: at.result} if step.input is None else step.input
                inputs = {"agent": str(step.agent), "input": given}
                if step.timeout_seconds is not None:
                    inputs["within_seconds"] = step.timeout_seconds
                on_error = (
                    Use(use={"output": step.on_error["use"]}) if isinstance(step.on_error, dict) else step.on_error
                )
                return self._node(step.id, "agent", inputs, at, f"{step.id}.output", on_error=on_error)
            case AggregateStep():
                return self._aggregate(step, at)
            case AskStep():
                inputs = step.model_dump(mode="json", exclude={"id", "kind", "about"})
                about = {REFERENCE: at.result} if step.about is None else step.about
                return self._node(step.id, "ask", {**inputs, "about": about}, at, step.id)

    def _condition(self, step: ConditionStep, at: _Place) -> _Place:
        yes, no = f"({step.when})", f"!({step.when})"
        if len(_both(at.when, no)) > MAX_EXPRESSION:
            raise Invalid("workflows.condition_too_long", step=step.id)
        ends = [
            self.after_each_other(steps, _Place(at.after, at.result, _both(at.when, when)))
            for steps, when in ((step.then, yes), (step.otherwise, no))
            if steps
        ]
        after = tuple(dict.fromkeys(name for end in ends for name in end.after))
        ways = [end.result for end in ends]
        # A branch that was not taken gave nothing; what an empty one leaves is what was there before.
        result = f"({' || '.join([*ways, at.result] if len(ways) == 1 else ways)})"
        return self._end(step.id, after, result, at)

    def _aggregate(self, step: AggregateStep, at: _Place) -> _Place:
        for name in step.of or ():
            if name not in self.results:
                raise Invalid("workflows.step_not_before", step=step.id, of=name)
        parts = (at.parts or (at.result,)) if step.of is None else [self.results[name] for name in step.of]
        # A projection leaves out what is null: the results of steps that were skipped.
        there = f"[{', '.join(parts)}][*]" + (f".{step.field}" if step.field else "")
        if len(there) > MAX_EXPRESSION:
            raise Invalid("workflows.steps_entangled", step=step.id)
        results: dict[str, Any] = {"results": {REFERENCE: there}}
        if step.how == "summarise":
            more = {} if step.instructions is None else {"instructions": step.instructions}
            return self._node(step.id, "summarise", {**results, **more}, at, f"{step.id}.result")
        more = {"how": step.how} if step.by is None else {"how": step.how, "by": step.by}
        return self._node(step.id, "aggregate", {**results, **more}, at, f"{step.id}.result")

    def _node(
        self, id: str, skill: str, inputs: Mapping[str, Any], at: _Place, result: str, on_error: Any = "fail"
    ) -> _Place:
        self.nodes.append(
            Node(id=id, skill=skill, inputs=dict(inputs), when=at.when, after=at.after, on_error=on_error)
        )
        return self._end(id, (id,), result, at)

    def _end(self, id: str, after: tuple[str, ...], result: str, at: _Place, parts: tuple[str, ...] = ()) -> _Place:
        if len(result) > MAX_EXPRESSION:
            raise Invalid("workflows.steps_entangled", step=id)
        self.results.setdefault(id, result)
        return _Place(after, result, at.when, parts)


def _both(outer: str | None, inner: str) -> str:
    return inner if outer is None else f"{outer} && {inner}"
