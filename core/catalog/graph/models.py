"""What an agent version runs: a directed acyclic graph of skills, as data."""

from collections.abc import Callable
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationInfo, field_validator

MAX_NODES = 200
MAX_DEPTH = 50
MAX_REFERENCES = 2_000
MAX_EXPRESSION = 2_000
MAX_SECONDS = 3_600
LIGHT_STEPS = 1_000
OWN = "own."

NodeId = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{0,39}$")]
Expression = Annotated[str, Field(min_length=1, max_length=MAX_EXPRESSION)]


class Retry(BaseModel):
    """How often a failing step is tried: `attempts` in all, `pause_seconds` before the second one, `factor` times as long before
    each further one (a day at most). `on`: only these error codes; None: whatever may pass (core.kernel.errors.Unavailable) and
    an overrun."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    attempts: int = Field(default=3, ge=1, le=5)
    pause_seconds: float = Field(default=1.0, ge=0, le=86_400, allow_inf_nan=False)
    factor: float = Field(default=2.0, ge=1, le=10, allow_inf_nan=False)
    on: tuple[str, ...] | None = Field(default=None, max_length=20)


class Use(BaseModel):
    """What stands for the outputs of a step that failed for good: literals."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    use: dict[str, Any]


class Node(BaseModel):
    """One step: `skill` with `inputs`. An input is a literal, or `{"$": "<jmespath>"}` over `{run, params, <node id>: outputs,
    errors: {<node id>: error}}`, and within `for_each` (a reference to a list: one step an entry) also `item` and `index`.

    `when`: a CEL condition over the same names; where it is false the step is skipped and its outputs are null. One that names
    `item` or `index` is asked for each entry, any other once. `limit` caps the entries, `parallel` says how many may run beside
    each other. `after`: nodes that must be over first though nothing is taken from them. `timeout`: seconds. `on_error`: `fail`
    ends the run, `continue` goes on with null, `{"use": outputs}` with these; both leave the error in `errors`.
    `skill_version` is the pinned version of a person's own skill (`own.<slug>`)."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    id: NodeId
    skill: str = Field(pattern=r"^[a-z][a-z_]{0,39}(\.[a-z][a-z0-9_-]{0,59})?$")
    skill_version: int | None = Field(default=None, ge=1)
    inputs: dict[str, Any] = Field(default_factory=dict)
    when: Expression | None = None
    for_each: Expression | None = None
    limit: int = Field(default=500, ge=1, le=10_000)
    parallel: int = Field(default=1, ge=1, le=16)
    after: tuple[NodeId, ...] = Field(default=(), max_length=MAX_NODES)
    retry: Retry | None = None
    timeout: float = Field(default=300, gt=0, le=MAX_SECONDS, allow_inf_nan=False)
    on_error: Literal["fail", "continue"] | Use = "fail"

    @field_validator("after")
    @classmethod
    def _once(cls, after: tuple[str, ...]) -> tuple[str, ...]:
        return tuple(dict.fromkeys(after))

    @field_validator("skill_version")
    @classmethod
    def _only_own_skills_are_pinned(cls, version: int | None, info: ValidationInfo) -> int | None:
        if version is not None and not str(info.data.get("skill", "")).startswith(OWN):
            raise ValueError("only a skill of one's own has versions")
        return version


class Graph(BaseModel):
    """The nodes, and `output`: what the run gives back, made of references like a node's inputs."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    nodes: tuple[Node, ...] = Field(min_length=1, max_length=MAX_NODES)
    output: dict[str, Any] = Field(default_factory=dict)

    def ordered(self) -> tuple[Node, ...]:
        """The nodes, each after all that it waits for; what is free to choose goes by the order in which they are written.

        Raises Invalid: `catalog.graph_node_twice`, `catalog.graph_reference_dangling`, `catalog.graph_reference_broken`,
        `catalog.graph_condition_broken`, `catalog.graph_expression_too_big`, `catalog.graph_too_big`, `catalog.graph_cycle`; data names the node.
        """
        from core.catalog.graph.order import order

        return order(self).nodes

    def skills(self) -> tuple[str, ...]:
        """The names of the skills that it uses, sorted."""
        return tuple(sorted({node.skill for node in self.nodes}))


def light(graph: Graph, quick: Callable[[str], bool]) -> bool:
    """Whether a run of it is pure computation of milliseconds: quick skills only, no pauses, no more than 1,000 steps."""
    steps = sum(1 if node.for_each is None else node.limit for node in graph.nodes)
    return steps <= LIGHT_STEPS and all(node.retry is None and quick(node.skill) for node in graph.nodes)
