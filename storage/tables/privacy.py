"""When a workspace's history is looked through next."""

from sqlalchemy import Table

from storage.tables.access import AT_THE_DOOR, access
from storage.tables.base import belongs, key, metadata, uid, when

history_passes = Table(
    "history_passes",
    metadata,
    uid("workspace_id"),
    when("due_at"),
    key("history_passes", "workspace_id"),
    belongs("history_passes", "workspace_id", "workspaces", on_delete="CASCADE"),
)

access(history_passes, doors=("workspace_id", "due_at"), door_rows=AT_THE_DOOR)
