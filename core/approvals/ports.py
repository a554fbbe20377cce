"""What approvals need of storage."""

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Protocol
from uuid import UUID

from core.approvals.models import (
    ActionExecution,
    Approval,
    ApprovalPolicy,
    Batch,
    BatchItem,
    Delegation,
    ExecutionAttempt,
    ExecutionStatus,
    Rewrite,
    Suggestion,
    SuggestionRevision,
)
from core.kernel.unit_of_work import UnitOfWork


class Suggestions(Protocol):
    """Suggestions with their revisions and approvals."""

    def add(self, suggestion: Suggestion, revision: SuggestionRevision) -> bool:
        """False, and nothing added, when the same agent suggested the same `dedupe_key` before."""
        ...

    def get(self, suggestion_id: UUID) -> Suggestion:
        """Raises NotFound `approvals.suggestion_unknown`."""
        ...

    def lock(self, suggestion_id: UUID) -> Suggestion:
        """Like get, but nobody else changes it before this transaction ends."""
        ...

    def revise(self, revision: SuggestionRevision) -> None: ...

    def revision(self, suggestion_id: UUID, number: int) -> SuggestionRevision: ...

    def newest(self, found: Sequence[Suggestion]) -> dict[UUID, SuggestionRevision]:
        """The current revision of each, by suggestion id, in one question."""
        ...

    def revisions(self, suggestion_id: UUID) -> list[SuggestionRevision]:
        """By number."""
        ...

    def approve(self, approval: Approval) -> None:
        """Adds a decision."""
        ...

    def approvals(self, suggestion_id: UUID) -> list[Approval]:
        """In the order of time."""
        ...

    def page(
        self,
        after: UUID | None,
        limit: int,
        status: str | None = None,
        type: str | None = None,
        run_id: UUID | None = None,
        agent_id: UUID | None = None,
    ) -> list[Suggestion]:
        """Newest first, those before `after`."""
        ...

    def count(self, status: str) -> int: ...

    def pending_with_key(self, agent_id: UUID, prefix: str) -> list[Suggestion]:
        """Pending and snoozed ones whose `dedupe_key` begins with `prefix`, locked."""
        ...

    def add_batch(self, batch: Batch, items: Sequence[BatchItem]) -> None: ...

    def lock_batch(self, batch_id: UUID) -> Batch:
        """Locked for this transaction. Raises NotFound `approvals.batch_unknown`."""
        ...

    def batch(self, batch_id: UUID) -> Batch:
        """Raises NotFound `approvals.batch_unknown`."""
        ...

    def batch_items(self, batch_id: UUID) -> list[BatchItem]:
        """By number."""
        ...

    def in_open_batches(self, user_id: UUID, since: datetime) -> set[UUID]:
        """Suggestions of the person's batches that were made later than `since` and are not decided."""
        ...

    def undoing(self, execution_id: UUID) -> Suggestion | None:
        """The newest that takes back what the execution did."""
        ...

    def snoozed_for(self, context_id: UUID) -> list[Suggestion]:
        """Those whose snooze the context ends, locked."""
        ...

    def policy(self, operation: str) -> ApprovalPolicy:
        """The workspace's policy for the operation, else its `*`, else the built-in default (not stored)."""
        ...

    def policies(self) -> list[ApprovalPolicy]:
        """The workspace's own, by operation."""
        ...

    def add_policy(self, policy: ApprovalPolicy) -> None: ...

    def remove_policy(self, operation: str) -> bool:
        """Whether there was one."""
        ...


class Rewrites(Protocol):
    """What people asked for in words, and the claims on it. All times are the database's clock."""

    def add(self, rewrite: Rewrite, words: str) -> None:
        """Seals the words for whoever said them."""
        ...

    def get(self, rewrite_id: UUID) -> Rewrite:
        """Raises NotFound `approvals.rewrite_unknown`."""
        ...

    def words(self, rewrite: Rewrite) -> str:
        """What was said; empty once it is over."""
        ...

    def newest(self, suggestion_id: UUID) -> Rewrite | None:
        """The last one about a suggestion."""
        ...

    def claim(self, rewrite_id: UUID, lease_seconds: float) -> Rewrite | None:
        """`asked`, or `working` past its lease → `working`, fence and attempts one up. None when there is nothing to take."""
        ...

    def hold(self, rewrite_id: UUID, fence: int) -> Rewrite | None:
        """Locks it for this transaction if it is being worked on under `fence` with a live lease; else None."""
        ...

    def renew(self, rewrite_id: UUID, fence: int, lease_seconds: float) -> bool: ...


class Delegations(Protocol):
    """Who decides in whose place. `now` is the database's clock at the start of the transaction."""

    def add(self, delegation: Delegation) -> None: ...

    def get(self, delegation_id: UUID) -> Delegation:
        """Locked for this transaction. Raises NotFound `approvals.delegation_unknown`."""
        ...

    def active(self) -> list[Delegation]:
        """Those of the workspace that are neither over nor ended, the oldest first."""
        ...


class Executions(Protocol):
    """Executions, and the claims on them. All times are the database's clock."""

    def add(self, execution: ActionExecution) -> None: ...

    def get(self, execution_id: UUID) -> ActionExecution:
        """Raises NotFound `approvals.execution_unknown`."""
        ...

    def of(self, suggestion_id: UUID) -> ActionExecution | None:
        """The newest execution of the suggestion."""
        ...

    def of_each(self, suggestion_ids: Collection[UUID]) -> dict[UUID, ActionExecution]:
        """The newest execution of each that has one, by suggestion id, in one question."""
        ...

    def under_way(self, user_id: UUID) -> list[ActionExecution]:
        """Those of the person's suggestions that are held, due or being carried out, oldest first."""
        ...

    def claim(self, execution_id: UUID, lease_seconds: float) -> ActionExecution | None:
        """`held` or `ready` and due, or `claimed` past its lease → `claimed`, fence and attempts one up. None when there is nothing to take."""
        ...

    def lock(self, execution_id: UUID, fence: int, status: ExecutionStatus) -> ActionExecution | None:
        """Locks it for this transaction if it is in `status` under `fence` with a live lease (no lease asked for `unknown`); else None."""
        ...

    def withdraw(self, execution_id: UUID) -> bool:
        """`held` → `withdrawn`, if nobody claimed it."""
        ...

    def renew(self, execution_id: UUID, fence: int, lease_seconds: float) -> bool: ...

    def move(
        self,
        execution_id: UUID,
        fence: int,
        from_: ExecutionStatus,
        to: ExecutionStatus,
        *,
        due_at: datetime | None = None,
        lease_seconds: float | None = None,
    ) -> bool:
        """One conditional step; False when the row is not in `from_` under `fence` any more. Leaving `claimed` needs a live lease."""
        ...

    def claim_lookup(self, execution_id: UUID, lease_seconds: float) -> ActionExecution | None:
        """Takes an `unknown` one whose look-up is due: fence and lookups one up, status stays `unknown`."""
        ...

    def attempt(self, attempt: ExecutionAttempt) -> None: ...

    def attempts(self, execution_id: UUID) -> list[ExecutionAttempt]: ...


class ApprovalsWork(UnitOfWork, Protocol):
    @property
    def suggestions(self) -> Suggestions: ...

    @property
    def rewrites(self) -> Rewrites: ...

    @property
    def delegations(self) -> Delegations: ...

    @property
    def executions(self) -> Executions: ...
