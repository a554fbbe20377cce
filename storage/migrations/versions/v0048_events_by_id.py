"""Events are found by their id alone: the index by kind served no question, and each event of each run paid for it (docs/adr/0026)."""

from storage.migrations.sql import run

revision = "0048"
down_revision = "0047"


def upgrade() -> None:
    run("DROP INDEX nod.events_of_kind")
