"""An event of a platform knows which process has it, and how many died that had it: one that kills whoever handles it is given up."""

from storage.migrations.sql import run

revision = "0045"
down_revision = "0044"


def upgrade() -> None:
    run(
        "ALTER TABLE nod.inbound_events ADD COLUMN deaths INTEGER NOT NULL DEFAULT 0, ADD COLUMN claimed_by UUID",
        "GRANT UPDATE (deaths, claimed_by) ON nod.inbound_events TO nod_app",
    )
