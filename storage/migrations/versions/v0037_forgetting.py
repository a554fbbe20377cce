"""People may take all that is theirs along, and leave: after thirty days everything of theirs is removed, wherever it is."""

from storage.migrations.sql import run

revision = "0037"
down_revision = "0036"

WORKSPACE = "workspace_id = (SELECT nod.current_workspace())"
MINE = "user_id = (SELECT nod.current_user_id())"
TABLES = (
    "action_executions", "agent_versions", "agents", "answered_requests", "api_keys", "approval_policies", "approvals", "connections",
    "connector_executions", "conversations", "credentials", "data_keys", "data_snapshots", "delegations", "deliveries", "event_matches",
    "execution_attempts", "identity_links", "link_codes", "memberships", "packs", "questions", "room_agents", "rooms", "run_steps", "runs",
    "sessions", "sign_ins", "skill_versions", "skills", "subscriptions", "suggestion_batch_items", "suggestion_batches", "suggestion_revisions",
    "suggestions", "tasks", "trigger_firings", "triggers", "usage_counters", "usage_ledger", "user_consents", "user_contexts", "user_preferences",
    "user_profiles", "users", "workflow_executions", "workflow_versions", "workflows", "workspaces",
)
REQUESTS = (
    """
    CREATE TABLE nod.privacy_requests (
        id UUID NOT NULL,
        workspace_id UUID NOT NULL,
        user_id UUID NOT NULL,
        kind TEXT NOT NULL,
        status TEXT NOT NULL,
        due_at TIMESTAMP WITH TIME ZONE NOT NULL,
        stopped JSONB NOT NULL,
        fence INTEGER NOT NULL,
        lease_until TIMESTAMP WITH TIME ZONE,
        attempts INTEGER NOT NULL,
        blob TEXT,
        size INTEGER,
        ended_at TIMESTAMP WITH TIME ZONE,
        created_at TIMESTAMP WITH TIME ZONE NOT NULL,
        version INTEGER NOT NULL,
        CONSTRAINT privacy_requests_key PRIMARY KEY (workspace_id, id),
        CONSTRAINT privacy_requests_workspace_id_there FOREIGN KEY(workspace_id) REFERENCES nod.workspaces (id) ON DELETE CASCADE DEFERRABLE INITIALLY DEFERRED,
        CONSTRAINT privacy_requests_user_id_there FOREIGN KEY(user_id) REFERENCES nod.users (id) DEFERRABLE INITIALLY DEFERRED,
        CONSTRAINT privacy_requests_kind_known CHECK (kind IN ('export', 'erase')),
        CONSTRAINT privacy_requests_status_known CHECK (status IN ('asked', 'working', 'done', 'failed', 'cancelled'))
    )""",
    "CREATE INDEX privacy_requests_of_user ON nod.privacy_requests (workspace_id, user_id, id)",
    "CREATE INDEX privacy_requests_due ON nod.privacy_requests (due_at) WHERE status IN ('asked', 'working')",
    "ALTER TABLE nod.privacy_requests ENABLE ROW LEVEL SECURITY",
    "ALTER TABLE nod.privacy_requests FORCE ROW LEVEL SECURITY",
    "GRANT SELECT, INSERT ON nod.privacy_requests TO nod_app",
    f"CREATE POLICY seen ON nod.privacy_requests FOR SELECT TO nod_app USING ({WORKSPACE} AND {MINE})",
    f"CREATE POLICY made ON nod.privacy_requests FOR INSERT TO nod_app WITH CHECK ({WORKSPACE} AND {MINE})",
    "GRANT UPDATE (status, due_at, stopped, fence, lease_until, attempts, blob, size, ended_at, version) ON nod.privacy_requests TO nod_app",
    f"CREATE POLICY changed ON nod.privacy_requests FOR UPDATE TO nod_app USING ({WORKSPACE} AND {MINE}) WITH CHECK ({WORKSPACE} AND {MINE})",
    "GRANT SELECT (id, workspace_id, user_id, status, due_at, lease_until) ON nod.privacy_requests TO nod_doors",
    "CREATE POLICY doors ON nod.privacy_requests FOR SELECT TO nod_doors USING (status IN ('asked', 'working') AND (SELECT nod.at_the_door()))",
)
FOUND = "TABLE (id uuid, workspace_id uuid, user_id uuid)"
KNOWN = "TABLE (id uuid, user_id uuid, workspace_id uuid, role text, scopes text[], secret_hash text)"
DOORS = {
    "due_privacy(most integer)": (FOUND, """
    SELECT p.id, p.workspace_id, p.user_id FROM nod.privacy_requests p
    WHERE nod.at_the_door() AND p.due_at <= now() AND (p.status = 'asked' OR p.status = 'working' AND p.lease_until <= now())
    ORDER BY p.due_at LIMIT $1"""),
    "workspaces_of(person uuid)": (FOUND, """
    SELECT m.workspace_id, m.workspace_id, m.user_id FROM nod.memberships m WHERE nod.at_the_door() AND m.user_id = $1 ORDER BY 1"""),
    "directory_by_return_code(code_hash text)": (KNOWN, """
    SELECT k.id, k.user_id, k.workspace_id, m.role, ARRAY['read', 'write', 'approve'], NULL
    FROM nod.link_codes k JOIN nod.memberships m ON m.workspace_id = k.workspace_id AND m.user_id = k.user_id
    JOIN nod.users u ON u.id = k.user_id AND u.status = 'deleted'
    WHERE nod.at_the_door() AND k.code_hash = $1 AND k.used_at IS NULL AND k.expires_at > now()"""),
}
# Runs as the owner, whom the policies `forgets` let at every row; what it may touch is said here and nowhere else: the person of the signed context, and only when they
# left thirty days ago and their keys are destroyed.
ERASE = """
CREATE FUNCTION nod.erase_me() RETURNS integer
LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    me uuid := nod.current_user_id();
    everything text[] := ARRAY[
        'action_executions', 'agent_versions', 'agents', 'answered_requests', 'api_keys', 'approval_policies', 'approvals', 'connections',
        'connector_executions', 'conversations', 'credentials', 'data_snapshots', 'delegations', 'deliveries', 'event_matches', 'execution_attempts',
        'identity_links', 'link_codes', 'memberships', 'packs', 'questions', 'room_agents', 'rooms', 'run_steps', 'runs', 'sessions', 'sign_ins',
        'skill_versions', 'skills', 'subscriptions', 'suggestion_batch_items', 'suggestion_batches', 'suggestion_revisions', 'suggestions', 'tasks',
        'trigger_firings', 'triggers', 'usage_counters', 'usage_ledger', 'user_consents', 'user_contexts', 'user_preferences', 'workflow_executions',
        'workflow_versions', 'workflows'];
    place record;
    name text;
    heir uuid;
    gone integer := 0;
    few integer;
BEGIN
    IF me IS NULL OR NOT EXISTS (
        SELECT 1 FROM nod.users u JOIN nod.data_keys k ON k.user_id = u.id
        WHERE u.id = me AND u.status = 'deleted' AND u.deleted_at <= now() - interval '30 days' AND k.destroyed_at IS NOT NULL) THEN
        RETURN 0;
    END IF;
    FOR place IN SELECT m.workspace_id AS id FROM nod.memberships m WHERE m.user_id = me LOOP
        SELECT o.user_id INTO heir FROM nod.memberships o WHERE o.workspace_id = place.id AND o.user_id <> me
        ORDER BY array_position(ARRAY['owner', 'admin', 'approver', 'member', 'viewer'], o.role), o.id LIMIT 1;
        IF heir IS NULL THEN
            FOREACH name IN ARRAY everything LOOP
                EXECUTE 'DELETE FROM nod.' || quote_ident(name) || ' WHERE workspace_id = $1' USING place.id;
                GET DIAGNOSTICS few = ROW_COUNT;
                gone := gone + few;
            END LOOP;
            DELETE FROM nod.workspaces w WHERE w.id = place.id;
        ELSE
            gone := gone + nod.erase_from(place.id, me, heir);
        END IF;
    END LOOP;
    DELETE FROM nod.user_profiles p WHERE p.user_id = me;
    UPDATE nod.users u SET email = 'erased-' || me || '@erased.invalid', name = '', preferred_name = NULL, email_verified_at = NULL, last_login_at = NULL
    WHERE u.id = me;
    RETURN gone;
END $$"""
# What others share stays theirs: who decided stays as a number without a name, agents and what starts them go to whoever is first of those who stay.
ERASE_FROM = """
CREATE FUNCTION nod.erase_from(place uuid, person uuid, heir uuid) RETURNS integer
LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    name text;
    gone integer := 0;
    few integer;
BEGIN
    DELETE FROM nod.execution_attempts t USING nod.action_executions e, nod.suggestions s
    WHERE t.workspace_id = place AND e.workspace_id = place AND s.workspace_id = place AND t.execution_id = e.id AND e.suggestion_id = s.id AND s.user_id = person;
    FOREACH name IN ARRAY ARRAY['action_executions', 'suggestion_batch_items', 'approvals', 'suggestion_revisions'] LOOP
        EXECUTE 'DELETE FROM nod.' || quote_ident(name) || ' t USING nod.suggestions s WHERE t.workspace_id = $1 AND s.workspace_id = $1 AND t.suggestion_id = s.id AND s.user_id = $2'
        USING place, person;
    END LOOP;
    DELETE FROM nod.suggestion_batch_items t USING nod.suggestion_batches b
    WHERE t.workspace_id = place AND b.workspace_id = place AND t.batch_id = b.id AND b.user_id = person;
    DELETE FROM nod.run_steps t USING nod.runs r WHERE t.workspace_id = place AND r.workspace_id = place AND t.run_id = r.id AND r.user_id = person;
    DELETE FROM nod.data_snapshots t USING nod.connections c WHERE t.workspace_id = place AND c.workspace_id = place AND t.connection_id = c.id AND c.user_id = person;
    DELETE FROM nod.connector_executions t USING nod.connections c WHERE t.workspace_id = place AND c.workspace_id = place AND t.connection_id = c.id AND c.user_id = person;
    FOREACH name IN ARRAY ARRAY['suggestion_batches', 'suggestions', 'workflow_executions', 'questions', 'runs', 'answered_requests', 'event_matches', 'conversations',
        'deliveries', 'identity_links', 'link_codes', 'sign_ins', 'sessions', 'api_keys', 'user_preferences', 'user_consents', 'user_contexts', 'delegations',
        'privacy_requests'] LOOP
        EXECUTE 'DELETE FROM nod.' || quote_ident(name) || ' WHERE workspace_id = $1 AND user_id = $2' USING place, person;
        GET DIAGNOSTICS few = ROW_COUNT;
        gone := gone + few;
    END LOOP;
    DELETE FROM nod.delegations d WHERE d.workspace_id = place AND d.to_user_id = person;
    DELETE FROM nod.tasks t WHERE t.workspace_id = place AND t.owner_id = person;
    UPDATE nod.credentials c SET ciphertext = '', revoked_at = coalesce(c.revoked_at, now()) WHERE c.workspace_id = place AND c.user_id = person;
    UPDATE nod.connections c SET status = 'revoked', config = '{}', account = '', facts = '{}', problem = NULL, sync_cursor = '{}'
    WHERE c.workspace_id = place AND c.user_id = person;
    UPDATE nod.triggers t SET status = 'paused', next_fire_at = NULL, waiting_since = NULL WHERE t.workspace_id = place AND t.owner_id = person;
    FOREACH name IN ARRAY ARRAY['agents', 'packs', 'workflows', 'triggers', 'skills'] LOOP
        EXECUTE 'UPDATE nod.' || quote_ident(name) || ' SET owner_id = $3 WHERE workspace_id = $1 AND owner_id = $2' USING place, person, heir;
    END LOOP;
    UPDATE nod.workspaces w SET owner_id = heir WHERE w.id = place AND w.owner_id = person;
    UPDATE nod.memberships m SET role = 'owner' WHERE m.workspace_id = place AND m.user_id = heir
        AND EXISTS (SELECT 1 FROM nod.memberships o WHERE o.workspace_id = place AND o.user_id = person AND o.role = 'owner');
    UPDATE nod.memberships m SET role = 'viewer' WHERE m.workspace_id = place AND m.user_id = person;
    RETURN gone;
END $$"""


