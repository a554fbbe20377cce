"""A door that says whether somebody is in a workspace besides their own: then their cards say from which they come."""

from storage.migrations.sql import run

revision = "0043"
down_revision = "0042"

FOUND = "TABLE (id uuid, workspace_id uuid, user_id uuid)"
SHARED = """
    SELECT w.id, w.id, m.user_id FROM nod.memberships m
    JOIN nod.workspaces w ON w.id = m.workspace_id AND w.kind <> 'personal' AND w.status = 'active'
    WHERE nod.at_the_door() AND m.user_id = $1 AND m.left_at IS NULL ORDER BY w.id LIMIT $2"""


def upgrade() -> None:
    run(
        "GRANT CREATE ON SCHEMA nod TO nod_doors",
        "SET LOCAL ROLE nod_doors",
        f"CREATE FUNCTION nod.shared_workspaces_of(person uuid, most integer) RETURNS {FOUND} "
        f"LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $${SHARED}\n$$",
        "REVOKE ALL ON FUNCTION nod.shared_workspaces_of(uuid, integer) FROM PUBLIC",
        "GRANT EXECUTE ON FUNCTION nod.shared_workspaces_of(uuid, integer) TO nod_app",
        "SET LOCAL ROLE nod_owner",
        "REVOKE CREATE ON SCHEMA nod FROM nod_doors",
    )
