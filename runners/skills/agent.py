"""Another agent as a step: a run of its own, whose end is this step's answer."""

from datetime import timedelta
from typing import Any, ClassVar, Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from core.orchestration.ports import SkillContext, Waits

DAYS = 60


class Input(BaseModel):
    """`agent` is named in the graph itself, never taken from what a run has read. `input` is what its run is given (what is not an object comes as `value`).
    After `within_seconds` without an end it is cancelled, and the step fails."""

    model_config = ConfigDict(extra="forbid")

    agent: UUID
    input: Any = None
    within_seconds: int = Field(default=30 * 86_400, ge=1, le=DAYS * 86_400)


class Output(BaseModel):
    """How the other agent's run ended: `output` is what it gave back."""

    run_id: UUID
    status: Literal["succeeded"] = "succeeded"
    output: Any = None


class CallAgent:
    name: ClassVar[str] = "agent"
    quick: ClassVar[bool] = False
    Input = Input
    Output = Output

    def run(self, context: SkillContext, inputs: Input) -> Output:
        """Always raises Waits: the engine starts the run (a dry one within a dry one), and its end is the answer."""
        until = context.now + timedelta(seconds=inputs.within_seconds)
        raise Waits("run", until, {"agent_id": str(inputs.agent), "input": inputs.input})
