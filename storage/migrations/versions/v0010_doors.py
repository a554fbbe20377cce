"""The doors: the only questions that look across workspaces. Asked under a context of no workspace; they answer ids (docs/adr/0002)."""

from storage.migrations.sql import run

revision = "0010"
down_revision = "0009"

KNOWN = "TABLE (id uuid, user_id uuid, workspace_id uuid, role text, scopes text[], secret_hash text)"
ALL_SCOPES = "ARRAY['read', 'write', 'approve']"
IN_GOOD_STANDING = """
    JOIN nod.memberships m ON m.workspace_id = k.workspace_id AND m.user_id = k.user_id
    JOIN nod.users u ON u.id = k.user_id AND u.status = 'active'
    JOIN nod.workspaces w ON w.id = k.workspace_id AND w.status = 'active'"""
DUE = "TABLE (id uuid, workspace_id uuid, user_id uuid)"

FUNCTIONS = {
    "directory_by_link(provider text, tenant text, subject text)": (
        KNOWN,
        f"""
    SELECT k.id, k.user_id, k.workspace_id, m.role, {ALL_SCOPES}, NULL
    FROM nod.identity_links k {IN_GOOD_STANDING}
    WHERE nod.at_the_door()
      AND k.provider = $1 AND k.provider_tenant = $2 AND k.provider_subject = $3""",
    ),
    "directory_by_session(sid text)": (
        KNOWN,
        f"""
    SELECT k.id, k.user_id, k.workspace_id, m.role, {ALL_SCOPES}, NULL
    FROM nod.sessions k {IN_GOOD_STANDING}
    WHERE nod.at_the_door() AND k.sid = $1 AND k.revoked_at IS NULL AND k.expires_at > now()""",
    ),
    "directory_by_api_key(prefix text)": (
        KNOWN,
        f"""
    SELECT k.id, k.user_id, k.workspace_id, m.role, k.scopes, k.hash
    FROM nod.api_keys k {IN_GOOD_STANDING}
    WHERE nod.at_the_door() AND k.prefix = $1 AND k.revoked_at IS NULL""",
    ),
    "directory_by_link_code(code_hash text)": (
        KNOWN,
        f"""
    SELECT k.id, k.user_id, k.workspace_id, m.role, {ALL_SCOPES}, NULL
    FROM nod.link_codes k {IN_GOOD_STANDING}
    WHERE nod.at_the_door() AND k.code_hash = $1 AND k.used_at IS NULL AND k.expires_at > now()""",
    ),
    "directory_by_email(email text)": (
        KNOWN,
        f"""
    SELECT u.id, u.id, w.id, m.role, {ALL_SCOPES}, NULL
    FROM nod.users u
    JOIN nod.workspaces w ON w.owner_id = u.id AND w.kind = 'personal' AND w.status = 'active'
    JOIN nod.memberships m ON m.workspace_id = w.id AND m.user_id = u.id
    WHERE nod.at_the_door() AND lower(u.email) = lower($1) AND u.status = 'active'""",
    ),
    "due_runs(most integer)": (
        DUE,
        """
    (SELECT id, workspace_id, user_id FROM nod.runs
     WHERE nod.at_the_door() AND status = 'queued' AND due_at <= now() ORDER BY due_at LIMIT $1)
    UNION ALL
    (SELECT id, workspace_id, user_id FROM nod.runs
     WHERE nod.at_the_door() AND status = 'running' AND lease_until <= now() ORDER BY lease_until LIMIT $1)
    LIMIT $1""",
    ),
    "due_executions(most integer)": (
        DUE,
        """
    SELECT e.id, e.workspace_id, a.user_id FROM (
        (SELECT id, workspace_id, approval_id FROM nod.action_executions
         WHERE nod.at_the_door() AND status IN ('held', 'ready') AND due_at <= now() ORDER BY due_at LIMIT $1)
        UNION ALL
        (SELECT id, workspace_id, approval_id FROM nod.action_executions
         WHERE nod.at_the_door() AND status = 'claimed' AND lease_until <= now() ORDER BY lease_until LIMIT $1)
    ) e JOIN nod.approvals a ON a.workspace_id = e.workspace_id AND a.id = e.approval_id
    LIMIT $1""",
    ),
    "due_sending(most integer)": (
        DUE,
        """
    SELECT e.id, e.workspace_id, a.user_id
    FROM nod.action_executions e JOIN nod.approvals a ON a.workspace_id = e.workspace_id AND a.id = e.approval_id
    WHERE nod.at_the_door() AND e.status = 'sending' AND e.lease_until <= now()
    ORDER BY e.lease_until LIMIT $1""",
    ),
    "due_lookups(most integer)": (
        DUE,
        """
    SELECT e.id, e.workspace_id, a.user_id
    FROM nod.action_executions e JOIN nod.approvals a ON a.workspace_id = e.workspace_id AND a.id = e.approval_id
    WHERE nod.at_the_door() AND e.status = 'unknown' AND e.due_at <= now()
      AND (e.lease_until IS NULL OR e.lease_until <= now())
    ORDER BY e.due_at LIMIT $1""",
    ),
    "due_deliveries(channel text, most integer)": (
        DUE,
        """
    SELECT id, workspace_id, user_id FROM nod.deliveries
    WHERE nod.at_the_door() AND wanted > shown AND status <> 'failed' AND deliveries.channel = $1
      AND due_at <= now() AND (lease_until IS NULL OR lease_until <= now())
    ORDER BY priority, due_at, id LIMIT $2""",
    ),
    "due_triggers(most integer)": (
        DUE,
        """
    SELECT id, workspace_id, owner_id FROM nod.triggers
    WHERE nod.at_the_door() AND status = 'active' AND next_fire_at <= now()
    ORDER BY next_fire_at LIMIT $1""",
    ),
    "due_suggestions(most integer)": (
        DUE,
        """
    (SELECT id, workspace_id, user_id FROM nod.suggestions
     WHERE nod.at_the_door() AND status = 'pending' AND expires_at <= now() ORDER BY expires_at LIMIT $1)
    UNION ALL
    (SELECT id, workspace_id, user_id FROM nod.suggestions
     WHERE nod.at_the_door() AND status = 'snoozed' AND snoozed_until <= now() ORDER BY snoozed_until LIMIT $1)
    UNION ALL
    (SELECT s.id, s.workspace_id, s.user_id FROM nod.suggestions s
     WHERE nod.at_the_door() AND s.status = 'pending' AND s.reminded_at IS NULL AND s.expires_at > now()
       AND s.expires_at <= now() + make_interval(secs => coalesce(
           (SELECT max(p.reminder_seconds) FROM nod.approval_policies p WHERE p.workspace_id = s.workspace_id), 86400))
     ORDER BY s.expires_at LIMIT $1)
    LIMIT $1""",
    ),
    "depth()": (
        "TABLE (kind text, rows bigint)",
        """
    SELECT 'runs', count(*) FROM nod.runs WHERE nod.at_the_door()
      AND (status = 'queued' AND due_at <= now() OR status = 'running' AND lease_until <= now())
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
    SELECT 'suggestions', count(*) FROM nod.suggestions WHERE nod.at_the_door()
      AND (status = 'pending' AND expires_at <= now() OR status = 'snoozed' AND snoozed_until <= now())""",
    ),
    "people_under_other_keys(master_key_id text, most integer)": (
        "SETOF uuid",
        """
    SELECT user_id FROM nod.data_keys
    WHERE nod.at_the_door() AND data_keys.master_key_id <> $1 AND destroyed_at IS NULL LIMIT $2""",
    ),
}

