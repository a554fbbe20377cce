"""Ending a run: what it suggests, where it reads on, or why it failed; all in one transaction with its last state."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any, Protocol
from uuid import UUID

from pydantic import ValidationError

from core.approvals.ask import ask_about_each
from core.approvals.ports import ApprovalsWork
from core.approvals.propose import propose
from core.catalog.ports import CatalogWork
from core.connectors.ports import ConnectionsWork
from core.kernel.errors import Conflict, Failure
from core.kernel.events import Event
from core.messaging.post import PostWork, announce, refresh
from core.orchestration.influence import owned_up
from core.orchestration.models import Run
from core.orchestration.ports import OrchestrationWork, Proposal

MAX_ATTEMPTS = 3
JUST = timedelta(minutes=15)
"""So long the person who started a run waits for what comes of it, at any hour."""
LIMIT = "billing.limit_reached"
PAUSES = (timedelta(seconds=5), timedelta(seconds=30))


class FinishWork(OrchestrationWork, ApprovalsWork, CatalogWork, ConnectionsWork, PostWork, Protocol):
    """What finishing needs."""


def succeed(work: FinishWork, run_id: UUID, fence: int, output: Mapping[str, Any]) -> Run | None:
    """Ends a run well: proposals become suggestions with cards, readers move on. A dry run changes nothing but itself, and keeps its proposals to be looked at.
    None when the claim was lost: then nothing was written."""
    run = work.runs.hold(run_id, fence)
    if run is None:
        return None
    run.status, run.finished_at, run.lease_until = "succeeded", work.now, None
    run.error = None
    run.output = {key: value for key, value in output.items() if run.dry or key not in ("proposals", "cursors")}
    if not run.dry:
        proposals, malformed = _read(output.get("proposals"))
        made, refused = propose(work, run, owned_up(work, run, proposals))
        if "proposals" in output:
            run.output |= {"suggested": [str(s.id) for s in made], "refused": [*malformed, *refused]}
        for connection_id, cursor in (output.get("cursors") or {}).items():
            work.connections.advance(UUID(connection_id), str(run.agent_id), cursor)
        rank = {"high": 0, "medium": 1, "low": 2}
        ask_about_each(work, sorted(made, key=lambda s: rank[s.priority]), asked=just_asked(run, work.now))
    if run.agent_id is not None:
        work.agents.touch(run.agent_id)
    work.record(_ended("run.succeeded", run))
    refresh(work, "run", run.id)
    return run


def checked(output: Mapping[str, Any]) -> Mapping[str, Any]:
    """What a graph gave back, when a run can end with it. Raises Conflict `orchestration.step_broken` where its `cursors` are none."""
    cursors = output.get("cursors") or {}
    try:
        readable = isinstance(cursors, dict) and all(UUID(id) and isinstance(at, dict) for id, at in cursors.items())
    except (ValueError, AttributeError, TypeError):
        readable = False
    if not readable:
        raise Conflict("orchestration.step_broken")
    return output


def _read(proposals: Any) -> tuple[list[Proposal], list[dict[str, Any]]]:
    """The proposals of a graph's output, and what stands among them and is none: a model may have written it."""
    found, malformed = [], []
    for each in proposals if isinstance(proposals, list) else [proposals] if proposals else []:
        try:
            found.append(Proposal.model_validate(each))
        except ValidationError as wrong:
            first = wrong.errors(include_url=False, include_input=False)[0]
            where = {"field": ".".join(map(str, first["loc"]))[:200], "rule": first["type"]}
            named = str(each.get("dedupe_key", ""))[:200] if isinstance(each, dict) else ""
            malformed.append({"dedupe_key": named, "code": "connectors.input_invalid", "data": where})
    return found, malformed


def fail(work: FinishWork, run_id: UUID, fence: int, why: Failure, *, again: bool) -> Run | None:
    """Ends a run that failed, or queues it once more where trying again may help and it was not tried three times. The person is told when it ended.
    None when the claim was lost."""
    run = work.runs.hold(run_id, fence)
    if run is None:
        return None
    run.error, run.lease_until = {"code": why.code, "data": why.data}, None
    if again and run.attempt < MAX_ATTEMPTS:
        run.status, run.due_at = "queued", work.now + PAUSES[min(run.attempt, len(PAUSES)) - 1]
    else:
        run.status, run.finished_at = "failed", work.now
        work.record(_ended("run.failed", run, code=why.code))
        # A limit is told once a day (core.billing.reserve.is_news), not for each run that meets it.
        if not run.dry and run.parent_run_id is None and why.code != LIMIT:
            announce(
                work,
                run.user_id,
                "run",
                run.id,
                trace=run.trace,
                agent_id=run.agent_id,
                asked=just_asked(run, work.now),
            )
    refresh(work, "run", run.id)
    return run


def just_asked(run: Run, now: datetime) -> bool:
    """Whether the person has just started it, so that what comes of it is an answer to them."""
    return run.trigger_type in ("manual", "chat") and now - run.created_at < JUST


def cancelled(work: FinishWork, run_id: UUID, fence: int) -> Run | None:
    """Ends a run that a person asked to stop. None when the claim was lost."""
    run = work.runs.hold(run_id, fence)
    if run is None:
        return None
    run.status, run.finished_at, run.lease_until = "cancelled", work.now, None
    work.record(_ended("run.cancelled", run))
    refresh(work, "run", run.id)
    return run


def _ended(kind: str, run: Run, **more: Any) -> Event:
    of = {"agent_id": run.agent_id, "pack_id": run.pack_id, "workflow_id": run.workflow_id}
    told = {name: str(id) for name, id in of.items() if id is not None}
    return Event(kind, run.workspace_id, run.user_id, {"run_id": str(run.id), **told, **more})
