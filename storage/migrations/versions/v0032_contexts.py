"""A context switches by itself when its hours or its time come, a suggestion may be snoozed until one, and contexts of one's own and what was inferred can be removed."""

from storage.migrations.sql import run

revision = "0032"
down_revision = "0031"

WORKSPACE = "workspace_id = (SELECT nod.current_workspace())"
DUE = """
CREATE FUNCTION nod.due_contexts(most integer) RETURNS TABLE (id uuid, workspace_id uuid, user_id uuid)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
    SELECT c.id, c.workspace_id, c.user_id FROM nod.user_contexts c
    WHERE nod.at_the_door() AND c.changes_at <= now() ORDER BY c.changes_at LIMIT $1
$$"""


def upgrade() -> None:
    run(
        "ALTER TABLE nod.user_contexts ADD COLUMN changes_at TIMESTAMP WITH TIME ZONE",
        "GRANT UPDATE (changes_at) ON nod.user_contexts TO nod_app",
        "CREATE INDEX user_contexts_changing ON nod.user_contexts (changes_at) WHERE changes_at IS NOT NULL",
        "GRANT SELECT (id, workspace_id, user_id, changes_at) ON nod.user_contexts TO nod_doors",
        "CREATE POLICY doors ON nod.user_contexts FOR SELECT TO nod_doors USING (changes_at IS NOT NULL AND (SELECT nod.at_the_door()))",
        *(
            statement
            for table in ("user_contexts", "user_preferences")
            for statement in (
                f"GRANT DELETE ON nod.{table} TO nod_app",
                f"CREATE POLICY ended ON nod.{table} FOR DELETE TO nod_app USING ({WORKSPACE})",
            )
        ),
        "ALTER TABLE nod.suggestions ADD COLUMN snoozed_context UUID",
        "GRANT UPDATE (snoozed_context) ON nod.suggestions TO nod_app",
        "CREATE INDEX suggestions_of_context ON nod.suggestions (workspace_id, snoozed_context) WHERE snoozed_context IS NOT NULL",
        DUE,
        "REVOKE ALL ON FUNCTION nod.due_contexts(integer) FROM PUBLIC",
        "GRANT EXECUTE ON FUNCTION nod.due_contexts(integer) TO nod_app",
        "GRANT CREATE ON SCHEMA nod TO nod_doors",
        "ALTER FUNCTION nod.due_contexts(integer) OWNER TO nod_doors",
        "REVOKE CREATE ON SCHEMA nod FROM nod_doors",
    )
