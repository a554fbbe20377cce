"""What people prefer and allow, and the contexts they are in."""

from typing import Any

from sqlalchemy import Column, Index, Table
from sqlalchemy import text as sql

from core.preferences.models import UserPreference
from storage.tables.access import AT_THE_DOOR, MINE, WORKSPACE, access
from storage.tables.base import flag, key, metadata, number, one_of, refers, text, uid, unique, when
from storage.values import Value

user_preferences = Table(
    "user_preferences",
    metadata,
    uid("id"),
    uid("user_id"),
    uid("workspace_id"),
    text("scope"),
    text("key"),
    Column("value", Value(Any, null_is_value=True), nullable=False),
    text("source"),
    when("updated_at"),
    when("created_at"),
    number("version"),
    key("user_preferences"),
    unique("user_preferences", "workspace_id", "user_id", "scope", "key"),
    refers("user_preferences", ["user_id"], "memberships", ["user_id"], on_delete="CASCADE"),
    one_of("user_preferences", UserPreference, "source"),
)

user_consents = Table(
    "user_consents",
    metadata,
    uid("id"),
    uid("user_id"),
    uid("workspace_id"),
    text("key"),
    when("granted_at"),
    when("revoked_at", null=True),
    number("version"),
    key("user_consents"),
    refers("user_consents", ["user_id"], "memberships", ["user_id"], on_delete="CASCADE"),
)
Index(
    "user_consents_active_once",
    user_consents.c.workspace_id,
    user_consents.c.user_id,
    user_consents.c.key,
    unique=True,
    postgresql_where=sql("revoked_at IS NULL"),
)
Index("user_consents_of_user", user_consents.c.workspace_id, user_consents.c.user_id, user_consents.c.key)

user_contexts = Table(
    "user_contexts",
    metadata,
    uid("id"),
    uid("user_id"),
    uid("workspace_id"),
    text("name"),
    flag("active"),
    when("created_at"),
    text("schedule", null=True),
    when("changes_at", null=True),
    number("version"),
    key("user_contexts"),
    unique("user_contexts", "workspace_id", "user_id", "name"),
    refers("user_contexts", ["user_id"], "memberships", ["user_id"], on_delete="CASCADE"),
)

Index("user_contexts_changing", user_contexts.c.changes_at, postgresql_where=sql("changes_at IS NOT NULL"))

access(user_preferences, made=f"{WORKSPACE} AND {MINE}", delete=True)
access(user_consents, made=f"{WORKSPACE} AND {MINE}")
access(
    user_contexts,
    made=f"{WORKSPACE} AND {MINE}",
    delete=True,
    doors=("id", "workspace_id", "user_id", "changes_at"),
    door_rows=f"changes_at IS NOT NULL AND {AT_THE_DOOR}",
)
