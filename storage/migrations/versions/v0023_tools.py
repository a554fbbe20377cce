"""A connection keeps what its last check found (the tools of a server); which of them only read is a list now, no longer one name a line."""

from storage.migrations.sql import run

revision = "0023"
down_revision = "0022"

LISTED = r"""
    UPDATE nod.connections SET config = jsonb_set(config, '{read_tools}', coalesce((
        SELECT jsonb_agg(DISTINCT btrim(name, E' \t\r')) FROM regexp_split_to_table(config->>'read_tools', E'\n') name WHERE btrim(name, E' \t\r') <> ''
    ), '[]')) WHERE integration = 'mcp' AND jsonb_typeof(config->'read_tools') = 'string'"""


def upgrade() -> None:
    run(
        "ALTER TABLE nod.connections ADD COLUMN facts JSONB NOT NULL DEFAULT '{}'",
        "ALTER TABLE nod.connections ALTER COLUMN facts DROP DEFAULT",
        "GRANT UPDATE (facts) ON nod.connections TO nod_app",
        "ALTER TABLE nod.connections NO FORCE ROW LEVEL SECURITY",
        LISTED,
        "ALTER TABLE nod.connections FORCE ROW LEVEL SECURITY",
    )
