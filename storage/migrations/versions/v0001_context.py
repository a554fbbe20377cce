"""The signed context: who asks, proved by an HMAC that the app role cannot make (docs/adr/0002)."""

from storage.migrations.sql import run

revision = "0001"
down_revision = None

KEYS = """
CREATE TABLE nod.context_keys (
    id smallint PRIMARY KEY CHECK (id = 1),
    inner_pad bytea NOT NULL CHECK (octet_length(inner_pad) = 64),
    outer_pad bytea NOT NULL CHECK (octet_length(outer_pad) = 64)
)"""

VERIFIED = """
CREATE FUNCTION nod.verified_context() RETURNS text
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    said text := current_setting('nod.context', true);
    pads record;
    proof text;
BEGIN
    -- workspace (32 hex digits) | user (32) | expiry (10 decimal digits, Unix seconds) | HMAC-SHA256 (64 hex digits)
    IF said IS NULL OR octet_length(said) <> 141 THEN
        RETURN NULL;
    END IF;
    SELECT inner_pad, outer_pad INTO pads FROM nod.context_keys;
    proof := encode(sha256(pads.outer_pad || sha256(pads.inner_pad || convert_to(left(said, 76), 'UTF8'))), 'hex');
    -- Compared by hash, so that time says nothing about the proof. Only what is proved is parsed: nobody else writes it.
    IF proof IS NULL OR sha256(convert_to(proof, 'UTF8')) <> sha256(convert_to(right(said, 64), 'UTF8')) THEN
        RETURN NULL;
    END IF;
    IF substr(said, 67, 10)::bigint < extract(epoch FROM clock_timestamp()) THEN
        RETURN NULL;
    END IF;
    RETURN left(said, 65);
END $$"""

WORKSPACE = """
CREATE FUNCTION nod.current_workspace() RETURNS uuid
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    RETURN left(nod.verified_context(), 32)::uuid;
END $$"""

USER = """
CREATE FUNCTION nod.current_user_id() RETURNS uuid
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    RETURN right(nod.verified_context(), 32)::uuid;
END $$"""

DOOR = """
CREATE FUNCTION nod.at_the_door() RETURNS boolean
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    -- A door stands outside of every workspace: its context is signed for the nil UUID.
    RETURN coalesce(left(nod.verified_context(), 32) = repeat('0', 32), false);
END $$"""


def upgrade() -> None:
    run(
        KEYS,
        "ALTER TABLE nod.context_keys ENABLE ROW LEVEL SECURITY",
        "CREATE POLICY doors ON nod.context_keys FOR SELECT TO nod_doors USING (true)",
        "GRANT SELECT ON nod.context_keys TO nod_doors",
        VERIFIED,
        WORKSPACE,
        USER,
        DOOR,
        "GRANT CREATE ON SCHEMA nod TO nod_doors",
    )
    for function in ("verified_context", "current_workspace", "current_user_id", "at_the_door"):
        run(f"REVOKE ALL ON FUNCTION nod.{function}() FROM PUBLIC")
        if function != "verified_context":
            run(f"GRANT EXECUTE ON FUNCTION nod.{function}() TO nod_app")
        run(f"ALTER FUNCTION nod.{function}() OWNER TO nod_doors")
    run("REVOKE CREATE ON SCHEMA nod FROM nod_doors", "GRANT SELECT ON nod.alembic_version TO nod_app")
