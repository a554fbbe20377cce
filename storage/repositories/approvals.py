"""Suggestions with their revisions and decisions."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import bindparam, case, func, insert, literal_column, or_, select, tuple_
from sqlalchemy.dialects.postgresql import insert as insert_or_not

from core.approvals.canonical import canonical
from core.approvals.models import Action, Approval, ApprovalPolicy, Batch, BatchItem, Suggestion, SuggestionRevision
from core.kernel.errors import NotFound
from core.kernel.ids import new_id
from storage.foresight import DECISIONS, REVISION_NOW, of_action, of_rule, of_suggestion
from storage.loading import Loading
from storage.prepared import Prepared
from storage.repositories.base import Repository
from storage.rows import from_row, to_row
from storage.tables.approvals import approval_policies as policies
from storage.tables.approvals import approvals, suggestions
from storage.tables.approvals import suggestion_batch_items as batch_items
from storage.tables.approvals import suggestion_batches as batches
from storage.tables.approvals import suggestion_revisions as revisions
from storage.transaction import Transaction

ACTION = ("suggestion_revisions", "action")
APPROVE = Prepared(insert(approvals))
_revisions = select(revisions).where(revisions.c.suggestion_id == bindparam("suggestion_id"))
REVISIONS = Prepared(_revisions.order_by(revisions.c.number))
REVISION = Prepared(_revisions.where(revisions.c.number == bindparam("number")))
POLICY = Loading(
    ApprovalPolicy,
    select(policies)
    .where(or_(policies.c.operation == bindparam("operation"), policies.c.operation == "*"))
    .order_by(case((policies.c.operation == bindparam("operation"), 0), else_=1))
    .limit(literal_column("1")),
)


class SqlSuggestions(Repository):
    """core.approvals.ports.Suggestions. A revision never changes: it is read once a transaction."""

    def __init__(self, transaction: Transaction) -> None:
        super().__init__(transaction)
        self._read: dict[tuple[UUID, int], SuggestionRevision] = {}

    def add(self, suggestion: Suggestion, revision: SuggestionRevision) -> bool:
        self._t.flush()
        added = self._t.connection.execute(
            insert_or_not(suggestions)
            .values(to_row(suggestion))
            .on_conflict_do_nothing(index_elements=("workspace_id", "agent_id", "dedupe_key"))
            .returning(suggestions.c.id)
        ).one_or_none()
        if added is None:
            return False
        self._t.hold(suggestion)
        self._insert(revision, suggestion.user_id)
        return True

    def get(self, suggestion_id: UUID) -> Suggestion:
        return self._get(Suggestion, suggestion_id, "approvals.suggestion_unknown")

    def lock(self, suggestion_id: UUID) -> Suggestion:
        self._t.foresee(*of_suggestion(suggestion_id))
        return self._lock(Suggestion, suggestion_id, "approvals.suggestion_unknown")

    def revise(self, revision: SuggestionRevision) -> None:
        self._insert(revision, self.get(revision.suggestion_id).user_id)

    def revision(self, suggestion_id: UUID, number: int) -> SuggestionRevision:
        if (suggestion_id, number) not in self._read:
            for found in self._revisions(suggestion_id, number):
                self._read[suggestion_id, number] = found
                break
            else:
                raise NotFound("approvals.revision_unknown", id=str(suggestion_id), number=number)
        return self._read[suggestion_id, number]

    def newest(self, found: Sequence[Suggestion]) -> dict[UUID, SuggestionRevision]:
        c = revisions.c
        wanted = tuple_(c.suggestion_id, c.number).in_([(s.id, s.revision) for s in found])
        owner = {s.id: s.user_id for s in found}
        rows = [dict(row._mapping) for row in self._t.connection.execute(select(revisions).where(wanted))]
        return {row["suggestion_id"]: self._opened([row], owner[row["suggestion_id"]])[0] for row in rows}

    def revisions(self, suggestion_id: UUID) -> list[SuggestionRevision]:
        return self._revisions(suggestion_id, None)

    def approve(self, approval: Approval) -> None:
        self._t.tell(APPROVE(**to_row(approval)))

    def approvals(self, suggestion_id: UUID) -> list[Approval]:
        rows = self._t.ask(DECISIONS(suggestion_id=suggestion_id))
        return [from_row(Approval, row) for row in DECISIONS.named(rows)]

    def page(
        self,
        after: UUID | None,
        limit: int,
        status: str | None = None,
        type: str | None = None,
        run_id: UUID | None = None,
        agent_id: UUID | None = None,
    ) -> list[Suggestion]:
        return self._page(Suggestion, after, limit, status=status, type=type, run_id=run_id, agent_id=agent_id)

    def count(self, status: str) -> int:
        counted = select(func.count()).select_from(suggestions).where(suggestions.c.status == status)
        return self._t.session.scalar(counted) or 0

    def pending_with_key(self, agent_id: UUID, prefix: str) -> list[Suggestion]:
        c = suggestions.c
        waiting = (
            select(Suggestion)
            .where(
                c.agent_id == agent_id,
                c.status.in_(("pending", "snoozed")),
                c.dedupe_key.startswith(prefix, autoescape=True),
            )
            .order_by(c.id)
            .with_for_update()
            .execution_options(populate_existing=True)
        )
        return list(self._t.session.scalars(waiting))

    def add_batch(self, batch: Batch, items: Sequence[BatchItem]) -> None:
        self._t.session.add_all((batch, *items))

    def lock_batch(self, batch_id: UUID) -> Batch:
        return self._lock(Batch, batch_id, "approvals.batch_unknown")

    def batch(self, batch_id: UUID) -> Batch:
        return self._get(Batch, batch_id, "approvals.batch_unknown")

    def batch_items(self, batch_id: UUID) -> list[BatchItem]:
        return self._those(BatchItem, "number", batch_id=batch_id)

    def in_open_batches(self, user_id: UUID, since: datetime) -> set[UUID]:
        open_ = (batches.c.user_id == user_id, batches.c.decided_at.is_(None), batches.c.created_at > since)
        held = select(batch_items.c.suggestion_id).join(batches, batches.c.id == batch_items.c.batch_id).where(*open_)
        return set(self._t.session.scalars(held))

    def undoing(self, execution_id: UUID) -> Suggestion | None:
        return self._newest(Suggestion, undoes=execution_id)

    def snoozed_for(self, context_id: UUID) -> list[Suggestion]:
        c = suggestions.c
        waiting = (
            select(Suggestion)
            .where(c.snoozed_context == context_id, c.status == "snoozed")
            .order_by(c.id)
            .with_for_update()
            .execution_options(populate_existing=True)
        )
        return list(self._t.session.scalars(waiting))

    def policy(self, operation: str) -> ApprovalPolicy:
        self._t.foresee(*of_rule(self._t.now))
        for stored in self._t.load(POLICY, operation=operation):
            return stored
        return ApprovalPolicy(id=new_id(), workspace_id=self._t.workspace_id, operation="*", created_at=self._t.now)

    def policies(self) -> list[ApprovalPolicy]:
        return self._those(ApprovalPolicy, "operation")

    def add_policy(self, policy: ApprovalPolicy) -> None:
        self._t.session.add(policy)

    def remove_policy(self, operation: str) -> bool:
        gone = self._one(ApprovalPolicy, operation=operation)
        if gone is not None:
            self._t.session.delete(gone)
        return gone is not None

    def _insert(self, revision: SuggestionRevision, user_id: UUID) -> None:
        table, column = ACTION
        action = self._t.seals.seal(user_id, table, revision.id, column, canonical(revision.action))
        self._t.connection.execute(insert(revisions), to_row(revision, action=action))

    def _revisions(self, suggestion_id: UUID, number: int | None) -> list[SuggestionRevision]:
        suggestion = self.get(suggestion_id)
        if number is None:
            rows = REVISIONS.named(self._t.ask(REVISIONS(suggestion_id=suggestion_id)))
        else:
            rows = self._revision(suggestion_id, number)
        opened = self._opened(rows, suggestion.user_id)
        for revision in opened[-1:]:
            self._t.foresee(*of_action(revision.action.connection_id, suggestion.agent_id))
        return opened

    def _revision(self, suggestion_id: UUID, number: int) -> list[dict[str, Any]]:
        newest = REVISION_NOW.named(self._t.foreseen(REVISION_NOW(suggestion_id=suggestion_id)) or ())
        if newest and newest[0]["number"] == number:
            return newest
        return REVISION.named(self._t.ask(REVISION(suggestion_id=suggestion_id, number=number)))

    def _opened(self, rows: Sequence[Mapping[str, Any]], user_id: UUID) -> list[SuggestionRevision]:
        table, column = ACTION
        return [
            from_row(
                SuggestionRevision,
                row,
                action=Action.model_validate_json(self._t.seals.open(user_id, table, row["id"], column, row["action"])),
            )
            for row in rows
        ]
