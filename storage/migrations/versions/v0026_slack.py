"""Slack: installations with their sealed tokens and the states of unfinished ones, both outside of workspaces; a team's workspace and a team's links can be found."""

from storage.migrations.sql import run

revision = "0026"
down_revision = "0025"

DOOR = "(SELECT nod.at_the_door())"
FOUND = "TABLE (id uuid, workspace_id uuid, user_id uuid)"
FUNCTIONS = {
    "directory_by_slack_team(team text)": """
    SELECT w.id, w.id, w.owner_id FROM nod.workspaces w
    WHERE nod.at_the_door() AND w.slack_team_id = $1 AND w.kind = 'team' AND w.status = 'active'""",
    "links_of_tenant(provider text, tenant text, after uuid, most integer)": """
    SELECT k.id, k.workspace_id, k.user_id FROM nod.identity_links k
    WHERE nod.at_the_door() AND k.provider = $1 AND k.provider_tenant = $2 AND k.id > $3
    ORDER BY k.id LIMIT $4""",
}


def upgrade() -> None:
    run(
        "CREATE UNIQUE INDEX workspaces_slack_team_once ON nod.workspaces (slack_team_id) WHERE slack_team_id IS NOT NULL",
        "GRANT SELECT (slack_team_id) ON nod.workspaces TO nod_doors",
        """
        CREATE TABLE nod.slack_installations (
            id UUID NOT NULL,
            team_id TEXT NOT NULL,
            enterprise_id TEXT NOT NULL,
            facts BYTEA,
            installed_at TIMESTAMP WITH TIME ZONE NOT NULL,
            revoked_at TIMESTAMP WITH TIME ZONE,
            CONSTRAINT slack_installations_key PRIMARY KEY (id),
            CONSTRAINT slack_installations_enterprise_id_team_id_once UNIQUE (enterprise_id, team_id)
        )""",
        "ALTER TABLE nod.slack_installations ENABLE ROW LEVEL SECURITY",
        "ALTER TABLE nod.slack_installations FORCE ROW LEVEL SECURITY",
        "GRANT SELECT, INSERT ON nod.slack_installations TO nod_app",
        f"CREATE POLICY seen ON nod.slack_installations FOR SELECT TO nod_app USING ({DOOR})",
        f"CREATE POLICY made ON nod.slack_installations FOR INSERT TO nod_app WITH CHECK ({DOOR})",
        "GRANT UPDATE (facts, installed_at, revoked_at) ON nod.slack_installations TO nod_app",
        f"CREATE POLICY changed ON nod.slack_installations FOR UPDATE TO nod_app USING ({DOOR}) WITH CHECK ({DOOR})",
        """
        CREATE TABLE nod.oauth_states (
            id UUID NOT NULL,
            state_hash TEXT NOT NULL,
            created_at TIMESTAMP WITH TIME ZONE NOT NULL,
            expires_at TIMESTAMP WITH TIME ZONE NOT NULL,
            used_at TIMESTAMP WITH TIME ZONE,
            CONSTRAINT oauth_states_key PRIMARY KEY (id),
            CONSTRAINT oauth_states_state_hash_once UNIQUE (state_hash)
        )""",
        "ALTER TABLE nod.oauth_states ENABLE ROW LEVEL SECURITY",
        "ALTER TABLE nod.oauth_states FORCE ROW LEVEL SECURITY",
        "GRANT SELECT, INSERT ON nod.oauth_states TO nod_app",
        f"CREATE POLICY seen ON nod.oauth_states FOR SELECT TO nod_app USING ({DOOR})",
        f"CREATE POLICY made ON nod.oauth_states FOR INSERT TO nod_app WITH CHECK ({DOOR})",
        "GRANT UPDATE (used_at) ON nod.oauth_states TO nod_app",
        f"CREATE POLICY changed ON nod.oauth_states FOR UPDATE TO nod_app USING ({DOOR}) WITH CHECK ({DOOR})",
    )
    run("GRANT CREATE ON SCHEMA nod TO nod_doors")
    for signature, body in FUNCTIONS.items():
        run(
            f"CREATE FUNCTION nod.{signature} RETURNS {FOUND} "
            f"LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $${body}\n$$",
            f"REVOKE ALL ON FUNCTION nod.{signature} FROM PUBLIC",
            f"GRANT EXECUTE ON FUNCTION nod.{signature} TO nod_app",
            f"ALTER FUNCTION nod.{signature} OWNER TO nod_doors",
        )
    run("REVOKE CREATE ON SCHEMA nod FROM nod_doors")
