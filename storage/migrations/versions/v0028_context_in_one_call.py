"""The signed context is verified by plpgsql again, but in one call and without the machinery of a query: a third less a statement (docs/adr/0002)."""

from storage.migrations.sql import run

revision = "0028"
down_revision = "0027"

ASKED = """
CREATE OR REPLACE FUNCTION nod.%s() RETURNS %s
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    said text := current_setting('nod.context', true);
    pads record;
    proof text;
BEGIN
    -- workspace (32 hex digits) | user (32) | expiry (10 decimal digits, Unix seconds) | HMAC-SHA256 (64 hex digits)
    IF said IS NULL OR octet_length(said) <> 141 THEN
        RETURN %s;
    END IF;
    SELECT inner_pad, outer_pad INTO pads FROM nod.context_keys;
    proof := encode(sha256(pads.outer_pad || sha256(pads.inner_pad || convert_to(left(said, 76), 'UTF8'))), 'hex');
    -- Compared by hash, so that time says nothing about the proof. Only what is proved is parsed: nobody else writes it.
    IF proof IS NULL OR sha256(convert_to(proof, 'UTF8')) <> sha256(convert_to(right(said, 64), 'UTF8')) THEN
        RETURN %s;
    END IF;
    IF substr(said, 67, 10)::bigint < extract(epoch FROM clock_timestamp()) THEN
        RETURN %s;
    END IF;
    RETURN %s;
END $$"""
# A door stands outside of every workspace: its context is signed for the nil UUID.
FUNCTIONS = (
    ("current_workspace", "uuid", "NULL", "left(said, 32)::uuid"),
    ("current_user_id", "uuid", "NULL", "substr(said, 34, 32)::uuid"),
    ("at_the_door", "boolean", "false", "left(said, 32) = repeat('0', 32)"),
)


def upgrade() -> None:
    run("GRANT CREATE ON SCHEMA nod TO nod_doors", "SET LOCAL ROLE nod_doors")
    for name, type, nobody, answer in FUNCTIONS:
        run(ASKED % (name, type, nobody, nobody, nobody, answer))
    run("SET LOCAL ROLE nod_owner", "REVOKE CREATE ON SCHEMA nod FROM nod_doors")
