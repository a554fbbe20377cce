"""An agent that fails again and again is held, and its owner asked what to do."""

from typing import Protocol

from core.catalog.ports import CatalogWork
from core.kernel.events import Event
from core.messaging.post import PostWork, notify
from core.orchestration.models import Run

IN_A_ROW = 5


class FailingWork(CatalogWork, PostWork, Protocol):
    """What holding an agent needs."""


def run_failed(work: FailingWork, run: Run) -> None:
    """Counts a run that failed for good, in the transaction that ends it. With the fifth in a row the agent is paused and its owner asked (Resume, Details). A dry run, and one
    of a pack or workflow, says nothing about an agent."""
    if run.agent_id is None or run.dry or work.agents.failed(run.agent_id) < IN_A_ROW:
        return
    agent = work.agents.get(run.agent_id)
    if agent.status != "active":
        return
    agent.status = "paused"
    told = {"agent_id": str(agent.id), "run_id": str(run.id), "by": "failures"}
    work.record(Event("agent.paused", run.workspace_id, agent.owner_id, told))
    why = run.error or {}
    about = {"agent": agent.name, "agent_id": str(agent.id), "run_id": str(run.id), "failures": IN_A_ROW}
    notify(
        work, agent.owner_id, "agent.paused_after_failures", {**about, "code": why.get("code"), "data": why.get("data")}
    )
