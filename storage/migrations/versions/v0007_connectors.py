"""Connections, credentials, what was read and called, and the task list."""

from storage.migrations.sql import run

revision = "0007"
down_revision = "0006"


def upgrade() -> None:
    run(
        """
        CREATE TABLE nod.credentials (
            id UUID NOT NULL,
            workspace_id UUID NOT NULL,
            user_id UUID NOT NULL,
            integration TEXT NOT NULL,
            name TEXT NOT NULL,
            ciphertext BYTEA NOT NULL,
            key_id TEXT NOT NULL,
            meta JSONB NOT NULL,
            last_refreshed_at TIMESTAMP WITH TIME ZONE,
            revoked_at TIMESTAMP WITH TIME ZONE,
            created_at TIMESTAMP WITH TIME ZONE NOT NULL,
            version INTEGER NOT NULL,
            CONSTRAINT credentials_key PRIMARY KEY (workspace_id, id),
            CONSTRAINT credentials_workspace_id_there FOREIGN KEY(workspace_id) REFERENCES nod.workspaces (id) DEFERRABLE INITIALLY DEFERRED
        )""",
        """ALTER TABLE nod.credentials ENABLE ROW LEVEL SECURITY""",
        """ALTER TABLE nod.credentials FORCE ROW LEVEL SECURITY""",
        """GRANT SELECT, INSERT ON nod.credentials TO nod_app""",
        """CREATE POLICY seen ON nod.credentials FOR SELECT TO nod_app USING (workspace_id = (SELECT nod.current_workspace()))""",
        """CREATE POLICY made ON nod.credentials FOR INSERT TO nod_app WITH CHECK (workspace_id = (SELECT nod.current_workspace()))""",
        """GRANT UPDATE (name, ciphertext, key_id, meta, last_refreshed_at, revoked_at, version) ON nod.credentials TO nod_app""",
        """CREATE POLICY changed ON nod.credentials FOR UPDATE TO nod_app USING (workspace_id = (SELECT nod.current_workspace())) WITH CHECK (workspace_id = (SELECT nod.current_workspace()))""",
    )
    run(
        """
        CREATE TABLE nod.connections (
            id UUID NOT NULL,
            workspace_id UUID NOT NULL,
            user_id UUID NOT NULL,
            integration TEXT NOT NULL,
            name TEXT NOT NULL,
            config JSONB NOT NULL,
            credential_id UUID,
            account TEXT NOT NULL,
            status TEXT NOT NULL,
            permissions TEXT[] NOT NULL,
            last_used_at TIMESTAMP WITH TIME ZONE,
            sync_cursor JSONB NOT NULL,
            problem JSONB,
            created_at TIMESTAMP WITH TIME ZONE NOT NULL,
            version INTEGER NOT NULL,
            CONSTRAINT connections_key PRIMARY KEY (workspace_id, id),
            CONSTRAINT connections_workspace_id_there FOREIGN KEY(workspace_id) REFERENCES nod.workspaces (id) DEFERRABLE INITIALLY DEFERRED,
            CONSTRAINT connections_credential_id_there FOREIGN KEY(workspace_id, credential_id) REFERENCES nod.credentials (workspace_id, id) DEFERRABLE INITIALLY DEFERRED,
            CONSTRAINT connections_status_known CHECK (status IN ('active', 'expired', 'revoked'))
        )""",
        """CREATE INDEX connections_of_user ON nod.connections (workspace_id, user_id)""",
        """ALTER TABLE nod.connections ENABLE ROW LEVEL SECURITY""",
        """ALTER TABLE nod.connections FORCE ROW LEVEL SECURITY""",
        """GRANT SELECT, INSERT ON nod.connections TO nod_app""",
        """CREATE POLICY seen ON nod.connections FOR SELECT TO nod_app USING (workspace_id = (SELECT nod.current_workspace()))""",
        """CREATE POLICY made ON nod.connections FOR INSERT TO nod_app WITH CHECK (workspace_id = (SELECT nod.current_workspace()))""",
        """GRANT UPDATE (name, config, credential_id, account, status, permissions, last_used_at, sync_cursor, problem, version) ON nod.connections TO nod_app""",
        """CREATE POLICY changed ON nod.connections FOR UPDATE TO nod_app USING (workspace_id = (SELECT nod.current_workspace())) WITH CHECK (workspace_id = (SELECT nod.current_workspace()))""",
    )
    run(
        """
        CREATE TABLE nod.data_snapshots (
            id UUID NOT NULL,
            workspace_id UUID NOT NULL,
            connection_id UUID NOT NULL,
            agent_id UUID NOT NULL,
            data_type TEXT NOT NULL,
            external_id TEXT NOT NULL,
            metadata JSONB NOT NULL,
            body_ref TEXT,
            snapshot_at TIMESTAMP WITH TIME ZONE NOT NULL,
            expires_at TIMESTAMP WITH TIME ZONE NOT NULL,
            CONSTRAINT data_snapshots_key PRIMARY KEY (workspace_id, id),
            CONSTRAINT data_snapshots_thing_once UNIQUE (workspace_id, connection_id, agent_id, data_type, external_id),
            CONSTRAINT data_snapshots_connection_id_there FOREIGN KEY(workspace_id, connection_id) REFERENCES nod.connections (workspace_id, id) ON DELETE CASCADE DEFERRABLE INITIALLY DEFERRED,
            CONSTRAINT data_snapshots_agent_id_there FOREIGN KEY(workspace_id, agent_id) REFERENCES nod.agents (workspace_id, id) ON DELETE CASCADE DEFERRABLE INITIALLY DEFERRED
        )""",
        """CREATE INDEX data_snapshots_by_time ON nod.data_snapshots (workspace_id, connection_id, agent_id, data_type, snapshot_at)""",
        """ALTER TABLE nod.data_snapshots ENABLE ROW LEVEL SECURITY""",
        """ALTER TABLE nod.data_snapshots FORCE ROW LEVEL SECURITY""",
        """GRANT SELECT, INSERT ON nod.data_snapshots TO nod_app""",
        """CREATE POLICY seen ON nod.data_snapshots FOR SELECT TO nod_app USING (workspace_id = (SELECT nod.current_workspace()))""",
        """CREATE POLICY made ON nod.data_snapshots FOR INSERT TO nod_app WITH CHECK (workspace_id = (SELECT nod.current_workspace()))""",
        """GRANT UPDATE (metadata, body_ref, snapshot_at, expires_at) ON nod.data_snapshots TO nod_app""",
        """CREATE POLICY changed ON nod.data_snapshots FOR UPDATE TO nod_app USING (workspace_id = (SELECT nod.current_workspace())) WITH CHECK (workspace_id = (SELECT nod.current_workspace()))""",
        """GRANT DELETE ON nod.data_snapshots TO nod_app""",
        """CREATE POLICY ended ON nod.data_snapshots FOR DELETE TO nod_app USING (workspace_id = (SELECT nod.current_workspace()))""",
    )
    run(
        """
        CREATE TABLE nod.connector_executions (
            id UUID NOT NULL,
            workspace_id UUID NOT NULL,
            connection_id UUID NOT NULL,
            operation TEXT NOT NULL,
            status TEXT NOT NULL,
            result JSONB NOT NULL,
            executed_at TIMESTAMP WITH TIME ZONE NOT NULL,
            CONSTRAINT connector_executions_key PRIMARY KEY (workspace_id, id),
            CONSTRAINT connector_executions_connection_id_there FOREIGN KEY(workspace_id, connection_id) REFERENCES nod.connections (workspace_id, id) DEFERRABLE INITIALLY DEFERRED,
            CONSTRAINT connector_executions_status_known CHECK (status IN ('success', 'failed', 'partial'))
        )""",
        """CREATE INDEX connector_executions_of_connection ON nod.connector_executions (workspace_id, connection_id)""",
        """ALTER TABLE nod.connector_executions ENABLE ROW LEVEL SECURITY""",
        """ALTER TABLE nod.connector_executions FORCE ROW LEVEL SECURITY""",
        """GRANT SELECT, INSERT ON nod.connector_executions TO nod_app""",
        """CREATE POLICY seen ON nod.connector_executions FOR SELECT TO nod_app USING (workspace_id = (SELECT nod.current_workspace()))""",
        """CREATE POLICY made ON nod.connector_executions FOR INSERT TO nod_app WITH CHECK (workspace_id = (SELECT nod.current_workspace()))""",
    )
    run(
        """
        CREATE TABLE nod.tasks (
            id UUID NOT NULL,
            workspace_id UUID NOT NULL,
            owner_id UUID NOT NULL,
            title TEXT NOT NULL,
            notes TEXT NOT NULL,
            due DATE,
            amount JSONB,
            payee TEXT,
            reference TEXT,
            made_by TEXT NOT NULL,
            done_at TIMESTAMP WITH TIME ZONE,
            created_at TIMESTAMP WITH TIME ZONE NOT NULL,
            version INTEGER NOT NULL,
            CONSTRAINT tasks_key PRIMARY KEY (workspace_id, id),
            CONSTRAINT tasks_made_by_once UNIQUE (workspace_id, made_by),
            CONSTRAINT tasks_workspace_id_there FOREIGN KEY(workspace_id) REFERENCES nod.workspaces (id) DEFERRABLE INITIALLY DEFERRED
        )""",
        """CREATE INDEX tasks_open ON nod.tasks (workspace_id, owner_id, due) WHERE done_at IS NULL""",
        """ALTER TABLE nod.tasks ENABLE ROW LEVEL SECURITY""",
        """ALTER TABLE nod.tasks FORCE ROW LEVEL SECURITY""",
        """GRANT SELECT, INSERT ON nod.tasks TO nod_app""",
        """CREATE POLICY seen ON nod.tasks FOR SELECT TO nod_app USING (workspace_id = (SELECT nod.current_workspace()))""",
        """CREATE POLICY made ON nod.tasks FOR INSERT TO nod_app WITH CHECK (workspace_id = (SELECT nod.current_workspace()))""",
        """GRANT UPDATE (title, notes, due, amount, payee, reference, done_at, version) ON nod.tasks TO nod_app""",
        """CREATE POLICY changed ON nod.tasks FOR UPDATE TO nod_app USING (workspace_id = (SELECT nod.current_workspace())) WITH CHECK (workspace_id = (SELECT nod.current_workspace()))""",
    )
