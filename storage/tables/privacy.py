"""When a workspace's history is looked through next; what people asked to be done with what is theirs, and which tables are emptied when somebody is forgotten."""

from typing import Any

from sqlalchemy import Index, Table
from sqlalchemy import text as sql

from core.privacy.models import PrivacyRequest
from storage.tables.access import AT_THE_DOOR, MINE, WORKSPACE, access
from storage.tables.base import belongs, key, metadata, number, one_of, text, uid, value, when

history_passes = Table(
    "history_passes",
    metadata,
    uid("workspace_id"),
    when("due_at"),
    key("history_passes", "workspace_id"),
    belongs("history_passes", "workspace_id", "workspaces", on_delete="CASCADE"),
)

privacy_requests = Table(
    "privacy_requests",
    metadata,
    uid("id"),
    uid("workspace_id"),
    uid("user_id"),
    text("kind"),
    text("status"),
    when("due_at"),
    value("stopped", dict[str, Any]),
    number("fence"),
    when("lease_until", null=True),
    number("attempts"),
    text("blob", null=True),
    number("size", null=True),
    when("ended_at", null=True),
    when("created_at"),
    number("version"),
    key("privacy_requests"),
    belongs("privacy_requests", "workspace_id", "workspaces", on_delete="CASCADE"),
    belongs("privacy_requests", "user_id", "users"),
    one_of("privacy_requests", PrivacyRequest, "kind"),
    one_of("privacy_requests", PrivacyRequest, "status"),
)
Index("privacy_requests_of_user", privacy_requests.c.workspace_id, privacy_requests.c.user_id, privacy_requests.c.id)
Index(
    "privacy_requests_due",
    privacy_requests.c.due_at,
    postgresql_where=sql("status IN ('asked', 'working')"),
)

access(history_passes, doors=("workspace_id", "due_at"), door_rows=AT_THE_DOOR)
access(
    privacy_requests,
    seen=f"{WORKSPACE} AND {MINE}",
    made=f"{WORKSPACE} AND {MINE}",
    fixed=("kind",),
    doors=("id", "workspace_id", "user_id", "status", "due_at", "lease_until"),
    door_rows=f"status IN ('asked', 'working') AND {AT_THE_DOOR}",
)
