"""What is due in any workspace, and how much: ids and counts through the doors of the database."""

from datetime import datetime, timedelta

from sqlalchemy import text

from core.kernel.due import Coming, DueItem, DueKind
from storage.engine import Database
from storage.vault import NOWHERE

DOORS = {
    "runs": text("SELECT * FROM nod.due_runs(:most)"),
    "executions": text("SELECT * FROM nod.due_executions(:most)"),
    "sending": text("SELECT * FROM nod.due_sending(:most)"),
    "lookups": text("SELECT * FROM nod.due_lookups(:most)"),
    "deliveries": text("SELECT * FROM nod.due_deliveries(:channel, :most)"),
    "triggers": text("SELECT * FROM nod.due_triggers(:most)"),
    "suggestions": text("SELECT * FROM nod.due_suggestions(:most)"),
    "matches": text("SELECT * FROM nod.due_matches(:most)"),
    "history": text("SELECT * FROM nod.due_history(:most)"),
    "privacy": text("SELECT * FROM nod.due_privacy(:most)"),
    "rewrites": text("SELECT * FROM nod.due_rewrites(:most)"),
    "contexts": text("SELECT * FROM nod.due_contexts(:most)"),
}
AHEAD = text("SELECT * FROM nod.due_triggers_ahead(:most, :ahead)")
NEXT = text("SELECT kind, seconds FROM nod.next_due()")
DEPTH = text("SELECT kind, rows FROM nod.depth()")


class SqlDueWork:
    """core.kernel.due.DueWork."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def due(self, kind: DueKind, limit: int, channel: str | None = None) -> list[DueItem]:
        """At most `limit`, the longest due first; `deliveries` are those of `channel`."""
        asked = {"most": limit} | ({"channel": channel} if kind == "deliveries" else {})
        connection, _ = self._database.begin(NOWHERE, NOWHERE)
        with connection:
            return [DueItem(row.id, row.workspace_id, row.user_id) for row in connection.execute(DOORS[kind], asked)]

    def coming(self, limit: int, ahead_seconds: float) -> tuple[datetime | None, list[Coming]]:
        """Workspaces with triggers that are due now or soon; one row for each of their instants."""
        asked = {"most": limit, "ahead": timedelta(seconds=ahead_seconds)}
        connection, _ = self._database.begin(NOWHERE, NOWHERE)
        with connection:
            rows = connection.execute(AHEAD, asked).all()
        return (rows[0].now if rows else None), [Coming(row.workspace_id, row.user_id, row.at) for row in rows]

    def next_due(self) -> dict[DueKind, float]:
        """In how many seconds the next row of each kind is due."""
        connection, _ = self._database.begin(NOWHERE, NOWHERE)
        with connection:
            return {row.kind: row.seconds for row in connection.execute(NEXT)}

    def depth(self) -> dict[str, int]:
        """How many rows of each kind are due now."""
        connection, _ = self._database.begin(NOWHERE, NOWHERE)
        with connection:
            return {row.kind: row.rows for row in connection.execute(DEPTH)}
