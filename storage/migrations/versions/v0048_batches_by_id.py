"""Runs of a batch are found by their ids when they end, and events have no index that answers no question (docs/adr/0026)."""

from storage.migrations.sql import run
from storage.migrations.versions.v0044_batches import BEGUN, DOOR, RECORDED

revision = "0048"
down_revision = "0047"

# A status that is written out lets the planner take the index of leases, which holds every run that ended since the last vacuum.
END = f"""
CREATE OR REPLACE FUNCTION nod.end_batches(said text, ids uuid[], ended json, steps json, ledger json, events json, hurried boolean)
RETURNS TABLE (won json, matched json, shown json)
{DOOR}
#variable_conflict use_column
DECLARE
    -- Ids are given in their order.
    lowest uuid := ids[1];
    highest uuid := ids[cardinality(ids)];
    in_hand text := 'running';{BEGUN}
    RETURN QUERY WITH won AS (
        UPDATE nod.runs r SET status = 'succeeded', finished_at = clock_timestamp(), lease_until = NULL, output = g.output, error = NULL, version = r.version + 1
        FROM json_to_recordset(ended) AS g (id uuid, fence integer, output jsonb)
        WHERE r.workspace_id = ANY (places) AND r.id BETWEEN lowest AND highest AND r.id = ANY (ids) AND r.id = g.id AND r.fence = g.fence AND r.status = in_hand
        RETURNING r.workspace_id, r.id, r.agent_id
{RECORDED}
END $$"""


def upgrade() -> None:
    run(
        "DROP INDEX nod.events_of_kind",
        "GRANT CREATE ON SCHEMA nod TO nod_batches",
        "SET LOCAL ROLE nod_batches",
        END,
        "SET LOCAL ROLE nod_owner",
        "REVOKE CREATE ON SCHEMA nod FROM nod_batches",
    )
