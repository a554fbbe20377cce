"""A delivery says on which agent's behalf it is made, whether the person has just asked for it, and since when it stands there: quiet hours and the brake go by that."""

from storage.migrations.sql import run

revision = "0022"
down_revision = "0021"


def upgrade() -> None:
    run(
        "ALTER TABLE nod.deliveries ADD COLUMN agent_id UUID, ADD COLUMN asked BOOLEAN NOT NULL DEFAULT false, "
        "ADD COLUMN first_shown_at TIMESTAMP WITH TIME ZONE",
        "ALTER TABLE nod.deliveries ALTER COLUMN asked DROP DEFAULT",
        "GRANT UPDATE (first_shown_at) ON nod.deliveries TO nod_app",
        "CREATE INDEX deliveries_of_agent ON nod.deliveries (workspace_id, link_id, agent_id, first_shown_at) WHERE agent_id IS NOT NULL",
    )
