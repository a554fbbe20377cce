"""A delivery may stand in a thread of its chat."""

from storage.migrations.sql import run

revision = "0033"
down_revision = "0032"


def upgrade() -> None:
    run(
        "ALTER TABLE nod.deliveries ADD COLUMN thread TEXT",
        "CREATE INDEX deliveries_of_thread ON nod.deliveries (workspace_id, link_id, thread) WHERE thread IS NOT NULL",
    )
