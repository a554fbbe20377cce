"""A suggestion says why it was rejected, so that every copy of its card can."""

from storage.migrations.sql import run

revision = "0027"
down_revision = "0026"


def upgrade() -> None:
    run("ALTER TABLE nod.suggestions ADD COLUMN reason TEXT", "GRANT UPDATE (reason) ON nod.suggestions TO nod_app")
