"""A step that takes as long as it is told to: the long job beside which others must start at once."""

import time
from typing import ClassVar

from core.orchestration.ports import SkillContext
from pydantic import BaseModel


class Input(BaseModel):
    """How long, in seconds."""

    seconds: float


class Output(BaseModel):
    """How long it was."""

    seconds: float


class Slow:
    name: ClassVar[str] = "bench.slow"
    Input = Input
    Output = Output

    def run(self, context: SkillContext, inputs: Input) -> Output:
        """Waits, as a step does that waits for somebody else's machine."""
        time.sleep(inputs.seconds)
        return Output(seconds=inputs.seconds)
