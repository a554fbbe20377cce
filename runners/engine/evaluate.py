"""Runs a graph of skills, node after node, and remembers each finished step so that a resumed run repeats none."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any, Protocol

import jmespath
from pydantic import BaseModel, ValidationError

from core.catalog.graph import REFERENCE, Graph, Node
from core.kernel.errors import Failure, Invalid
from core.orchestration.ports import Skill, SkillContext, Usage
from runners.skills import skill as registered

Json = Mapping[str, Any]


class Cancelled(Exception):
    """Somebody asked for the run to stop; raised between two steps."""


class Steps(Protocol):
    """Where the steps of one run are kept. A step is known by `(node, index)`; `index` counts the entries of a `for_each`
    from 0 and is 0 for a node without one. Everything given and returned is JSON."""

    def begin(self, node: str, index: int, skill: str, inputs: Json) -> Json | None:
        """The outputs of this step when an earlier attempt finished it: it is not run again. Else None: it starts now."""
        ...

    def finish(self, node: str, index: int, outputs: Json, usage: Sequence[Usage]) -> None:
        """The step succeeded. What its skill put into the memory becomes durable together with it."""
        ...

    def fail(self, node: str, index: int, code: str, data: Json, usage: Sequence[Usage]) -> None:
        """The step failed, and with it the run. What it used was used all the same."""
        ...


def evaluate(
    graph: Graph,
    *,
    run: Json,
    params: Json,
    context: SkillContext,
    steps: Steps,
    cancelled: Callable[[], bool] = lambda: False,
    skill: Callable[[str], Skill[Any, Any]] = registered,
) -> dict[str, Any]:
    """Carries out `graph` and returns its `output`, resolved; JSON values.

    References see `run` (facts of the run) and `params` (the agent's settings). `cancelled` is asked before each step. The
    first failing step ends the run: its Failure is recorded and raised again; any other exception of a skill is recorded as
    `orchestration.step_broken` and raised as it is. Raises Cancelled, and Invalid `orchestration.step_input_wrong`,
    `orchestration.step_output_wrong` or `orchestration.step_not_a_list`. `context.usage` collects the usage of the steps
    that ran in this attempt.
    """
    scope: dict[str, Any] = {"run": run, "params": params}
    for node in graph.ordered():
        play = _Play(node, skill(node.skill), context, steps, cancelled)
        if node.for_each is None:
            scope[node.id] = play(0, scope)
        else:
            entries = jmespath.search(node.for_each, scope)
            if not isinstance(entries, list):
                raise Invalid("orchestration.step_not_a_list", node=node.id, reference=node.for_each)
            scope[node.id] = [play(i, {**scope, "item": entry}) for i, entry in enumerate(entries[: node.limit])]
    return resolve(graph.output, scope)


class _Play:
    """One node, played once or once an entry."""

    def __init__(
        self,
        node: Node,
        skill: Skill[Any, Any],
        context: SkillContext,
        steps: Steps,
        cancelled: Callable[[], bool],
    ) -> None:
        self._node, self._skill, self._context, self._steps, self._cancelled = node, skill, context, steps, cancelled

    def __call__(self, index: int, scope: Json) -> Json:
        if self._cancelled():
            raise Cancelled
        node = self._node
        given = {name: value for name, value in resolve(node.inputs, scope).items() if value is not None}
        done = self._steps.begin(node.id, index, node.skill, given)
        if done is not None:
            return done
        used: list[Usage] = []
        try:
            inputs = _valid(self._skill.Input, given, "orchestration.step_input_wrong", node.id)
            result = self._skill.run(replace(self._context, usage=used), inputs)
            outputs = _plain(result, self._skill.Output, node.id)
        except Failure as failure:
            self._steps.fail(node.id, index, failure.code, failure.data, used)
            raise
        except Exception as broken:
            self._steps.fail(node.id, index, "orchestration.step_broken", {"error": type(broken).__name__}, used)
            raise
        finally:
            self._context.usage.extend(used)
        self._steps.finish(node.id, index, outputs, used)
        return outputs


def resolve(value: Any, scope: Json) -> Any:
    """`value` with every `{"$": "<jmespath>"}` in it replaced by what it names in `scope`; None for what is not there."""
    if isinstance(value, Mapping):
        if set(value) == {REFERENCE}:
            return jmespath.search(str(value[REFERENCE]), scope)
        return {name: resolve(inner, scope) for name, inner in value.items()}
    if isinstance(value, list | tuple):
        return [resolve(inner, scope) for inner in value]
    return value


def _valid(model: type[BaseModel], value: Json, code: str, node: str) -> BaseModel:
    try:
        return model.model_validate(value)
    except ValidationError as problem:
        raise Invalid(code, node=node, fields=list(_places(problem))) from problem


def _plain(result: Any, model: type[BaseModel], node: str) -> dict[str, Any]:
    """JSON of what a skill gave back; only its declared Output passes."""
    if not isinstance(result, model):
        raise Invalid("orchestration.step_output_wrong", node=node, fields=[])
    try:
        return result.model_dump(mode="json")
    except ValueError as problem:
        raise Invalid("orchestration.step_output_wrong", node=node, fields=[]) from problem


def _places(problem: ValidationError) -> Iterable[str]:
    """Where it is wrong and in which way, without the value: it may be somebody's mail."""
    return (
        f"{'.'.join(str(part) for part in error['loc'])}: {error['type']}"
        for error in problem.errors(include_input=False)
    )
