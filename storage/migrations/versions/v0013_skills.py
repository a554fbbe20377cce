"""Versions say which skills they use; people have skills of their own."""

from storage.migrations.sql import run

revision = "0013"
down_revision = "0012"


def upgrade() -> None:
    run(
        "ALTER TABLE nod.agents ADD COLUMN failures INTEGER NOT NULL DEFAULT 0",
        "ALTER TABLE nod.agents ALTER COLUMN failures DROP DEFAULT",
        "GRANT UPDATE (failures) ON nod.agents TO nod_app",
        "ALTER TABLE nod.agent_versions ADD COLUMN skills TEXT[] NOT NULL DEFAULT '{}', ADD COLUMN light BOOLEAN NOT NULL DEFAULT false, "
        "ADD COLUMN author_id UUID, ADD COLUMN note TEXT",
        "ALTER TABLE nod.agent_versions NO FORCE ROW LEVEL SECURITY",
        "UPDATE nod.agent_versions SET skills = ARRAY(SELECT DISTINCT n->>'skill' FROM jsonb_array_elements(graph->'nodes') n ORDER BY 1)",
        "ALTER TABLE nod.agent_versions FORCE ROW LEVEL SECURITY",
        "ALTER TABLE nod.agent_versions ALTER COLUMN skills DROP DEFAULT, ALTER COLUMN light DROP DEFAULT",
        "DROP INDEX nod.agent_versions_graph",
        "CREATE INDEX agent_versions_with_skill ON nod.agent_versions USING gin (skills)",
    )
    run(
        """
        CREATE TABLE nod.skills (
            id UUID NOT NULL,
            workspace_id UUID NOT NULL,
            owner_id UUID NOT NULL,
            name TEXT NOT NULL,
            title TEXT NOT NULL,
            description TEXT NOT NULL,
            type TEXT NOT NULL,
            status TEXT NOT NULL,
            latest_version INTEGER NOT NULL,
            created_at TIMESTAMP WITH TIME ZONE NOT NULL,
            version INTEGER NOT NULL,
            CONSTRAINT skills_key PRIMARY KEY (workspace_id, id),
            CONSTRAINT skills_name_once UNIQUE (workspace_id, name),
            CONSTRAINT skills_workspace_id_there FOREIGN KEY(workspace_id) REFERENCES nod.workspaces (id) DEFERRABLE INITIALLY DEFERRED,
            CONSTRAINT skills_status_known CHECK (status IN ('active', 'archived'))
        )""",
        """ALTER TABLE nod.skills ENABLE ROW LEVEL SECURITY""",
        """ALTER TABLE nod.skills FORCE ROW LEVEL SECURITY""",
        """GRANT SELECT, INSERT ON nod.skills TO nod_app""",
        """CREATE POLICY seen ON nod.skills FOR SELECT TO nod_app USING (workspace_id = (SELECT nod.current_workspace()))""",
        """CREATE POLICY made ON nod.skills FOR INSERT TO nod_app WITH CHECK (workspace_id = (SELECT nod.current_workspace()))""",
        """GRANT UPDATE (owner_id, title, description, status, latest_version, version) ON nod.skills TO nod_app""",
        """CREATE POLICY changed ON nod.skills FOR UPDATE TO nod_app USING (workspace_id = (SELECT nod.current_workspace())) WITH CHECK (workspace_id = (SELECT nod.current_workspace()))""",
    )
    run(
        """
        CREATE TABLE nod.skill_versions (
            id UUID NOT NULL,
            workspace_id UUID NOT NULL,
            skill_id UUID NOT NULL,
            number INTEGER NOT NULL,
            spec JSONB NOT NULL,
            author_id UUID,
            parent_run_id UUID,
            created_at TIMESTAMP WITH TIME ZONE NOT NULL,
            CONSTRAINT skill_versions_key PRIMARY KEY (workspace_id, id),
            CONSTRAINT skill_versions_skill_id_number_once UNIQUE (workspace_id, skill_id, number),
            CONSTRAINT skill_versions_skill_id_there FOREIGN KEY(workspace_id, skill_id) REFERENCES nod.skills (workspace_id, id) DEFERRABLE INITIALLY DEFERRED
        )""",
        """ALTER TABLE nod.skill_versions ENABLE ROW LEVEL SECURITY""",
        """ALTER TABLE nod.skill_versions FORCE ROW LEVEL SECURITY""",
        """GRANT SELECT, INSERT ON nod.skill_versions TO nod_app""",
        """CREATE POLICY seen ON nod.skill_versions FOR SELECT TO nod_app USING (workspace_id = (SELECT nod.current_workspace()))""",
        """CREATE POLICY made ON nod.skill_versions FOR INSERT TO nod_app WITH CHECK (workspace_id = (SELECT nod.current_workspace()))""",
    )
