"""Agents: a template made a person's own, and its immutable versions."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from core.catalog.graph import Graph


class AgentConfig(BaseModel):
    """A person's settings of an agent. `behaviour` holds the values of the template's form; `tools` maps a tool role
    (mail) to a connection id; `prompt_templates` the texts that the agent drafts with. `own_graph`: a person wrote its graph, so a change of settings keeps it."""

    model_config = ConfigDict(frozen=True)

    behaviour: dict[str, Any] = {}
    tools: dict[str, UUID] = {}
    prompt_templates: dict[str, str] = {}
    own_graph: bool = False


@dataclass
class Agent:
    """A configured agent of a person. `template` is the slug of a manifest. `failures` counts the runs that failed since the last one that did not."""

    id: UUID
    workspace_id: UUID
    owner_id: UUID
    template: str
    name: str
    config: AgentConfig
    created_at: datetime
    description: str = ""
    status: Literal["active", "paused", "error"] = "active"
    latest_version_id: UUID | None = None
    last_run_at: datetime | None = None
    failures: int = 0
    version: int = 1


@dataclass(frozen=True)
class AgentVersion:
    """What an agent is at one time; never changed. `default_params` is the config that its graph's `params` refer to; `skills` are the names of the skills
    that the graph uses; `light` says that it only computes; `author_id` is who made it, or `parent_run_id` the run that did."""

    id: UUID
    workspace_id: UUID
    agent_id: UUID
    semantic_version: str
    graph: Graph
    default_params: dict[str, Any]
    created_at: datetime
    skills: list[str] = field(default_factory=list)
    light: bool = False
    author_id: UUID | None = None
    note: str | None = None
    parent_run_id: UUID | None = None


SkillType = Literal["llm", "http_request", "code", "transform", "mcp", "agent"]


class SkillSpec(BaseModel):
    """What a skill of a person's own is: a platform skill (its type) with some inputs fixed and some left open. `fixed` are inputs of the type, literal or
    with references over the open ones (`{"$": "text"}`); `inputs` and `outputs` are JSON Schemas of what it takes and of what it gives back."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    fixed: dict[str, Any] = Field(default_factory=dict)
    inputs: dict[str, Any] = Field(default_factory=lambda: {"type": "object", "properties": {}})
    outputs: dict[str, Any] | None = None


@dataclass
class OwnSkill:
    """A skill that a person made. Graphs name it `own.<name>`; `latest_version` is the number that new graphs get."""

    id: UUID
    workspace_id: UUID
    owner_id: UUID
    name: str
    title: str
    type: SkillType
    created_at: datetime
    description: str = ""
    status: Literal["active", "archived"] = "active"
    latest_version: int = 1
    version: int = 1


@dataclass(frozen=True)
class SkillVersion:
    """What an own skill is at one time; never changed. `number` counts from 1."""

    id: UUID
    workspace_id: UUID
    skill_id: UUID
    number: int
    spec: SkillSpec
    created_at: datetime
    author_id: UUID | None = None
    parent_run_id: UUID | None = None
