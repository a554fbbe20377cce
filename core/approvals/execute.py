"""How an approved action is executed: claim → arm → effect → record. Each step is one short transaction; the effect itself happens between two of them.
See docs/execution.md."""

from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Literal, Protocol
from uuid import UUID

from core.approvals.canonical import sha256
from core.approvals.deciders import need_to_decide
from core.approvals.models import ActionExecution, ExecutionAttempt, ExecutionStatus, Suggestion, SuggestionRevision
from core.approvals.ports import ApprovalsWork
from core.catalog.kinds import template
from core.catalog.ports import CatalogWork
from core.connectors.kinds import integration
from core.connectors.manifest import OperationManifest
from core.connectors.models import Connection
from core.connectors.ports import ConnectionsWork, Receipt
from core.kernel.actor import Actor
from core.kernel.errors import Conflict, Failure
from core.kernel.events import Event
from core.kernel.ids import new_id
from core.messaging.post import PostWork, refresh
from core.preferences.choose import need_consent
from core.preferences.ports import PreferencesWork

LEASE_SECONDS = 45.0
MOST_TRIES = 12
"""Four tries end in an answer; whatever is taken more often than that ends its workers."""
WORN_OUT: dict[str, Any] = {"code": "approvals.worker_lost", "data": {}}
RESTORED, RESTORED_ABSENT = "approvals.restored", "approvals.restored_absent"
STILL_TIME = timedelta(days=1)
PAUSES = (timedelta(seconds=5), timedelta(seconds=30), timedelta(minutes=2))
LONGEST_PAUSE = timedelta(hours=1)
_CHOSEN: dict[str, ExecutionStatus] = {"done": "succeeded", "again": "ready", "drop": "failed"}
LOOKUPS = (timedelta(seconds=5), timedelta(seconds=30), timedelta(minutes=2), timedelta(minutes=10))


class ExecuteWork(ApprovalsWork, CatalogWork, ConnectionsWork, PostWork, PreferencesWork, Protocol):
    """What executing needs."""


@dataclass(frozen=True)
class Armed:
    """An execution that passed the last gate: exactly what to do, and the fence to record it under."""

    execution: ActionExecution
    suggestion: Suggestion
    revision: SuggestionRevision
    connection: Connection
    operation: OperationManifest


def claim(work: ExecuteWork, execution_id: UUID) -> Armed | None:
    """Takes a due execution; None when there is nothing to take (somebody else has it, it is held, done or withdrawn), or when it has cost so many workers their lives that it is given
    up. The caller commits either way."""
    execution = work.executions.claim(execution_id, LEASE_SECONDS)
    if execution is None:
        return None
    facts = _facts(work, execution)
    if execution.attempts > MOST_TRIES:
        _come_to_nothing(work, facts, execution, "failed", WORN_OUT)
        return None
    return facts


def arm(work: ExecuteWork, claimed: Armed) -> Armed | None:
    """The last gate: everything that an approval stands on is checked again, then `claimed` → `sending`. None when the claim was lost, or when the gate
    refused (then the execution has failed, nothing was done, and the person is told why; where an earlier try may have done it, that is looked up first)."""
    execution = work.executions.lock(claimed.execution.id, claimed.execution.fence, "claimed")
    if execution is None:
        return None
    facts = _facts(work, execution)
    try:
        _gate(work, facts)
    except Failure as why:
        _come_to_nothing(work, facts, execution, "refused", {"code": why.code, "data": why.data})
        return None
    if not work.executions.move(execution.id, execution.fence, "claimed", "sending", lease_seconds=LEASE_SECONDS):
        return None
    return facts


def ask_anew(work: ExecuteWork, claimed: Armed, code: str, data: dict[str, Any]) -> None:
    """The world changed since the yes (somebody answered the thread): nothing is done, the same action waits as a new revision for a new yes. Where an earlier
    try may have done it, that is looked up first: what changed may be our own doing."""
    execution = work.executions.lock(claimed.execution.id, claimed.execution.fence, "claimed")
    if execution is None:
        return
    if _may_have_been_done(work, execution):
        _lose_track(work, execution, claimed.suggestion, "refused", {"code": code, "data": data})
        return
    _attempt(work, execution, "refused", {"code": code, "data": data})
    _put_before_them_anew(work, claimed, execution, {"code": code, "data": data})


