"""Answers that were given to programs' writes, by their Idempotency-Key."""

from storage.migrations.sql import run

revision = "0011"
down_revision = "0010"

MINE = "workspace_id = (SELECT nod.current_workspace()) AND user_id = (SELECT nod.current_user_id())"


def upgrade() -> None:
    run(
        """
        CREATE TABLE nod.answered_requests (
            id UUID NOT NULL,
            workspace_id UUID NOT NULL,
            user_id UUID NOT NULL,
            key TEXT NOT NULL,
            fingerprint TEXT NOT NULL,
            status INTEGER NOT NULL,
            body JSONB NOT NULL,
            created_at TIMESTAMP WITH TIME ZONE NOT NULL,
            CONSTRAINT answered_requests_key PRIMARY KEY (workspace_id, id),
            CONSTRAINT answered_requests_user_id_key_once UNIQUE (workspace_id, user_id, key)
        )""",
        """ALTER TABLE nod.answered_requests ENABLE ROW LEVEL SECURITY""",
        """ALTER TABLE nod.answered_requests FORCE ROW LEVEL SECURITY""",
        """GRANT SELECT, INSERT ON nod.answered_requests TO nod_app""",
        f"""CREATE POLICY seen ON nod.answered_requests FOR SELECT TO nod_app USING ({MINE})""",
        f"""CREATE POLICY made ON nod.answered_requests FOR INSERT TO nod_app WITH CHECK ({MINE})""",
    )
