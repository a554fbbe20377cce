"""Which versions use a skill, by index: a policy in between would keep PostgreSQL from it, because comparing arrays may tell about rows (it is not leakproof)."""

from storage.migrations.sql import run

revision = "0019"
down_revision = "0018"


def upgrade() -> None:
    run(
        "GRANT SELECT (id, workspace_id, skills) ON nod.agent_versions TO nod_doors",
        "CREATE POLICY doors ON nod.agent_versions FOR SELECT TO nod_doors USING (true)",
        """CREATE FUNCTION nod.versions_with_skill(skill text) RETURNS SETOF uuid
        LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
            SELECT v.id FROM nod.agent_versions v WHERE v.skills @> ARRAY[$1] AND v.workspace_id = (SELECT nod.current_workspace())
        $$""",
        "REVOKE ALL ON FUNCTION nod.versions_with_skill(text) FROM PUBLIC",
        "GRANT EXECUTE ON FUNCTION nod.versions_with_skill(text) TO nod_app",
        "GRANT CREATE ON SCHEMA nod TO nod_doors",
        "ALTER FUNCTION nod.versions_with_skill(text) OWNER TO nod_doors",
        "REVOKE CREATE ON SCHEMA nod FROM nod_doors",
    )
