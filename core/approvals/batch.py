"""Many suggestions approved with one tap: of one kind, one account and one risk, each exactly as it was shown, each with an approval of its own. What changed meanwhile
is left out and said; while they are held, all of them can be taken back."""

import hashlib
from collections.abc import Sequence
from uuid import UUID

from core.approvals.decide import DecideWork, approve, undo
from core.approvals.models import ApprovalPolicy, Batch, BatchItem, Suggestion, SuggestionRevision
from core.approvals.twice import why_twice
from core.connectors.models import Connection
from core.kernel.actor import Actor
from core.kernel.errors import Conflict, Failure, Forbidden, Invalid
from core.kernel.events import Event
from core.kernel.ids import new_id
from core.messaging.post import refresh

MOST = 7
"""More than that nobody reads before one tap."""
SUBJECT = "batch"
Shown = Sequence[tuple[UUID, int]]
"""Suggestions with the revision of each, in the order in which they stand on the screen."""


def likeness(suggestion: Suggestion, revision: SuggestionRevision) -> tuple[str, ...]:
    """What suggestions of one batch have in common: who suggests it, what kind of thing, what would be done, from which account."""
    action = revision.action
    return str(suggestion.agent_id), suggestion.kind, action.operation, str(action.connection_id)


def asks_alone(
    work: DecideWork, suggestion: Suggestion, revision: SuggestionRevision, connection: Connection, policy: ApprovalPolicy
) -> bool:  # fmt: skip
    """Whether it is too risky to be one of many: what one tap is not enough for, and a first mail to somebody, have a card and a tap of their own."""
    if (suggestion.why.get("data") or {}).get("first_contact"):
        return True
    return bool(why_twice(work, suggestion, revision, connection, policy))


def mark(shown: Shown) -> str:
    """A short name of exactly what is shown, for the buttons under it."""
    return hashlib.sha256("|".join(f"{id}.{revision}" for id, revision in shown).encode()).hexdigest()[:10]


def begin_batch(work: DecideWork, actor: Actor, shown: Shown) -> Batch:
    """A batch of what the person was shown, all of it ticked. Raises Invalid `approvals.batch_mixed`, `approvals.batch_alone`, `approvals.batch_empty`,
    `approvals.batch_too_large`; NotFound."""
    actor.need("approve")
    if not shown:
        raise Invalid("approvals.batch_empty")
    if len(shown) > MOST:
        raise Invalid("approvals.batch_too_large", most=MOST)
    kinds: set[tuple[str, ...]] = set()
    batch_id, items = new_id(), []
    for number, (suggestion_id, revision_number) in enumerate(shown, 1):
        suggestion = work.suggestions.get(suggestion_id)
        revision = work.suggestions.revision(suggestion_id, revision_number)
        connection = work.connections.get(revision.action.connection_id)
        if asks_alone(work, suggestion, revision, connection, work.suggestions.policy(revision.action.operation)):
            raise Invalid("approvals.batch_alone")
        kinds.add(likeness(suggestion, revision))
        items.append(
            BatchItem(
                id=new_id(), workspace_id=actor.workspace_id, batch_id=batch_id, number=number, suggestion_id=suggestion_id,
                revision=revision_number, payload_sha256=revision.payload_sha256, created_at=work.now,
            )
        )  # fmt: skip
    if len(kinds) != 1 or len({item.suggestion_id for item in items}) != len(items):
        raise Invalid("approvals.batch_mixed")
    agent_id = UUID(next(iter(kinds))[0])
    batch = Batch(batch_id, actor.workspace_id, actor.user_id, agent_id, work.now)
    work.suggestions.add_batch(batch, items)
    return batch


def tick(work: DecideWork, actor: Actor, batch_id: UUID, number: int) -> None:
    """Ticks one, or no longer. Raises Conflict `approvals.batch_decided`, Forbidden `approvals.batch_foreign`, Invalid `approvals.batch_item_unknown`."""
    batch = _own(work, actor, batch_id)
    if batch.decided_at is not None:
        raise Conflict("approvals.batch_decided")
    item = next((one for one in work.suggestions.batch_items(batch_id) if one.number == number), None)
    if item is None:
        raise Invalid("approvals.batch_item_unknown")
    item.ticked = not item.ticked
    refresh(work, SUBJECT, batch_id)


def approve_batch(work: DecideWork, actor: Actor, batch_id: UUID, delivery_id: UUID | None = None) -> list[BatchItem]:
    """Approves what is ticked, each revision as it was shown, in one transaction; the outcome of every item says what came of it. One that changed meanwhile, or that
    this person may not decide, stands in nobody's way: it is not approved. Raises as `tick` does, and Invalid `approvals.batch_empty`."""
    batch = _own(work, actor, batch_id)
    if batch.decided_at is not None:
        raise Conflict("approvals.batch_decided")
    items = work.suggestions.batch_items(batch_id)
    if not any(item.ticked for item in items):
        raise Invalid("approvals.batch_empty")
    # In one order for everybody, so that two batches never wait for each other.
    for item in sorted(items, key=lambda one: one.suggestion_id):
        item.outcome = _approved(work, actor, item, delivery_id) if item.ticked else "left"
    batch.decided_at = work.now
    approved = sum(item.outcome in ("approved", "missing") for item in items)
    work.record(
        Event(
            "batch.approved", actor.workspace_id, actor.user_id,
            {"batch_id": str(batch_id), "approved": approved, "shown": len(items)},
        )
    )  # fmt: skip
    refresh(work, SUBJECT, batch_id)
    return items


def undo_batch(work: DecideWork, actor: Actor, batch_id: UUID) -> tuple[int, int]:
    """Takes back what the batch approved and is still held; (how many, how many were too late). With one taken back the batch is open again. Raises Conflict
    `approvals.undo_too_late` where nothing could be, Forbidden `approvals.batch_foreign`."""
    batch = _own(work, actor, batch_id)
    undone = late = 0
    for item in sorted(work.suggestions.batch_items(batch_id), key=lambda one: one.suggestion_id):
        if item.outcome != "approved":
            continue
        try:
            undo(work, actor, item.suggestion_id)
            undone, item.outcome = undone + 1, ""
        except Conflict:
            late += 1
    if not undone:
        raise Conflict("approvals.undo_too_late", status="sending")
    batch.decided_at = None
    refresh(work, SUBJECT, batch_id)
    return undone, late


def _approved(work: DecideWork, actor: Actor, item: BatchItem, delivery_id: UUID | None) -> str:
    """`approve` checks everything before it changes anything, so that a refusal leaves nothing behind in this transaction."""
    try:
        done = approve(work, actor, item.suggestion_id, item.revision, delivery_id)
    except Failure as stood_against:
        return stood_against.code
    return "missing" if done.execution is None else "approved"


def _own(work: DecideWork, actor: Actor, batch_id: UUID) -> Batch:
    actor.need("approve")
    batch = work.suggestions.lock_batch(batch_id)
    if batch.user_id != actor.user_id:
        raise Forbidden("approvals.batch_foreign")
    return batch
