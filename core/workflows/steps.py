"""What a workflow is made of: steps as data, which may hold further steps."""

from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

MAX_STEPS = 200
MAX_DEPTH = 8
MAX_DAYS = 60


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
    """Makes one result of several: of the steps named in `of`; left out, of the step before. `field` picks one field of each result, `instructions` say what matters in a summary."""

    kind: Literal["aggregate"]
    how: Literal["concat", "merge", "vote", "summarise"]
    of: tuple[str, ...] | None = Field(default=None, min_length=1)
    field: str | None = Field(default=None, max_length=200)
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
