"""A suggestion may take back what an earlier execution did, and a task that was made that way can be removed."""

from storage.migrations.sql import run

revision = "0034"
down_revision = "0033"


def upgrade() -> None:
    run(
        "ALTER TABLE nod.suggestions ADD COLUMN undoes UUID",
        "ALTER TABLE nod.suggestions ADD CONSTRAINT suggestions_undoes_there FOREIGN KEY (workspace_id, undoes) "
        "REFERENCES nod.action_executions (workspace_id, id) DEFERRABLE INITIALLY DEFERRED",
        "CREATE INDEX suggestions_undoing ON nod.suggestions (workspace_id, undoes) WHERE undoes IS NOT NULL",
        "GRANT DELETE ON nod.tasks TO nod_app",
        "CREATE POLICY ended ON nod.tasks FOR DELETE TO nod_app USING (workspace_id = (SELECT nod.current_workspace()))",
    )
