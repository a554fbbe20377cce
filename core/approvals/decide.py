"""What a person decides about a suggestion: approve, edit, reject, snooze, undo. Every answer tells the truth about the moment."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Protocol
from uuid import UUID

from core.approvals.canonical import sha256
from core.approvals.deciders import deciders, names
from core.approvals.models import (
    Action,
    ActionExecution,
    Approval,
    ApprovalPolicy,
    Decision,
    Suggestion,
    SuggestionRevision,
)
from core.approvals.ports import ApprovalsWork
from core.connectors.kinds import checked_input, integration
from core.connectors.ports import ConnectionsWork
from core.identity.ports import IdentityWork
from core.kernel.actor import Actor
from core.kernel.errors import Conflict, Forbidden, Invalid
from core.kernel.events import Event
from core.kernel.ids import new_id
from core.kernel.trace import traceparent
from core.messaging.ports import MessagingWork
from core.messaging.post import refresh


class DecideWork(ApprovalsWork, ConnectionsWork, MessagingWork, IdentityWork, Protocol):
    """What deciding needs."""


@dataclass(frozen=True)
class Approved:
    """The outcome of an approval: `execution` is None while more approvals are needed (`missing`)."""

    suggestion: Suggestion
    execution: ActionExecution | None
    missing: int = 0


def approve(
    work: DecideWork, actor: Actor, suggestion_id: UUID, revision: int, delivery_id: UUID | None = None
) -> Approved:
    """Approves one revision; what was shown is what will run. With an undo window the execution is held until it is over.

    Raises Conflict `approvals.already_decided` (data: status, by, at), `approvals.revision_stale`, `approvals.expired`, `approvals.connection_unusable`; Forbidden
    `approvals.not_allowed`, `approvals.own_request`; NotFound."""
    suggestion, current = _open(work, actor, suggestion_id, revision)
    policy = work.suggestions.policy(current.action.operation)
    if not policy.own_request and actor.user_id == suggestion.user_id:
        raise Forbidden("approvals.own_request", who=names(work, deciders(work, suggestion, policy)))
    connection = work.connections.get(current.action.connection_id)
    if connection.status != "active" or not work.connections.credential_active(connection):
        raise Conflict("approvals.connection_unusable", connection=connection.name, status=connection.status)
    approval = _decision(work, actor, suggestion, current, "approve", delivery_id)
    yes = {
        a.user_id
        for a in work.suggestions.approvals(suggestion_id)
        if a.decision == "approve" and a.revision == revision
    }
    if len(yes | {actor.user_id}) < policy.quorum:
        refresh(work, "suggestion", suggestion.id)
        return Approved(suggestion, None, policy.quorum - len(yes | {actor.user_id}))
    operation = integration(connection.integration).operation(current.action.operation)
    undo = operation.undo_seconds if policy.undo_seconds is None else policy.undo_seconds
    execution = ActionExecution(
        id=new_id(), workspace_id=suggestion.workspace_id, suggestion_id=suggestion.id, approval_id=approval.id,
        connection_id=connection.id, key=approval.id.hex, status="held" if undo else "ready",
        created_at=work.now, due_at=work.now + timedelta(seconds=undo), trace=traceparent.get() or suggestion.trace,
    )  # fmt: skip
    work.executions.add(execution)
    _close(work, suggestion, "approved")
    work.ring("executions.due", execution.id)
    return Approved(suggestion, execution)


def reject(
    work: DecideWork, actor: Actor, suggestion_id: UUID, revision: int, reason: str | None = None, delivery_id: UUID | None = None
) -> Suggestion:  # fmt: skip
    """Says no; the agent sees the reason. Raises as approve does."""
    suggestion, current = _open(work, actor, suggestion_id, revision)
    _decision(work, actor, suggestion, current, "reject", delivery_id, reason)
    suggestion.reason = reason
    _close(work, suggestion, "rejected")
    return suggestion


def give_reason(work: DecideWork, actor: Actor, suggestion_id: UUID, reason: str) -> None:
    """Adds why, after a rejection in one tap; what was said last is shown on every copy. Decisions are append-only, so the reason is an event of its own.
    Raises Conflict `approvals.not_rejected`, Forbidden `approvals.not_allowed`; NotFound."""
    actor.need("approve")
    suggestion = work.suggestions.lock(suggestion_id)
    _may_decide(work, actor, suggestion, work.suggestions.revision(suggestion_id, suggestion.revision).action.operation)
    if suggestion.status != "rejected":
        raise Conflict("approvals.not_rejected", status=suggestion.status)
    suggestion.reason = reason
    work.record(
        Event(
            "suggestion.reason_given",
            suggestion.workspace_id,
            actor.user_id,
            {"suggestion_id": str(suggestion_id), "reason": reason},
        )
    )
    refresh(work, "suggestion", suggestion.id)


def edit(
    work: DecideWork, actor: Actor, suggestion_id: UUID, revision: int, changes: dict[str, Any]
) -> SuggestionRevision:
    """Makes revision n+1 with `changes` to the action's input; it needs its own tap, and every card of the older one is superseded.
    Raises as approve does, and Invalid `connectors.input_invalid`, `approvals.edit_empty`."""
    suggestion, current = _open(work, actor, suggestion_id, revision)
    connection = work.connections.get(current.action.connection_id)
    merged = {**current.action.input, **changes}
    input = checked_input(
        connection.integration, current.action.operation, {k: v for k, v in merged.items() if v is not None}
    )
    action = Action(operation=current.action.operation, connection_id=connection.id, input=input)
    if sha256(action) == current.payload_sha256:
        raise Invalid("approvals.edit_empty")
    _decision(work, actor, suggestion, current, "edit", None)
    newer = SuggestionRevision(
        id=new_id(), workspace_id=suggestion.workspace_id, suggestion_id=suggestion.id, number=revision + 1, action=action,
        payload_sha256=sha256(action), author="user", author_id=actor.user_id, created_at=work.now,
    )  # fmt: skip
    work.suggestions.revise(newer)
    suggestion.revision, suggestion.status, suggestion.snoozed_until = newer.number, "pending", None
    work.record(
        Event(
            "suggestion.edited",
            suggestion.workspace_id,
            actor.user_id,
            {"suggestion_id": str(suggestion.id), "revision": newer.number},
        )
    )
    refresh(work, "suggestion", suggestion.id)
    return newer


def snooze(work: DecideWork, actor: Actor, suggestion_id: UUID, until: datetime) -> Suggestion:
    """It comes back as a new message at `until`. Raises Invalid `approvals.snooze_past`, `approvals.snooze_after_expiry`, and as approve does."""
    suggestion, _ = _open(work, actor, suggestion_id, None)
    if until <= work.now:
        raise Invalid("approvals.snooze_past")
    if suggestion.expires_at is not None and until >= suggestion.expires_at:
        raise Invalid("approvals.snooze_after_expiry", expires_at=suggestion.expires_at.isoformat())
    suggestion.status, suggestion.snoozed_until, suggestion.snoozed_context = "snoozed", until, None
    work.record(
        Event(
            "suggestion.snoozed",
            suggestion.workspace_id,
            actor.user_id,
            {"suggestion_id": str(suggestion.id), "until": until.isoformat()},
        )
    )
    refresh(work, "suggestion", suggestion.id)
    return suggestion


def wake_now(work: DecideWork, actor: Actor, suggestion_id: UUID) -> Suggestion:
    """Ends a snooze at once. Raises Conflict `approvals.not_snoozed` (data: status), and as approve does."""
    suggestion, _ = _open(work, actor, suggestion_id, None)
    if suggestion.status != "snoozed":
        raise Conflict("approvals.not_snoozed", status=suggestion.status)
    suggestion.status, suggestion.snoozed_until = "pending", None
    work.record(
        Event("suggestion.woken", suggestion.workspace_id, actor.user_id, {"suggestion_id": str(suggestion.id)})
    )
    refresh(work, "suggestion", suggestion.id)
    return suggestion


def ask_again(work: DecideWork, actor: Actor, suggestion_id: UUID, revision: int) -> SuggestionRevision:
    """Puts a suggestion that expired, was withdrawn with a consent, or whose execution surely did nothing, before the person once more: the same action as revision n+1, which needs
    a new yes. Raises Conflict `approvals.not_over` (data: status), `approvals.revision_stale`; Forbidden `approvals.not_allowed`; NotFound."""
    actor.need("approve")
    suggestion = work.suggestions.lock(suggestion_id)
    current = work.suggestions.revision(suggestion_id, suggestion.revision)
    _may_decide(work, actor, suggestion, current.action.operation)
    execution = work.executions.of(suggestion_id)
    failed = suggestion.status == "approved" and execution is not None and execution.status == "failed"
    without_consent = suggestion.status == "withdrawn" and suggestion.reason == "consent"
    if not failed and not without_consent and suggestion.status != "expired":
        raise Conflict("approvals.not_over", status=suggestion.status)
    if revision != suggestion.revision:
        raise Conflict("approvals.revision_stale", shown=revision, current=suggestion.revision)
    newer = SuggestionRevision(
        id=new_id(), workspace_id=suggestion.workspace_id, suggestion_id=suggestion.id, number=revision + 1, action=current.action,
        payload_sha256=current.payload_sha256, author="user", author_id=actor.user_id, created_at=work.now,
    )  # fmt: skip
    work.suggestions.revise(newer)
    suggestion.revision, suggestion.status, suggestion.decided_at = newer.number, "pending", None
    suggestion.reason = None
    policy = work.suggestions.policy(current.action.operation)
    if suggestion.expires_at is not None and suggestion.expires_at <= work.now + timedelta(hours=1):
        suggestion.expires_at = work.now + timedelta(seconds=policy.expiry_seconds)
        suggestion.reminded_at = None
    work.record(
        Event(
            "suggestion.asked_again",
            suggestion.workspace_id,
            actor.user_id,
            {"suggestion_id": str(suggestion.id), "revision": newer.number},
        )
    )
    refresh(work, "suggestion", suggestion.id)
    return newer


def undo(work: DecideWork, actor: Actor, suggestion_id: UUID) -> ActionExecution:
    """Takes an approval back while its execution is held; the suggestion waits for a decision again.
    Raises Conflict `approvals.undo_too_late` (data: status)."""
    actor.need("approve")
    suggestion = work.suggestions.lock(suggestion_id)
    _may_decide(work, actor, suggestion)
    execution = work.executions.of(suggestion_id)
    if execution is None or not work.executions.withdraw(execution.id):
        raise Conflict("approvals.undo_too_late", status=execution.status if execution else suggestion.status)
    suggestion.status, suggestion.decided_at = "pending", None
    work.record(
        Event("suggestion.undone", suggestion.workspace_id, actor.user_id, {"suggestion_id": str(suggestion.id)})
    )
    refresh(work, "suggestion", suggestion.id)
    return execution


def _open(
    work: DecideWork, actor: Actor, suggestion_id: UUID, revision: int | None
) -> tuple[Suggestion, SuggestionRevision]:
    """The suggestion, locked, if it still waits for a decision about `revision` (None: whichever is current)."""
    actor.need("approve")
    suggestion = work.suggestions.lock(suggestion_id)
    current = work.suggestions.revision(suggestion_id, suggestion.revision)
    _may_decide(work, actor, suggestion, current.action.operation)
    if suggestion.status not in ("pending", "snoozed"):
        decisions = [a for a in work.suggestions.approvals(suggestion_id) if a.decision != "edit"]
        by = work.people.user(decisions[-1].user_id) if decisions else None
        raise Conflict(
            "approvals.expired" if suggestion.status == "expired" else "approvals.already_decided",
            status=suggestion.status,
            by=(by.preferred_name or by.name or by.email) if by else "",
            at=(suggestion.decided_at or work.now).isoformat(),
        )
    if suggestion.expires_at is not None and suggestion.expires_at <= work.now:
        raise Conflict("approvals.expired", status="expired", by="", at=suggestion.expires_at.isoformat())
    if revision is not None and revision != suggestion.revision:
        raise Conflict("approvals.revision_stale", shown=revision, current=suggestion.revision)
    return suggestion, current


def _may_decide(work: DecideWork, actor: Actor, suggestion: Suggestion, operation: str = "*") -> None:
    policy = work.suggestions.policy(operation)
    able = deciders(work, suggestion, policy)
    if actor.user_id not in able and not _own(actor, suggestion, policy):
        raise Forbidden(
            "approvals.not_allowed" if able else "approvals.nobody_able", role=actor.role, allowed=policy.allowed_roles,
            who=names(work, able),
        )  # fmt: skip


def _own(actor: Actor, suggestion: Suggestion, policy: ApprovalPolicy) -> bool:
    """Whether it was made for them, and only their yes to it does not count."""
    return actor.user_id == suggestion.user_id and actor.role in policy.allowed_roles


def _decision(
    work: DecideWork, actor: Actor, suggestion: Suggestion, current: SuggestionRevision, decision: Decision, delivery_id: UUID | None,
    reason: str | None = None,
) -> Approval:  # fmt: skip
    approval = Approval(
        id=new_id(), workspace_id=suggestion.workspace_id, suggestion_id=suggestion.id, revision=current.number,
        payload_sha256=current.payload_sha256, user_id=actor.user_id, decision=decision, decided_at=work.now,
        surface=actor.surface, reason=reason, delivery_id=delivery_id,
    )  # fmt: skip
    work.suggestions.approve(approval)
    return approval


def _close(work: DecideWork, suggestion: Suggestion, status: Any) -> None:
    suggestion.status, suggestion.decided_at, suggestion.snoozed_until = status, work.now, None
    work.record(
        Event(
            f"suggestion.{status}",
            suggestion.workspace_id,
            suggestion.user_id,
            {"suggestion_id": str(suggestion.id), "revision": suggestion.revision},
        )
    )
    refresh(work, "suggestion", suggestion.id)