def _put_before_them_anew(work: ExecuteWork, facts: Armed, execution: ActionExecution, error: dict[str, Any]) -> None:
    """Nothing was done; the same action is a new revision, which waits for a new yes for a day at least."""
    suggestion = work.suggestions.lock(facts.suggestion.id)
    execution.status, execution.lease_until, execution.error = "withdrawn", None, error
    work.suggestions.revise(
        SuggestionRevision(
            id=new_id(),
            workspace_id=suggestion.workspace_id,
            suggestion_id=suggestion.id,
            number=suggestion.revision + 1,
            action=facts.revision.action,
            payload_sha256=facts.revision.payload_sha256,
            author="agent",
            author_id=suggestion.agent_id,
            created_at=work.now,
        )
    )
    suggestion.revision += 1
    suggestion.status, suggestion.decided_at = "pending", None
    if suggestion.expires_at is not None and suggestion.expires_at <= work.now + STILL_TIME:
        suggestion.expires_at = work.now + STILL_TIME
        suggestion.reminded_at, suggestion.rung, suggestion.next_rung_at = None, 0, None
    refresh(work, "suggestion", suggestion.id)


def was_asked_anew(work: ExecuteWork, claimed: Armed) -> bool:
    """Whether the yes is one to what was asked anew, because the world had changed (ask_anew): for that reason it stands. The agent's own wording of a revision is another action than the one before."""
    revision = claimed.revision
    if revision.author != "agent" or revision.number == 1:
        return False
    before = work.suggestions.revision(claimed.suggestion.id, revision.number - 1)
    return before.payload_sha256 == revision.payload_sha256


def succeed(work: ExecuteWork, armed: Armed, receipt: Receipt) -> bool:
    """Records the effect under its fence. False when we are a zombie: then only the attempt was appended."""
    return _record(
        work, armed, "succeeded", {"external_ref": receipt.external_ref, **receipt.facts}, external_ref=receipt.external_ref,
        result=dict(receipt.facts),
    )  # fmt: skip


def fail(
    work: ExecuteWork, taken: Armed, code: str, data: dict[str, Any], *, again: bool, after: float | None = None,
    armed: bool = True,
) -> bool:  # fmt: skip
    """Records that surely nothing was done by this try. With `again` it is tried once more later, at most four times in all, and not before the `after` seconds that the provider
    asks for (within an hour). `armed` is False when it failed before the last gate (the connection could not be opened). False when we are a zombie."""
    error = {"code": code, "data": data}
    id, fence = taken.execution.id, taken.execution.fence
    execution = work.executions.lock(id, fence, "sending") if armed else None
    # The gate may have been passed without a commit.
    execution = execution or work.executions.lock(id, fence, "claimed")
    if execution is None:
        _attempt(work, taken.execution, "zombie", error)
        return False
    if again and execution.attempts <= len(PAUSES):
        execution.status, execution.error, execution.lease_until = "ready", error, None
        asked = min(timedelta(seconds=max(after or 0.0, 0.0)), LONGEST_PAUSE)
        execution.due_at = work.now + max(PAUSES[execution.attempts - 1], asked)
        _attempt(work, execution, "failed", error)
        refresh(work, "suggestion", execution.suggestion_id)
    else:
        _come_to_nothing(work, taken, execution, "failed", error)
    return True


def lose_track(work: ExecuteWork, armed: Armed, code: str, data: dict[str, Any]) -> bool:
    """Records that nobody can say whether it was done: it is looked up soon, never silently repeated. False when we are a zombie."""
    return _record(work, armed, "unknown", {"code": code, "data": data}, error={"code": code, "data": data})


def reap(work: ExecuteWork, execution_id: UUID) -> None:
    """An execution whose worker vanished while sending: it may have been done. A keyed operation is simply asked again with the same key, anything
    else becomes `unknown`."""
    execution = work.executions.get(execution_id)
    if execution.status != "sending" or execution.lease_until is None or execution.lease_until > work.now:
        return
    facts = _facts(work, execution)
    to = "ready" if facts.operation.effect in ("keyed", "local") else "unknown"
    if work.executions.move(execution.id, execution.fence, "sending", to, due_at=work.now):
        _attempt(work, execution, "unknown", {"code": "approvals.worker_lost"})
        work.ring("executions.due", execution.id)
        refresh(work, "suggestion", execution.suggestion_id)


def claim_lookup(work: ExecuteWork, execution_id: UUID) -> Armed | None:
    """Takes an unknown execution whose look-up is due; None when there is nothing to take."""
    execution = work.executions.claim_lookup(execution_id, LEASE_SECONDS)
    return None if execution is None else _facts(work, execution)


