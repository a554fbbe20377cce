"""What people say of what a run gave them. Kept as an event, which a feedback item (domain page, observability) can be made of: its source is human, what it is about is the run."""

from uuid import UUID

from core.kernel.actor import Actor
from core.kernel.events import Event
from core.orchestration.ports import OrchestrationWork


def rate(work: OrchestrationWork, actor: Actor, run_id: UUID, helped: bool) -> None:
    """Whether it helped; said again, the last word counts. Raises NotFound `orchestration.run_unknown`."""
    actor.need("read")
    run = work.runs.get(run_id)
    told = {
        "source": "human", "sentiment": "positive" if helped else "negative", "run_id": str(run.id),
        "agent_id": str(run.agent_id) if run.agent_id else None, "surface": actor.surface,
    }  # fmt: skip
    work.record(Event("feedback.given", run.workspace_id, actor.user_id, told))
