"""Runs and their steps."""

from storage.migrations.sql import run

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    run(
        """
        CREATE TABLE nod.runs (
            id UUID NOT NULL,
            workspace_id UUID NOT NULL,
            user_id UUID NOT NULL,
            agent_id UUID NOT NULL,
            agent_version_id UUID NOT NULL,
            trigger_id UUID,
            parent_run_id UUID,
            trigger_type TEXT NOT NULL,
            status TEXT NOT NULL,
            input JSONB NOT NULL,
            output JSONB,
            error JSONB,
            attempt INTEGER NOT NULL,
            fence INTEGER NOT NULL,
            due_at TIMESTAMP WITH TIME ZONE NOT NULL,
            lease_until TIMESTAMP WITH TIME ZONE,
            queued_at TIMESTAMP WITH TIME ZONE NOT NULL,
            started_at TIMESTAMP WITH TIME ZONE,
            finished_at TIMESTAMP WITH TIME ZONE,
            cancel_requested_at TIMESTAMP WITH TIME ZONE,
            tokens INTEGER NOT NULL,
            cost NUMERIC(18, 8) NOT NULL,
            trace TEXT,
            created_at TIMESTAMP WITH TIME ZONE NOT NULL,
            version INTEGER NOT NULL,
            CONSTRAINT runs_key PRIMARY KEY (workspace_id, id),
            CONSTRAINT runs_agent_version_id_there FOREIGN KEY(workspace_id, agent_version_id, agent_id) REFERENCES nod.agent_versions (workspace_id, id, agent_id) DEFERRABLE INITIALLY DEFERRED,
            CONSTRAINT runs_trigger_id_there FOREIGN KEY(workspace_id, trigger_id) REFERENCES nod.triggers (workspace_id, id) DEFERRABLE INITIALLY DEFERRED,
            CONSTRAINT runs_parent_run_id_there FOREIGN KEY(workspace_id, parent_run_id) REFERENCES nod.runs (workspace_id, id) DEFERRABLE INITIALLY DEFERRED,
            CONSTRAINT runs_trigger_type_known CHECK (trigger_type IN ('manual', 'scheduled', 'event', 'webhook', 'chat')),
            CONSTRAINT runs_status_known CHECK (status IN ('queued', 'running', 'waiting', 'succeeded', 'failed', 'cancelled')),
            CONSTRAINT runs_running_under_lease CHECK (status <> 'running' OR lease_until IS NOT NULL)
        )""",
        """CREATE INDEX runs_of_agent ON nod.runs (workspace_id, agent_id, id)""",
        """CREATE INDEX runs_queued ON nod.runs (due_at) WHERE status = 'queued'""",
        """CREATE INDEX runs_running ON nod.runs (lease_until) WHERE status = 'running'""",
        """ALTER TABLE nod.runs ENABLE ROW LEVEL SECURITY""",
        """ALTER TABLE nod.runs FORCE ROW LEVEL SECURITY""",
        """GRANT SELECT, INSERT ON nod.runs TO nod_app""",
        """CREATE POLICY seen ON nod.runs FOR SELECT TO nod_app USING (workspace_id = (SELECT nod.current_workspace()))""",
        """CREATE POLICY made ON nod.runs FOR INSERT TO nod_app WITH CHECK (workspace_id = (SELECT nod.current_workspace()))""",
        """GRANT UPDATE (agent_id, agent_version_id, trigger_id, parent_run_id, trigger_type, status, input, output, error, attempt, fence, due_at, lease_until, queued_at, started_at, finished_at, cancel_requested_at, tokens, cost, trace, version) ON nod.runs TO nod_app""",
        """CREATE POLICY changed ON nod.runs FOR UPDATE TO nod_app USING (workspace_id = (SELECT nod.current_workspace())) WITH CHECK (workspace_id = (SELECT nod.current_workspace()))""",
        """GRANT SELECT (id, workspace_id, user_id, status, due_at, lease_until) ON nod.runs TO nod_doors""",
        """CREATE POLICY doors ON nod.runs FOR SELECT TO nod_doors USING (status IN ('queued', 'running') AND (SELECT nod.at_the_door()))""",
    )
    run(
        """
        CREATE TABLE nod.run_steps (
            id UUID NOT NULL,
            workspace_id UUID NOT NULL,
            run_id UUID NOT NULL,
            node_id TEXT NOT NULL,
            index INTEGER NOT NULL,
            skill TEXT NOT NULL,
            status TEXT NOT NULL,
            inputs JSONB NOT NULL,
            outputs JSONB,
            error JSONB,
            usage JSONB NOT NULL,
            started_at TIMESTAMP WITH TIME ZONE NOT NULL,
            finished_at TIMESTAMP WITH TIME ZONE,
            CONSTRAINT run_steps_key PRIMARY KEY (workspace_id, id),
            CONSTRAINT run_steps_run_id_node_id_index_once UNIQUE (workspace_id, run_id, node_id, index),
            CONSTRAINT run_steps_run_id_there FOREIGN KEY(workspace_id, run_id) REFERENCES nod.runs (workspace_id, id) ON DELETE CASCADE DEFERRABLE INITIALLY DEFERRED,
            CONSTRAINT run_steps_status_known CHECK (status IN ('running', 'succeeded', 'failed'))
        )""",
        """ALTER TABLE nod.run_steps ENABLE ROW LEVEL SECURITY""",
        """ALTER TABLE nod.run_steps FORCE ROW LEVEL SECURITY""",
        """GRANT SELECT, INSERT ON nod.run_steps TO nod_app""",
        """CREATE POLICY seen ON nod.run_steps FOR SELECT TO nod_app USING (workspace_id = (SELECT nod.current_workspace()))""",
        """CREATE POLICY made ON nod.run_steps FOR INSERT TO nod_app WITH CHECK (workspace_id = (SELECT nod.current_workspace()))""",
        """GRANT UPDATE (skill, status, inputs, outputs, error, usage, started_at, finished_at) ON nod.run_steps TO nod_app""",
        """CREATE POLICY changed ON nod.run_steps FOR UPDATE TO nod_app USING (workspace_id = (SELECT nod.current_workspace())) WITH CHECK (workspace_id = (SELECT nod.current_workspace()))""",
    )
