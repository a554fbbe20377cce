"""What a person decides about a suggestion: approve, edit, reject, snooze, undo. Every answer tells the truth about the moment."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Protocol
from uuid import UUID

from core.approvals.canonical import sha256
from core.approvals.deciders import Rule, counted, names, need_to_decide
from core.approvals.models import (
    Action,
    ActionExecution,
    Approval,
    Decision,
    Suggestion,
    SuggestionRevision,
)
from core.approvals.ports import ApprovalsWork
from core.approvals.twice import hold_seconds, why_twice
from core.connectors.kinds import checked_input
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
    work: DecideWork, actor: Actor, suggestion_id: UUID, revision: int, delivery_id: UUID | None = None, *, sure: bool = False
) -> Approved:  # fmt: skip
    """Approves one revision; what was shown is what will run. With an undo window the execution is held until it is over. `sure`: the person was told why one yes is not enough,
    and said it again.

    Raises Conflict `approvals.not_sure` (data: reasons, see core.approvals.twice), `approvals.already_decided` (data: status, by, whom, at), `approvals.yes_already` (data: by, whom, at, missing: one person, and one place, has one yes),
    `approvals.revision_stale`, `approvals.expired`, `approvals.connection_unusable`; Forbidden `approvals.not_allowed`, `approvals.own_request`; NotFound."""
    suggestion, current, rule = still_open(work, actor, suggestion_id, revision)
    policy = rule.policy
    places = rule.places(actor.user_id)
    if not places:
        raise Forbidden("approvals.own_request", who=names(work, rule.people))
    connection = work.connections.get(current.action.connection_id)
    if connection.status != "active" or not work.connections.credential_active(connection):
        raise Conflict("approvals.connection_unusable", connection=connection.name, status=connection.status)
    if not sure and (reasons := why_twice(work, suggestion, current, connection, policy)):
        raise Conflict("approvals.not_sure", reasons=reasons)
    before = counted(work, suggestion)
    place = _free_place(work, actor, before, places, policy.quorum)
    approval = _decision(work, actor, suggestion, current, "approve", delivery_id, place=place)
    missing = policy.quorum - len(before) - 1
    if missing > 0:
        told = {"suggestion_id": str(suggestion.id), "revision": revision, "missing": missing}
        work.record(Event("suggestion.yes_said", suggestion.workspace_id, actor.user_id, told))
        refresh(work, "suggestion", suggestion.id)
        return Approved(suggestion, None, missing)
    undo = hold_seconds(current.action, connection, policy)
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
    suggestion, current, rule = still_open(work, actor, suggestion_id, revision)
    _decision(work, actor, suggestion, current, "reject", delivery_id, reason, _first_place(actor, rule))
    suggestion.reason = reason
    _close(work, suggestion, "rejected")
    return suggestion


def give_reason(work: DecideWork, actor: Actor, suggestion_id: UUID, reason: str) -> None:
    """Adds why, after a rejection in one tap; what was said last is shown on every copy. Decisions are append-only, so the reason is an event of its own.
    Raises Conflict `approvals.not_rejected`, Forbidden `approvals.not_allowed`; NotFound."""
    actor.need("approve")
    suggestion = work.suggestions.lock(suggestion_id)
    need_to_decide(work, actor, suggestion)
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
    suggestion, current, rule = still_open(work, actor, suggestion_id, revision)
    connection = work.connections.get(current.action.connection_id)
    merged = {**current.action.input, **changes}
    input = checked_input(
        connection.integration, current.action.operation, {k: v for k, v in merged.items() if v is not None}
    )
    action = Action(operation=current.action.operation, connection_id=connection.id, input=input)
    if sha256(action) == current.payload_sha256:
        raise Invalid("approvals.edit_empty")
    _decision(work, actor, suggestion, current, "edit", None, place=_first_place(actor, rule))
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
    suggestion, _, _ = still_open(work, actor, suggestion_id, None)
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
    suggestion, _, _ = still_open(work, actor, suggestion_id, None)
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
    rule = need_to_decide(work, actor, suggestion)
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
    if suggestion.expires_at is not None and suggestion.expires_at <= work.now + timedelta(hours=1):
        suggestion.expires_at = work.now + timedelta(seconds=rule.policy.expiry_seconds)
        suggestion.reminded_at, suggestion.rung, suggestion.next_rung_at = None, 0, None
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
    """Takes an approval back while its execution is held; the suggestion waits for a decision again, and for every yes that it needs.
    Raises Conflict `approvals.undo_too_late` (data: status)."""
    actor.need("approve")
    suggestion = work.suggestions.lock(suggestion_id)
    need_to_decide(work, actor, suggestion)
    return take_back(work, actor, suggestion)


def take_back(work: DecideWork, actor: Actor, suggestion: Suggestion) -> ActionExecution:
    """The same of a suggestion that is locked, for whoever may, whether they decide about it or not. Raises Conflict `approvals.undo_too_late` (data: status)."""
    execution = work.executions.of(suggestion.id)
    if execution is None or not work.executions.withdraw(execution.id):
        raise Conflict("approvals.undo_too_late", status=execution.status if execution else suggestion.status)
    suggestion.status, suggestion.decided_at, suggestion.counts_from = "pending", None, work.now
    work.record(
        Event("suggestion.undone", suggestion.workspace_id, actor.user_id, {"suggestion_id": str(suggestion.id)})
    )
    refresh(work, "suggestion", suggestion.id)
    return execution


def still_open(
    work: DecideWork, actor: Actor, suggestion_id: UUID, revision: int | None
) -> tuple[Suggestion, SuggestionRevision, Rule]:
    """The suggestion, locked, if it still waits for a decision about `revision` (None: whichever is current), and the rule that holds for it."""
    actor.need("approve")
    suggestion = work.suggestions.lock(suggestion_id)
    current = work.suggestions.revision(suggestion_id, suggestion.revision)
    rule = need_to_decide(work, actor, suggestion, current.action.operation)
    if suggestion.status not in ("pending", "snoozed"):
        decisions = [a for a in work.suggestions.approvals(suggestion_id) if a.decision != "edit"]
        by, whom = _said_by(work, decisions[-1]) if decisions else ("", "")
        raise Conflict(
            "approvals.expired" if suggestion.status == "expired" else "approvals.already_decided",
            status=suggestion.status,
            by=by,
            whom=whom,
            at=(suggestion.decided_at or work.now).isoformat(),
        )
    if suggestion.expires_at is not None and suggestion.expires_at <= work.now:
        raise Conflict("approvals.expired", status="expired", by="", whom="", at=suggestion.expires_at.isoformat())
    if revision is not None and revision != suggestion.revision:
        raise Conflict("approvals.revision_stale", shown=revision, current=suggestion.revision)
    return suggestion, current, rule


def _first_place(actor: Actor, rule: Rule) -> UUID | None:
    """In whose place they decide: None in their own, as a rule."""
    places = rule.places(actor.user_id)
    return places[0] if places and places[0] != actor.user_id else None


def _free_place(
    work: DecideWork, actor: Actor, before: Sequence[Approval], places: Sequence[UUID], quorum: int
) -> UUID | None:
    """In whose place this yes counts, None in their own. Raises Conflict `approvals.yes_already`."""
    taken = {one.for_user_id or one.user_id: one for one in before}
    mine = next((one for one in before if one.user_id == actor.user_id), None)
    free = [place for place in places if place not in taken]
    if mine is not None or not free:
        by, whom = _said_by(work, mine or taken[places[0]])
        at = (mine or taken[places[0]]).decided_at.isoformat()
        raise Conflict(
            "approvals.yes_already", by=by, whom=whom, at=at, mine=mine is not None, missing=quorum - len(before)
        )
    return free[0] if free[0] != actor.user_id else None


def _said_by(work: DecideWork, made: Approval) -> tuple[str, str]:
    """Who decided, and in whose place (empty: in their own)."""
    [by] = names(work, [made.user_id])
    return by, names(work, [made.for_user_id])[0] if made.for_user_id is not None else ""


def _decision(
    work: DecideWork, actor: Actor, suggestion: Suggestion, current: SuggestionRevision, decision: Decision, delivery_id: UUID | None,
    reason: str | None = None, place: UUID | None = None,
) -> Approval:  # fmt: skip
    approval = Approval(
        id=new_id(), workspace_id=suggestion.workspace_id, suggestion_id=suggestion.id, revision=current.number,
        payload_sha256=current.payload_sha256, user_id=actor.user_id, decision=decision, decided_at=work.now,
        surface=actor.surface, reason=reason, delivery_id=delivery_id,
        for_user_id=place,
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
