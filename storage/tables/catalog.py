"""Agents and their immutable versions."""

from typing import Any

from sqlalchemy import Index, Table

from core.catalog.graph import Graph
from core.catalog.models import Agent, AgentConfig
from storage.tables.access import access
from storage.tables.base import belongs, key, metadata, number, one_of, refers, text, uid, unique, value, when

agents = Table(
    "agents",
    metadata,
    uid("id"),
    uid("workspace_id"),
    uid("owner_id"),
    text("template"),
    text("name"),
    text("description"),
    value("config", AgentConfig),
    text("status"),
    uid("latest_version_id", null=True),
    when("last_run_at", null=True),
    when("created_at"),
    number("version"),
    key("agents"),
    belongs("agents", "workspace_id", "workspaces"),
    refers("agents", ["latest_version_id", "id"], "agent_versions", ["id", "agent_id"], in_a_ring=True),
    one_of("agents", Agent, "status"),
)

agent_versions = Table(
    "agent_versions",
    metadata,
    uid("id"),
    uid("workspace_id"),
    uid("agent_id"),
    text("semantic_version"),
    value("graph", Graph),
    value("default_params", dict[str, Any]),
    uid("parent_run_id", null=True),
    when("created_at"),
    key("agent_versions"),
    unique("agent_versions", "workspace_id", "agent_id", "semantic_version"),
    unique("agent_versions", "workspace_id", "id", "agent_id"),
    refers("agent_versions", ["agent_id"], "agents"),
)
Index(
    "agent_versions_graph", agent_versions.c.graph, postgresql_using="gin", postgresql_ops={"graph": "jsonb_path_ops"}
)

access(agents)
access(agent_versions, append_only=True)
