"""Messages, events, deliveries, what came in, conversations."""

from storage.migrations.sql import run

revision = "0009"
down_revision = "0008"


def upgrade() -> None:
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
            CONSTRAINT messages_workspace_id_there FOREIGN KEY(workspace_id) REFERENCES nod.workspaces (id) DEFERRABLE INITIALLY DEFERRED,
            CONSTRAINT messages_direction_known CHECK (direction IN ('in', 'out'))
        )""",
        """CREATE INDEX messages_of_link ON nod.messages (workspace_id, link_id, id)""",
        """ALTER TABLE nod.messages ENABLE ROW LEVEL SECURITY""",
        """ALTER TABLE nod.messages FORCE ROW LEVEL SECURITY""",
        """GRANT SELECT, INSERT ON nod.messages TO nod_app""",
        """CREATE POLICY seen ON nod.messages FOR SELECT TO nod_app USING (workspace_id = (SELECT nod.current_workspace()))""",
        """CREATE POLICY made ON nod.messages FOR INSERT TO nod_app WITH CHECK (workspace_id = (SELECT nod.current_workspace()))""",
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
            CONSTRAINT events_key PRIMARY KEY (workspace_id, id),
            CONSTRAINT events_workspace_id_there FOREIGN KEY(workspace_id) REFERENCES nod.workspaces (id) DEFERRABLE INITIALLY DEFERRED
        )""",
        """CREATE INDEX events_of_kind ON nod.events (workspace_id, kind, id)""",
        """ALTER TABLE nod.events ENABLE ROW LEVEL SECURITY""",
        """ALTER TABLE nod.events FORCE ROW LEVEL SECURITY""",
        """GRANT SELECT, INSERT ON nod.events TO nod_app""",
        """CREATE POLICY seen ON nod.events FOR SELECT TO nod_app USING (workspace_id = (SELECT nod.current_workspace()))""",
        """CREATE POLICY made ON nod.events FOR INSERT TO nod_app WITH CHECK (workspace_id = (SELECT nod.current_workspace()))""",
    )
    run(
        """
        CREATE TABLE nod.deliveries (
            id UUID NOT NULL,
            workspace_id UUID NOT NULL,
            user_id UUID NOT NULL,
            link_id UUID NOT NULL,
            channel TEXT NOT NULL,
            subject_kind TEXT NOT NULL,
            subject_id UUID NOT NULL,
            priority INTEGER NOT NULL,
            status TEXT NOT NULL,
            wanted INTEGER NOT NULL,
            shown INTEGER NOT NULL,
            fence INTEGER NOT NULL,
            due_at TIMESTAMP WITH TIME ZONE NOT NULL,
            lease_until TIMESTAMP WITH TIME ZONE,
            attempts INTEGER NOT NULL,
            dispatched_at TIMESTAMP WITH TIME ZONE,
            delivered_at TIMESTAMP WITH TIME ZONE,
            failure_reason TEXT,
            remote_ref TEXT,
            message_id UUID,
            trace TEXT,
            created_at TIMESTAMP WITH TIME ZONE NOT NULL,
            version INTEGER NOT NULL,
            CONSTRAINT deliveries_key PRIMARY KEY (workspace_id, id),
            CONSTRAINT deliveries_link_id_there FOREIGN KEY(workspace_id, link_id) REFERENCES nod.identity_links (workspace_id, id) ON DELETE CASCADE DEFERRABLE INITIALLY DEFERRED,
            CONSTRAINT deliveries_message_id_there FOREIGN KEY(workspace_id, message_id) REFERENCES nod.messages (workspace_id, id) DEFERRABLE INITIALLY DEFERRED,
            CONSTRAINT deliveries_status_known CHECK (status IN ('pending', 'sending', 'delivered', 'failed'))
        )""",
        """CREATE INDEX deliveries_by_ref ON nod.deliveries (workspace_id, link_id, remote_ref) WHERE remote_ref IS NOT NULL""",
        """CREATE INDEX deliveries_due ON nod.deliveries (channel, due_at) WHERE wanted > shown AND status <> 'failed'""",
        """CREATE INDEX deliveries_of_link ON nod.deliveries (workspace_id, link_id, id)""",
        """CREATE INDEX deliveries_of_subject ON nod.deliveries (workspace_id, subject_id)""",
        """ALTER TABLE nod.deliveries ENABLE ROW LEVEL SECURITY""",
        """ALTER TABLE nod.deliveries FORCE ROW LEVEL SECURITY""",
        """GRANT SELECT, INSERT ON nod.deliveries TO nod_app""",
        """CREATE POLICY seen ON nod.deliveries FOR SELECT TO nod_app USING (workspace_id = (SELECT nod.current_workspace()))""",
        """CREATE POLICY made ON nod.deliveries FOR INSERT TO nod_app WITH CHECK (workspace_id = (SELECT nod.current_workspace()))""",
        """GRANT UPDATE (subject_kind, subject_id, priority, status, wanted, shown, fence, due_at, lease_until, attempts, dispatched_at, delivered_at, failure_reason, remote_ref, message_id, trace, version) ON nod.deliveries TO nod_app""",
        """CREATE POLICY changed ON nod.deliveries FOR UPDATE TO nod_app USING (workspace_id = (SELECT nod.current_workspace())) WITH CHECK (workspace_id = (SELECT nod.current_workspace()))""",
        """GRANT SELECT (id, workspace_id, user_id, channel, priority, status, wanted, shown, due_at, lease_until) ON nod.deliveries TO nod_doors""",
        """CREATE POLICY doors ON nod.deliveries FOR SELECT TO nod_doors USING (wanted > shown AND status <> 'failed' AND (SELECT nod.at_the_door()))""",
    )
    run(
        """
        CREATE TABLE nod.inbound_events (
            id UUID NOT NULL,
            channel TEXT NOT NULL,
            external_id TEXT NOT NULL,
            payload BYTEA,
            received_at TIMESTAMP WITH TIME ZONE NOT NULL,
            status TEXT NOT NULL,
            fence INTEGER NOT NULL,
            lease_until TIMESTAMP WITH TIME ZONE,
            attempts INTEGER NOT NULL,
            error TEXT,
            CONSTRAINT inbound_events_key PRIMARY KEY (id),
            CONSTRAINT inbound_events_channel_external_id_once UNIQUE (channel, external_id),
            CONSTRAINT inbound_events_status_known CHECK (status IN ('pending', 'processing', 'done', 'failed'))
        )""",
        """CREATE INDEX inbound_events_due ON nod.inbound_events (channel, id) WHERE status IN ('pending', 'processing')""",
        """ALTER TABLE nod.inbound_events ENABLE ROW LEVEL SECURITY""",
        """ALTER TABLE nod.inbound_events FORCE ROW LEVEL SECURITY""",
        """GRANT SELECT, INSERT ON nod.inbound_events TO nod_app""",
        """CREATE POLICY seen ON nod.inbound_events FOR SELECT TO nod_app USING ((SELECT nod.at_the_door()))""",
        """CREATE POLICY made ON nod.inbound_events FOR INSERT TO nod_app WITH CHECK ((SELECT nod.at_the_door()))""",
        """GRANT UPDATE (payload, status, fence, lease_until, attempts, error) ON nod.inbound_events TO nod_app""",
        """CREATE POLICY changed ON nod.inbound_events FOR UPDATE TO nod_app USING ((SELECT nod.at_the_door())) WITH CHECK ((SELECT nod.at_the_door()))""",
    )
    run(
        """
        CREATE TABLE nod.conversations (
            id UUID NOT NULL,
            workspace_id UUID NOT NULL,
            user_id UUID NOT NULL,
            link_id UUID NOT NULL,
            dialog TEXT NOT NULL,
            step TEXT NOT NULL,
            state BYTEA NOT NULL,
            created_at TIMESTAMP WITH TIME ZONE NOT NULL,
            expires_at TIMESTAMP WITH TIME ZONE NOT NULL,
            version INTEGER NOT NULL,
            CONSTRAINT conversations_key PRIMARY KEY (workspace_id, id),
            CONSTRAINT conversations_link_id_once UNIQUE (workspace_id, link_id),
            CONSTRAINT conversations_link_id_there FOREIGN KEY(workspace_id, link_id) REFERENCES nod.identity_links (workspace_id, id) ON DELETE CASCADE DEFERRABLE INITIALLY DEFERRED
        )""",
        """ALTER TABLE nod.conversations ENABLE ROW LEVEL SECURITY""",
        """ALTER TABLE nod.conversations FORCE ROW LEVEL SECURITY""",
        """GRANT SELECT, INSERT ON nod.conversations TO nod_app""",
        """CREATE POLICY seen ON nod.conversations FOR SELECT TO nod_app USING (workspace_id = (SELECT nod.current_workspace()))""",
        """CREATE POLICY made ON nod.conversations FOR INSERT TO nod_app WITH CHECK (workspace_id = (SELECT nod.current_workspace()))""",
        """GRANT UPDATE (link_id, dialog, step, state, expires_at, version) ON nod.conversations TO nod_app""",
        """CREATE POLICY changed ON nod.conversations FOR UPDATE TO nod_app USING (workspace_id = (SELECT nod.current_workspace())) WITH CHECK (workspace_id = (SELECT nod.current_workspace()))""",
        """GRANT DELETE ON nod.conversations TO nod_app""",
        """CREATE POLICY ended ON nod.conversations FOR DELETE TO nod_app USING (workspace_id = (SELECT nod.current_workspace()))""",
    )
