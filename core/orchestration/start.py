"""Starting runs: of an agent, a pack or a workflow; one, or as many as are due at once."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Protocol
from uuid import UUID

from core.catalog.consents import needed
from core.catalog.ports import CatalogWork, Startable
from core.connectors.ports import ConnectionsWork
from core.kernel.actor import Actor
from core.kernel.errors import Conflict, Failure, NotFound
from core.kernel.events import Event
from core.kernel.ids import new_id
from core.kernel.trace import traceparent
from core.orchestration.batches import told
from core.orchestration.models import Run, TriggerKind
from core.orchestration.ports import OrchestrationWork
from core.preferences.choose import need_consent
from core.preferences.ports import PreferencesWork

DEEPEST = 8


class StartWork(OrchestrationWork, CatalogWork, ConnectionsWork, PreferencesWork, Protocol):
    """What starting needs: runs, agents, what their connections give to read, and consents."""


@dataclass(frozen=True)
class Target:
    """What a run is of: an agent with its version, a pack, or a workflow with its version. `light` says that its graph only computes."""

    owner_id: UUID
    agent_id: UUID | None = None
    agent_version_id: UUID | None = None
    pack_id: UUID | None = None
    workflow_id: UUID | None = None
    workflow_version_id: UUID | None = None
    light: bool = False


@dataclass(frozen=True)
class Start:
    """One of many runs to start. `agent_id` or `target` says of what; `depth` counts the runs above it."""

    trigger_type: TriggerKind
    agent_id: UUID | None = None
    target: Target | None = None
    input: Mapping[str, Any] = field(default_factory=dict)
    trigger_id: UUID | None = None
    due_at: datetime | None = None
    depth: int = 0


def start(
    work: StartWork, actor: Actor, agent_id: UUID, trigger_type: TriggerKind, input: dict[str, Any],
    trigger_id: UUID | None = None, due_at: datetime | None = None, parent: Run | None = None, depth: int | None = None,
) -> Run:  # fmt: skip
    """Queues a run of the agent's newest version. `input` with `dry_run` only shows what it would suggest.
    Raises NotFound `catalog.agent_unknown`, Conflict `catalog.agent_paused`, Forbidden `preferences.consent_missing`."""
    actor.need("write")
    target = of_agent(work, agent_id)
    return start_run(
        work, actor, target, trigger_type, input, trigger_id=trigger_id, due_at=due_at, parent=parent, depth=depth
    )


def start_run(
    work: StartWork, actor: Actor, target: Target, trigger_type: TriggerKind, input: Mapping[str, Any], *,
    trigger_id: UUID | None = None, due_at: datetime | None = None, parent: Run | None = None, depth: int | None = None,
) -> Run:  # fmt: skip
    """Queues a run of a target that was checked. With `parent` it is a part of that run, as dry as it is. Raises Conflict `orchestration.too_deep`."""
    actor.need("write")
    if parent is not None:
        depth, input = parent.depth + 1, {**input, **({"dry_run": True} if parent.dry else {})}
    run = _run(work, target, Start(trigger_type, None, target, input, trigger_id, due_at, depth or 0))
    if parent is not None:
        # Somebody waits for it, and is told when it ends: batches tell nobody.
        run.parent_run_id, run.light = parent.id, False
    work.runs.add_all([run])
    work.ring("runs.due", run.id, told=told(run))
    return run


def start_runs(work: StartWork, starts: Sequence[Start]) -> list[Run | Failure]:
    """Queues many at once, with one question for all of their agents and one ring; those that may not start are answered by their Failure, in the order of
    `starts`. Triggers call it: who made them was checked then."""
    wanted = [s.agent_id for s in starts if s.agent_id is not None]
    found = work.agents.startable(list(dict.fromkeys(wanted)))
    targets: dict[UUID, Target | Failure] = {}
    made: list[Run | Failure] = []
    for one in starts:
        try:
            target = one.target
            if target is None and one.agent_id is not None:
                if one.agent_id not in targets:
                    targets[one.agent_id] = _checked(work, one.agent_id, found)
                kept = targets[one.agent_id]
                if isinstance(kept, Failure):
                    raise kept
                target = kept
            assert target is not None
            made.append(_run(work, target, one))
        except Failure as why:
            made.append(why)
    runs = [run for run in made if isinstance(run, Run)]
    work.runs.add_all(runs)
    if runs:
        work.ring("runs.due", runs[0].id, told=told(runs[0]) if len(runs) == 1 else None)
    return made


def of_agent(work: StartWork, agent_id: UUID) -> Target:
    """The agent's newest version, if it may run now. Raises NotFound `catalog.agent_unknown`, Conflict `catalog.agent_paused`,
    Forbidden `preferences.consent_missing`."""
    return _allowed(work, agent_id, work.agents.startable([agent_id]))


def under_way(work: OrchestrationWork, agent_id: UUID) -> Run | None:
    """A run of the agent that is queued, waits or is running for real, so that a second tap does not start a second one."""
    for status in ("running", "queued", "waiting"):
        for run in work.runs.page(None, 5, agent_id=agent_id, status=status):
            if not run.dry:
                return run
    return None


def cancel(work: OrchestrationWork, actor: Actor, run_id: UUID) -> Run:
    """Stops a run: at once while it is queued or waits, at its next step while it runs. Raises Conflict `orchestration.run_finished`."""
    actor.need("write")
    run = work.runs.lock(run_id)
    if run.status in ("queued", "waiting"):
        run.status, run.finished_at = "cancelled", work.now
        work.record(Event("run.cancelled", run.workspace_id, run.user_id, {"run_id": str(run.id)}))
    elif run.status == "running":
        run.cancel_requested_at = work.now
    else:
        raise Conflict("orchestration.run_finished", status=run.status)
    return run


def _checked(work: StartWork, agent_id: UUID, found: Mapping[UUID, Startable]) -> Target | Failure:
    try:
        return _allowed(work, agent_id, found)
    except Failure as why:
        return why


def _allowed(work: StartWork, agent_id: UUID, found: Mapping[UUID, Startable]) -> Target:
    if agent_id not in found:
        raise NotFound("catalog.agent_unknown", id=str(agent_id))
    agent = found[agent_id]
    if agent.status == "paused" or agent.latest_version_id is None:
        raise Conflict("catalog.agent_paused", agent=agent.name)
    need_consent(work, agent.owner_id, needed(work, agent))
    return Target(agent.owner_id, agent_id=agent.id, agent_version_id=agent.latest_version_id, light=agent.light)


def _run(work: StartWork, target: Target, asked: Start) -> Run:
    if asked.depth > DEEPEST:
        raise Conflict("orchestration.too_deep", most=DEEPEST)
    return Run(
        id=new_id(), workspace_id=work.workspace_id, user_id=target.owner_id, agent_id=target.agent_id,
        agent_version_id=target.agent_version_id, pack_id=target.pack_id, workflow_id=target.workflow_id,
        workflow_version_id=target.workflow_version_id, trigger_type=asked.trigger_type, trigger_id=asked.trigger_id,
        light=target.light and target.agent_id is not None, depth=asked.depth, input=dict(asked.input), queued_at=work.now, created_at=work.now,
        due_at=asked.due_at or work.now, trace=traceparent.get(),
    )  # fmt: skip
