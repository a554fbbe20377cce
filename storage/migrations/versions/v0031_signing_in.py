"""Signing in at the page by a link or a code that works once; what a person is told of their sessions."""

from storage.migrations.sql import run

revision = "0031"
down_revision = "0030"

MY_ROW = "workspace_id = (SELECT nod.current_workspace()) AND user_id = (SELECT nod.current_user_id())"
KNOWN = "TABLE (id uuid, user_id uuid, workspace_id uuid, role text, scopes text[], secret_hash text)"
BY_SIGN_IN = """
    SELECT k.id, k.user_id, k.workspace_id, m.role, ARRAY['read', 'write', 'approve'], NULL
    FROM nod.sign_ins k
    JOIN nod.memberships m ON m.workspace_id = k.workspace_id AND m.user_id = k.user_id
    JOIN nod.users u ON u.id = k.user_id AND u.status = 'active'
    JOIN nod.workspaces w ON w.id = k.workspace_id AND w.status = 'active'
    WHERE nod.at_the_door() AND (k.token_hash = $1 OR k.code_hash = $1)
      AND k.way IN ('chat', 'mail') AND k.used_at IS NULL AND k.expires_at > now()"""


def upgrade() -> None:
    run(
        """
        CREATE TABLE nod.sign_ins (
            id UUID NOT NULL,
            user_id UUID NOT NULL,
            workspace_id UUID NOT NULL,
            way TEXT NOT NULL,
            token_hash TEXT NOT NULL,
            code_hash TEXT NOT NULL,
            address TEXT,
            tries INTEGER NOT NULL,
            created_at TIMESTAMP WITH TIME ZONE NOT NULL,
            expires_at TIMESTAMP WITH TIME ZONE NOT NULL,
            used_at TIMESTAMP WITH TIME ZONE,
            CONSTRAINT sign_ins_key PRIMARY KEY (workspace_id, id),
            CONSTRAINT sign_ins_token_hash_once UNIQUE (token_hash),
            CONSTRAINT sign_ins_code_hash_once UNIQUE (code_hash),
            CONSTRAINT sign_ins_user_id_there FOREIGN KEY(workspace_id, user_id) REFERENCES nod.memberships (workspace_id, user_id) ON DELETE CASCADE DEFERRABLE INITIALLY DEFERRED,
            CONSTRAINT sign_ins_way_known CHECK (way IN ('chat', 'mail', 'verify'))
        )""",
        "CREATE INDEX sign_ins_of_user ON nod.sign_ins (workspace_id, user_id)",
        "ALTER TABLE nod.sign_ins ENABLE ROW LEVEL SECURITY",
        "ALTER TABLE nod.sign_ins FORCE ROW LEVEL SECURITY",
        "GRANT SELECT, INSERT ON nod.sign_ins TO nod_app",
        f"CREATE POLICY seen ON nod.sign_ins FOR SELECT TO nod_app USING ({MY_ROW})",
        f"CREATE POLICY made ON nod.sign_ins FOR INSERT TO nod_app WITH CHECK ({MY_ROW})",
        "GRANT UPDATE (tries, expires_at, used_at) ON nod.sign_ins TO nod_app",
        f"CREATE POLICY changed ON nod.sign_ins FOR UPDATE TO nod_app USING ({MY_ROW}) WITH CHECK ({MY_ROW})",
        "GRANT DELETE ON nod.sign_ins TO nod_app",
        f"CREATE POLICY ended ON nod.sign_ins FOR DELETE TO nod_app USING ({MY_ROW} AND created_at < now() - interval '1 day')",
        "GRANT SELECT (id, workspace_id, user_id, way, token_hash, code_hash, expires_at, used_at) ON nod.sign_ins TO nod_doors",
        "CREATE POLICY doors ON nod.sign_ins FOR SELECT TO nod_doors USING ((SELECT nod.at_the_door()))",
    )
    run(
        "ALTER TABLE nod.sessions ADD COLUMN browser TEXT NOT NULL DEFAULT '', ADD COLUMN way TEXT NOT NULL DEFAULT 'address', "
        "ADD COLUMN seen_at TIMESTAMP WITH TIME ZONE",
        "ALTER TABLE nod.sessions ALTER COLUMN browser DROP DEFAULT, ALTER COLUMN way DROP DEFAULT",
        "ALTER TABLE nod.sessions ADD CONSTRAINT sessions_way_known CHECK (way IN ('address', 'chat', 'mail'))",
        "CREATE INDEX sessions_of_user ON nod.sessions (workspace_id, user_id)",
        "GRANT UPDATE (seen_at) ON nod.sessions TO nod_app",
    )
    run(
        "GRANT CREATE ON SCHEMA nod TO nod_doors",
        f"CREATE FUNCTION nod.directory_by_sign_in(hash text) RETURNS {KNOWN} "
        f"LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $${BY_SIGN_IN}\n$$",
        "REVOKE ALL ON FUNCTION nod.directory_by_sign_in(text) FROM PUBLIC",
        "GRANT EXECUTE ON FUNCTION nod.directory_by_sign_in(text) TO nod_app",
        "ALTER FUNCTION nod.directory_by_sign_in(text) OWNER TO nod_doors",
        "REVOKE CREATE ON SCHEMA nod FROM nod_doors",
    )
