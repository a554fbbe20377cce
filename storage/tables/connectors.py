"""Connections, their sealed credentials, what was read and called through them, and the own task list."""

from typing import Any

from sqlalchemy import Column, Date, Index, Table
from sqlalchemy import text as sql

from core.connectors.models import Connection, ConnectorExecution
from core.kernel.money import Money
from storage.tables.access import access
from storage.tables.base import (
    belongs,
    key,
    metadata,
    number,
    one_of,
    refers,
    sealed,
    text,
    texts,
    uid,
    unique,
    value,
    when,
)

credentials = Table(
    "credentials",
    metadata,
    uid("id"),
    uid("workspace_id"),
    uid("user_id"),
    text("integration"),
    text("name"),
    sealed("ciphertext"),
    text("key_id"),
    value("meta", dict[str, Any]),
    when("last_refreshed_at", null=True),
    when("revoked_at", null=True),
    when("created_at"),
    number("version"),
    key("credentials"),
    belongs("credentials", "workspace_id", "workspaces"),
)

connections = Table(
    "connections",
    metadata,
    uid("id"),
    uid("workspace_id"),
    uid("user_id"),
    text("integration"),
    text("name"),
    value("config", dict[str, Any]),
    uid("credential_id", null=True),
    text("account"),
    text("status"),
    texts("permissions"),
    when("last_used_at", null=True),
    value("sync_cursor", dict[str, Any]),
    value("facts", dict[str, Any]),
    value("problem", dict[str, Any], null=True),
    when("created_at"),
    number("version"),
    key("connections"),
    belongs("connections", "workspace_id", "workspaces"),
    refers("connections", ["credential_id"], "credentials"),
    one_of("connections", Connection, "status"),
)
Index("connections_of_user", connections.c.workspace_id, connections.c.user_id)

data_snapshots = Table(
    "data_snapshots",
    metadata,
    uid("id"),
    uid("workspace_id"),
    uid("connection_id"),
    uid("agent_id"),
    text("data_type"),
    text("external_id"),
    value("metadata", dict[str, Any]),
    text("body_ref", null=True),
    when("snapshot_at"),
    when("expires_at"),
    key("data_snapshots"),
    unique("data_snapshots", "workspace_id", "connection_id", "agent_id", "data_type", "external_id", called="thing"),
    refers("data_snapshots", ["connection_id"], "connections", on_delete="CASCADE"),
    refers("data_snapshots", ["agent_id"], "agents", on_delete="CASCADE"),
)
Index(
    "data_snapshots_by_time",
    data_snapshots.c.workspace_id,
    data_snapshots.c.connection_id,
    data_snapshots.c.agent_id,
    data_snapshots.c.data_type,
    data_snapshots.c.snapshot_at,
)

connector_executions = Table(
    "connector_executions",
    metadata,
    uid("id"),
    uid("workspace_id"),
    uid("connection_id"),
    text("operation"),
    text("status"),
    value("result", dict[str, Any]),
    when("executed_at"),
    key("connector_executions"),
    refers("connector_executions", ["connection_id"], "connections"),
    one_of("connector_executions", ConnectorExecution, "status"),
)
Index(
    "connector_executions_of_connection",
    connector_executions.c.workspace_id,
    connector_executions.c.connection_id,
)

tasks = Table(
    "tasks",
    metadata,
    uid("id"),
    uid("workspace_id"),
    uid("owner_id"),
    text("title"),
    text("notes"),
    Column("due", Date, nullable=True),
    value("amount", Money, null=True),
    text("payee", null=True),
    text("reference", null=True),
    text("made_by"),
    when("done_at", null=True),
    when("created_at"),
    number("version"),
    key("tasks"),
    unique("tasks", "workspace_id", "made_by"),
    belongs("tasks", "workspace_id", "workspaces"),
)
Index("tasks_open", tasks.c.workspace_id, tasks.c.owner_id, tasks.c.due, postgresql_where=sql("done_at IS NULL"))

access(credentials, fixed=("integration",))
access(connections, fixed=("integration",))
access(data_snapshots, fixed=("connection_id", "agent_id", "data_type", "external_id"), delete=True)
access(connector_executions, append_only=True)
access(tasks, fixed=("owner_id", "made_by"), delete=True)
