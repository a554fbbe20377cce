"""A question to people as a step: it waits, for days if need be, until the first of them taps."""

from datetime import datetime, timedelta
from typing import Any, ClassVar
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from core.orchestration.ports import SkillContext, Waits
from core.workflows.steps import MAX_DAYS, Choice


class Input(BaseModel):
    """`choices` become buttons. `about` (JSON) is shown with the question. `to` are ids of people of the workspace; empty: whose run it is. Nobody answering
    within `within_seconds` means `default`; without one the step fails."""

    model_config = ConfigDict(extra="forbid")

    question: str = Field(min_length=1, max_length=1000)
    choices: list[Choice] = Field(min_length=1, max_length=8)
    about: Any = None
    to: list[UUID] = Field(default=[], max_length=20)
    within_seconds: int = Field(default=7 * 86_400, ge=60, le=MAX_DAYS * 86_400)
    default: str | None = None


class Output(BaseModel):
    """The choice's value and label, and whose it was. `assumed`: nobody tapped; it is the default, or in a dry run what would have been asked for."""

    answer: str
    label: str = ""
    by: UUID | None = None
    at: datetime | None = None
    assumed: bool = False


class Ask:
    name: ClassVar[str] = "ask"
    quick: ClassVar[bool] = False
    Input = Input
    Output = Output

    def run(self, context: SkillContext, inputs: Input) -> Output:
        """Raises Waits; a dry run bothers nobody, and goes on with the default or the first choice."""
        if not context.dry_run:
            until = context.now + timedelta(seconds=inputs.within_seconds)
            raise Waits("person", until, inputs.model_dump(mode="json", exclude={"within_seconds"}))
        chosen = next((c for c in inputs.choices if c.value == inputs.default), inputs.choices[0])
        return Output(answer=chosen.value, label=chosen.label, assumed=True)
