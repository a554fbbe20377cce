"""Runs of a batch are found by their ids when they end, and events have no index that answers no question (docs/adr/0026)."""

from storage.migrations.sql import run
from storage.migrations.versions.v0044_batches import END as OF_IDS_OR_LEASES

revision = "0048"
down_revision = "0047"

# A status that is written out lets the planner take the index of leases, which holds every run that ended since the last vacuum.
END = (
    OF_IDS_OR_LEASES.replace("CREATE FUNCTION", "CREATE OR REPLACE FUNCTION")
    .replace("    lowest uuid;\n", "    lowest uuid;\n    in_hand text := 'running';\n")
    .replace("r.status = 'running'", "r.status = in_hand")
)


def upgrade() -> None:
    run(
        "DROP INDEX nod.events_of_kind",
        "GRANT CREATE ON SCHEMA nod TO nod_batches",
        "SET LOCAL ROLE nod_batches",
        END,
        "SET LOCAL ROLE nod_owner",
        "REVOKE CREATE ON SCHEMA nod FROM nod_batches",
    )
