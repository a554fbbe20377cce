"""What is due in runs is asked by workspace: each with its oldest, so that the backlog of one does not hide what is due in another."""

from storage.migrations.sql import run

revision = "0020"
down_revision = "0019"

ANSWERS = "TABLE (id uuid, workspace_id uuid, user_id uuid)"
# While less is due than is asked for, the rows in the order of their time say all. Beyond that, one step in the index of each workspace's rows finds the next
# workspace: as many steps as there are workspaces with runs that wait, however many rows one of them has. `due_at < 'infinity'` is left out there, so that only
# the index that begins with the workspace fits; and what an index has in order shall not be sorted, whatever statistics say of a backlog that came just now.
BODY = """
    WITH RECURSIVE oldest AS MATERIALIZED (
        (SELECT r.id, r.workspace_id, r.user_id, r.due_at AS at FROM nod.runs r
         WHERE nod.at_the_door() AND r.status IN ('queued', 'waiting') AND r.due_at < 'infinity' AND r.due_at <= now() ORDER BY r.due_at LIMIT $1)
        UNION ALL
        (SELECT r.id, r.workspace_id, r.user_id, r.lease_until FROM nod.runs r
         WHERE nod.at_the_door() AND r.status = 'running' AND r.lease_until <= now() ORDER BY r.lease_until LIMIT $1)
    ), places (place) AS (
        (SELECT r.workspace_id FROM nod.runs r
         WHERE (SELECT count(*) FROM oldest) >= $1 AND nod.at_the_door() AND r.status IN ('queued', 'waiting') ORDER BY r.workspace_id LIMIT 1)
        UNION ALL
        SELECT (SELECT r.workspace_id FROM nod.runs r
                WHERE r.status IN ('queued', 'waiting') AND r.workspace_id > p.place ORDER BY r.workspace_id LIMIT 1)
        FROM places p WHERE p.place IS NOT NULL
    ), due AS (
        SELECT o.id, o.workspace_id, o.user_id, o.at FROM oldest o
        UNION ALL
        SELECT f.id, f.workspace_id, f.user_id, f.due_at FROM places p CROSS JOIN LATERAL (
            SELECT r.id, r.workspace_id, r.user_id, r.due_at FROM nod.runs r
            WHERE r.workspace_id = p.place AND r.status IN ('queued', 'waiting') AND r.due_at <= now() ORDER BY r.due_at LIMIT 1
        ) f
    )
    SELECT d.id, d.workspace_id, d.user_id
    FROM (SELECT DISTINCT ON (a.workspace_id) a.id, a.workspace_id, a.user_id, a.at FROM due a ORDER BY a.workspace_id, a.at) d
    ORDER BY d.at LIMIT $1"""


def upgrade() -> None:
    run(
        "GRANT CREATE ON SCHEMA nod TO nod_doors",
        "SET LOCAL ROLE nod_doors",
        f"CREATE OR REPLACE FUNCTION nod.due_runs(most integer) RETURNS {ANSWERS} "
        f"LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET enable_sort = off AS $${BODY}\n$$",
        "SET LOCAL ROLE nod_owner",
        "REVOKE CREATE ON SCHEMA nod FROM nod_doors",
    )
