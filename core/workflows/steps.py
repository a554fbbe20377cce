"""What a workflow is made of: steps as data, which may hold further steps."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from core.kernel.errors import Invalid

MAX_STEPS = 200
MAX_DEPTH = 8
MAX_DAYS = 60
RESERVED = frozenset(("run", "params", "errors", "item", "index", "output"))
_KINDS = frozenset(("agent", "condition", "parallel", "aggregate", "ask"))


class _Step(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    id: str = Field(pattern=r"^[a-z][a-z0-9_]{0,39}$")


class AgentStep(_Step):
    """Runs an agent. `input` is a JSON value with references (`{"$": "<jmespath>"}` over `run` and the steps before); left out, it is what the step before gave.
    `on_error` is `fail`, `continue`, or `{"use": <output>}`."""

    kind: Literal["agent"]
    agent: UUID
    input: Any = None
    timeout_seconds: int | None = Field(default=None, ge=1, le=MAX_DAYS * 86_400)
    on_error: Literal["fail", "continue"] | dict[Literal["use"], Any] = "fail"


class ConditionStep(_Step):
    """Carries out `then` where `when` (CEL over `run` and the steps before) is true, else `otherwise`."""

    kind: Literal["condition"]
    when: str = Field(min_length=1, max_length=2000)
    then: tuple["Step", ...] = Field(min_length=1)
    otherwise: tuple["Step", ...] = ()


class ParallelStep(_Step):
    """Carries out its steps beside each other; what comes after waits for all of them."""

    kind: Literal["parallel"]
    steps: tuple["Step", ...] = Field(min_length=1)


class AggregateStep(_Step):
    """Makes one result of several: of the steps named in `of`; left out, of the step before (of each in it, where it is a parallel group). Skipped steps do not count.

    concat: one list, or one text. merge: one object, or one list joined by the field `by`. vote: what most say (`by`: only that field of each).
    summarise: a short text; `instructions` say what matters. `field` (JMESPath) picks a part of each result first."""

    kind: Literal["aggregate"]
    how: Literal["concat", "merge", "vote", "summarise"]
    of: tuple[str, ...] | None = Field(default=None, min_length=1)
    field: str | None = Field(default=None, min_length=1, max_length=200)
    by: str | None = Field(default=None, min_length=1, max_length=200)
    instructions: str | None = Field(default=None, max_length=2000)


class Choice(BaseModel):
    """A button under a question: what it says, and what an answer with it is worth to the steps after."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    value: str = Field(min_length=1, max_length=40)
    label: str = Field(min_length=1, max_length=75)


class AskStep(_Step):
    """Asks people and waits for the first answer, for days if need be. `about` is what the question is about (JSON with references), `to` who is asked (left out: whose
    run it is). Nobody answering within `within_seconds` means `default`, or fails the step where there is none."""

    kind: Literal["ask"]
    question: str = Field(min_length=1, max_length=1000)
    choices: tuple[Choice, ...] = Field(min_length=1, max_length=8)
    about: Any = None
    to: tuple[UUID, ...] = Field(default=(), max_length=20)
    within_seconds: int = Field(default=7 * 86_400, ge=60, le=MAX_DAYS * 86_400)
    default: str | None = None


Step = Annotated[AgentStep | ConditionStep | ParallelStep | AggregateStep | AskStep, Field(discriminator="kind")]
Steps = tuple[Step, ...]
for _holder in (ConditionStep, ParallelStep):
    _holder.model_rebuild()
_ADAPTER: TypeAdapter[Steps] = TypeAdapter(Steps)
_HOLDERS = ("then", "otherwise", "steps")


def parse_steps(data: Any) -> Steps:
    """The steps that `data` describes (JSON or YAML values, or steps).

    Raises Invalid, naming the step: `workflows.step_invalid` (step, field, rule: pydantic's error type), `workflows.step_twice`,
    `workflows.steps_too_many`, `workflows.steps_too_deep`. Takes less than a second, however deep or many."""
    if not isinstance(data, list | tuple):
        raise Invalid("workflows.step_invalid", step="", field="steps", rule="list_type")
    if not data:
        raise Invalid("workflows.step_invalid", step="", field="steps", rule="too_short")
    _measure(data)
    try:
        parsed = _ADAPTER.validate_python(data)
    except ValidationError as problem:
        raise _said(problem, data) from None
    seen: set[str] = set()
    for step in inside(parsed):
        if step.id in seen or step.id in RESERVED:
            raise Invalid("workflows.step_twice", step=step.id)
        seen.add(step.id)
    return parsed


def inside(steps: Steps) -> Iterator[Step]:
    """Every step, each before those that it holds."""
    for step in steps:
        yield step
        for holder in _HOLDERS:
            yield from inside(getattr(step, holder, ()))


def _measure(data: Sequence[Any]) -> None:
    todo, many = [(each, 1) for each in reversed(data)], 0
    while todo:
        each, depth = todo.pop()
        many += 1
        if many > MAX_STEPS:
            raise Invalid("workflows.steps_too_many", step=_name(each), most=MAX_STEPS)
        if depth > MAX_DEPTH:
            raise Invalid("workflows.steps_too_deep", step=_name(each), most=MAX_DEPTH)
        for holder in _HOLDERS:
            held = each.get(holder) if isinstance(each, Mapping) else getattr(each, holder, None)
            if isinstance(held, list | tuple):
                todo += [(inner, depth + 1) for inner in reversed(held)]


def _said(problem: ValidationError, data: Any) -> Invalid:
    first = problem.errors(include_input=False, include_url=False, include_context=False)[0]
    at, name = data, ""
    place: list[str] = []
    tagged = False
    for part in first["loc"]:
        if isinstance(part, int) and isinstance(at, list | tuple) and part < len(at):
            at, place, tagged = at[part], [], True
            name = _name(at, part)
        elif tagged:
            tagged = False
            place += [] if part in _KINDS else [str(part)]
        elif part in _HOLDERS and isinstance(at, Mapping):
            at, place = at.get(part), [str(part)]
        else:
            place.append(str(part))
    return Invalid("workflows.step_invalid", step=name, field=".".join(map(str, place))[:80], rule=first["type"])


def _name(step: Any, at: int | None = None) -> str:
    name = step.get("id") if isinstance(step, Mapping) else getattr(step, "id", None)
    return name[:80] if isinstance(name, str) and name else "" if at is None else f"#{at + 1}"
