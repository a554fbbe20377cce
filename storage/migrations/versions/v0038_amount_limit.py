"""A rule says over which amount a yes is asked for twice, where the action cannot be taken back."""

from storage.migrations.sql import run

revision = "0038"
down_revision = "0037"


def upgrade() -> None:
    run(
        "ALTER TABLE nod.approval_policies ADD COLUMN amount_limit INTEGER DEFAULT 500",
        "ALTER TABLE nod.approval_policies ALTER COLUMN amount_limit DROP DEFAULT",
        "GRANT UPDATE (amount_limit) ON nod.approval_policies TO nod_app",
    )
