"""What may stand in a document: one shape for each kind. Things refer to each other by name."""

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, TypeAdapter

from core.catalog.models import SkillSpec, SkillType
from core.workflows.compile import Type
from core.workflows.trigger import TriggerSpec

Name = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=200)]
SkillName = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_-]{0,59}$")]
Kind = Literal["skill", "agent", "pack", "workflow", "trigger"]
KINDS: tuple[Kind, ...] = ("skill", "agent", "pack", "workflow", "trigger")
Status = Literal["active", "paused"]


class _Entry(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class SkillEntry(_Entry):
    """A skill of one's own; graphs name it `own.<name>`. `earlier` are the specs of its versions before this one, oldest first, where an agent still uses one. A `status`
    that is left out stays as it is."""

    kind: Literal["skill"]
    name: SkillName
    title: str = ""
    description: str = ""
    type: SkillType
    spec: SkillSpec
    earlier: tuple[SkillSpec, ...] = ()
    status: Literal["active", "archived"] | None = None


class ConnectionName(_Entry):
    """A connection of the workspace: of which integration, and what it is called. It is not made here, because its secrets do not belong in a file."""

    integration: str
    name: str


class AgentEntry(_Entry):
    """An agent of a `template`, of a `graph` of one's own, or of a template with another graph. `settings` are what the graph sees as `params.behaviour`. A tool role that `connections`
    does not name keeps its connection; a new agent of a template gets the sample there. A `status` that is left out stays as it is."""

    kind: Literal["agent"]
    name: Name
    template: str | None = None
    description: str | None = None
    settings: dict[str, Any] = {}
    connections: dict[str, ConnectionName] = {}
    graph: dict[str, Any] | None = None
    status: Status | None = None


class PackEntry(_Entry):
    """Agents, by name, that run together. A `status` that is left out stays as it is."""

    kind: Literal["pack"]
    name: Name
    description: str = ""
    agents: tuple[str, ...] = Field(min_length=1)
    mode: Literal["sequential", "parallel"] = "sequential"
    is_shared: bool = False
    is_public: bool = False
    status: Literal["active", "paused", "archived"] | None = None


class WorkflowEntry(_Entry):
    """A workflow; its steps name agents, and people by their e-mail address (`me`: whose file it is). A `status` that is left out stays as it is."""

    kind: Literal["workflow"]
    name: Name
    description: str = ""
    type: Type
    pack: str | None = None
    steps: list[Any]
    status: Status | None = None


class TriggerEntry(TriggerSpec):
    """A trigger of exactly one `agent`, `pack` or `workflow`. It is known by what it starts, its type and its name (that of what it starts, when left out). A webhook's secret is
    made when it is new. A `status` that is left out stays as it is; `removed` takes away the one that there is, and changes nothing where there is none."""

    kind: Literal["trigger"]
    agent: str | None = None
    pack: str | None = None
    workflow: str | None = None
    status: Literal["active", "paused", "removed"] | None = None

    @property
    def target(self) -> tuple[Literal["agent", "pack", "workflow"], str] | None:
        """What it starts, where that is one thing."""
        named = [("agent", self.agent), ("pack", self.pack), ("workflow", self.workflow)]
        given = [(kind, name) for kind, name in named if name is not None]
        return given[0] if len(given) == 1 else None  # type: ignore[return-value]

    @property
    def spec(self) -> TriggerSpec:
        """The trigger as core.workflows.trigger takes it."""
        return TriggerSpec.model_validate(self.model_dump(include=set(TriggerSpec.model_fields)))


Entry = Annotated[SkillEntry | AgentEntry | PackEntry | WorkflowEntry | TriggerEntry, Field(discriminator="kind")]
ENTRY: TypeAdapter[Entry] = TypeAdapter(Entry)