def looked_up(work: ExecuteWork, taken: Armed, finding: Receipt | str) -> None:
    """What the look-up found: done, surely not done (then it may be done now, or, in a system that was restored, is asked about anew), or still unclear (looked up again later; after the
    last one the person decides)."""
    execution = work.executions.lock(taken.execution.id, taken.execution.fence, "unknown")
    if execution is None:
        return
    if isinstance(finding, Receipt):
        execution.external_ref, execution.result = finding.external_ref, dict(finding.facts)
        _end(work, taken, "succeeded", outcome="looked_up", execution=execution)
    elif finding == "absent" and execution.attempts > MOST_TRIES:
        _end(
            work, taken, "failed", outcome="looked_up", error=WORN_OUT, detail={"found": "absent"}, execution=execution
        )
    elif finding == "absent" and (execution.error or {}).get("code") == RESTORED:
        # The yes is as old as the backup: much may have been said since.
        _attempt(work, execution, "looked_up", {"found": "absent"})
        _put_before_them_anew(work, taken, execution, {"code": RESTORED_ABSENT, "data": {}})
    elif finding == "absent":
        _attempt(work, execution, "looked_up", {"found": "absent"})
        execution.status, execution.due_at, execution.lease_until = "ready", work.now, None
        work.ring("executions.due", execution.id)
    else:
        _attempt(work, execution, "looked_up", {"found": "unclear"})
        last = execution.lookups >= len(LOOKUPS)
        execution.due_at = work.now + (timedelta(days=3650) if last else LOOKUPS[execution.lookups])
        execution.lease_until = None
        refresh(work, "suggestion", execution.suggestion_id)


def resolve(
    work: ExecuteWork, actor: Actor, suggestion_id: UUID, choice: Literal["done", "again", "drop"]
) -> ActionExecution:
    """A person says what became of an unknown one: `done`, `again` (do it now) or `drop`. Raises Conflict `approvals.not_unknown` (data: status); Forbidden
    `approvals.not_allowed` for anybody who may not decide."""
    actor.need("approve")
    need_to_decide(work, actor, work.suggestions.lock(suggestion_id))
    execution = work.executions.of(suggestion_id)
    if execution is None or execution.status != "unknown":
        raise Conflict("approvals.not_unknown", status=execution.status if execution else "")
    execution = work.executions.lock(execution.id, execution.fence, "unknown")
    if execution is None:
        raise Conflict("approvals.not_unknown", status="")
    execution.fence += 1
    execution.status = _CHOSEN[choice]
    execution.due_at, execution.lease_until = work.now, None
    execution.error = {"code": "approvals.dropped", "data": {}} if choice == "drop" else None
    if choice == "done":
        execution.executed_at = work.now
    if choice == "again":
        execution.attempts = 0
        work.ring("executions.due", execution.id)
    _attempt(work, execution, "looked_up", {"decided_by": str(actor.user_id), "choice": choice})
    work.record(
        Event(
            "action.resolved",
            execution.workspace_id,
            actor.user_id,
            {"execution_id": str(execution.id), "choice": choice},
        )
    )
    refresh(work, "suggestion", suggestion_id)
    return execution


def _gate(work: ExecuteWork, facts: Armed) -> None:
    approvals = [a for a in work.suggestions.approvals(facts.suggestion.id) if a.id == facts.execution.approval_id]
    hashes = {sha256(facts.revision.action), facts.revision.payload_sha256, *(a.payload_sha256 for a in approvals)}
    if len(approvals) != 1 or approvals[0].decision != "approve" or len(hashes) != 1:
        raise Conflict("approvals.payload_changed")
    if facts.suggestion.status != "approved" or facts.suggestion.revision != facts.revision.number:
        raise Conflict("approvals.no_longer_approved", status=facts.suggestion.status)
    if facts.connection.status != "active" or not work.connections.credential_active(facts.connection):
        raise Conflict(
            "approvals.connection_unusable", connection=facts.connection.name, status=facts.connection.status
        )
    agent = work.agents.get(facts.suggestion.agent_id)
    # What a person has undone is their own act: it needs neither the agent nor what the agent may read.
    own_act = facts.suggestion.undoes is not None
    if agent.status == "paused" and not own_act:
        raise Conflict("catalog.agent_paused", agent=agent.name)
    if work.people.workspace().status != "active" or work.people.user(approvals[0].user_id).status != "active":
        raise Conflict("approvals.account_closed")
    if own_act:
        return
    need_consent(work, facts.suggestion.user_id, template(agent.template).manifest.consents)


