"""One step at work: its inputs validated, its skill called, its outputs made plain; and what its node says about failing."""

from collections.abc import Iterable, Mapping
from time import monotonic
from typing import Any

from pydantic import ValidationError

from core.kernel.errors import Failure, Invalid, Unavailable
from core.orchestration.ports import SkillContext, Usage, Waits
from runners.engine.plan import PlannedNode

MAX_PAUSE_SECONDS = 86_400.0


class Step:
    """One step of a run. `problem`: it failed before its skill could be called. `given`: its inputs, once they are known."""

    __slots__ = ("attempt", "context", "given", "index", "node", "problem", "usage")

    def __init__(self, node: PlannedNode, index: int, problem: Invalid | None = None) -> None:
        self.node, self.index, self.problem, self.attempt = node, index, problem, 1
        self.given: dict[str, Any] | None = None
        self.usage: list[Usage] = []
        self.context: SkillContext | None = None

    @property
    def place(self) -> tuple[int, int]:
        """Where it stands among the steps of its run."""
        return self.node.at, self.index

    def ready(self, context: SkillContext) -> None:
        """Gives it a context of its own."""
        own = object.__new__(type(context))
        own.__dict__.update(context.__dict__)
        own.node, own.index, own.attempt = self.node.id, self.index, self.attempt
        own.usage = self.usage = []
        own.deadline = monotonic() + self.node.timeout
        self.context = own


def play(step: Step) -> Any:
    """The outputs of the step, a dict; or the exception with which it ended, core.orchestration.ports.Waits among them."""
    node, context = step.node, step.context
    assert context is not None
    try:
        try:
            inputs = node.validate(step.given)
        except ValidationError as problem:
            raise Invalid("orchestration.step_input_wrong", node=node.id, fields=list(_places(problem))) from problem
        result = node.run(context, inputs)
        outcome: Any = _plain(result, node)
    except Exception as problem:
        outcome = problem
    if monotonic() > (context.deadline or 0) and not isinstance(outcome, Waits):
        late = Unavailable("orchestration.step_timeout", node=node.id, seconds=node.timeout)
        late.__cause__ = outcome if isinstance(outcome, Exception) else None
        return late
    return outcome


def _plain(result: Any, node: PlannedNode) -> dict[str, Any]:
    """JSON of what a skill gave back; only its declared Output passes."""
    if not isinstance(result, node.output):
        raise Invalid("orchestration.step_output_wrong", node=node.id, fields=[])
    try:
        return result.__pydantic_serializer__.to_python(result, mode="json")
    except ValueError as problem:
        raise Invalid("orchestration.step_output_wrong", node=node.id, fields=[]) from problem


def _places(problem: ValidationError) -> Iterable[str]:
    """Where it is wrong and in which way, without the value: it may be somebody's mail."""
    return (
        f"{'.'.join(str(part) for part in error['loc'])}: {error['type']}"
        for error in problem.errors(include_input=False)
    )


def said(problem: Exception) -> tuple[str, Mapping[str, Any]]:
    """A failure as it is recorded; of any other exception only its kind: its text may hold anything."""
    if isinstance(problem, Failure):
        return problem.code, problem.data
    return "orchestration.step_broken", {"error": type(problem).__name__}


def tries_again(step: Step, problem: Exception, *, known: bool) -> bool:
    """Whether the node wants another attempt after this failure. Of a `known` one, found in an earlier attempt of the run, only code and data
    are left: where the run ends with what fails for good, it can only be one after which a worker died, or an answer."""
    retry = step.node.retry
    if retry is None or step.attempt >= retry.attempts:
        return False
    if retry.on is not None:
        return said(problem)[0] in retry.on
    return isinstance(problem, Unavailable) or (known and step.node.on_error == "fail")


def pause(step: Step) -> float:
    """Seconds before the attempt after this one."""
    retry = step.node.retry
    assert retry is not None
    return min(retry.pause_seconds * retry.factor ** (step.attempt - 1), MAX_PAUSE_SECONDS)
