"""Agents and their immutable versions."""

from typing import Any

from sqlalchemy import Index, Table

from core.catalog.graph import Graph
from core.catalog.models import Agent, AgentConfig, OwnSkill, SkillSpec
from storage.tables.access import access
from storage.tables.base import (
    belongs,
    flag,
    key,
    metadata,
    number,
    one_of,
    refers,
    text,
    texts,
    uid,
    unique,
    value,
    when,
)

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
    number("failures"),
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
    texts("skills"),
    flag("light"),
    uid("author_id", null=True),
    text("note", null=True),
    uid("parent_run_id", null=True),
    when("created_at"),
    key("agent_versions"),
    unique("agent_versions", "workspace_id", "agent_id", "semantic_version"),
    unique("agent_versions", "workspace_id", "id", "agent_id"),
    refers("agent_versions", ["agent_id"], "agents"),
)
Index("agent_versions_with_skill", agent_versions.c.skills, postgresql_using="gin")

skills = Table(
    "skills",
    metadata,
    uid("id"),
    uid("workspace_id"),
    uid("owner_id"),
    text("name"),
    text("title"),
    text("description"),
    text("type"),
    text("status"),
    number("latest_version"),
    when("created_at"),
    number("version"),
    key("skills"),
    unique("skills", "workspace_id", "name"),
    belongs("skills", "workspace_id", "workspaces"),
    one_of("skills", OwnSkill, "status"),
)

skill_versions = Table(
    "skill_versions",
    metadata,
    uid("id"),
    uid("workspace_id"),
    uid("skill_id"),
    number("number"),
    value("spec", SkillSpec),
    uid("author_id", null=True),
    uid("parent_run_id", null=True),
    when("created_at"),
    key("skill_versions"),
    unique("skill_versions", "workspace_id", "skill_id", "number"),
    refers("skill_versions", ["skill_id"], "skills"),
)

access(agents)
access(agent_versions, append_only=True, doors=("id", "workspace_id", "skills"))
access(skills, fixed=("name", "type"))
access(skill_versions, append_only=True)
