"""What a template's folder says: an agent is this data and nothing else."""

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from core.catalog.graph import Graph

Archetype = Literal["inbox", "planner", "finance", "learning", "family", "generic"]


class ToolNeed(BaseModel):
    """A tool role that an agent works with (`mail`), and what it may do with it. `sample` is the integration that stands in
    when a person has connected nothing."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    tool: str
    operations: tuple[str, ...] = ()
    reads: bool = False
    required: bool = True
    sample: str | None = None


class TemplateManifest(BaseModel):
    """`core/catalog/templates/<slug>/manifest.yaml`; the domain's AgentTemplate. Sentences are message ids of the words that
    a person reads (`does`, `never`), `settings` is the JSON Schema of the agent's form, `defaults` its values, `schedule` the
    cron that is offered first, `consents` what a person must agree to, `ttl_seconds` how long an output stays fresh."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    slug: str = Field(pattern=r"^[a-z][a-z0-9_]*$")
    version: str = Field(pattern=r"^\d+\.\d+\.\d+$")
    name: str
    archetype: Archetype
    description: str
    does: tuple[str, ...]
    never: tuple[str, ...]
    tools: tuple[ToolNeed, ...]
    consents: tuple[str, ...] = ()
    settings: dict[str, Any] = Field(default_factory=lambda: {"type": "object", "properties": {}})
    preferences: dict[str, Any] = Field(default_factory=lambda: {"type": "object", "properties": {}})
    defaults: dict[str, Any] = Field(default_factory=dict)
    schedule: str | None = None
    ttl_seconds: int = 86_400
    graph: Graph
