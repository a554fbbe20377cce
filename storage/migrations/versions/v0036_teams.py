"""Teams decide: people named in rules, who is asked when nobody answers, decisions handed to another member, and a ladder before each expiry."""

from storage.migrations.sql import run

revision = "0036"
down_revision = "0035"

WORKSPACE = "workspace_id = (SELECT nod.current_workspace())"
ME = "(SELECT nod.current_user_id())"
DUE = """
CREATE OR REPLACE FUNCTION nod.due_suggestions(most integer) RETURNS TABLE (id uuid, workspace_id uuid, user_id uuid)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
    (SELECT id, workspace_id, user_id FROM nod.suggestions
     WHERE nod.at_the_door() AND status = 'pending' AND expires_at <= now() ORDER BY expires_at LIMIT $1)
    UNION ALL
    (SELECT id, workspace_id, user_id FROM nod.suggestions
     WHERE nod.at_the_door() AND status = 'snoozed' AND snoozed_until <= now() ORDER BY snoozed_until LIMIT $1)
    UNION ALL
    (SELECT s.id, s.workspace_id, s.user_id FROM nod.suggestions s
     WHERE nod.at_the_door() AND s.status = 'pending' AND s.rung < 3 AND s.expires_at > now() AND (s.next_rung_at IS NULL OR s.next_rung_at <= now())
       AND s.expires_at <= now() + make_interval(secs => greatest(
           (SELECT max(p.reminder_seconds) FROM nod.approval_policies p WHERE p.workspace_id = s.workspace_id), 86400))
     ORDER BY s.expires_at LIMIT $1)
    LIMIT $1
$$"""


def upgrade() -> None:
    run(
        """
        ALTER TABLE nod.suggestions
            ADD COLUMN rung INTEGER NOT NULL DEFAULT 0,
            ADD COLUMN next_rung_at TIMESTAMP WITH TIME ZONE,
            ADD COLUMN counts_from TIMESTAMP WITH TIME ZONE""",
        "ALTER TABLE nod.suggestions ALTER COLUMN rung DROP DEFAULT",
        "ALTER TABLE nod.suggestions NO FORCE ROW LEVEL SECURITY",
        "UPDATE nod.suggestions SET rung = 1 WHERE reminded_at IS NOT NULL",
        "ALTER TABLE nod.suggestions FORCE ROW LEVEL SECURITY",
        "GRANT UPDATE (rung, next_rung_at, counts_from) ON nod.suggestions TO nod_app",
        "GRANT SELECT (rung, next_rung_at) ON nod.suggestions TO nod_doors",
        """
        ALTER TABLE nod.approvals
            ADD COLUMN for_user_id UUID,
            ADD CONSTRAINT approvals_for_user_id_there FOREIGN KEY(workspace_id, for_user_id) REFERENCES nod.memberships (workspace_id, user_id) DEFERRABLE INITIALLY DEFERRED,
            ADD CONSTRAINT approvals_for_somebody_else CHECK (for_user_id <> user_id)""",
        """
        ALTER TABLE nod.approval_policies
            ADD COLUMN allowed_people UUID[] NOT NULL DEFAULT '{}',
            ADD COLUMN escalate_to UUID,
            ADD CONSTRAINT approval_policies_escalate_to_there FOREIGN KEY(workspace_id, escalate_to) REFERENCES nod.memberships (workspace_id, user_id) DEFERRABLE INITIALLY DEFERRED""",
        "ALTER TABLE nod.approval_policies ALTER COLUMN allowed_people DROP DEFAULT",
        "GRANT UPDATE (allowed_people, escalate_to) ON nod.approval_policies TO nod_app",
        """
        CREATE TABLE nod.delegations (
            id UUID NOT NULL,
            workspace_id UUID NOT NULL,
            user_id UUID NOT NULL,
            to_user_id UUID NOT NULL,
            until TIMESTAMP WITH TIME ZONE NOT NULL,
            agent_id UUID,
            operation TEXT,
            revoked_at TIMESTAMP WITH TIME ZONE,
            created_at TIMESTAMP WITH TIME ZONE NOT NULL,
            version INTEGER NOT NULL,
            CONSTRAINT delegations_key PRIMARY KEY (workspace_id, id),
            CONSTRAINT delegations_user_id_there FOREIGN KEY(workspace_id, user_id) REFERENCES nod.memberships (workspace_id, user_id) ON DELETE CASCADE DEFERRABLE INITIALLY DEFERRED,
            CONSTRAINT delegations_to_user_id_there FOREIGN KEY(workspace_id, to_user_id) REFERENCES nod.memberships (workspace_id, user_id) ON DELETE CASCADE DEFERRABLE INITIALLY DEFERRED,
            CONSTRAINT delegations_agent_id_there FOREIGN KEY(workspace_id, agent_id) REFERENCES nod.agents (workspace_id, id) ON DELETE CASCADE DEFERRABLE INITIALLY DEFERRED,
            CONSTRAINT delegations_to_somebody_else CHECK (user_id <> to_user_id),
            CONSTRAINT delegations_until_later CHECK (until > created_at)
        )""",
        "CREATE INDEX delegations_active ON nod.delegations (workspace_id, until) WHERE revoked_at IS NULL",
        "ALTER TABLE nod.delegations ENABLE ROW LEVEL SECURITY",
        "ALTER TABLE nod.delegations FORCE ROW LEVEL SECURITY",
        "GRANT SELECT, INSERT ON nod.delegations TO nod_app",
        f"CREATE POLICY seen ON nod.delegations FOR SELECT TO nod_app USING ({WORKSPACE})",
        f"CREATE POLICY made ON nod.delegations FOR INSERT TO nod_app WITH CHECK ({WORKSPACE} AND user_id = {ME})",
        "GRANT UPDATE (revoked_at, version) ON nod.delegations TO nod_app",
        f"CREATE POLICY changed ON nod.delegations FOR UPDATE TO nod_app USING ({WORKSPACE} AND (user_id = {ME} OR to_user_id = {ME})) "
        f"WITH CHECK ({WORKSPACE} AND (user_id = {ME} OR to_user_id = {ME}))",
        "GRANT CREATE ON SCHEMA nod TO nod_doors",
        "SET LOCAL ROLE nod_doors",
        DUE,
        "SET LOCAL ROLE nod_owner",
        "REVOKE CREATE ON SCHEMA nod FROM nod_doors",
    )
