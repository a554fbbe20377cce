"""History may go when its time is over: what may be removed, whose turn it is, and how an empty part of a past month is dropped (docs/adr/0010)."""

from storage.migrations.sql import run

revision = "0021"
down_revision = "0020"

WORKSPACE = "workspace_id = (SELECT nod.current_workspace())"
RUN_IS_GONE = (
    "(SELECT r.id FROM nod.runs r WHERE r.workspace_id = {table}.workspace_id AND r.id = {table}.run_id) IS NULL"
)
DELETED = {
    "runs": "status IN ('succeeded', 'failed', 'cancelled') AND id < nod.first_id(now() - interval '1 day') AND "
    "(SELECT s.id FROM nod.suggestions s WHERE s.workspace_id = runs.workspace_id AND s.run_id = runs.id LIMIT 1) IS NULL",
    "run_steps": RUN_IS_GONE.format(table="run_steps"),
    "usage_ledger": RUN_IS_GONE.format(table="usage_ledger"),
    "workflow_executions": RUN_IS_GONE.format(table="workflow_executions"),
    "questions": "status <> 'open' AND " + RUN_IS_GONE.format(table="questions"),
    "trigger_firings": "id < nod.first_id(now() - interval '30 days')",
}
PASSES = (
    """
    CREATE TABLE nod.history_passes (
        workspace_id UUID NOT NULL,
        due_at TIMESTAMP WITH TIME ZONE NOT NULL,
        CONSTRAINT history_passes_key PRIMARY KEY (workspace_id),
        CONSTRAINT history_passes_workspace_id_there FOREIGN KEY(workspace_id) REFERENCES nod.workspaces (id) ON DELETE CASCADE DEFERRABLE INITIALLY DEFERRED
    )""",
    "ALTER TABLE nod.history_passes ENABLE ROW LEVEL SECURITY",
    "ALTER TABLE nod.history_passes FORCE ROW LEVEL SECURITY",
    "GRANT SELECT, INSERT ON nod.history_passes TO nod_app",
    f"CREATE POLICY seen ON nod.history_passes FOR SELECT TO nod_app USING ({WORKSPACE})",
    f"CREATE POLICY made ON nod.history_passes FOR INSERT TO nod_app WITH CHECK ({WORKSPACE})",
    "GRANT UPDATE (due_at) ON nod.history_passes TO nod_app",
    f"CREATE POLICY changed ON nod.history_passes FOR UPDATE TO nod_app USING ({WORKSPACE}) WITH CHECK ({WORKSPACE})",
    "GRANT SELECT (workspace_id, due_at) ON nod.history_passes TO nod_doors",
    "CREATE POLICY doors ON nod.history_passes FOR SELECT TO nod_doors USING ((SELECT nod.at_the_door()))",
)
DUE = """
CREATE FUNCTION nod.due_history(most integer) RETURNS TABLE (id uuid, workspace_id uuid, user_id uuid)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
    SELECT w.id, w.id, w.owner_id FROM nod.workspaces w LEFT JOIN nod.history_passes p ON p.workspace_id = w.id
    WHERE nod.at_the_door() AND (p.due_at IS NULL OR p.due_at <= now()) ORDER BY p.due_at NULLS FIRST LIMIT $1
$$"""

# As in storage/migrations/parts.py; and the owner, who sees nothing through the tables, may look whether a part holds anything.
MAKE = """
CREATE OR REPLACE FUNCTION nod.make_parts(months integer) RETURNS integer
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
            EXECUTE 'CREATE POLICY looked_into ON nod.' || quote_ident(part) || ' FOR SELECT TO nod_owner USING (true)';
            made := made + 1;
        END LOOP;
    END LOOP;
    RETURN made;
END $$"""
OLDER_PARTS = """
DO $$
DECLARE
    part name;
BEGIN
    FOR part IN SELECT c.relname FROM pg_class c
                WHERE c.relnamespace = 'nod'::regnamespace AND c.relispartition AND c.relkind = 'r' AND c.relname ~ '_[0-9]{4}_[0-9]{2}$' LOOP
        EXECUTE 'CREATE POLICY looked_into ON nod.' || quote_ident(part) || ' FOR SELECT TO nod_owner USING (true)';
    END LOOP;
END $$"""

# Everybody may call it, as make_parts: it drops what is empty and of a past month, and nothing else. It looks before it locks, and gives up where it would have
# to wait, or where looking takes long because the removed rows are not vacuumed yet: nobody waits for it longer than a tenth of a second.
DROP = """
CREATE FUNCTION nod.drop_part(part text) RETURNS boolean
LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET timezone = 'UTC' SET lock_timeout = '100ms' AS $$
DECLARE
    big name;
    held boolean;
    began timestamptz := clock_timestamp();
BEGIN
    SELECT p.relname INTO big FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid JOIN pg_class p ON p.oid = i.inhparent
    WHERE c.relnamespace = 'nod'::regnamespace AND p.relnamespace = 'nod'::regnamespace AND p.relkind = 'p' AND c.relname = part
      AND c.relname ~ ('^' || p.relname || '_[0-9]{4}_[0-9]{2}$')
      AND right(c.relname, 7) < to_char(now() - interval '1 day', 'YYYY_MM');
    IF big IS NULL OR NOT pg_try_advisory_xact_lock(hashtext('nod.make_parts')) THEN
        RETURN false;
    END IF;
    EXECUTE 'SELECT EXISTS (SELECT 1 FROM nod.' || quote_ident(part) || ')' INTO held;
    IF held OR clock_timestamp() - began > interval '50 ms' THEN
        RETURN false;
    END IF;
    EXECUTE 'LOCK TABLE ONLY nod.' || quote_ident(big) || ' IN ACCESS EXCLUSIVE MODE';
    EXECUTE 'LOCK TABLE nod.' || quote_ident(part) || ' IN ACCESS EXCLUSIVE MODE';
    EXECUTE 'SELECT EXISTS (SELECT 1 FROM nod.' || quote_ident(part) || ')' INTO held;
    IF held THEN
        RETURN false;
    END IF;
    EXECUTE 'ALTER TABLE nod.' || quote_ident(big) || ' DETACH PARTITION nod.' || quote_ident(part);
    EXECUTE 'DROP TABLE nod.' || quote_ident(part);
    RETURN true;
END $$"""


def upgrade() -> None:
    for table, rows in DELETED.items():
        run(
            f"GRANT DELETE ON nod.{table} TO nod_app",
            f"CREATE POLICY ended ON nod.{table} FOR DELETE TO nod_app USING ({WORKSPACE} AND {rows})",
        )
    run(*PASSES)
    run(
        DUE,
        "REVOKE ALL ON FUNCTION nod.due_history(integer) FROM PUBLIC",
        "GRANT EXECUTE ON FUNCTION nod.due_history(integer) TO nod_app",
        "GRANT CREATE ON SCHEMA nod TO nod_doors",
        "ALTER FUNCTION nod.due_history(integer) OWNER TO nod_doors",
        "REVOKE CREATE ON SCHEMA nod FROM nod_doors",
        MAKE,
        OLDER_PARTS,
        DROP,
        "REVOKE ALL ON FUNCTION nod.drop_part(text) FROM PUBLIC",
        "GRANT EXECUTE ON FUNCTION nod.drop_part(text) TO nod_app",
    )
