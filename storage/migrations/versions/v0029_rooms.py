"""Rooms: shared chats of a workspace, the agents that ask there, and deliveries that go to one instead of to a person's chat."""

from storage.migrations.sql import run

revision = "0029"
down_revision = "0028"

MINE = "workspace_id = (SELECT nod.current_workspace())"
FOUND = "TABLE (id uuid, workspace_id uuid, user_id uuid)"
BY_ROOM = """
    SELECT r.id, r.workspace_id, r.connected_by FROM nod.rooms r
    JOIN nod.workspaces w ON w.id = r.workspace_id AND w.status = 'active'
    WHERE nod.at_the_door() AND r.provider = $1 AND r.provider_tenant = $2 AND r.address = $3 AND r.left_at IS NULL"""


def upgrade() -> None:
    run(
        """
        CREATE TABLE nod.rooms (
            id UUID NOT NULL,
            workspace_id UUID NOT NULL,
            provider TEXT NOT NULL,
            provider_tenant TEXT NOT NULL,
            address TEXT NOT NULL,
            name TEXT NOT NULL,
            connected_by UUID NOT NULL,
            language TEXT NOT NULL,
            timezone TEXT NOT NULL,
            left_at TIMESTAMP WITH TIME ZONE,
            created_at TIMESTAMP WITH TIME ZONE NOT NULL,
            version INTEGER NOT NULL,
            CONSTRAINT rooms_key PRIMARY KEY (workspace_id, id),
            CONSTRAINT rooms_connected_by_there FOREIGN KEY(workspace_id, connected_by) REFERENCES nod.memberships (workspace_id, user_id) DEFERRABLE INITIALLY DEFERRED,
            CONSTRAINT rooms_provider_known CHECK (provider IN ('telegram', 'slack'))
        )""",
        "CREATE UNIQUE INDEX rooms_once ON nod.rooms (provider, provider_tenant, address) WHERE left_at IS NULL",
        "ALTER TABLE nod.rooms ENABLE ROW LEVEL SECURITY",
        "ALTER TABLE nod.rooms FORCE ROW LEVEL SECURITY",
        "GRANT SELECT, INSERT ON nod.rooms TO nod_app",
        f"CREATE POLICY seen ON nod.rooms FOR SELECT TO nod_app USING ({MINE})",
        f"CREATE POLICY made ON nod.rooms FOR INSERT TO nod_app WITH CHECK ({MINE})",
        "GRANT UPDATE (address, name, language, timezone, left_at, version) ON nod.rooms TO nod_app",
        f"CREATE POLICY changed ON nod.rooms FOR UPDATE TO nod_app USING ({MINE}) WITH CHECK ({MINE})",
        "GRANT SELECT (id, workspace_id, provider, provider_tenant, address, connected_by, left_at) ON nod.rooms TO nod_doors",
        "CREATE POLICY doors ON nod.rooms FOR SELECT TO nod_doors USING (left_at IS NULL AND (SELECT nod.at_the_door()))",
        """
        CREATE TABLE nod.room_agents (
            id UUID NOT NULL,
            workspace_id UUID NOT NULL,
            room_id UUID NOT NULL,
            agent_id UUID NOT NULL,
            chosen_by UUID NOT NULL,
            shown TEXT NOT NULL,
            created_at TIMESTAMP WITH TIME ZONE NOT NULL,
            version INTEGER NOT NULL,
            CONSTRAINT room_agents_key PRIMARY KEY (workspace_id, id),
            CONSTRAINT room_agents_room_id_agent_id_once UNIQUE (workspace_id, room_id, agent_id),
            CONSTRAINT room_agents_room_id_there FOREIGN KEY(workspace_id, room_id) REFERENCES nod.rooms (workspace_id, id) ON DELETE CASCADE DEFERRABLE INITIALLY DEFERRED,
            CONSTRAINT room_agents_agent_id_there FOREIGN KEY(workspace_id, agent_id) REFERENCES nod.agents (workspace_id, id) ON DELETE CASCADE DEFERRABLE INITIALLY DEFERRED,
            CONSTRAINT room_agents_shown_known CHECK (shown IN ('stub', 'open'))
        )""",
        "CREATE INDEX room_agents_of_agent ON nod.room_agents (workspace_id, agent_id)",
        "ALTER TABLE nod.room_agents ENABLE ROW LEVEL SECURITY",
        "ALTER TABLE nod.room_agents FORCE ROW LEVEL SECURITY",
        "GRANT SELECT, INSERT ON nod.room_agents TO nod_app",
        f"CREATE POLICY seen ON nod.room_agents FOR SELECT TO nod_app USING ({MINE})",
        f"CREATE POLICY made ON nod.room_agents FOR INSERT TO nod_app WITH CHECK ({MINE})",
        "GRANT UPDATE (chosen_by, shown, version) ON nod.room_agents TO nod_app",
        f"CREATE POLICY changed ON nod.room_agents FOR UPDATE TO nod_app USING ({MINE}) WITH CHECK ({MINE})",
        "GRANT DELETE ON nod.room_agents TO nod_app",
        f"CREATE POLICY ended ON nod.room_agents FOR DELETE TO nod_app USING ({MINE})",
        """
        ALTER TABLE nod.deliveries
            ALTER COLUMN link_id DROP NOT NULL,
            ADD COLUMN room_id UUID,
            ADD CONSTRAINT deliveries_room_id_there FOREIGN KEY(workspace_id, room_id) REFERENCES nod.rooms (workspace_id, id) ON DELETE CASCADE DEFERRABLE INITIALLY DEFERRED,
            ADD CONSTRAINT deliveries_somewhere CHECK (num_nonnulls(link_id, room_id) = 1),
            ADD CONSTRAINT deliveries_fit_for_a_room CHECK (room_id IS NULL OR subject_kind IN ('suggestion', 'message'))""",
        "CREATE INDEX deliveries_of_room ON nod.deliveries (workspace_id, room_id, remote_ref) WHERE room_id IS NOT NULL",
        "GRANT CREATE ON SCHEMA nod TO nod_doors",
        f"CREATE FUNCTION nod.directory_by_room(provider text, tenant text, address text) RETURNS {FOUND} "
        f"LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $${BY_ROOM}\n$$",
        "REVOKE ALL ON FUNCTION nod.directory_by_room(text, text, text) FROM PUBLIC",
        "GRANT EXECUTE ON FUNCTION nod.directory_by_room(text, text, text) TO nod_app",
        "ALTER FUNCTION nod.directory_by_room(text, text, text) OWNER TO nod_doors",
        "REVOKE CREATE ON SCHEMA nod FROM nod_doors",
    )
