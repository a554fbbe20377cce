"""Executions of approved actions, and the claims on them. Each claim is one conditional statement on the database's clock."""

from collections.abc import Collection
from datetime import datetime, timedelta
from functools import cache
from typing import Any
from uuid import UUID

from sqlalchemy import bindparam, insert, or_, select

from core.approvals.models import ActionExecution, ExecutionAttempt, ExecutionStatus
from storage.foresight import of_execution
from storage.loading import Loading
from storage.prepared import Prepared
from storage.repositories.base import LEASE_ENDS, Repository, clock, locking, taking
from storage.rows import from_row, to_row
from storage.tables.approvals import action_executions as executions
from storage.tables.approvals import execution_attempts as attempts
from storage.tables.approvals import suggestions

ATTEMPT = Prepared(insert(attempts))
TAKEN = ("claimed", "sending")
UNDER_WAY = ("held", "ready", *TAKEN)
c = executions.c
_held = (c.id == bindparam("id"), c.fence == bindparam("held"))
CLAIM = taking(
    ActionExecution,
    c.id == bindparam("id"),
    or_(
        or_(c.status == "held", c.status == "ready") & (c.due_at <= clock()),
        (c.status == "claimed") & (c.lease_until <= clock()),
    ),
    status="claimed",
    fence=c.fence + 1,
    attempts=c.attempts + 1,
    lease_until=LEASE_ENDS,
)
CLAIM_LOOKUP = taking(
    ActionExecution,
    c.id == bindparam("id"),
    c.status == "unknown",
    c.due_at <= clock(),
    or_(c.lease_until.is_(None), c.lease_until <= clock()),
    fence=c.fence + 1,
    lookups=c.lookups + 1,
    lease_until=LEASE_ENDS,
)
LOCK = locking(
    ActionExecution, *_held, c.status == bindparam("was"), or_(c.status == "unknown", c.lease_until > clock())
)
WITHDRAW = taking(ActionExecution, c.id == bindparam("id"), c.status == "held", status="withdrawn")
# No new version: the heartbeat must not make the holder's own write stale.
RENEW = taking(ActionExecution, *_held, c.lease_until.is_not(None), fresh=False, lease_until=LEASE_ENDS)


@cache
def _moving(from_: ExecutionStatus, to: ExecutionStatus, due: bool, leased: bool) -> Loading[ActionExecution]:
    values: dict[str, Any] = {"status": to}
    if due:
        values["due_at"] = bindparam("due")
    if leased:
        values["lease_until"] = LEASE_ENDS
    elif to not in TAKEN:
        values["lease_until"] = None
    still = (c.lease_until > clock(),) if from_ == "claimed" else ()
    return taking(ActionExecution, *_held, c.status == from_, *still, **values)


class SqlExecutions(Repository):
    """core.approvals.ports.Executions."""

    def add(self, execution: ActionExecution) -> None:
        self._add(execution)

    def get(self, execution_id: UUID) -> ActionExecution:
        return self._get(ActionExecution, execution_id, "approvals.execution_unknown")

    def of(self, suggestion_id: UUID) -> ActionExecution | None:
        return self._newest(ActionExecution, suggestion_id=suggestion_id)

    def of_each(self, suggestion_ids: Collection[UUID]) -> dict[UUID, ActionExecution]:
        return {
            e.suggestion_id: e for e in self._all(ActionExecution, c.suggestion_id.in_(suggestion_ids), order=(c.id,))
        }

    def under_way(self, user_id: UUID) -> list[ActionExecution]:
        s = suggestions.c
        # Written into the statement, so that the partial index is known to have them all.
        going = bindparam(None, UNDER_WAY, expanding=True, literal_execute=True)
        theirs = select(s.id).where(s.id == c.suggestion_id, s.user_id == user_id).exists()
        return self._all(ActionExecution, c.status.in_(going), theirs, order=(c.id,))

    def claim(self, execution_id: UUID, lease_seconds: float) -> ActionExecution | None:
        return self._carried_out(self._take(CLAIM, id=execution_id, lease=timedelta(seconds=lease_seconds)))

    def lock(self, execution_id: UUID, fence: int, status: ExecutionStatus) -> ActionExecution | None:
        locked = self._take(LOCK, id=execution_id, held=fence, was=status)
        # What was sent is recorded by whoever knows the rest already.
        return locked if status == "sending" else self._carried_out(locked)

    def withdraw(self, execution_id: UUID) -> bool:
        return self._take(WITHDRAW, id=execution_id) is not None

    def renew(self, execution_id: UUID, fence: int, lease_seconds: float) -> bool:
        return self._take(RENEW, id=execution_id, held=fence, lease=timedelta(seconds=lease_seconds)) is not None

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
        given: dict[str, Any] = {"id": execution_id, "held": fence}
        if due_at is not None:
            given["due"] = due_at
        if lease_seconds is not None:
            given["lease"] = timedelta(seconds=lease_seconds)
        return self._take(_moving(from_, to, due_at is not None, lease_seconds is not None), **given) is not None

    def claim_lookup(self, execution_id: UUID, lease_seconds: float) -> ActionExecution | None:
        return self._take(CLAIM_LOOKUP, id=execution_id, lease=timedelta(seconds=lease_seconds))

    def attempt(self, attempt: ExecutionAttempt) -> None:
        self._t.tell(ATTEMPT(**to_row(attempt)))

    def attempts(self, execution_id: UUID) -> list[ExecutionAttempt]:
        rows = self._t.connection.execute(
            select(attempts).where(attempts.c.execution_id == execution_id).order_by(attempts.c.at, attempts.c.id)
        )
        return [from_row(ExecutionAttempt, row) for row in rows]

    def _carried_out(self, taken: ActionExecution | None) -> ActionExecution | None:
        if taken is not None:
            self._t.foresee(*of_execution(taken, self._t.user_id))
        return taken
