"""The unit of work of the daily pass, the only one that can remove history; and the parts of past months that hold nothing any more."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

import structlog
from sqlalchemy import ARRAY, Uuid, bindparam, text

from core.kernel.errors import Unavailable
from core.privacy.ports import OldRun
from storage.engine import Database
from storage.repositories.base import Repository
from storage.unit_of_work import SqlUnitOfWork
from storage.vault import NOWHERE

_ids = ARRAY(Uuid)
CLAIM = text("""
    INSERT INTO nod.history_passes AS p (workspace_id, due_at) VALUES (:here, clock_timestamp() + make_interval(secs => :seconds))
    ON CONFLICT (workspace_id) DO UPDATE SET due_at = EXCLUDED.due_at WHERE p.due_at <= clock_timestamp() RETURNING p.due_at
""").bindparams(bindparam("here", type_=Uuid))
PUT_OFF = text("""
    UPDATE nod.history_passes SET due_at = clock_timestamp() + make_interval(secs => :seconds) WHERE workspace_id = :here
""").bindparams(bindparam("here", type_=Uuid))
LOOK = text("""
    SELECT r.id, r.user_id,
        r.status IN ('succeeded', 'failed', 'cancelled') AND coalesce((SELECT a.status IN ('succeeded', 'failed', 'cancelled') FROM nod.runs a
            WHERE a.workspace_id = r.workspace_id AND a.id = r.parent_run_id), true) AS over,
        (SELECT s.id FROM nod.suggestions s WHERE s.workspace_id = r.workspace_id AND s.run_id = r.id LIMIT 1) IS NOT NULL AS suggested,
        ARRAY(SELECT b.id FROM nod.runs b WHERE b.workspace_id = r.workspace_id AND b.parent_run_id = r.id) AS started
    FROM nod.runs r WHERE r.workspace_id = :here AND r.id < :before ORDER BY r.id DESC LIMIT :most
""").bindparams(bindparam("here", type_=Uuid), bindparam("before", type_=Uuid))
RUNS = text("DELETE FROM nod.runs WHERE workspace_id = :here AND id = ANY(:ids) RETURNING id").bindparams(
    bindparam("here", type_=Uuid), bindparam("ids", type_=_ids)
)
OF_RUNS = [
    text(f"DELETE FROM nod.{table} WHERE workspace_id = :here AND run_id = ANY(:ids)").bindparams(  # noqa: S608 - our own words
        bindparam("here", type_=Uuid), bindparam("ids", type_=_ids)
    )
    for table in ("run_steps", "workflow_executions", "questions")
]
# The id of a ledger row begins with the time of its run's: the key finds them.
LEDGER = text(
    "DELETE FROM nod.usage_ledger WHERE workspace_id = :here AND id >= :first AND id <= :last AND run_id = ANY(:ids)"
).bindparams(
    bindparam("here", type_=Uuid), bindparam("first", type_=Uuid), bindparam("last", type_=Uuid), bindparam("ids", type_=_ids)
)  # fmt: skip
FIRINGS = text("""
    DELETE FROM nod.trigger_firings WHERE workspace_id = :here AND id = ANY (ARRAY(
        SELECT id FROM nod.trigger_firings WHERE workspace_id = :here AND id < :before ORDER BY id LIMIT :most))
""").bindparams(bindparam("here", type_=Uuid), bindparam("before", type_=Uuid))
ANSWERS = text("DELETE FROM nod.answered_requests")
PAST_PARTS = text("""
    SELECT c.relname FROM pg_class c WHERE c.relnamespace = 'nod'::regnamespace AND c.relispartition AND c.relkind = 'r'
    AND c.relname ~ '_[0-9]{4}_[0-9]{2}$' AND right(c.relname, 7) < to_char(now(), 'YYYY_MM') ORDER BY 1
""")
DROP = text("SELECT nod.drop_part(:part)")
log = structlog.get_logger(__name__)


class SqlHistory(Repository):
    """core.privacy.ports.History."""

    def claim(self, seconds: float) -> bool:
        return self._t.connection.execute(CLAIM, self._here(seconds=seconds)).one_or_none() is not None

    def put_off(self, seconds: float) -> None:
        self._t.connection.execute(PUT_OFF, self._here(seconds=seconds))

    def runs(self, before: UUID, limit: int) -> list[OldRun]:
        rows = self._t.connection.execute(LOOK, self._here(before=before, most=limit))
        return [OldRun(row.id, row.user_id, row.over, row.suggested, row.started) for row in rows]

    def remove_runs(self, run_ids: Sequence[UUID]) -> int:
        # Statement by statement: what belongs to a run may go only once the run is seen to be gone.
        gone = list(self._t.connection.scalars(RUNS, self._here(ids=list(run_ids))))
        if gone:
            for statement in OF_RUNS:
                self._t.connection.execute(statement, self._here(ids=gone))
            within = {"first": _of_time(min(gone), 0), "last": _of_time(max(gone), (1 << 80) - 1)}
            self._t.connection.execute(LEDGER, self._here(ids=gone, **within))
        return len(gone)

    def remove_firings(self, before: UUID, limit: int) -> int:
        return self._t.connection.execute(FIRINGS, self._here(before=before, most=limit)).rowcount

    def remove_answers(self) -> int:
        # No condition: whose they are is hidden here, and the policy of DELETE says which go.
        return self._t.connection.execute(ANSWERS).rowcount

    def _here(self, **given: Any) -> dict[str, Any]:
        return {"here": self._t.workspace_id, **given}


class SqlHistoryWork(SqlUnitOfWork):
    """core.privacy.ports.HistoryWork."""

    @property
    def history(self) -> SqlHistory:
        """What may be removed."""
        return SqlHistory(self._t)


def drop_parts(database: Database) -> list[str]:
    """Detaches and drops the parts of past months that hold nothing any more, each in a transaction of its own; answers which. What is busy just now waits for
    the next time."""
    connection, _ = database.begin(NOWHERE, NOWHERE)
    with connection:
        past = list(connection.scalars(PAST_PARTS))
    return [part for part in past if _drop(database, part)]


def _drop(database: Database, part: str) -> bool:
    try:
        connection, _ = database.begin(NOWHERE, NOWHERE)
        with connection:
            dropped = bool(connection.scalar(DROP, {"part": part}))
            connection.commit()
    except Unavailable as busy:
        log.info("history.part_busy", part=part, error=busy.code)
        return False
    return dropped


def _of_time(id: UUID, rest: int) -> UUID:
    return UUID(int=id.int >> 80 << 80 | rest)
