"""A skill that does nothing: for graphs that need a name for a value, and for measuring."""

from typing import Any, ClassVar

from pydantic import BaseModel

from core.orchestration.ports import SkillContext


class Input(BaseModel):
    """Any JSON value."""

    value: Any = None


class Output(BaseModel):
    """The same value."""

    value: Any = None


class Noop:
    name: ClassVar[str] = "noop"
    quick: ClassVar[bool] = True
    Input = Input
    Output = Output

    def run(self, context: SkillContext, inputs: Input) -> Output:
        """Gives back its `value`."""
        return Output(value=inputs.value)
