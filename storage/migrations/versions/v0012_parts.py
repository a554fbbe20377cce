"""Runs, steps, messages and events are kept in one part a month (docs/adr/0008); runs may be of packs and workflows, steps may wait."""

from storage.migrations.parts import rest, set_up
from storage.migrations.sql import run

revision = "0012"
down_revision = "0011"


def upgrade() -> None:
    set_up()
    run(
        "ALTER TABLE nod.runs NO FORCE ROW LEVEL SECURITY",
        "CREATE TABLE nod.old_runs AS TABLE nod.runs",
        "ALTER TABLE nod.run_steps NO FORCE ROW LEVEL SECURITY",
        "CREATE TABLE nod.old_run_steps AS TABLE nod.run_steps",
        "ALTER TABLE nod.messages NO FORCE ROW LEVEL SECURITY",
        "CREATE TABLE nod.old_messages AS TABLE nod.messages",
        "ALTER TABLE nod.events NO FORCE ROW LEVEL SECURITY",
        "CREATE TABLE nod.old_events AS TABLE nod.events",
        "DROP TABLE nod.run_steps, nod.runs, nod.messages, nod.events CASCADE",
    )
    run(
        """
        CREATE TABLE nod.runs (
            id UUID NOT NULL,
            workspace_id UUID NOT NULL,
            user_id UUID NOT NULL,
            agent_id UUID,
            agent_version_id UUID,
            pack_id UUID,
            workflow_id UUID,
            workflow_version_id UUID,
            trigger_id UUID,
            parent_run_id UUID,
            trigger_type TEXT NOT NULL,
            status TEXT NOT NULL,
            input JSONB NOT NULL,
            output JSONB,
            error JSONB,
            light BOOLEAN NOT NULL,
            depth INTEGER NOT NULL,
            attempt INTEGER NOT NULL,
            retries INTEGER NOT NULL,
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
            CONSTRAINT runs_trigger_type_known CHECK (trigger_type IN ('manual', 'scheduled', 'event', 'webhook', 'chat')),
            CONSTRAINT runs_status_known CHECK (status IN ('queued', 'running', 'waiting', 'succeeded', 'failed', 'cancelled')),
            CONSTRAINT runs_running_under_lease CHECK (status <> 'running' OR lease_until IS NOT NULL),
            CONSTRAINT runs_of_one_thing CHECK (num_nonnulls(agent_version_id, pack_id, workflow_version_id) = 1)
        )
        PARTITION BY RANGE (id)""",
        """CREATE INDEX runs_below ON nod.runs (workspace_id, parent_run_id) WHERE parent_run_id IS NOT NULL""",
        """CREATE INDEX runs_failed ON nod.runs (workspace_id, id) WHERE status = 'failed'""",
        """CREATE INDEX runs_of_agent ON nod.runs (workspace_id, agent_id, id)""",
        """CREATE INDEX runs_queued ON nod.runs (due_at) WHERE status IN ('queued', 'waiting') AND due_at < 'infinity'""",
        """CREATE INDEX runs_queued_here ON nod.runs (workspace_id, due_at) WHERE status IN ('queued', 'waiting')""",
        """CREATE INDEX runs_running ON nod.runs (lease_until) WHERE status = 'running'""",
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
            attempt INTEGER NOT NULL,
            wait JSONB,
            CONSTRAINT run_steps_key PRIMARY KEY (workspace_id, run_id, node_id, index),
            CONSTRAINT run_steps_status_known CHECK (status IN ('running', 'succeeded', 'failed', 'skipped', 'waiting')),
            CONSTRAINT run_steps_waiting_for_something CHECK (status <> 'waiting' OR wait IS NOT NULL)
        )
        PARTITION BY RANGE (run_id)""",
    )
    run(
        """
        CREATE TABLE nod.messages (
            id UUID NOT NULL,
            workspace_id UUID NOT NULL,
            user_id UUID NOT NULL,
            direction TEXT NOT NULL,
            surface TEXT NOT NULL,
            payload BYTEA NOT NULL,
            link_id UUID,
            run_id UUID,
            delivery_id UUID,
            blob TEXT,
            schema_version INTEGER NOT NULL,
            created_at TIMESTAMP WITH TIME ZONE NOT NULL,
            CONSTRAINT messages_key PRIMARY KEY (workspace_id, id),
            CONSTRAINT messages_direction_known CHECK (direction IN ('in', 'out'))
        )
        PARTITION BY RANGE (id)""",
        """CREATE INDEX messages_of_link ON nod.messages (workspace_id, link_id, id)""",
    )
    run(
        """
        CREATE TABLE nod.events (
            id UUID NOT NULL,
            workspace_id UUID NOT NULL,
            user_id UUID NOT NULL,
            kind TEXT NOT NULL,
            schema_version INTEGER NOT NULL,
            payload BYTEA NOT NULL,
            occurred_at TIMESTAMP WITH TIME ZONE NOT NULL,
            ingested_at TIMESTAMP WITH TIME ZONE NOT NULL,
            CONSTRAINT events_key PRIMARY KEY (workspace_id, id)
        )
        PARTITION BY RANGE (id)""",
        """CREATE INDEX events_of_kind ON nod.events (workspace_id, kind, id)""",
    )
    run("SELECT nod.make_parts(2)")
    rest("runs")
    run(
        """INSERT INTO nod.runs (id, workspace_id, user_id, agent_id, agent_version_id, pack_id, workflow_id, workflow_version_id, trigger_id, parent_run_id, trigger_type, status, input, output, error, light, depth, attempt, retries, fence, due_at, lease_until, queued_at, started_at, finished_at, cancel_requested_at, tokens, cost, trace, created_at, version)
        SELECT id, workspace_id, user_id, agent_id, agent_version_id, NULL, NULL, NULL, trigger_id, parent_run_id, trigger_type, status, input, output, error, false, 0, attempt, 0, fence, due_at, lease_until, queued_at, started_at, finished_at, cancel_requested_at, tokens, cost, trace, created_at, version FROM nod.old_runs""",
        "DROP TABLE nod.old_runs",
    )
    rest("run_steps")
    run(
        """INSERT INTO nod.run_steps (id, workspace_id, run_id, node_id, "index", skill, status, inputs, outputs, error, usage, started_at, finished_at, attempt, wait)
        SELECT id, workspace_id, run_id, node_id, "index", skill, status, inputs, outputs, error, usage, started_at, finished_at, 1, NULL FROM nod.old_run_steps""",
        "DROP TABLE nod.old_run_steps",
    )
    rest("messages")
    run(
        """INSERT INTO nod.messages (id, workspace_id, user_id, direction, surface, payload, link_id, run_id, delivery_id, blob, schema_version, created_at)
        SELECT id, workspace_id, user_id, direction, surface, payload, link_id, run_id, delivery_id, blob, schema_version, created_at FROM nod.old_messages""",
        "DROP TABLE nod.old_messages",
    )
    rest("events")
    run(
        """INSERT INTO nod.events (id, workspace_id, user_id, kind, schema_version, payload, occurred_at, ingested_at)
        SELECT id, workspace_id, user_id, kind, schema_version, payload, occurred_at, ingested_at FROM nod.old_events""",
        "DROP TABLE nod.old_events",
    )
    run(
        """ALTER TABLE nod.runs ENABLE ROW LEVEL SECURITY""",
        """ALTER TABLE nod.runs FORCE ROW LEVEL SECURITY""",
        """GRANT SELECT, INSERT ON nod.runs TO nod_app""",
        """CREATE POLICY seen ON nod.runs FOR SELECT TO nod_app USING (workspace_id = (SELECT nod.current_workspace()))""",
        """CREATE POLICY made ON nod.runs FOR INSERT TO nod_app WITH CHECK (workspace_id = (SELECT nod.current_workspace()))""",
        """GRANT UPDATE (agent_id, agent_version_id, pack_id, workflow_id, workflow_version_id, trigger_id, parent_run_id, trigger_type, status, input, output, error, light, depth, attempt, retries, fence, due_at, lease_until, queued_at, started_at, finished_at, cancel_requested_at, tokens, cost, trace, version) ON nod.runs TO nod_app""",
        """CREATE POLICY changed ON nod.runs FOR UPDATE TO nod_app USING (workspace_id = (SELECT nod.current_workspace())) WITH CHECK (workspace_id = (SELECT nod.current_workspace()))""",
        """GRANT SELECT (id, workspace_id, user_id, status, due_at, lease_until) ON nod.runs TO nod_doors""",
        """CREATE POLICY doors ON nod.runs FOR SELECT TO nod_doors USING (status IN ('queued', 'running', 'waiting') AND (SELECT nod.at_the_door()))""",
    )
    run(
        """ALTER TABLE nod.run_steps ENABLE ROW LEVEL SECURITY""",
        """ALTER TABLE nod.run_steps FORCE ROW LEVEL SECURITY""",
        """GRANT SELECT, INSERT ON nod.run_steps TO nod_app""",
        """CREATE POLICY seen ON nod.run_steps FOR SELECT TO nod_app USING (workspace_id = (SELECT nod.current_workspace()))""",
        """CREATE POLICY made ON nod.run_steps FOR INSERT TO nod_app WITH CHECK (workspace_id = (SELECT nod.current_workspace()))""",
        """GRANT UPDATE (skill, status, inputs, outputs, error, usage, started_at, finished_at, attempt, wait) ON nod.run_steps TO nod_app""",
        """CREATE POLICY changed ON nod.run_steps FOR UPDATE TO nod_app USING (workspace_id = (SELECT nod.current_workspace())) WITH CHECK (workspace_id = (SELECT nod.current_workspace()))""",
    )
    run(
        """ALTER TABLE nod.messages ENABLE ROW LEVEL SECURITY""",
        """ALTER TABLE nod.messages FORCE ROW LEVEL SECURITY""",
        """GRANT SELECT, INSERT ON nod.messages TO nod_app""",
        """CREATE POLICY seen ON nod.messages FOR SELECT TO nod_app USING (workspace_id = (SELECT nod.current_workspace()))""",
        """CREATE POLICY made ON nod.messages FOR INSERT TO nod_app WITH CHECK (workspace_id = (SELECT nod.current_workspace()))""",
    )
    run(
        """ALTER TABLE nod.events ENABLE ROW LEVEL SECURITY""",
        """ALTER TABLE nod.events FORCE ROW LEVEL SECURITY""",
        """GRANT SELECT, INSERT ON nod.events TO nod_app""",
        """CREATE POLICY seen ON nod.events FOR SELECT TO nod_app USING (workspace_id = (SELECT nod.current_workspace()))""",
        """CREATE POLICY made ON nod.events FOR INSERT TO nod_app WITH CHECK (workspace_id = (SELECT nod.current_workspace()))""",
    )
