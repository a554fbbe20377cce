"""What an agent version runs: a directed acyclic graph of skills, as data."""

from collections.abc import Iterator, Mapping
from graphlib import CycleError, TopologicalSorter
from typing import Any

import jmespath
from jmespath.exceptions import JMESPathError
from pydantic import BaseModel, ConfigDict, Field

from core.kernel.errors import Invalid

REFERENCE = "$"
ROOTS = frozenset(("run", "params"))
MAX_NODES = 200


class Node(BaseModel):
    """One step: `skill` with `inputs`. An input is a literal, or `{"$": "<jmespath>"}` over `{run, params, <node id>: outputs}`.
    With `for_each` (a reference to a list) the skill runs once an entry, which its inputs see as `item`; `limit` caps it."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    id: str = Field(pattern=r"^[a-z][a-z0-9_]{0,39}$")
    skill: str = Field(pattern=r"^[a-z_]+\.[a-z_]+$")
    inputs: dict[str, Any] = Field(default_factory=dict)
    for_each: str | None = None
    limit: int = Field(default=500, ge=1, le=10_000)


class Graph(BaseModel):
    """The nodes, and `output`: what the run gives back, made of references like a node's inputs."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    nodes: tuple[Node, ...] = Field(min_length=1, max_length=MAX_NODES)
    output: dict[str, Any] = Field(default_factory=dict)

    def ordered(self) -> tuple[Node, ...]:
        """The nodes, each after all that it refers to.

        Raises Invalid: `catalog.graph_node_twice`, `catalog.graph_reference_dangling`, `catalog.graph_reference_broken`,
        `catalog.graph_cycle`; data names the node.
        """
        by_id: dict[str, Node] = {}
        for node in self.nodes:
            if node.id in by_id or node.id in ROOTS or node.id == "item":
                raise Invalid("catalog.graph_node_twice", node=node.id)
            by_id[node.id] = node
        before = {
            node.id: set(self._named(node.id, [node.inputs, _reference(node.for_each)], by_id)) for node in self.nodes
        }
        set(self._named("output", self.output, by_id))
        try:
            return tuple(by_id[name] for name in TopologicalSorter(before).static_order())
        except CycleError as cycle:
            raise Invalid("catalog.graph_cycle", nodes=list(cycle.args[1])) from cycle

    def _named(self, node: str, value: Any, by_id: Mapping[str, Node]) -> Iterator[str]:
        for expression in references(value):
            try:
                named = set(_roots(jmespath.compile(expression).parsed))
            except (JMESPathError, RecursionError) as problem:
                raise Invalid("catalog.graph_reference_broken", node=node, reference=expression) from problem
            for root in named:
                if root in by_id:
                    yield root
                elif root not in ROOTS and root != "item":
                    raise Invalid("catalog.graph_reference_dangling", node=node, reference=expression)


_LEFT_ONLY = frozenset(
    ("subexpression", "index_expression", "pipe", "projection", "filter_projection", "value_projection", "flatten")
)


def _roots(tree: Mapping[str, Any]) -> Iterator[str]:
    """The names that a parsed JMESPath expression looks up in its scope; what stands right of a dot, a pipe or a projection
    looks into what is left of it."""
    if tree["type"] == "field":
        yield tree["value"]
    children = tree.get("children", ())
    for child in children[:1] if tree["type"] in _LEFT_ONLY else children:
        if child["type"] != "expref":
            yield from _roots(child)


def _reference(expression: str | None) -> Any:
    return None if expression is None else {REFERENCE: expression}


def references(value: Any) -> Iterator[str]:
    """Every reference's expression inside a JSON value."""
    if isinstance(value, Mapping):
        if set(value) == {REFERENCE}:
            yield str(value[REFERENCE])
        else:
            for inner in value.values():
                yield from references(inner)
    elif isinstance(value, list | tuple):
        for inner in value:
            yield from references(inner)