IN_USE = """
CREATE FUNCTION nod.master_keys_in_use() RETURNS SETOF text
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
    SELECT DISTINCT master_key_id FROM nod.data_keys WHERE destroyed_at IS NULL
$$"""


def upgrade() -> None:
    run("GRANT CREATE ON SCHEMA nod TO nod_doors")
    for signature, (answers, body) in FUNCTIONS.items():
        run(
            f"CREATE FUNCTION nod.{signature} RETURNS {answers} "
            f"LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $${body}\n$$",
            f"REVOKE ALL ON FUNCTION nod.{signature} FROM PUBLIC",
            f"GRANT EXECUTE ON FUNCTION nod.{signature} TO nod_app",
            f"ALTER FUNCTION nod.{signature} OWNER TO nod_doors",
        )
    run(
        IN_USE,
        "REVOKE ALL ON FUNCTION nod.master_keys_in_use() FROM PUBLIC",
        "ALTER FUNCTION nod.master_keys_in_use() OWNER TO nod_doors",
        "REVOKE CREATE ON SCHEMA nod FROM nod_doors",
        "SET LOCAL ROLE nod_doors",
        "GRANT EXECUTE ON FUNCTION nod.master_keys_in_use() TO nod_owner",
        "SET LOCAL ROLE nod_owner",
    )
