"""What was given up in a workspace, wherever it is recorded, and who saw to it."""

from typing import Any
from uuid import UUID

from sqlalchemy import Row, text
from sqlalchemy.dialects.postgresql import insert

from core.messaging.hold import IN_DIGEST, LEFT, SEEN
from core.messaging.models import SetAside
from core.workflows.given_up import GivenUp
from storage.repositories.base import Repository
from storage.rows import from_row, to_row
from storage.tables.messaging import given_up

HERE = "{row}.workspace_id = (SELECT nod.current_workspace())"
OPEN = """NOT EXISTS (SELECT FROM nod.given_up g WHERE g.workspace_id = {row}.workspace_id AND g.kind = '{kind}' AND g.subject_id = {row}.id
        AND g.settled_at >= {at})"""
TRIED = "coalesce((SELECT max(t.at) FROM nod.execution_attempts t WHERE t.workspace_id = e.workspace_id AND t.execution_id = e.id), e.created_at)"
ON_PURPOSE = (LEFT, SEEN, IN_DIGEST)
"""Why a message was not sent, and nobody misses it."""
LATE = "interval '10 minutes'"
KEPT = "nod.first_id(now() - interval '90 days')"


def _where(row: str, kind: str, at: str) -> str:
    return f"{HERE.format(row=row)} AND {row}.id >= {KEPT} AND (CAST(:one AS uuid) IS NULL OR {row}.id = CAST(:one AS uuid)) AND {OPEN.format(row=row, kind=kind, at=at)}"


# What somebody dropped instead of doing it again is what they wanted; of several executions the newest counts.
FOUND = text(f"""
    (SELECT 'execution' AS kind, e.id, s.user_id, {TRIED} AS at, e.status, e.error, s.agent_id, 'suggestion' AS subject_kind, s.id AS subject_id, NULL AS channel
    FROM nod.action_executions e JOIN nod.suggestions s ON s.workspace_id = e.workspace_id AND s.id = e.suggestion_id
    WHERE {_where("e", "execution", TRIED)} AND s.status = 'approved'
        AND (e.status IN ('failed', 'unknown') OR e.status IN ('held', 'ready') AND e.due_at < now() - {LATE})
        AND e.error ->> 'code' IS DISTINCT FROM 'approvals.dropped'
        AND NOT EXISTS (SELECT FROM nod.action_executions n WHERE n.workspace_id = e.workspace_id AND n.suggestion_id = e.suggestion_id AND n.id > e.id)
    ORDER BY e.id DESC LIMIT :most)
    UNION ALL
    (SELECT 'run', r.id, r.user_id, coalesce(r.finished_at, r.due_at), r.status, r.error, r.agent_id, 'run', r.id, NULL
    FROM nod.runs r
    WHERE {_where("r", "run", "coalesce(r.finished_at, r.due_at)")} AND r.status = 'failed' AND r.parent_run_id IS NULL
        AND coalesce(r.input ->> 'dry_run', 'false') = 'false'
    ORDER BY r.id DESC LIMIT :most)
    UNION ALL
    (SELECT 'run', r.id, r.user_id, r.due_at, r.status, r.error, r.agent_id, 'run', r.id, NULL
    FROM nod.runs r
    WHERE {_where("r", "run", "r.due_at")} AND r.status = 'queued' AND r.parent_run_id IS NULL AND r.due_at < now() - {LATE}
    ORDER BY r.id DESC LIMIT :most)
    UNION ALL
    (SELECT 'delivery', d.id, d.user_id, coalesce(d.dispatched_at, d.created_at), d.status, jsonb_build_object('code', d.failure_reason, 'data', '{{}}'::jsonb), d.agent_id,
        d.subject_kind, d.subject_id, d.channel
    FROM nod.deliveries d
    WHERE {_where("d", "delivery", "coalesce(d.dispatched_at, d.created_at)")} AND d.status = 'failed' AND d.wanted > d.shown
        AND d.failure_reason <> ALL (ARRAY[{", ".join(f"'{each}'" for each in ON_PURPOSE)}])
    ORDER BY d.id DESC LIMIT :most)
    UNION ALL
    (SELECT 'event', g.subject_id, g.user_id, g.at, 'failed', jsonb_build_object('code', g.error, 'data', '{{}}'::jsonb), NULL, 'event', g.subject_id, g.channel
    FROM nod.given_up g
    WHERE {HERE.format(row="g")} AND g.kind = 'event' AND g.settled_at IS NULL AND g.id >= {KEPT} AND (CAST(:one AS uuid) IS NULL OR g.subject_id = CAST(:one AS uuid))
    ORDER BY g.id DESC LIMIT :most)
    ORDER BY at DESC LIMIT :most
""")  # noqa: S608 - words of ours
ROWS = {"execution": "action_executions", "run": "runs", "delivery": "deliveries"}


class SqlGivenUp(Repository):
    """core.workflows.given_up.GivenUpRows."""

    def keep(self, row: SetAside) -> None:
        """See core.messaging.ports.SetAsides."""
        new = insert(given_up).values(to_row(row))
        told = {name: new.excluded[name] for name in ("error", "at", "settled_at", "settled_by")}
        self._t.flush()
        self._t.connection.execute(
            new.on_conflict_do_update(
                index_elements=("workspace_id", "kind", "subject_id"),
                set_={**told, "version": given_up.c.version + 1},
            )
        )

    def page(self, limit: int) -> list[GivenUp]:
        """See core.workflows.given_up.GivenUpRows."""
        self._t.flush()
        return [_given_up(row) for row in self._t.connection.execute(FOUND, {"most": limit, "one": None})]

    def find(self, id: UUID) -> GivenUp | None:
        """See core.workflows.given_up.GivenUpRows."""
        self._t.flush()
        found = self._asked(id)
        if found is None:
            return None
        where = "kind = 'event' AND subject_id = :id" if found.kind == "event" else "id = :id"
        table = ROWS.get(found.kind, "given_up")
        self._t.connection.execute(text(f"SELECT 1 FROM nod.{table} WHERE {where} FOR UPDATE"), {"id": id})  # noqa: S608 - words of ours
        return self._asked(id)

    def _asked(self, id: UUID) -> GivenUp | None:
        row = self._t.connection.execute(FOUND, {"most": 1, "one": id}).one_or_none()
        return None if row is None else _given_up(row)


def _given_up(row: Row[Any]) -> GivenUp:
    return from_row(GivenUp, row)
