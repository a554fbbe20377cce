"""A Slack account, too, is known in each of its person's workspaces: its further rows have the team and the workspace as tenant (`T123/<workspace>`), so that the same person in
two teams is two accounts, and a team finds all that is delivered through it."""

from storage.migrations.sql import run

revision = "0041"
down_revision = "0040"

KNOWN = "TABLE (id uuid, user_id uuid, workspace_id uuid, role text, scopes text[], secret_hash text)"
FOUND = "TABLE (id uuid, workspace_id uuid, user_id uuid)"
OF_ACCOUNT = """
    SELECT k.id, k.user_id, k.workspace_id, m.role, ARRAY['read', 'write', 'approve'], NULL::text
    FROM nod.identity_links a
    JOIN nod.identity_links k ON k.provider = a.provider AND k.provider_subject = a.provider_subject AND k.user_id = a.user_id
      AND (k.provider_tenant = a.provider_tenant
        OR k.provider_tenant = CASE a.provider_tenant WHEN '' THEN '' ELSE a.provider_tenant || '/' END || k.workspace_id::text)
    JOIN nod.memberships m ON m.workspace_id = k.workspace_id AND m.user_id = k.user_id AND m.left_at IS NULL
    JOIN nod.users u ON u.id = k.user_id AND u.status = 'active'
    JOIN nod.workspaces w ON w.id = k.workspace_id AND w.status = 'active'
    WHERE nod.at_the_door() AND a.provider = $1 AND a.provider_tenant = $2 AND a.provider_subject = $3
    ORDER BY k.chosen_at DESC NULLS LAST, (k.provider_tenant = a.provider_tenant) DESC, k.id"""
DOORS = {
    "directory_by_link(provider text, tenant text, subject text)": (KNOWN, f"{OF_ACCOUNT} LIMIT 1"),
    "links_of_account(provider text, tenant text, subject text)": (KNOWN, OF_ACCOUNT),
    "links_of_tenant(provider text, tenant text, after uuid, most integer)": (
        FOUND,
        """
    SELECT k.id, k.workspace_id, k.user_id FROM nod.identity_links k
    WHERE nod.at_the_door() AND k.provider = $1 AND split_part(k.provider_tenant, '/', 1) = $2 AND k.id > $3
    ORDER BY k.id LIMIT $4""",
    ),
}


def upgrade() -> None:
    run(
        "CREATE INDEX identity_links_of_tenant ON nod.identity_links (provider, split_part(provider_tenant, '/', 1), id)",
        "GRANT CREATE ON SCHEMA nod TO nod_doors",
        "SET LOCAL ROLE nod_doors",
        *(
            f"CREATE OR REPLACE FUNCTION nod.{named} RETURNS {answers} "
            f"LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $${body}\n$$"
            for named, (answers, body) in DOORS.items()
        ),
        "SET LOCAL ROLE nod_owner",
        "REVOKE CREATE ON SCHEMA nod FROM nod_doors",
    )
