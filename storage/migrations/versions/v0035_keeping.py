"""What came in, what was answered to programs, and the states of installations go when they can come again no more; which master keys seal what waits or is installed is
known as well, so that none of these is taken away."""

from storage.migrations.sql import run

revision = "0035"
down_revision = "0034"

WORKSPACE = "workspace_id = (SELECT nod.current_workspace())"
DOOR = "(SELECT nod.at_the_door())"
GONE = {
    "inbound_events": f"{DOOR} AND (status = 'done' AND id < nod.first_id(now() - interval '30 days') "
    "OR status = 'failed' AND id < nod.first_id(now() - interval '90 days'))",
    "answered_requests": f"{WORKSPACE} AND id < nod.first_id(now() - interval '7 days')",
    "oauth_states": f"{DOOR} AND expires_at < now() - interval '1 day'",
}
# A sealed value begins with its format and the length and the name of the key that sealed it (storage/vault.py).
KEY_OF = "encode(substring({column} FROM 3 FOR get_byte({column}, 1)), 'escape')"
SEALED = {"inbound_events": "payload", "slack_installations": "facts"}
IN_USE = """
CREATE OR REPLACE FUNCTION nod.master_keys_in_use() RETURNS SETOF text
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
    SELECT master_key_id FROM nod.data_keys WHERE destroyed_at IS NULL
    UNION SELECT key_id FROM nod.inbound_events WHERE key_id IS NOT NULL
    UNION SELECT key_id FROM nod.slack_installations WHERE key_id IS NOT NULL
$$"""


def upgrade() -> None:
    for table, rows in GONE.items():
        run(
            f"GRANT DELETE ON nod.{table} TO nod_app",
            f"CREATE POLICY ended ON nod.{table} FOR DELETE TO nod_app USING ({rows})",
        )
    for table, column in SEALED.items():
        run(
            f"ALTER TABLE nod.{table} ADD COLUMN key_id TEXT GENERATED ALWAYS AS ({KEY_OF.format(column=column)}) STORED",
            f"CREATE INDEX {table}_of_key ON nod.{table} (key_id) WHERE key_id IS NOT NULL",
            f"GRANT SELECT (key_id) ON nod.{table} TO nod_doors",
            f"CREATE POLICY doors ON nod.{table} FOR SELECT TO nod_doors USING (true)",
        )
    run(
        "GRANT CREATE ON SCHEMA nod TO nod_doors",
        "SET LOCAL ROLE nod_doors",
        IN_USE,
        "SET LOCAL ROLE nod_owner",
        "REVOKE CREATE ON SCHEMA nod FROM nod_doors",
    )
