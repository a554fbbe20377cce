"""What was given up in a workspace, for its admins: events have a note there, and what was seen to is known."""

from storage.migrations.sql import run

revision = "0042"
down_revision = "0041"

WORKSPACE = "workspace_id = (SELECT nod.current_workspace())"
# The function as it stands, with one more table to empty.
FORGET = """
DO $$
DECLARE
    was text := pg_get_functiondef('nod.erase_me()'::regprocedure);
    now_is text := replace(was, $a$'identity_links', 'invitations'$a$, $b$'given_up', 'identity_links', 'invitations'$b$);
BEGIN
    IF was = now_is THEN
        RAISE EXCEPTION 'nod.erase_me() is not as this migration knows it';
    END IF;
    EXECUTE now_is;
END $$"""


def upgrade() -> None:
    run(
        """
        CREATE TABLE nod.given_up (
            id UUID NOT NULL,
            workspace_id UUID NOT NULL,
            user_id UUID NOT NULL,
            kind TEXT NOT NULL,
            subject_id UUID NOT NULL,
            channel TEXT,
            error TEXT,
            at TIMESTAMP WITH TIME ZONE NOT NULL,
            settled_at TIMESTAMP WITH TIME ZONE,
            settled_by UUID,
            created_at TIMESTAMP WITH TIME ZONE NOT NULL,
            version INTEGER NOT NULL,
            CONSTRAINT given_up_key PRIMARY KEY (workspace_id, id),
            CONSTRAINT given_up_kind_subject_id_once UNIQUE (workspace_id, kind, subject_id),
            CONSTRAINT given_up_user_id_there FOREIGN KEY(workspace_id, user_id) REFERENCES nod.memberships (workspace_id, user_id) ON DELETE CASCADE DEFERRABLE INITIALLY DEFERRED,
            CONSTRAINT given_up_kind_known CHECK (kind IN ('event', 'delivery', 'execution', 'run')),
            CONSTRAINT given_up_settled_by_somebody CHECK ((settled_at IS NULL) = (settled_by IS NULL))
        )""",
        "ALTER TABLE nod.given_up ENABLE ROW LEVEL SECURITY",
        "ALTER TABLE nod.given_up FORCE ROW LEVEL SECURITY",
        "GRANT SELECT, INSERT ON nod.given_up TO nod_app",
        f"CREATE POLICY seen ON nod.given_up FOR SELECT TO nod_app USING ({WORKSPACE})",
        f"CREATE POLICY made ON nod.given_up FOR INSERT TO nod_app WITH CHECK ({WORKSPACE})",
        "GRANT UPDATE (error, at, settled_at, settled_by, version) ON nod.given_up TO nod_app",
        f"CREATE POLICY changed ON nod.given_up FOR UPDATE TO nod_app USING ({WORKSPACE}) WITH CHECK ({WORKSPACE})",
        "CREATE POLICY forgets ON nod.given_up TO nod_owner USING (true)",
        FORGET,
        "CREATE INDEX action_executions_unsettled ON nod.action_executions (workspace_id, id) WHERE status IN ('held', 'ready', 'claimed', 'sending', 'failed', 'unknown')",
        "CREATE INDEX deliveries_failed ON nod.deliveries (workspace_id, id) WHERE status = 'failed'",
    )
