"""Tables that are kept in one part a month (docs/adr/0008): what makes the parts, and how a table that has rows becomes such a table."""

from storage.migrations.sql import run

MAKE = """
CREATE FUNCTION nod.make_parts(months integer) RETURNS integer
LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET timezone = 'UTC' AS $$
DECLARE
    made integer := 0;
    big record;
    ahead integer;
    month timestamptz;
    part text;
BEGIN
    -- One at a time, also across processes; whoever comes second finds everything made.
    PERFORM pg_advisory_xact_lock(hashtext('nod.make_parts'));
    FOR big IN SELECT c.relname AS name, c.oid FROM pg_class c
               WHERE c.relnamespace = 'nod'::regnamespace AND c.relkind = 'p' ORDER BY 1 LOOP
        FOR ahead IN 0 .. least(greatest(months, 0), 24) LOOP
            month := date_trunc('month', now()) + make_interval(months => ahead);
            part := big.name || to_char(month, '_YYYY_MM');
            CONTINUE WHEN to_regclass('nod.' || part) IS NOT NULL;
            EXECUTE 'CREATE TABLE nod.' || quote_ident(part) || ' PARTITION OF nod.' || quote_ident(big.name) || ' FOR VALUES FROM ('
                || quote_literal(nod.first_id(month)) || ') TO (' || quote_literal(nod.first_id(month + interval '1 month')) || ')';
            EXECUTE 'ALTER TABLE nod.' || quote_ident(part) || ' ENABLE ROW LEVEL SECURITY';
            EXECUTE 'ALTER TABLE nod.' || quote_ident(part) || ' FORCE ROW LEVEL SECURITY';
            made := made + 1;
        END LOOP;
    END LOOP;
    RETURN made;
END $$"""

FIRST_ID = """
CREATE FUNCTION nod.first_id(at timestamptz) RETURNS uuid
LANGUAGE sql IMMUTABLE PARALLEL SAFE SET search_path = pg_catalog, pg_temp AS $$
    -- The least UUIDv7 of a moment: 48 bits of Unix milliseconds (RFC 9562, section 5.7), then nothing.
    SELECT (lpad(to_hex((extract(epoch FROM at) * 1000)::bigint), 12, '0') || repeat('0', 20))::uuid
$$"""


def set_up() -> None:
    """Makes the functions. Everybody may call `make_parts`: it makes what is missing and nothing else."""
    run(
        FIRST_ID,
        MAKE,
        "REVOKE ALL ON FUNCTION nod.first_id(timestamptz), nod.make_parts(integer) FROM PUBLIC",
        "GRANT EXECUTE ON FUNCTION nod.first_id(timestamptz), nod.make_parts(integer) TO nod_app",
        "GRANT EXECUTE ON FUNCTION nod.first_id(timestamptz) TO nod_doors",
    )


def rest(table: str) -> None:
    """The part of ids that are of no month that was made: rows of long ago, or ids that are not UUIDv7."""
    run(
        f"CREATE TABLE nod.{table}_rest PARTITION OF nod.{table} DEFAULT",
        f"ALTER TABLE nod.{table}_rest ENABLE ROW LEVEL SECURITY",
        f"ALTER TABLE nod.{table}_rest FORCE ROW LEVEL SECURITY",
    )
