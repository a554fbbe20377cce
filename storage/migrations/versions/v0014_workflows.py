"""Packs and workflows; triggers of every type, and what became of their firings."""

from storage.migrations.sql import run

revision = "0014"
down_revision = "0013"


def upgrade() -> None:
    run(
        """
        CREATE TABLE nod.packs (
            id UUID NOT NULL,
            workspace_id UUID NOT NULL,
            owner_id UUID NOT NULL,
            name TEXT NOT NULL,
            description TEXT NOT NULL,
            agent_ids UUID[] NOT NULL,
            mode TEXT NOT NULL,
            is_shared BOOLEAN NOT NULL,
            is_public BOOLEAN NOT NULL,
            status TEXT NOT NULL,
            created_at TIMESTAMP WITH TIME ZONE NOT NULL,
            version INTEGER NOT NULL,
            CONSTRAINT packs_key PRIMARY KEY (workspace_id, id),
            CONSTRAINT packs_workspace_id_there FOREIGN KEY(workspace_id) REFERENCES nod.workspaces (id) DEFERRABLE INITIALLY DEFERRED,
            CONSTRAINT packs_mode_known CHECK (mode IN ('sequential', 'parallel')),
            CONSTRAINT packs_status_known CHECK (status IN ('active', 'paused', 'archived')),
            CONSTRAINT packs_of_someone CHECK (cardinality(agent_ids) >= 1)
        )""",
        """ALTER TABLE nod.packs ENABLE ROW LEVEL SECURITY""",
        """ALTER TABLE nod.packs FORCE ROW LEVEL SECURITY""",
        """GRANT SELECT, INSERT ON nod.packs TO nod_app""",
        """CREATE POLICY seen ON nod.packs FOR SELECT TO nod_app USING (workspace_id = (SELECT nod.current_workspace()))""",
        """CREATE POLICY made ON nod.packs FOR INSERT TO nod_app WITH CHECK (workspace_id = (SELECT nod.current_workspace()))""",
        """GRANT UPDATE (owner_id, name, description, agent_ids, mode, is_shared, is_public, status, version) ON nod.packs TO nod_app""",
        """CREATE POLICY changed ON nod.packs FOR UPDATE TO nod_app USING (workspace_id = (SELECT nod.current_workspace())) WITH CHECK (workspace_id = (SELECT nod.current_workspace()))""",
    )
    run(
        """
        CREATE TABLE nod.workflows (
            id UUID NOT NULL,
            workspace_id UUID NOT NULL,
            owner_id UUID NOT NULL,
            pack_id UUID,
            name TEXT NOT NULL,
            description TEXT NOT NULL,
            type TEXT NOT NULL,
            status TEXT NOT NULL,
            latest_version_id UUID,
            created_at TIMESTAMP WITH TIME ZONE NOT NULL,
            version INTEGER NOT NULL,
            CONSTRAINT workflows_key PRIMARY KEY (workspace_id, id),
            CONSTRAINT workflows_workspace_id_there FOREIGN KEY(workspace_id) REFERENCES nod.workspaces (id) DEFERRABLE INITIALLY DEFERRED,
            CONSTRAINT workflows_pack_id_there FOREIGN KEY(workspace_id, pack_id) REFERENCES nod.packs (workspace_id, id) DEFERRABLE INITIALLY DEFERRED,
            CONSTRAINT workflows_type_known CHECK (type IN ('sequential', 'parallel', 'hybrid')),
            CONSTRAINT workflows_status_known CHECK (status IN ('active', 'paused', 'error'))
        )""",
        """ALTER TABLE nod.workflows ENABLE ROW LEVEL SECURITY""",
        """ALTER TABLE nod.workflows FORCE ROW LEVEL SECURITY""",
        """GRANT SELECT, INSERT ON nod.workflows TO nod_app""",
        """CREATE POLICY seen ON nod.workflows FOR SELECT TO nod_app USING (workspace_id = (SELECT nod.current_workspace()))""",
        """CREATE POLICY made ON nod.workflows FOR INSERT TO nod_app WITH CHECK (workspace_id = (SELECT nod.current_workspace()))""",
        """GRANT UPDATE (owner_id, pack_id, name, description, type, status, latest_version_id, version) ON nod.workflows TO nod_app""",
        """CREATE POLICY changed ON nod.workflows FOR UPDATE TO nod_app USING (workspace_id = (SELECT nod.current_workspace())) WITH CHECK (workspace_id = (SELECT nod.current_workspace()))""",
    )
    run(
        """
        CREATE TABLE nod.workflow_versions (
            id UUID NOT NULL,
            workspace_id UUID NOT NULL,
            workflow_id UUID NOT NULL,
            semantic_version TEXT NOT NULL,
            type TEXT NOT NULL,
            steps JSONB NOT NULL,
            author_id UUID,
            note TEXT,
            parent_run_id UUID,
            created_at TIMESTAMP WITH TIME ZONE NOT NULL,
            CONSTRAINT workflow_versions_key PRIMARY KEY (workspace_id, id),
            CONSTRAINT workflow_versions_workflow_id_semantic_version_once UNIQUE (workspace_id, workflow_id, semantic_version),
            CONSTRAINT workflow_versions_id_workflow_id_once UNIQUE (workspace_id, id, workflow_id),
            CONSTRAINT workflow_versions_workflow_id_there FOREIGN KEY(workspace_id, workflow_id) REFERENCES nod.workflows (workspace_id, id) DEFERRABLE INITIALLY DEFERRED,
            CONSTRAINT workflow_versions_type_known CHECK (type IN ('sequential', 'parallel', 'hybrid'))
        )""",
        """ALTER TABLE nod.workflow_versions ENABLE ROW LEVEL SECURITY""",
        """ALTER TABLE nod.workflow_versions FORCE ROW LEVEL SECURITY""",
        """GRANT SELECT, INSERT ON nod.workflow_versions TO nod_app""",
        """CREATE POLICY seen ON nod.workflow_versions FOR SELECT TO nod_app USING (workspace_id = (SELECT nod.current_workspace()))""",
        """CREATE POLICY made ON nod.workflow_versions FOR INSERT TO nod_app WITH CHECK (workspace_id = (SELECT nod.current_workspace()))""",
    )
    run(
        """
        CREATE TABLE nod.workflow_executions (
            id UUID NOT NULL,
            workspace_id UUID NOT NULL,
            user_id UUID NOT NULL,
            run_id UUID NOT NULL,
            pack_id UUID,
            workflow_id UUID,
            workflow_version_id UUID,
            graph JSONB NOT NULL,
            status TEXT NOT NULL,
            current_step TEXT,
            step_results JSONB NOT NULL,
            final_result JSONB,
            created_at TIMESTAMP WITH TIME ZONE NOT NULL,
            finished_at TIMESTAMP WITH TIME ZONE,
            version INTEGER NOT NULL,
            CONSTRAINT workflow_executions_key PRIMARY KEY (workspace_id, id),
            CONSTRAINT workflow_executions_run_id_once UNIQUE (workspace_id, run_id),
            CONSTRAINT workflow_executions_pack_id_there FOREIGN KEY(workspace_id, pack_id) REFERENCES nod.packs (workspace_id, id) DEFERRABLE INITIALLY DEFERRED,
            CONSTRAINT workflow_executions_workflow_version_id_there FOREIGN KEY(workspace_id, workflow_version_id, workflow_id) REFERENCES nod.workflow_versions (workspace_id, id, workflow_id) DEFERRABLE INITIALLY DEFERRED,
            CONSTRAINT workflow_executions_status_known CHECK (status IN ('queued', 'running', 'waiting', 'succeeded', 'failed', 'cancelled')),
            CONSTRAINT workflow_executions_of_one_thing CHECK (num_nonnulls(pack_id, workflow_version_id) = 1)
        )""",
        """CREATE INDEX workflow_executions_of_pack ON nod.workflow_executions (workspace_id, pack_id)""",
        """CREATE INDEX workflow_executions_of_workflow ON nod.workflow_executions (workspace_id, workflow_id)""",
        """ALTER TABLE nod.workflow_executions ENABLE ROW LEVEL SECURITY""",
        """ALTER TABLE nod.workflow_executions FORCE ROW LEVEL SECURITY""",
        """GRANT SELECT, INSERT ON nod.workflow_executions TO nod_app""",
        """CREATE POLICY seen ON nod.workflow_executions FOR SELECT TO nod_app USING (workspace_id = (SELECT nod.current_workspace()))""",
        """CREATE POLICY made ON nod.workflow_executions FOR INSERT TO nod_app WITH CHECK (workspace_id = (SELECT nod.current_workspace()))""",
        """GRANT UPDATE (status, current_step, step_results, final_result, finished_at, version) ON nod.workflow_executions TO nod_app""",
        """CREATE POLICY changed ON nod.workflow_executions FOR UPDATE TO nod_app USING (workspace_id = (SELECT nod.current_workspace())) WITH CHECK (workspace_id = (SELECT nod.current_workspace()))""",
    )
    run(
        """
        CREATE TABLE nod.questions (
            id UUID NOT NULL,
            workspace_id UUID NOT NULL,
            user_id UUID NOT NULL,
            run_id UUID NOT NULL,
            node_id TEXT NOT NULL,
            index INTEGER NOT NULL,
            question TEXT NOT NULL,
            choices JSONB NOT NULL,
            about JSONB,
            "to" UUID[] NOT NULL,
            until TIMESTAMP WITH TIME ZONE NOT NULL,
            "default" TEXT,
            status TEXT NOT NULL,
            answer TEXT,
            answered_by UUID,
            answered_at TIMESTAMP WITH TIME ZONE,
            surface TEXT,
            created_at TIMESTAMP WITH TIME ZONE NOT NULL,
            version INTEGER NOT NULL,
            CONSTRAINT questions_key PRIMARY KEY (workspace_id, id),
            CONSTRAINT questions_status_known CHECK (status IN ('open', 'answered', 'lapsed', 'withdrawn'))
        )""",
        """CREATE INDEX questions_of_run ON nod.questions (workspace_id, run_id)""",
        """CREATE INDEX questions_open ON nod.questions (workspace_id, id) WHERE status = 'open'""",
        """ALTER TABLE nod.questions ENABLE ROW LEVEL SECURITY""",
        """ALTER TABLE nod.questions FORCE ROW LEVEL SECURITY""",
        """GRANT SELECT, INSERT ON nod.questions TO nod_app""",
        """CREATE POLICY seen ON nod.questions FOR SELECT TO nod_app USING (workspace_id = (SELECT nod.current_workspace()))""",
        """CREATE POLICY made ON nod.questions FOR INSERT TO nod_app WITH CHECK (workspace_id = (SELECT nod.current_workspace()))""",
        """GRANT UPDATE (until, status, answer, answered_by, answered_at, surface, version) ON nod.questions TO nod_app""",
        """CREATE POLICY changed ON nod.questions FOR UPDATE TO nod_app USING (workspace_id = (SELECT nod.current_workspace())) WITH CHECK (workspace_id = (SELECT nod.current_workspace()))""",
    )
    run(
        """ALTER TABLE nod.workflows ADD CONSTRAINT workflows_latest_version_id_there FOREIGN KEY(workspace_id, latest_version_id, id) REFERENCES nod.workflow_versions (workspace_id, id, workflow_id) DEFERRABLE INITIALLY DEFERRED""",
    )
    run(
        "ALTER TABLE nod.triggers DROP CONSTRAINT triggers_type_known, DROP CONSTRAINT triggers_due_by_schedule, ALTER COLUMN agent_id DROP NOT NULL, "
        "ADD COLUMN pack_id UUID, ADD COLUMN workflow_id UUID, ADD COLUMN name TEXT NOT NULL DEFAULT '', "
        "ADD COLUMN overlap TEXT NOT NULL DEFAULT 'skip', ADD COLUMN spread_seconds INTEGER NOT NULL DEFAULT 0, ADD COLUMN event_kind TEXT, "
        "ADD COLUMN filter TEXT, ADD COLUMN phrase TEXT, ADD COLUMN input JSONB NOT NULL DEFAULT '{}', ADD COLUMN source TEXT, "
        "ADD COLUMN secret BYTEA, ADD COLUMN failures INTEGER NOT NULL DEFAULT 0, ADD COLUMN waiting_since TIMESTAMP WITH TIME ZONE, "
        "ADD COLUMN last_run_id UUID",
        "ALTER TABLE nod.triggers ALTER COLUMN name DROP DEFAULT, ALTER COLUMN overlap DROP DEFAULT, ALTER COLUMN spread_seconds DROP DEFAULT, "
        "ALTER COLUMN input DROP DEFAULT, ALTER COLUMN failures DROP DEFAULT",
        "ALTER TABLE nod.triggers ADD CONSTRAINT triggers_pack_id_there FOREIGN KEY(workspace_id, pack_id) REFERENCES nod.packs (workspace_id, id) DEFERRABLE INITIALLY DEFERRED",
        "ALTER TABLE nod.triggers ADD CONSTRAINT triggers_workflow_id_there FOREIGN KEY(workspace_id, workflow_id) REFERENCES nod.workflows (workspace_id, id) DEFERRABLE INITIALLY DEFERRED",
        "ALTER TABLE nod.triggers ADD CONSTRAINT triggers_type_known CHECK (type IN ('schedule', 'manual', 'event', 'webhook', 'chat'))",
        "ALTER TABLE nod.triggers ADD CONSTRAINT triggers_overlap_known CHECK (overlap IN ('skip', 'queue', 'allow'))",
        "ALTER TABLE nod.triggers ADD CONSTRAINT triggers_of_one_thing CHECK (num_nonnulls(agent_id, pack_id, workflow_id) = 1)",
        "ALTER TABLE nod.triggers ADD CONSTRAINT triggers_due_by_schedule CHECK (next_fire_at IS NULL OR (type = 'schedule' AND cron IS NOT NULL) OR type = 'event')",
        "ALTER TABLE nod.triggers ADD CONSTRAINT triggers_webhook_of_a_source CHECK (type <> 'webhook' OR source IN ('standard', 'github', 'stripe'))",
        "ALTER TABLE nod.triggers ADD CONSTRAINT triggers_event_of_a_kind CHECK (type <> 'event' OR event_kind IS NOT NULL)",
        """CREATE INDEX triggers_due_here ON nod.triggers (workspace_id, next_fire_at) WHERE status = 'active' AND next_fire_at IS NOT NULL""",
        """CREATE INDEX triggers_listening ON nod.triggers (workspace_id, event_kind) WHERE status = 'active' AND type = 'event'""",
        """CREATE INDEX triggers_of_pack ON nod.triggers (workspace_id, pack_id) WHERE pack_id IS NOT NULL""",
        """CREATE INDEX triggers_of_workflow ON nod.triggers (workspace_id, workflow_id) WHERE workflow_id IS NOT NULL""",
        """CREATE INDEX triggers_waiting ON nod.triggers (workspace_id, last_run_id) WHERE waiting_since IS NOT NULL""",
        "GRANT UPDATE (pack_id, workflow_id, name, overlap, spread_seconds, event_kind, filter, phrase, input, source, secret, failures, waiting_since, last_run_id) ON nod.triggers TO nod_app",
        "GRANT SELECT (type, source) ON nod.triggers TO nod_doors",
        "DROP POLICY doors ON nod.triggers",
        "CREATE POLICY doors ON nod.triggers FOR SELECT TO nod_doors USING (status = 'active' AND (SELECT nod.at_the_door()))",
    )
    run(
        """
        CREATE TABLE nod.trigger_firings (
            id UUID NOT NULL,
            workspace_id UUID NOT NULL,
            trigger_id UUID NOT NULL,
            key TEXT NOT NULL,
            outcome TEXT NOT NULL,
            run_id UUID,
            detail JSONB NOT NULL,
            at TIMESTAMP WITH TIME ZONE NOT NULL,
            CONSTRAINT trigger_firings_key PRIMARY KEY (workspace_id, id),
            CONSTRAINT trigger_firings_trigger_id_key_once UNIQUE (workspace_id, trigger_id, key),
            CONSTRAINT trigger_firings_trigger_id_there FOREIGN KEY(workspace_id, trigger_id) REFERENCES nod.triggers (workspace_id, id) DEFERRABLE INITIALLY DEFERRED,
            CONSTRAINT trigger_firings_outcome_known CHECK (outcome IN ('started', 'queued', 'skipped', 'filtered', 'refused'))
        )""",
        """CREATE INDEX trigger_firings_newest ON nod.trigger_firings (workspace_id, trigger_id, id)""",
        """ALTER TABLE nod.trigger_firings ENABLE ROW LEVEL SECURITY""",
        """ALTER TABLE nod.trigger_firings FORCE ROW LEVEL SECURITY""",
        """GRANT SELECT, INSERT ON nod.trigger_firings TO nod_app""",
        """CREATE POLICY seen ON nod.trigger_firings FOR SELECT TO nod_app USING (workspace_id = (SELECT nod.current_workspace()))""",
        """CREATE POLICY made ON nod.trigger_firings FOR INSERT TO nod_app WITH CHECK (workspace_id = (SELECT nod.current_workspace()))""",
    )
    run(
        """
        CREATE TABLE nod.event_matches (
            workspace_id UUID NOT NULL,
            trigger_id UUID NOT NULL,
            event_id UUID NOT NULL,
            user_id UUID NOT NULL,
            created_at TIMESTAMP WITH TIME ZONE NOT NULL,
            CONSTRAINT event_matches_key PRIMARY KEY (workspace_id, trigger_id, event_id)
        )""",
        """CREATE INDEX event_matches_oldest ON nod.event_matches (created_at)""",
        """ALTER TABLE nod.event_matches ENABLE ROW LEVEL SECURITY""",
        """ALTER TABLE nod.event_matches FORCE ROW LEVEL SECURITY""",
        """GRANT SELECT, INSERT ON nod.event_matches TO nod_app""",
        """CREATE POLICY seen ON nod.event_matches FOR SELECT TO nod_app USING (workspace_id = (SELECT nod.current_workspace()))""",
        """CREATE POLICY made ON nod.event_matches FOR INSERT TO nod_app WITH CHECK (workspace_id = (SELECT nod.current_workspace()))""",
        """GRANT DELETE ON nod.event_matches TO nod_app""",
        """CREATE POLICY ended ON nod.event_matches FOR DELETE TO nod_app USING (workspace_id = (SELECT nod.current_workspace()))""",
        """GRANT SELECT (workspace_id, trigger_id, event_id, user_id, created_at) ON nod.event_matches TO nod_doors""",
        """CREATE POLICY doors ON nod.event_matches FOR SELECT TO nod_doors USING ((SELECT nod.at_the_door()))""",
    )
