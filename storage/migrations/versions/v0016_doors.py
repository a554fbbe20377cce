"""Doors for what is new: runs that waited long enough, triggers that are due soon, a webhook's workspace, events to match."""

from storage.migrations.sql import run

revision = "0016"
down_revision = "0015"

DUE = "TABLE (id uuid, workspace_id uuid, user_id uuid)"

REPLACED = {
    "due_runs(most integer)": (
        DUE,
        """
    (SELECT id, workspace_id, user_id FROM nod.runs
     WHERE nod.at_the_door() AND status IN ('queued', 'waiting') AND due_at < 'infinity' AND due_at <= now() ORDER BY due_at LIMIT $1)
    UNION ALL
    (SELECT id, workspace_id, user_id FROM nod.runs
     WHERE nod.at_the_door() AND status = 'running' AND lease_until <= now() ORDER BY lease_until LIMIT $1)
    LIMIT $1""",
    ),
    "depth()": (
        "TABLE (kind text, rows bigint)",
        """
    SELECT 'runs', count(*) FROM nod.runs WHERE nod.at_the_door()
      AND (status IN ('queued', 'waiting') AND due_at < 'infinity' AND due_at <= now() OR status = 'running' AND lease_until <= now())
    UNION ALL
    SELECT 'executions', count(*) FROM nod.action_executions WHERE nod.at_the_door()
      AND (status IN ('held', 'ready') AND due_at <= now() OR status = 'claimed' AND lease_until <= now())
    UNION ALL
    SELECT 'sending', count(*) FROM nod.action_executions WHERE nod.at_the_door()
      AND status = 'sending' AND lease_until <= now()
    UNION ALL
    SELECT 'lookups', count(*) FROM nod.action_executions WHERE nod.at_the_door()
      AND status = 'unknown' AND due_at <= now()
    UNION ALL
    SELECT 'deliveries', count(*) FROM nod.deliveries WHERE nod.at_the_door()
      AND wanted > shown AND status <> 'failed' AND due_at <= now()
    UNION ALL
    SELECT 'triggers', count(*) FROM nod.triggers WHERE nod.at_the_door() AND status = 'active' AND next_fire_at <= now()
    UNION ALL
    SELECT 'matches', count(*) FROM nod.event_matches WHERE nod.at_the_door()
    UNION ALL
    SELECT 'suggestions', count(*) FROM nod.suggestions WHERE nod.at_the_door()
      AND (status = 'pending' AND expires_at <= now() OR status = 'snoozed' AND snoozed_until <= now())""",
    ),
}
NEW = {
    "due_triggers_ahead(most integer, ahead interval)": (
        'TABLE (workspace_id uuid, user_id uuid, at timestamptz, "now" timestamptz)',
        """
    SELECT d.workspace_id, (array_agg(d.owner_id))[1], d.next_fire_at, now() FROM (
        SELECT workspace_id, owner_id, next_fire_at FROM nod.triggers
        WHERE nod.at_the_door() AND status = 'active' AND next_fire_at <= now() + $2 ORDER BY next_fire_at LIMIT $1
    ) d GROUP BY d.workspace_id, d.next_fire_at ORDER BY d.next_fire_at""",
    ),
    "directory_by_trigger(id uuid)": (
        DUE,
        """
    SELECT k.id, k.workspace_id, k.owner_id
    FROM nod.triggers k
    JOIN nod.memberships m ON m.workspace_id = k.workspace_id AND m.user_id = k.owner_id
    JOIN nod.users u ON u.id = k.owner_id AND u.status = 'active'
    JOIN nod.workspaces w ON w.id = k.workspace_id AND w.status = 'active'
    WHERE nod.at_the_door() AND k.id = $1 AND k.type = 'webhook' AND k.status = 'active'""",
    ),
    "due_matches(most integer)": (
        DUE,
        """
    SELECT DISTINCT d.trigger_id, d.workspace_id, d.user_id FROM (
        SELECT trigger_id, workspace_id, user_id FROM nod.event_matches
        WHERE nod.at_the_door() AND created_at <= now() - interval '2 seconds' ORDER BY created_at LIMIT $1
    ) d""",
    ),
}


def upgrade() -> None:
    run("GRANT CREATE ON SCHEMA nod TO nod_doors", "SET LOCAL ROLE nod_doors")
    for signature, (answers, body) in REPLACED.items():
        run(
            f"CREATE OR REPLACE FUNCTION nod.{signature} RETURNS {answers} "
            f"LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $${body}\n$$",
        )
    run("SET LOCAL ROLE nod_owner")
    for signature, (answers, body) in NEW.items():
        run(
            f"CREATE FUNCTION nod.{signature} RETURNS {answers} "
            f"LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $${body}\n$$",
            f"REVOKE ALL ON FUNCTION nod.{signature} FROM PUBLIC",
            f"GRANT EXECUTE ON FUNCTION nod.{signature} TO nod_app",
            f"ALTER FUNCTION nod.{signature} OWNER TO nod_doors",
        )
    run("REVOKE CREATE ON SCHEMA nod FROM nod_doors")
