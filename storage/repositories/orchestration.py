"""Runs, their steps, and what agents remember."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import bindparam, func, or_, select
from sqlalchemy.dialects.postgresql import insert

from core.connectors.models import DataSnapshot
from core.orchestration.models import Run, RunStep
from storage.engine import Ask
from storage.repositories.base import LEASE_ENDS, Repository, clock, locking, taking
from storage.rows import from_row, to_row
from storage.tables.connectors import data_snapshots as snapshots
from storage.tables.orchestration import run_steps as steps
from storage.tables.orchestration import runs
from storage.values import dumps

c = runs.c
_held = (c.id == bindparam("id"), c.fence == bindparam("held"), c.status == "running")
CLAIM = taking(
    Run,
    c.id == bindparam("id"),
    or_(
        or_(c.status == "queued", c.status == "waiting") & (c.due_at <= clock()),
        (c.status == "running") & (c.lease_until <= clock()),
    ),
    status="running",
    fence=c.fence + 1,
    attempt=c.attempt + 1,
    lease_until=LEASE_ENDS,
    started_at=func.coalesce(c.started_at, clock()),
)
LEAVE = taking(Run, c.id == bindparam("id"), c.status == "running", c.lease_until <= clock(), lease_until=LEASE_ENDS)
# No new version: the heartbeat must not make the holder's own write stale.
RENEW = taking(Run, *_held, c.cancel_requested_at.is_(None), fresh=False, lease_until=LEASE_ENDS)
HOLD = locking(Run, *_held)
_PLACE = ("workspace_id", "run_id", "node_id", "index")
_new_step = insert(steps)
_PUT_STEP = _new_step.on_conflict_do_update(
    index_elements=_PLACE,
    set_={column.name: _new_step.excluded[column.name] for column in steps.c if column.name not in (*_PLACE, "id")},
    where=(steps.c.status != "succeeded") & (steps.c.status != "skipped"),
)


_ADD_ALL = """
    INSERT INTO nod.runs (id, workspace_id, user_id, agent_id, agent_version_id, pack_id, workflow_id, workflow_version_id, trigger_id, parent_run_id,
        trigger_type, status, input, light, depth, attempt, retries, fence, due_at, queued_at, tokens, cost, trace, created_at, version)
    SELECT r.id, r.workspace_id, r.user_id, r.agent_id, r.agent_version_id, r.pack_id, r.workflow_id, r.workflow_version_id, r.trigger_id, r.parent_run_id,
        r.trigger_type, 'queued', r.input, r.light, r.depth, 0, 0, 0, r.due_at, r.queued_at, 0, 0, r.trace, r.queued_at, 1
    FROM json_to_recordset(%(runs)s) AS r (id uuid, workspace_id uuid, user_id uuid, agent_id uuid, agent_version_id uuid, pack_id uuid, workflow_id uuid,
        workflow_version_id uuid, trigger_id uuid, parent_run_id uuid, trigger_type text, input jsonb, light boolean, depth integer,
        due_at timestamptz, queued_at timestamptz, trace text)"""
_OF_NEW = (
    "id", "workspace_id", "user_id", "agent_id", "agent_version_id", "pack_id", "workflow_id", "workflow_version_id", "trigger_id",
    "parent_run_id", "trigger_type", "input", "light", "depth", "due_at", "queued_at", "trace",
)  # fmt: skip


def _new(run: Run) -> dict[str, Any]:
    return {name: value for name in _OF_NEW if (value := getattr(run, name)) is not None}


class SqlRuns(Repository):
    """core.orchestration.ports.Runs."""

    def add(self, run: Run) -> None:
        self._t.session.add(run)

    def add_all(self, runs: Sequence[Run]) -> None:
        if runs:
            self._t.late.append(Ask(_ADD_ALL, lambda: {"runs": dumps([_new(run) for run in runs])}))

    def get(self, run_id: UUID) -> Run:
        return self._get(Run, run_id, "orchestration.run_unknown")

    def some(self, run_ids: Sequence[UUID]) -> list[Run]:
        return self._all(Run, runs.c.id.in_(run_ids), order=(runs.c.id.desc(),)) if run_ids else []

    def lock(self, run_id: UUID) -> Run:
        return self._lock(Run, run_id, "orchestration.run_unknown")

    def children(self, run_id: UUID, limit: int) -> list[Run]:
        return self._all(Run, runs.c.parent_run_id == run_id, order=(runs.c.id,), limit=limit)

    def page(
        self, after: UUID | None, limit: int, agent_id: UUID | None = None, status: str | None = None
    ) -> list[Run]:
        return self._page(Run, after, limit, agent_id=agent_id, status=status)

    def claim(self, run_id: UUID, lease_seconds: float) -> Run | None:
        return self._take(CLAIM, id=run_id, lease=timedelta(seconds=lease_seconds))

    def leave(self, run_id: UUID, seconds: float) -> None:
        self._take(LEAVE, id=run_id, lease=timedelta(seconds=seconds))

    def renew(self, run_id: UUID, fence: int, lease_seconds: float) -> bool:
        return self._take(RENEW, id=run_id, held=fence, lease=timedelta(seconds=lease_seconds)) is not None

    def hold(self, run_id: UUID, fence: int) -> Run | None:
        return self._take(HOLD, id=run_id, held=fence)

    def steps(self, run_id: UUID) -> list[RunStep]:
        rows = self._t.connection.execute(
            select(steps).where(steps.c.run_id == run_id).order_by(steps.c.started_at, steps.c.id)
        )
        return [from_row(RunStep, row) for row in rows]

    def step(self, run_id: UUID, node_id: str, index: int) -> RunStep | None:
        c = steps.c
        return self._row(RunStep, steps, c.run_id == run_id, c.node_id == node_id, c.index == index)

    def put_step(self, step: RunStep) -> None:
        self.put_steps((step,))

    def put_steps(self, steps: Sequence[RunStep]) -> None:
        if steps:
            self._t.connection.execute(_PUT_STEP, [to_row(step) for step in steps])

    def snapshots(self, connection_id: UUID, agent_id: UUID, data_type: str, since: datetime) -> list[DataSnapshot]:
        c = snapshots.c
        rows = self._t.connection.execute(
            select(snapshots)
            .where(
                c.connection_id == connection_id,
                c.agent_id == agent_id,
                c.data_type == data_type,
                c.snapshot_at >= since,
            )
            .order_by(c.snapshot_at, c.id)
        )
        return [from_row(DataSnapshot, row) for row in rows]

    def put_snapshot(self, snapshot: DataSnapshot) -> None:
        row = to_row(snapshot)
        thing = ("workspace_id", "connection_id", "agent_id", "data_type", "external_id")
        self._t.connection.execute(
            insert(snapshots)
            .values(row)
            .on_conflict_do_update(
                index_elements=thing,
                set_={name: value for name, value in row.items() if name not in (*thing, "id")},
            )
        )
