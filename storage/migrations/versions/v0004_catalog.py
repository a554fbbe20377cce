"""Agents and their versions."""

from storage.migrations.sql import run

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    run(
        """
        CREATE TABLE nod.agents (
            id UUID NOT NULL,
            workspace_id UUID NOT NULL,
            owner_id UUID NOT NULL,
            template TEXT NOT NULL,
            name TEXT NOT NULL,
            description TEXT NOT NULL,
            config JSONB NOT NULL,
            status TEXT NOT NULL,
            latest_version_id UUID,
            last_run_at TIMESTAMP WITH TIME ZONE,
            created_at TIMESTAMP WITH TIME ZONE NOT NULL,
            version INTEGER NOT NULL,
            CONSTRAINT agents_key PRIMARY KEY (workspace_id, id),
            CONSTRAINT agents_workspace_id_there FOREIGN KEY(workspace_id) REFERENCES nod.workspaces (id) DEFERRABLE INITIALLY DEFERRED,
            CONSTRAINT agents_status_known CHECK (status IN ('active', 'paused', 'error'))
        )""",
        """ALTER TABLE nod.agents ENABLE ROW LEVEL SECURITY""",
        """ALTER TABLE nod.agents FORCE ROW LEVEL SECURITY""",
        """GRANT SELECT, INSERT ON nod.agents TO nod_app""",
        """CREATE POLICY seen ON nod.agents FOR SELECT TO nod_app USING (workspace_id = (SELECT nod.current_workspace()))""",
        """CREATE POLICY made ON nod.agents FOR INSERT TO nod_app WITH CHECK (workspace_id = (SELECT nod.current_workspace()))""",
        """GRANT UPDATE (owner_id, template, name, description, config, status, latest_version_id, last_run_at, version) ON nod.agents TO nod_app""",
        """CREATE POLICY changed ON nod.agents FOR UPDATE TO nod_app USING (workspace_id = (SELECT nod.current_workspace())) WITH CHECK (workspace_id = (SELECT nod.current_workspace()))""",
    )
    run(
        """
        CREATE TABLE nod.agent_versions (
            id UUID NOT NULL,
            workspace_id UUID NOT NULL,
            agent_id UUID NOT NULL,
            semantic_version TEXT NOT NULL,
            graph JSONB NOT NULL,
            default_params JSONB NOT NULL,
            parent_run_id UUID,
            created_at TIMESTAMP WITH TIME ZONE NOT NULL,
            CONSTRAINT agent_versions_key PRIMARY KEY (workspace_id, id),
            CONSTRAINT agent_versions_agent_id_semantic_version_once UNIQUE (workspace_id, agent_id, semantic_version),
            CONSTRAINT agent_versions_id_agent_id_once UNIQUE (workspace_id, id, agent_id),
            CONSTRAINT agent_versions_agent_id_there FOREIGN KEY(workspace_id, agent_id) REFERENCES nod.agents (workspace_id, id) DEFERRABLE INITIALLY DEFERRED
        )""",
        """CREATE INDEX agent_versions_graph ON nod.agent_versions USING gin (graph jsonb_path_ops)""",
        """ALTER TABLE nod.agent_versions ENABLE ROW LEVEL SECURITY""",
        """ALTER TABLE nod.agent_versions FORCE ROW LEVEL SECURITY""",
        """GRANT SELECT, INSERT ON nod.agent_versions TO nod_app""",
        """CREATE POLICY seen ON nod.agent_versions FOR SELECT TO nod_app USING (workspace_id = (SELECT nod.current_workspace()))""",
        """CREATE POLICY made ON nod.agent_versions FOR INSERT TO nod_app WITH CHECK (workspace_id = (SELECT nod.current_workspace()))""",
    )
    run(
        """ALTER TABLE nod.agents ADD CONSTRAINT agents_latest_version_id_there FOREIGN KEY(workspace_id, latest_version_id, id) REFERENCES nod.agent_versions (workspace_id, id, agent_id) DEFERRABLE INITIALLY DEFERRED"""
    )
