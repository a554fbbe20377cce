"""Starting a run."""

from datetime import datetime
from typing import Any, Protocol
from uuid import UUID

from core.catalog.kinds import template
from core.catalog.ports import CatalogWork
from core.kernel.actor import Actor
from core.kernel.errors import Conflict
from core.kernel.events import Event
from core.kernel.ids import new_id
from core.kernel.trace import traceparent
from core.orchestration.models import Run, TriggerKind
from core.orchestration.ports import OrchestrationWork
from core.preferences.choose import need_consent
from core.preferences.ports import PreferencesWork


class StartWork(OrchestrationWork, CatalogWork, PreferencesWork, Protocol):
    """What starting needs: runs, agents and consents."""


def start(
    work: StartWork, actor: Actor, agent_id: UUID, trigger_type: TriggerKind, input: dict[str, Any],
    trigger_id: UUID | None = None, due_at: datetime | None = None,
) -> Run:  # fmt: skip
    """Queues a run of the agent's newest version. `input` with `dry_run` only shows what it would suggest.
    Raises NotFound `catalog.agent_unknown`, Conflict `catalog.agent_paused`, Forbidden `preferences.consent_missing`."""
    actor.need("write")
    agent = work.agents.get(agent_id)
    if agent.status == "paused" or agent.latest_version_id is None:
        raise Conflict("catalog.agent_paused", agent=agent.name)
    need_consent(work, agent.owner_id, template(agent.template).manifest.consents)
    run = Run(
        id=new_id(), workspace_id=agent.workspace_id, user_id=agent.owner_id, agent_id=agent.id,
        agent_version_id=agent.latest_version_id, trigger_type=trigger_type, trigger_id=trigger_id, input=input,
        queued_at=work.now, created_at=work.now, due_at=due_at or work.now, trace=traceparent.get(),
    )  # fmt: skip
    work.runs.add(run)
    work.record(Event("run.queued", run.workspace_id, run.user_id, {"run_id": str(run.id), "agent_id": str(agent.id)}))
    work.ring("runs.due", run.id)
    return run


def under_way(work: OrchestrationWork, agent_id: UUID) -> Run | None:
    """A run of the agent that is queued or running for real, so that a second tap does not start a second one."""
    for status in ("running", "queued"):
        for run in work.runs.page(None, 5, agent_id=agent_id, status=status):
            if not run.dry:
                return run
    return None


def cancel(work: OrchestrationWork, actor: Actor, run_id: UUID) -> Run:
    """Stops a run: at once while it is queued, at its next step while it runs. Raises Conflict `orchestration.run_finished`."""
    actor.need("write")
    run = work.runs.get(run_id)
    if run.status == "queued":
        run.status, run.finished_at = "cancelled", work.now
        work.record(Event("run.cancelled", run.workspace_id, run.user_id, {"run_id": str(run.id)}))
    elif run.status in ("running", "waiting"):
        run.cancel_requested_at = work.now
    else:
        raise Conflict("orchestration.run_finished", status=run.status)
    return run
