"""Triggers."""

from storage.migrations.sql import run

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    run(
        """
        CREATE TABLE nod.triggers (
            id UUID NOT NULL,
            workspace_id UUID NOT NULL,
            owner_id UUID NOT NULL,
            agent_id UUID NOT NULL,
            type TEXT NOT NULL,
            status TEXT NOT NULL,
            cron TEXT,
            timezone TEXT NOT NULL,
            misfire_policy TEXT NOT NULL,
            next_fire_at TIMESTAMP WITH TIME ZONE,
            last_fired_at TIMESTAMP WITH TIME ZONE,
            created_at TIMESTAMP WITH TIME ZONE NOT NULL,
            version INTEGER NOT NULL,
            CONSTRAINT triggers_key PRIMARY KEY (workspace_id, id),
            CONSTRAINT triggers_agent_id_there FOREIGN KEY(workspace_id, agent_id) REFERENCES nod.agents (workspace_id, id) DEFERRABLE INITIALLY DEFERRED,
            CONSTRAINT triggers_type_known CHECK (type IN ('schedule', 'manual')),
            CONSTRAINT triggers_status_known CHECK (status IN ('active', 'paused')),
            CONSTRAINT triggers_misfire_policy_known CHECK (misfire_policy IN ('skip', 'once', 'all')),
            CONSTRAINT triggers_due_by_schedule CHECK (next_fire_at IS NULL OR (type = 'schedule' AND cron IS NOT NULL))
        )""",
        """CREATE INDEX triggers_due ON nod.triggers (next_fire_at) WHERE status = 'active' AND next_fire_at IS NOT NULL""",
        """CREATE INDEX triggers_of_agent ON nod.triggers (workspace_id, agent_id)""",
        """ALTER TABLE nod.triggers ENABLE ROW LEVEL SECURITY""",
        """ALTER TABLE nod.triggers FORCE ROW LEVEL SECURITY""",
        """GRANT SELECT, INSERT ON nod.triggers TO nod_app""",
        """CREATE POLICY seen ON nod.triggers FOR SELECT TO nod_app USING (workspace_id = (SELECT nod.current_workspace()))""",
        """CREATE POLICY made ON nod.triggers FOR INSERT TO nod_app WITH CHECK (workspace_id = (SELECT nod.current_workspace()))""",
        """GRANT UPDATE (owner_id, agent_id, type, status, cron, timezone, misfire_policy, next_fire_at, last_fired_at, version) ON nod.triggers TO nod_app""",
        """CREATE POLICY changed ON nod.triggers FOR UPDATE TO nod_app USING (workspace_id = (SELECT nod.current_workspace())) WITH CHECK (workspace_id = (SELECT nod.current_workspace()))""",
        """GRANT SELECT (id, workspace_id, owner_id, status, next_fire_at) ON nod.triggers TO nod_doors""",
        """CREATE POLICY doors ON nod.triggers FOR SELECT TO nod_doors USING (status = 'active' AND next_fire_at IS NOT NULL AND (SELECT nod.at_the_door()))""",
    )