def upgrade() -> None:
    run(*REQUESTS)
    run(*(f"CREATE POLICY forgets ON nod.{table} TO nod_owner USING (true)" for table in (*TABLES, "privacy_requests")))
    run("GRANT CREATE ON SCHEMA nod TO nod_doors")
    for signature, (answer, body) in DOORS.items():
        run(
            f"CREATE FUNCTION nod.{signature} RETURNS {answer} "
            f"LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $${body}\n$$",
            f"REVOKE ALL ON FUNCTION nod.{signature} FROM PUBLIC",
            f"GRANT EXECUTE ON FUNCTION nod.{signature} TO nod_app",
            f"ALTER FUNCTION nod.{signature} OWNER TO nod_doors",
        )
    run(
        "REVOKE CREATE ON SCHEMA nod FROM nod_doors",
        ERASE_FROM,
        "REVOKE ALL ON FUNCTION nod.erase_from(uuid, uuid, uuid) FROM PUBLIC",
        ERASE,
        "REVOKE ALL ON FUNCTION nod.erase_me() FROM PUBLIC",
        "GRANT EXECUTE ON FUNCTION nod.erase_me() TO nod_app",
        "SET LOCAL ROLE nod_doors",
        "GRANT EXECUTE ON FUNCTION nod.current_user_id() TO nod_owner",
        "SET LOCAL ROLE nod_owner",
    )
