"""What people prefer and allow, and their contexts."""

from storage.migrations.sql import run

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    run(
        """
        CREATE TABLE nod.user_preferences (
            id UUID NOT NULL,
            user_id UUID NOT NULL,
            workspace_id UUID NOT NULL,
            scope TEXT NOT NULL,
            key TEXT NOT NULL,
            value JSONB NOT NULL,
            source TEXT NOT NULL,
            updated_at TIMESTAMP WITH TIME ZONE NOT NULL,
            created_at TIMESTAMP WITH TIME ZONE NOT NULL,
            version INTEGER NOT NULL,
            CONSTRAINT user_preferences_key PRIMARY KEY (workspace_id, id),
            CONSTRAINT user_preferences_user_id_scope_key_once UNIQUE (workspace_id, user_id, scope, key),
            CONSTRAINT user_preferences_user_id_there FOREIGN KEY(workspace_id, user_id) REFERENCES nod.memberships (workspace_id, user_id) ON DELETE CASCADE DEFERRABLE INITIALLY DEFERRED,
            CONSTRAINT user_preferences_source_known CHECK (source IN ('user', 'inferred'))
        )""",
        """ALTER TABLE nod.user_preferences ENABLE ROW LEVEL SECURITY""",
        """ALTER TABLE nod.user_preferences FORCE ROW LEVEL SECURITY""",
        """GRANT SELECT, INSERT ON nod.user_preferences TO nod_app""",
        """CREATE POLICY seen ON nod.user_preferences FOR SELECT TO nod_app USING (workspace_id = (SELECT nod.current_workspace()))""",
        """CREATE POLICY made ON nod.user_preferences FOR INSERT TO nod_app WITH CHECK (workspace_id = (SELECT nod.current_workspace()) AND user_id = (SELECT nod.current_user_id()))""",
        """GRANT UPDATE (scope, key, value, source, updated_at, version) ON nod.user_preferences TO nod_app""",
        """CREATE POLICY changed ON nod.user_preferences FOR UPDATE TO nod_app USING (workspace_id = (SELECT nod.current_workspace())) WITH CHECK (workspace_id = (SELECT nod.current_workspace()))""",
    )
    run(
        """
        CREATE TABLE nod.user_consents (
            id UUID NOT NULL,
            user_id UUID NOT NULL,
            workspace_id UUID NOT NULL,
            key TEXT NOT NULL,
            granted_at TIMESTAMP WITH TIME ZONE NOT NULL,
            revoked_at TIMESTAMP WITH TIME ZONE,
            version INTEGER NOT NULL,
            CONSTRAINT user_consents_key PRIMARY KEY (workspace_id, id),
            CONSTRAINT user_consents_user_id_there FOREIGN KEY(workspace_id, user_id) REFERENCES nod.memberships (workspace_id, user_id) ON DELETE CASCADE DEFERRABLE INITIALLY DEFERRED
        )""",
        """CREATE UNIQUE INDEX user_consents_active_once ON nod.user_consents (workspace_id, user_id, key) WHERE revoked_at IS NULL""",
        """CREATE INDEX user_consents_of_user ON nod.user_consents (workspace_id, user_id, key)""",
        """ALTER TABLE nod.user_consents ENABLE ROW LEVEL SECURITY""",
        """ALTER TABLE nod.user_consents FORCE ROW LEVEL SECURITY""",
        """GRANT SELECT, INSERT ON nod.user_consents TO nod_app""",
        """CREATE POLICY seen ON nod.user_consents FOR SELECT TO nod_app USING (workspace_id = (SELECT nod.current_workspace()))""",
        """CREATE POLICY made ON nod.user_consents FOR INSERT TO nod_app WITH CHECK (workspace_id = (SELECT nod.current_workspace()) AND user_id = (SELECT nod.current_user_id()))""",
        """GRANT UPDATE (key, granted_at, revoked_at, version) ON nod.user_consents TO nod_app""",
        """CREATE POLICY changed ON nod.user_consents FOR UPDATE TO nod_app USING (workspace_id = (SELECT nod.current_workspace())) WITH CHECK (workspace_id = (SELECT nod.current_workspace()))""",
    )
    run(
        """
        CREATE TABLE nod.user_contexts (
            id UUID NOT NULL,
            user_id UUID NOT NULL,
            workspace_id UUID NOT NULL,
            name TEXT NOT NULL,
            active BOOLEAN NOT NULL,
            created_at TIMESTAMP WITH TIME ZONE NOT NULL,
            schedule TEXT,
            version INTEGER NOT NULL,
            CONSTRAINT user_contexts_key PRIMARY KEY (workspace_id, id),
            CONSTRAINT user_contexts_user_id_name_once UNIQUE (workspace_id, user_id, name),
            CONSTRAINT user_contexts_user_id_there FOREIGN KEY(workspace_id, user_id) REFERENCES nod.memberships (workspace_id, user_id) ON DELETE CASCADE DEFERRABLE INITIALLY DEFERRED
        )""",
        """ALTER TABLE nod.user_contexts ENABLE ROW LEVEL SECURITY""",
        """ALTER TABLE nod.user_contexts FORCE ROW LEVEL SECURITY""",
        """GRANT SELECT, INSERT ON nod.user_contexts TO nod_app""",
        """CREATE POLICY seen ON nod.user_contexts FOR SELECT TO nod_app USING (workspace_id = (SELECT nod.current_workspace()))""",
        """CREATE POLICY made ON nod.user_contexts FOR INSERT TO nod_app WITH CHECK (workspace_id = (SELECT nod.current_workspace()) AND user_id = (SELECT nod.current_user_id()))""",
        """GRANT UPDATE (name, active, schedule, version) ON nod.user_contexts TO nod_app""",
        """CREATE POLICY changed ON nod.user_contexts FOR UPDATE TO nod_app USING (workspace_id = (SELECT nod.current_workspace())) WITH CHECK (workspace_id = (SELECT nod.current_workspace()))""",
    )
