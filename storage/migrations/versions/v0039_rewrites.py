"""What people ask an agent to change in a suggestion, in words, until it is done."""

from storage.migrations.sql import run

revision = "0039"
down_revision = "0038"

WORKSPACE = "workspace_id = (SELECT nod.current_workspace())"
MINE = "user_id = (SELECT nod.current_user_id())"
DUE = """
CREATE FUNCTION nod.due_rewrites(most integer) RETURNS TABLE (id uuid, workspace_id uuid, user_id uuid)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
    SELECT r.id, r.workspace_id, r.user_id FROM nod.rewrites r
    WHERE nod.at_the_door() AND (r.status = 'asked' AND r.created_at <= now() - interval '3 seconds' OR r.status = 'working' AND r.lease_until <= now())
    ORDER BY r.created_at LIMIT $1
$$"""


def upgrade() -> None:
    run(
        """
        CREATE TABLE nod.rewrites (
            id UUID NOT NULL,
            workspace_id UUID NOT NULL,
            user_id UUID NOT NULL,
            suggestion_id UUID NOT NULL,
            revision INTEGER NOT NULL,
            words BYTEA,
            status TEXT NOT NULL,
            fence INTEGER NOT NULL,
            attempts INTEGER NOT NULL,
            lease_until TIMESTAMP WITH TIME ZONE,
            error JSONB,
            ended_at TIMESTAMP WITH TIME ZONE,
            created_at TIMESTAMP WITH TIME ZONE NOT NULL,
            version INTEGER NOT NULL,
            CONSTRAINT rewrites_key PRIMARY KEY (workspace_id, id),
            CONSTRAINT rewrites_user_id_there FOREIGN KEY(workspace_id, user_id) REFERENCES nod.memberships (workspace_id, user_id) ON DELETE CASCADE DEFERRABLE INITIALLY DEFERRED,
            CONSTRAINT rewrites_suggestion_id_there FOREIGN KEY(workspace_id, suggestion_id) REFERENCES nod.suggestions (workspace_id, id) ON DELETE CASCADE DEFERRABLE INITIALLY DEFERRED,
            CONSTRAINT rewrites_status_known CHECK (status IN ('asked', 'working', 'done', 'failed')),
            CONSTRAINT rewrites_taken_under_lease CHECK (status <> 'working' OR lease_until IS NOT NULL)
        )""",
        "CREATE INDEX rewrites_of_suggestion ON nod.rewrites (workspace_id, suggestion_id, id)",
        "CREATE UNIQUE INDEX rewrites_open ON nod.rewrites (workspace_id, suggestion_id) WHERE status IN ('asked', 'working')",
        "CREATE INDEX rewrites_due ON nod.rewrites (created_at) WHERE status IN ('asked', 'working')",
        "ALTER TABLE nod.rewrites ENABLE ROW LEVEL SECURITY",
        "ALTER TABLE nod.rewrites FORCE ROW LEVEL SECURITY",
        "GRANT SELECT, INSERT ON nod.rewrites TO nod_app",
        f"CREATE POLICY seen ON nod.rewrites FOR SELECT TO nod_app USING ({WORKSPACE})",
        f"CREATE POLICY made ON nod.rewrites FOR INSERT TO nod_app WITH CHECK ({WORKSPACE} AND {MINE})",
        "GRANT UPDATE (words, status, fence, attempts, lease_until, error, ended_at, version) ON nod.rewrites TO nod_app",
        f"CREATE POLICY changed ON nod.rewrites FOR UPDATE TO nod_app USING ({WORKSPACE}) WITH CHECK ({WORKSPACE})",
        "GRANT SELECT (id, workspace_id, user_id, status, created_at, lease_until) ON nod.rewrites TO nod_doors",
        "CREATE POLICY doors ON nod.rewrites FOR SELECT TO nod_doors USING (status IN ('asked', 'working') AND (SELECT nod.at_the_door()))",
        "CREATE POLICY forgets ON nod.rewrites TO nod_owner USING (true)",
        DUE,
        "REVOKE ALL ON FUNCTION nod.due_rewrites(integer) FROM PUBLIC",
        "GRANT EXECUTE ON FUNCTION nod.due_rewrites(integer) TO nod_app",
        "GRANT CREATE ON SCHEMA nod TO nod_doors",
        "ALTER FUNCTION nod.due_rewrites(integer) OWNER TO nod_doors",
        "REVOKE CREATE ON SCHEMA nod FROM nod_doors",
    )
