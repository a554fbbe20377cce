"""What is due in any workspace, and how much: ids and counts through the doors of the database."""

from sqlalchemy import text

from core.kernel.due import DueItem, DueKind
from storage.engine import Database
from storage.vault import NOWHERE


class SqlDueWork:
    """core.kernel.due.DueWork."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def due(self, kind: DueKind, limit: int, channel: str | None = None) -> list[DueItem]:
        """At most `limit`, the longest due first; `deliveries` needs a channel."""
        arguments = ":channel, :most" if kind == "deliveries" else ":most"
        question = text(
            f"SELECT id, workspace_id, user_id FROM nod.due_{kind}({arguments}) AS d(id, workspace_id, user_id)"
        )
        connection, _ = self._database.begin(NOWHERE, NOWHERE)
        with connection:
            rows = connection.execute(
                question, {"most": limit} | ({"channel": channel} if kind == "deliveries" else {})
            )
            return [DueItem(row.id, row.workspace_id, row.user_id) for row in rows]

    def depth(self) -> dict[str, int]:
        """How many rows of each kind are due now."""
        connection, _ = self._database.begin(NOWHERE, NOWHERE)
        with connection:
            return {row.kind: row.rows for row in connection.execute(text("SELECT kind, rows FROM nod.depth()"))}
