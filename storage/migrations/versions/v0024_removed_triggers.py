"""Triggers may be removed: gone for people, while the row stays for what it started."""

from storage.migrations.sql import run

revision = "0024"
down_revision = "0023"


def upgrade() -> None:
    run(
        "ALTER TABLE nod.triggers ADD COLUMN removed_at TIMESTAMP WITH TIME ZONE",
        "ALTER TABLE nod.triggers ADD CONSTRAINT triggers_removed_for_good CHECK (removed_at IS NULL OR (status = 'paused' AND secret IS NULL))",
        "GRANT UPDATE (removed_at) ON nod.triggers TO nod_app",
    )
