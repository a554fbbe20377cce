"""All that is stored about a person, table by table, in every workspace that they are in: one snapshot, opened where it is sealed, without what proves or unlocks anything."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, Table, select

from storage.engine import Database, asking
from storage.seals import Seals
from storage.tables import metadata
from storage.vault import LocalKeys

OWN = {
    "users": "id", "user_profiles": "user_id", "memberships": "user_id", "identity_links": "user_id", "sessions": "user_id", "api_keys": "user_id",
    "user_preferences": "user_id", "user_consents": "user_id", "user_contexts": "user_id", "agents": "owner_id", "skills": "owner_id", "packs": "owner_id",
    "workflows": "owner_id", "triggers": "owner_id", "runs": "user_id", "questions": "user_id", "workflow_executions": "user_id", "connections": "user_id",
    "tasks": "owner_id", "suggestions": "user_id", "approvals": "user_id", "delegations": "user_id", "suggestion_batches": "user_id", "messages": "user_id",
    "events": "user_id", "deliveries": "user_id", "usage_ledger": "user_id", "privacy_requests": "user_id", "workspaces": "owner_id", "rooms": "connected_by",
}  # fmt: skip
"""Whose a row is, by the column that says so."""
OF = {
    "agent_versions": ("agent_id", "agents"), "skill_versions": ("skill_id", "skills"), "workflow_versions": ("workflow_id", "workflows"),
    "trigger_firings": ("trigger_id", "triggers"), "run_steps": ("run_id", "runs"), "connector_executions": ("connection_id", "connections"),
    "data_snapshots": ("connection_id", "connections"), "suggestion_revisions": ("suggestion_id", "suggestions"),
    "action_executions": ("suggestion_id", "suggestions"), "suggestion_batch_items": ("batch_id", "suggestion_batches"),
}  # fmt: skip
"""Rows that belong to one of the person's own, by the column that names it."""
LEFT_OUT = {
    "data_keys": "unlocks", "credentials": "unlocks", "link_codes": "proves", "sign_ins": "proves", "invitations": "proves", "answered_requests": "answers that are given again, of what is here",
    "conversations": "how far a form is just now", "event_matches": "work to do", "execution_attempts": "of the executions here, without their person",
    "given_up": "what was given up of what is here", "inbound_events": "nobody's, and emptied once handled", "oauth_states": "proves", "slack_installations": "a team's", "history_passes": "work to do", "rewrites": "work to do, whose words go with it",
    "subscriptions": "the workspace's", "usage_counters": "sums of what is here", "approval_policies": "the workspace's", "room_agents": "the workspace's",
}  # fmt: skip
"""What is in no export, and why."""
SECRET = frozenset(("sid", "hash", "secret", "ciphertext", "wrapped", "fence", "lease_until", "trace", "credential_id"))
"""Columns that prove or unlock something, or are the machine's own."""
SEALED = {"messages": "payload", "events": "payload", "suggestion_revisions": "action"}
AT_ONCE = 500


class Everything:
    """One snapshot of one person's."""

    def __init__(self, connection: Connection, database: Database, keys: LocalKeys, user_id: UUID) -> None:
        self._connection, self._database, self._keys, self._user_id = connection, database, keys, user_id

    def tables(self) -> list[str]:
        """The names of what there may be rows of."""
        return [*OWN, *OF]

    def rows(self, workspace_id: UUID, table: str) -> Iterator[dict[str, Any]]:
        """The person's rows of a table in one of their workspaces, oldest first, as JSON values would say them (times and ids are text later)."""
        self._database.enter(self._connection, workspace_id, self._user_id)
        seals = Seals(asking(self._connection), self._keys, workspace_id)
        found = self._connection.execution_options(yield_per=AT_ONCE).execute(
            _theirs(metadata.tables[f"nod.{table}"], self._user_id)
        )
        sealed = SEALED.get(table)
        for row in found.mappings():
            told = {name: value for name, value in row.items() if name not in SECRET and name != sealed}
            if sealed is not None:
                told[sealed] = seals.open_json(self._user_id, table, row["id"], sealed, row[sealed])
            yield told


@contextmanager
def everything(database: Database, keys: LocalKeys, workspace_id: UUID, user_id: UUID) -> Iterator[Everything]:
    """Opens the snapshot (REPEATABLE READ, read only): what changes meanwhile is not in it."""
    with database.snapshot(workspace_id, user_id) as connection:
        yield Everything(connection, database, keys, user_id)


def _theirs(table: Table, user_id: UUID) -> Any:
    if table.name in OWN:
        mine = table.c[OWN[table.name]] == user_id
    else:
        column, parent_name = OF[table.name]
        parent = metadata.tables[f"nod.{parent_name}"]
        mine = table.c[column].in_(select(parent.c.id).where(parent.c[OWN[parent_name]] == user_id))
    order = [table.c[name] for name in ("created_at", "id") if name in table.c]
    return select(table).where(mine).order_by(*order)
