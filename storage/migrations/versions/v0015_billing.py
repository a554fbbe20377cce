"""What was used: the ledger and the counters of the day."""

from storage.migrations.parts import rest
from storage.migrations.sql import run

revision = "0015"
down_revision = "0014"


def upgrade() -> None:
    run(
        """
        CREATE TABLE nod.usage_ledger (
            id UUID NOT NULL,
            workspace_id UUID NOT NULL,
            user_id UUID NOT NULL,
            run_id UUID NOT NULL,
            agent_id UUID,
            node_id TEXT,
            kind TEXT NOT NULL,
            provider TEXT,
            model TEXT,
            tokens_prompt INTEGER NOT NULL,
            tokens_completion INTEGER NOT NULL,
            cost NUMERIC(18, 8) NOT NULL,
            price JSONB,
            at TIMESTAMP WITH TIME ZONE NOT NULL,
            CONSTRAINT usage_ledger_key PRIMARY KEY (workspace_id, id),
            CONSTRAINT usage_ledger_kind_known CHECK (kind IN ('run', 'model', 'tool', 'other'))
        )
        PARTITION BY RANGE (id)""",
        """ALTER TABLE nod.usage_ledger ENABLE ROW LEVEL SECURITY""",
        """ALTER TABLE nod.usage_ledger FORCE ROW LEVEL SECURITY""",
        """GRANT SELECT, INSERT ON nod.usage_ledger TO nod_app""",
        """CREATE POLICY seen ON nod.usage_ledger FOR SELECT TO nod_app USING (workspace_id = (SELECT nod.current_workspace()))""",
        """CREATE POLICY made ON nod.usage_ledger FOR INSERT TO nod_app WITH CHECK (workspace_id = (SELECT nod.current_workspace()))""",
    )
    run(
        """
        CREATE TABLE nod.usage_counters (
            workspace_id UUID NOT NULL,
            scope TEXT NOT NULL,
            day DATE NOT NULL,
            runs INTEGER NOT NULL,
            tokens BIGINT NOT NULL,
            cost NUMERIC(18, 8) NOT NULL,
            told TEXT[] NOT NULL,
            CONSTRAINT usage_counters_key PRIMARY KEY (workspace_id, scope, day)
        )""",
        """ALTER TABLE nod.usage_counters ENABLE ROW LEVEL SECURITY""",
        """ALTER TABLE nod.usage_counters FORCE ROW LEVEL SECURITY""",
        """GRANT SELECT, INSERT ON nod.usage_counters TO nod_app""",
        """CREATE POLICY seen ON nod.usage_counters FOR SELECT TO nod_app USING (workspace_id = (SELECT nod.current_workspace()))""",
        """CREATE POLICY made ON nod.usage_counters FOR INSERT TO nod_app WITH CHECK (workspace_id = (SELECT nod.current_workspace()))""",
        """GRANT UPDATE (runs, tokens, cost, told) ON nod.usage_counters TO nod_app""",
        """CREATE POLICY changed ON nod.usage_counters FOR UPDATE TO nod_app USING (workspace_id = (SELECT nod.current_workspace())) WITH CHECK (workspace_id = (SELECT nod.current_workspace()))""",
    )
    rest("usage_ledger")
    run("SELECT nod.make_parts(2)")
