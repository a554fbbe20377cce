"""A rule on approvals may be removed; which operation it is about stays what it was."""

from storage.migrations.sql import run

revision = "0025"
down_revision = "0024"


def upgrade() -> None:
    run(
        "REVOKE UPDATE (operation) ON nod.approval_policies FROM nod_app",
        "GRANT DELETE ON nod.approval_policies TO nod_app",
        "CREATE POLICY ended ON nod.approval_policies FOR DELETE TO nod_app USING (workspace_id = (SELECT nod.current_workspace()))",
    )
