"""Workspaces that are joined by an invitation and left again; an account that speaks for one workspace at a time, and is known in each."""

from storage.migrations.sql import run

revision = "0040"
down_revision = "0039"

WORKSPACE = "workspace_id = (SELECT nod.current_workspace())"
MINE = "user_id = (SELECT nod.current_user_id())"
KNOWN = "TABLE (id uuid, user_id uuid, workspace_id uuid, role text, scopes text[], secret_hash text)"
ALL_SCOPES = "ARRAY['read', 'write', 'approve']"
IN_GOOD_STANDING = """
    JOIN nod.memberships m ON m.workspace_id = k.workspace_id AND m.user_id = k.user_id AND m.left_at IS NULL
    JOIN nod.users u ON u.id = k.user_id AND u.status = 'active'
    JOIN nod.workspaces w ON w.id = k.workspace_id AND w.status = 'active'"""
# The row that was linked first, under the plain name of the account, says whose it is; the others are of the same person, one for each further workspace.
OF_ACCOUNT = f"""
    SELECT k.id, k.user_id, k.workspace_id, m.role, {ALL_SCOPES}, NULL::text
    FROM nod.identity_links a
    JOIN nod.identity_links k ON k.provider = a.provider AND k.provider_subject = a.provider_subject AND k.user_id = a.user_id
      AND (k.provider_tenant = a.provider_tenant OR k.provider_tenant = k.workspace_id::text) {IN_GOOD_STANDING}
    WHERE nod.at_the_door() AND a.provider = $1 AND a.provider_tenant = $2 AND a.provider_subject = $3
    ORDER BY k.chosen_at DESC NULLS LAST, (k.provider_tenant = a.provider_tenant) DESC, k.id"""
DOORS = {
    "directory_by_link(provider text, tenant text, subject text)": f"{OF_ACCOUNT} LIMIT 1",
    "links_of_account(provider text, tenant text, subject text)": OF_ACCOUNT,
    "directory_by_session(sid text)": f"""
    SELECT k.id, k.user_id, k.workspace_id, m.role, {ALL_SCOPES}, NULL::text
    FROM nod.sessions k {IN_GOOD_STANDING}
    WHERE nod.at_the_door() AND k.sid = $1 AND k.revoked_at IS NULL AND k.expires_at > now()""",
    "directory_by_api_key(prefix text)": f"""
    SELECT k.id, k.user_id, k.workspace_id, m.role, k.scopes, k.hash
    FROM nod.api_keys k {IN_GOOD_STANDING}
    WHERE nod.at_the_door() AND k.prefix = $1 AND k.revoked_at IS NULL""",
    "directory_by_link_code(code_hash text)": f"""
    SELECT k.id, k.user_id, k.workspace_id, m.role, {ALL_SCOPES}, NULL::text
    FROM nod.link_codes k {IN_GOOD_STANDING}
    WHERE nod.at_the_door() AND k.code_hash = $1 AND k.used_at IS NULL AND k.expires_at > now()""",
    "directory_by_sign_in(hash text)": f"""
    SELECT k.id, k.user_id, k.workspace_id, m.role, {ALL_SCOPES}, NULL::text
    FROM nod.sign_ins k {IN_GOOD_STANDING}
    WHERE nod.at_the_door() AND (k.token_hash = $1 OR k.code_hash = $1)
      AND k.way IN ('chat', 'mail') AND k.used_at IS NULL AND k.expires_at > now()""",
    "directory_by_invitation(code_hash text)": f"""
    SELECT k.id, k.user_id, k.workspace_id, m.role, {ALL_SCOPES}, NULL::text
    FROM nod.invitations k {IN_GOOD_STANDING}
    WHERE nod.at_the_door() AND k.code_hash = $1 AND k.used_at IS NULL AND k.revoked_at IS NULL AND k.expires_at > now()
      AND m.role IN ('owner', 'admin')""",
}  # fmt: skip
# The function as it stands, with one more table to empty.
FORGET = """
DO $$
DECLARE
    was text := pg_get_functiondef('nod.erase_me()'::regprocedure);
    now_is text := replace(was, $a$'identity_links', 'link_codes'$a$, $b$'identity_links', 'invitations', 'link_codes'$b$);
BEGIN
    IF was = now_is THEN
        RAISE EXCEPTION 'nod.erase_me() is not as this migration knows it';
    END IF;
    EXECUTE now_is;
END $$"""
NEW = ("links_of_account(text, text, text)", "directory_by_invitation(text)")


