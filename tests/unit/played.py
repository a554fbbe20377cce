"""Steps kept in memory as the database keeps them, small skills, and a run of a graph over them."""

import threading
from datetime import UTC, datetime
from typing import Any, ClassVar
from uuid import UUID
from zoneinfo import ZoneInfo

from pydantic import BaseModel

from core.catalog.graph import Graph
from core.kernel.errors import Failure, NotFound, Unavailable
from core.orchestration.ports import SkillContext, Usage, Waits
from runners.engine.evaluate import evaluate
from runners.engine.plan import Plan


class Kept:
    """Steps in a dict; `log` tells what was called. `done`: outputs of steps that succeeded earlier."""

    def __init__(self, done: dict[tuple[str, int], Any] | None = None) -> None:
        self.done = done or {}
        self.failed: dict[tuple[str, int], tuple[int, Failure]] = {}
        self.waits: dict[tuple[str, int], Waits] = {}
        self.tried: dict[tuple[str, int], int] = {}
        self.log: list[tuple[Any, ...]] = []
        self._thread = threading.get_ident()

    def _called(self, *what: Any) -> None:
        assert threading.get_ident() == self._thread
        self.log.append(what)

    def attempts(self, node: str, index: int) -> int:
        return self.tried.get((node, index), 0)

    def begin(self, node: str, index: int, skill: str, inputs: Any, attempt: int) -> Any:
        self._called("begin", node, index, skill, inputs)
        self.tried[node, index] = attempt
        if (node, index) in self.waits:
            raise self.waits[node, index]
        last, failure = self.failed.get((node, index), (0, None))
        if failure is not None and last >= attempt:
            raise failure
        return self.done.get((node, index))

    def finish(self, node: str, index: int, outputs: Any, usage: Any) -> None:
        self._called("finish", node, index, outputs, list(usage))
        self.done[node, index] = outputs

    def fail(self, node: str, index: int, code: str, data: Any, usage: Any, *, ends: bool) -> None:
        self._called("fail", node, index, code, data, list(usage))
        if not ends:
            self.failed[node, index] = self.tried[node, index], Failure(code, **data)

    def skip(self, node: str, index: int) -> None:
        self._called("skip", node, index)

    def wait(self, node: str, index: int, waits: Waits, usage: Any) -> None:
        self._called("wait", node, index, waits.kind, list(usage))
        self.waits[node, index] = waits
        if (node, index) in self.failed:
            self.tried[node, index] += 1

    def time_is_over(self, node: str, index: int = 0) -> None:
        """What the engine does when a waiting step's time has come."""
        del self.waits[node, index]

    def answer(self, node: str, outputs: Any) -> None:
        """What it waited for is there."""
        del self.waits[node, 0]
        self.done[node, 0] = outputs

    def answer_badly(self, node: str, failure: Failure) -> None:
        """What it waited for went wrong."""
        del self.waits[node, 0]
        self.failed[node, 0] = 9, failure

    def names(self, what: str) -> list[Any]:
        """The steps of which this was told: `node`, or `(node, index)` for entries after the first."""
        return [entry[1] if entry[2] == 0 else (entry[1], entry[2]) for entry in self.log if entry[0] == what]


class Numbers(BaseModel):
    first: int = 0
    values: list[int | None] = []


class Sum(BaseModel):
    total: int


class Add:
    """Adds; fails for 13, breaks for 99."""

    name: ClassVar[str] = "test.add"
    quick: ClassVar[bool] = True
    Input = Numbers
    Output = Sum

    def run(self, context: SkillContext, inputs: Numbers) -> Sum:
        context.usage.append(Usage(tokens_prompt=1))
        if inputs.first == 13:
            raise Unavailable("orchestration.model_failed", why="unlucky")
        if inputs.first == 99:
            raise RuntimeError("a private text")
        return Sum(total=inputs.first + sum(value or 0 for value in inputs.values))


class SlowAdd(Add):
    """The same, but not to be run in the thread that has other things to do."""

    name: ClassVar[str] = "test.slow"
    quick: ClassVar[bool] = False


class Liar(Add):
    name: ClassVar[str] = "test.liar"

    def run(self, context: SkillContext, inputs: Numbers) -> Any:
        return inputs


def finder(*more: Any) -> Any:
    """The skills above, and `more` (objects with a name)."""
    known: dict[str, Any] = {each.name: each for each in (Add(), SlowAdd(), Liar(), *more)}

    def find(name: str, version: int | None) -> Any:
        try:
            return known[name]
        except KeyError:
            raise NotFound("orchestration.skill_unknown", skill=name) from None

    return find


def context() -> SkillContext:
    """A context with nothing in it."""
    nothing: Any = None
    return SkillContext(
        run_id=UUID(int=1), agent_id=UUID(int=2), agent_name="Test", now=datetime(2026, 11, 23, tzinfo=UTC),
        timezone=ZoneInfo("UTC"), language="en", owner_name="Sam", account_addresses=(), tools={}, memory=nothing, blobs=nothing,
        model=None, dry_run=False,
    )  # fmt: skip


def graph_of(*nodes: dict[str, Any], **output: Any) -> Graph:
    """A graph of these nodes."""
    return Graph.model_validate({"nodes": nodes, "output": output})


def played(
    graph: Graph, steps: Kept, params: dict[str, Any] | None = None, *skills: Any, **more: Any
) -> dict[str, Any]:
    """The output of a run of it."""
    given = more.pop("context", None) or context()
    plan = Plan(graph, finder(*skills))
    return evaluate(plan, run={"id": "r1"}, params=params or {}, context=given, steps=steps, **more)
