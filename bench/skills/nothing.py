"""A step that does nothing."""

from typing import Any, ClassVar

from core.orchestration.ports import SkillContext
from pydantic import BaseModel


class Input(BaseModel):
    """Anything."""

    value: Any = None


class Output(BaseModel):
    """The same."""

    value: Any = None


class Nothing:
    name: ClassVar[str] = "bench.nothing"
    quick: ClassVar[bool] = True
    Input = Input
    Output = Output

    def run(self, context: SkillContext, inputs: Input) -> Output:
        """Gives back what it was given."""
        return Output(value=inputs.value)
