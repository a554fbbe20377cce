"""Suggestions that are shown together, to be ticked and approved at once; each item names the revision and the hash that was shown."""

from storage.migrations.sql import run

revision = "0030"
down_revision = "0029"

WORKSPACE = "workspace_id = (SELECT nod.current_workspace())"
MINE = "user_id = (SELECT nod.current_user_id())"


def upgrade() -> None:
    run(
        """
        CREATE TABLE nod.suggestion_batches (
            id UUID NOT NULL,
            workspace_id UUID NOT NULL,
            user_id UUID NOT NULL,
            agent_id UUID NOT NULL,
            decided_at TIMESTAMP WITH TIME ZONE,
            created_at TIMESTAMP WITH TIME ZONE NOT NULL,
            version INTEGER NOT NULL,
            CONSTRAINT suggestion_batches_key PRIMARY KEY (workspace_id, id),
            CONSTRAINT suggestion_batches_user_id_there FOREIGN KEY(workspace_id, user_id) REFERENCES nod.memberships (workspace_id, user_id) ON DELETE CASCADE DEFERRABLE INITIALLY DEFERRED,
            CONSTRAINT suggestion_batches_agent_id_there FOREIGN KEY(workspace_id, agent_id) REFERENCES nod.agents (workspace_id, id) DEFERRABLE INITIALLY DEFERRED
        )""",
        "CREATE INDEX suggestion_batches_open ON nod.suggestion_batches (workspace_id, user_id, id)",
        "ALTER TABLE nod.suggestion_batches ENABLE ROW LEVEL SECURITY",
        "ALTER TABLE nod.suggestion_batches FORCE ROW LEVEL SECURITY",
        "GRANT SELECT, INSERT ON nod.suggestion_batches TO nod_app",
        f"CREATE POLICY seen ON nod.suggestion_batches FOR SELECT TO nod_app USING ({WORKSPACE})",
        f"CREATE POLICY made ON nod.suggestion_batches FOR INSERT TO nod_app WITH CHECK ({WORKSPACE} AND {MINE})",
        "GRANT UPDATE (decided_at, version) ON nod.suggestion_batches TO nod_app",
        f"CREATE POLICY changed ON nod.suggestion_batches FOR UPDATE TO nod_app USING ({WORKSPACE}) WITH CHECK ({WORKSPACE})",
        """
        CREATE TABLE nod.suggestion_batch_items (
            id UUID NOT NULL,
            workspace_id UUID NOT NULL,
            batch_id UUID NOT NULL,
            number INTEGER NOT NULL,
            suggestion_id UUID NOT NULL,
            revision INTEGER NOT NULL,
            payload_sha256 TEXT NOT NULL,
            ticked BOOLEAN NOT NULL,
            outcome TEXT NOT NULL,
            created_at TIMESTAMP WITH TIME ZONE NOT NULL,
            version INTEGER NOT NULL,
            CONSTRAINT suggestion_batch_items_key PRIMARY KEY (workspace_id, id),
            CONSTRAINT suggestion_batch_items_batch_id_number_once UNIQUE (workspace_id, batch_id, number),
            CONSTRAINT suggestion_batch_items_batch_id_there FOREIGN KEY(workspace_id, batch_id) REFERENCES nod.suggestion_batches (workspace_id, id) ON DELETE CASCADE DEFERRABLE INITIALLY DEFERRED,
            CONSTRAINT suggestion_batch_items_suggestion_id_there FOREIGN KEY(workspace_id, suggestion_id, revision, payload_sha256) REFERENCES nod.suggestion_revisions (workspace_id, suggestion_id, number, payload_sha256) DEFERRABLE INITIALLY DEFERRED
        )""",
        "CREATE INDEX suggestion_batch_items_of_suggestion ON nod.suggestion_batch_items (workspace_id, suggestion_id)",
        "ALTER TABLE nod.suggestion_batch_items ENABLE ROW LEVEL SECURITY",
        "ALTER TABLE nod.suggestion_batch_items FORCE ROW LEVEL SECURITY",
        "GRANT SELECT, INSERT ON nod.suggestion_batch_items TO nod_app",
        f"CREATE POLICY seen ON nod.suggestion_batch_items FOR SELECT TO nod_app USING ({WORKSPACE})",
        f"CREATE POLICY made ON nod.suggestion_batch_items FOR INSERT TO nod_app WITH CHECK ({WORKSPACE})",
        "GRANT UPDATE (ticked, outcome, version) ON nod.suggestion_batch_items TO nod_app",
        f"CREATE POLICY changed ON nod.suggestion_batch_items FOR UPDATE TO nod_app USING ({WORKSPACE}) WITH CHECK ({WORKSPACE})",
    )
