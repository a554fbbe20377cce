"""One question for the sweep instead of many: in how many seconds the next row of each kind is due."""

from storage.migrations.sql import run

revision = "0017"
down_revision = "0016"

SIGNATURE = "next_due()"
ANSWERS = "TABLE (kind text, seconds double precision)"
BODY = """
    SELECT d.kind, extract(epoch FROM d.at - now())::double precision FROM (
        SELECT 'runs', least(
            (SELECT min(due_at) FROM nod.runs WHERE status IN ('queued', 'waiting') AND due_at < 'infinity'),
            (SELECT min(lease_until) FROM nod.runs WHERE status = 'running'))
        UNION ALL
        SELECT 'executions', least(
            (SELECT min(due_at) FROM nod.action_executions WHERE status IN ('held', 'ready')),
            (SELECT min(lease_until) FROM nod.action_executions WHERE status = 'claimed'))
        UNION ALL
        SELECT 'sending', (SELECT min(lease_until) FROM nod.action_executions WHERE status = 'sending')
        UNION ALL
        SELECT 'lookups', (SELECT min(greatest(due_at, lease_until)) FROM nod.action_executions WHERE status = 'unknown')
        UNION ALL
        SELECT 'matches', (SELECT min(created_at) FROM nod.event_matches) + interval '2 seconds'
    ) d (kind, at) WHERE nod.at_the_door() AND d.at < 'infinity'"""


def upgrade() -> None:
    run(
        f"CREATE FUNCTION nod.{SIGNATURE} RETURNS {ANSWERS} "
        f"LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $${BODY}\n$$",
        f"REVOKE ALL ON FUNCTION nod.{SIGNATURE} FROM PUBLIC",
        f"GRANT EXECUTE ON FUNCTION nod.{SIGNATURE} TO nod_app",
        "GRANT CREATE ON SCHEMA nod TO nod_doors",
        f"ALTER FUNCTION nod.{SIGNATURE} OWNER TO nod_doors",
        "REVOKE CREATE ON SCHEMA nod FROM nod_doors",
    )
