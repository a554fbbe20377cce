"""Executions of approved actions, and the claims on them. Each claim is one conditional statement on the database's clock."""

from collections.abc import Collection
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import bindparam, insert, or_, select

from core.approvals.models import ActionExecution, ExecutionAttempt, ExecutionStatus
from storage.repositories.base import Repository, clock, from_now
from storage.rows import from_row, to_row
from storage.tables.approvals import action_executions as executions
from storage.tables.approvals import execution_attempts as attempts
from storage.tables.approvals import suggestions

TAKEN = ("claimed", "sending")
UNDER_WAY = ("held", "ready", *TAKEN)


class SqlExecutions(Repository):
    """core.approvals.ports.Executions."""

    def add(self, execution: ActionExecution) -> None:
        self._t.session.add(execution)

    def get(self, execution_id: UUID) -> ActionExecution:
        return self._get(ActionExecution, execution_id, "approvals.execution_unknown")

    def of(self, suggestion_id: UUID) -> ActionExecution | None:
        c = executions.c
        return self._first(ActionExecution, c.suggestion_id == suggestion_id, order=(c.id.desc(),))

    def of_each(self, suggestion_ids: Collection[UUID]) -> dict[UUID, ActionExecution]:
        c = executions.c
        return {
            e.suggestion_id: e for e in self._all(ActionExecution, c.suggestion_id.in_(suggestion_ids), order=(c.id,))
        }

    def under_way(self, user_id: UUID) -> list[ActionExecution]:
        c, s = executions.c, suggestions.c
        # Written into the statement, so that the partial index is known to have them all.
        going = bindparam(None, UNDER_WAY, expanding=True, literal_execute=True)
        theirs = select(s.id).where(s.id == c.suggestion_id, s.user_id == user_id).exists()
        return self._all(ActionExecution, c.status.in_(going), theirs, order=(c.id,))

    def claim(self, execution_id: UUID, lease_seconds: float) -> ActionExecution | None:
        c = executions.c
        free = or_(
            c.status.in_(("held", "ready")) & (c.due_at <= clock()),
            (c.status == "claimed") & (c.lease_until <= clock()),
        )
        return self._take_one(
            ActionExecution,
            c.id == execution_id,
            free,
            status="claimed",
            fence=c.fence + 1,
            attempts=c.attempts + 1,
            lease_until=from_now(lease_seconds),
        )

    def lock(self, execution_id: UUID, fence: int, status: ExecutionStatus) -> ActionExecution | None:
        c = executions.c
        where = [c.id == execution_id, c.fence == fence, c.status == status]
        if status != "unknown":
            where.append(c.lease_until > clock())
        self._t.flush()
        held = select(ActionExecution).where(*where).with_for_update().execution_options(populate_existing=True)
        return self._t.session.scalars(held).one_or_none()

    def withdraw(self, execution_id: UUID) -> bool:
        c = executions.c
        return bool(self._take(ActionExecution, c.id == execution_id, c.status == "held", status="withdrawn"))

    def renew(self, execution_id: UUID, fence: int, lease_seconds: float) -> bool:
        # No new version: the heartbeat must not make the holder's own write stale.
        c = executions.c
        held = (c.id == execution_id, c.fence == fence, c.lease_until.is_not(None))
        return bool(self._take(ActionExecution, *held, fresh=False, lease_until=from_now(lease_seconds)))

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
        c = executions.c
        where = [c.id == execution_id, c.fence == fence, c.status == from_]
        if from_ == "claimed":
            where.append(c.lease_until > clock())
        values: dict[str, Any] = {"status": to}
        if due_at is not None:
            values["due_at"] = due_at
        if lease_seconds is not None:
            values["lease_until"] = from_now(lease_seconds)
        elif to not in TAKEN:
            values["lease_until"] = None
        return bool(self._take(ActionExecution, *where, **values))

    def claim_lookup(self, execution_id: UUID, lease_seconds: float) -> ActionExecution | None:
        c = executions.c
        return self._take_one(
            ActionExecution,
            c.id == execution_id,
            c.status == "unknown",
            c.due_at <= clock(),
            or_(c.lease_until.is_(None), c.lease_until <= clock()),
            fence=c.fence + 1,
            lookups=c.lookups + 1,
            lease_until=from_now(lease_seconds),
        )

    def attempt(self, attempt: ExecutionAttempt) -> None:
        self._t.connection.execute(insert(attempts), to_row(attempt))

    def attempts(self, execution_id: UUID) -> list[ExecutionAttempt]:
        rows = self._t.connection.execute(
            select(attempts).where(attempts.c.execution_id == execution_id).order_by(attempts.c.at, attempts.c.id)
        )
        return [from_row(ExecutionAttempt, row) for row in rows]