def _facts(work: ExecuteWork, execution: ActionExecution) -> Armed:
    suggestion = work.suggestions.get(execution.suggestion_id)
    approval = next(a for a in work.suggestions.approvals(suggestion.id) if a.id == execution.approval_id)
    revision = work.suggestions.revision(suggestion.id, approval.revision)
    connection = work.connections.get(execution.connection_id)
    operation = integration(connection.integration).operation(revision.action.operation)
    return Armed(execution, suggestion, revision, connection, operation)


def _record(work: ExecuteWork, armed: Armed, status: Any, detail: dict[str, Any], **fields: Any) -> bool:
    execution = work.executions.lock(armed.execution.id, armed.execution.fence, "sending")
    if execution is None:
        _attempt(work, armed.execution, "zombie", detail)
        return False
    for name, value in fields.items():
        setattr(execution, name, value)
    if status == "unknown":
        _lose_track(work, execution, armed.suggestion, "unknown", detail)
    else:
        _end(work, armed, status, outcome=status, detail=detail, execution=execution)
    return True


def _come_to_nothing(
    work: ExecuteWork, facts: Armed, execution: ActionExecution, outcome: Any, error: dict[str, Any]
) -> None:
    """This try did nothing. That the action was not done is said only where no earlier one may have done it."""
    if _may_have_been_done(work, execution):
        execution.error = error
        _lose_track(work, execution, facts.suggestion, outcome, error)
    else:
        _end(work, facts, "failed", outcome=outcome, error=error, execution=execution)


def _may_have_been_done(work: ExecuteWork, execution: ActionExecution) -> bool:
    """Whether a try of it ended in nobody knows what, and no look-up has proved since that it is not there."""
    unclear = False
    for attempt in work.executions.attempts(execution.id):
        if attempt.outcome == "unknown":
            unclear = True
        elif attempt.outcome == "looked_up" and attempt.detail.get("found") == "absent":
            unclear = False
    return unclear


def _lose_track(
    work: ExecuteWork, execution: ActionExecution, suggestion: Suggestion, outcome: Any, detail: dict[str, Any]
) -> None:
    """It is looked up soon, and said so."""
    execution.status, execution.due_at, execution.lease_until = "unknown", work.now + LOOKUPS[0], None
    _attempt(work, execution, outcome, detail)
    work.record(_event("action.unknown", execution, suggestion))
    refresh(work, "suggestion", execution.suggestion_id)


def _end(
    work: ExecuteWork, facts: Armed, status: Any, *, outcome: Any, detail: dict[str, Any] | None = None,
    error: dict[str, Any] | None = None, execution: ActionExecution | None = None,
) -> None:  # fmt: skip
    execution = execution or work.executions.get(facts.execution.id)
    execution.status, execution.lease_until = status, None
    execution.error = error or (execution.error if status == "failed" else None)
    if status == "succeeded":
        execution.executed_at = work.now
        _undone(work, facts.suggestion.undoes)
    elif facts.suggestion.undoes is not None:
        refresh(work, "suggestion", work.executions.get(facts.suggestion.undoes).suggestion_id)
    _attempt(work, execution, outcome, detail or error or {"external_ref": execution.external_ref})
    work.record(_event(f"action.{status}", execution, facts.suggestion))
    refresh(work, "suggestion", execution.suggestion_id)


def _undone(work: ExecuteWork, execution_id: UUID | None) -> None:
    """The effect of that execution is no more."""
    if execution_id is None:
        return
    earlier = work.executions.get(execution_id)
    if work.executions.move(earlier.id, earlier.fence, "succeeded", "undone"):
        work.record(
            Event(
                "action.undone",
                earlier.workspace_id,
                work.suggestions.get(earlier.suggestion_id).user_id,
                {"execution_id": str(earlier.id), "suggestion_id": str(earlier.suggestion_id)},
            )
        )
        refresh(work, "suggestion", earlier.suggestion_id)


def _attempt(work: ExecuteWork, execution: ActionExecution, outcome: Any, detail: dict[str, Any]) -> None:
    work.executions.attempt(
        ExecutionAttempt(
            id=new_id(),
            workspace_id=execution.workspace_id,
            execution_id=execution.id,
            fence=execution.fence,
            outcome=outcome,
            detail=detail,
            at=work.now,
        )
    )


def _event(kind: str, execution: ActionExecution, suggestion: Suggestion) -> Event:
    return Event(
        kind,
        execution.workspace_id,
        suggestion.user_id,
        {"execution_id": str(execution.id), "suggestion_id": str(suggestion.id)},
    )