def upgrade() -> None:
    run(
        "ALTER TABLE nod.memberships ADD COLUMN left_at TIMESTAMP WITH TIME ZONE",
        "GRANT UPDATE (left_at) ON nod.memberships TO nod_app",
        "GRANT SELECT (left_at) ON nod.memberships TO nod_doors",
        "ALTER TABLE nod.identity_links ADD COLUMN chosen_at TIMESTAMP WITH TIME ZONE",
        "GRANT UPDATE (chosen_at) ON nod.identity_links TO nod_app",
        "GRANT SELECT (chosen_at) ON nod.identity_links TO nod_doors",
        "CREATE INDEX identity_links_of_subject ON nod.identity_links (provider_subject, provider)",
        """
        CREATE TABLE nod.invitations (
            id UUID NOT NULL,
            user_id UUID NOT NULL,
            workspace_id UUID NOT NULL,
            role TEXT NOT NULL,
            code_hash TEXT NOT NULL,
            created_at TIMESTAMP WITH TIME ZONE NOT NULL,
            expires_at TIMESTAMP WITH TIME ZONE NOT NULL,
            used_at TIMESTAMP WITH TIME ZONE,
            used_by UUID,
            revoked_at TIMESTAMP WITH TIME ZONE,
            CONSTRAINT invitations_key PRIMARY KEY (workspace_id, id),
            CONSTRAINT invitations_code_hash_once UNIQUE (code_hash),
            CONSTRAINT invitations_user_id_there FOREIGN KEY(workspace_id, user_id) REFERENCES nod.memberships (workspace_id, user_id) ON DELETE CASCADE DEFERRABLE INITIALLY DEFERRED,
            CONSTRAINT invitations_role_known CHECK (role IN ('owner', 'admin', 'approver', 'member', 'viewer')),
            CONSTRAINT invitations_no_owner CHECK (role <> 'owner'),
            CONSTRAINT invitations_used_by_somebody CHECK ((used_at IS NULL) = (used_by IS NULL))
        )""",
        "CREATE INDEX invitations_open ON nod.invitations (workspace_id, expires_at) WHERE used_at IS NULL AND revoked_at IS NULL",
        "ALTER TABLE nod.invitations ENABLE ROW LEVEL SECURITY",
        "ALTER TABLE nod.invitations FORCE ROW LEVEL SECURITY",
        "GRANT SELECT, INSERT ON nod.invitations TO nod_app",
        f"CREATE POLICY seen ON nod.invitations FOR SELECT TO nod_app USING ({WORKSPACE})",
        f"CREATE POLICY made ON nod.invitations FOR INSERT TO nod_app WITH CHECK ({WORKSPACE} AND {MINE})",
        "GRANT UPDATE (used_at, used_by, revoked_at) ON nod.invitations TO nod_app",
        f"CREATE POLICY changed ON nod.invitations FOR UPDATE TO nod_app USING ({WORKSPACE}) WITH CHECK ({WORKSPACE})",
        "GRANT SELECT (id, workspace_id, user_id, code_hash, expires_at, used_at, revoked_at) ON nod.invitations TO nod_doors",
        "CREATE POLICY doors ON nod.invitations FOR SELECT TO nod_doors USING ((SELECT nod.at_the_door()))",
        "CREATE POLICY forgets ON nod.invitations TO nod_owner USING (true)",
        FORGET,
    )
    run(
        "GRANT CREATE ON SCHEMA nod TO nod_doors",
        "SET LOCAL ROLE nod_doors",
        *(
            f"CREATE OR REPLACE FUNCTION nod.{named} RETURNS {KNOWN} "
            f"LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $${body}\n$$"
            for named, body in DOORS.items()
        ),
        *(f"REVOKE ALL ON FUNCTION nod.{name} FROM PUBLIC" for name in NEW),
        *(f"GRANT EXECUTE ON FUNCTION nod.{name} TO nod_app" for name in NEW),
        "SET LOCAL ROLE nod_owner",
        "REVOKE CREATE ON SCHEMA nod FROM nod_doors",
    )
