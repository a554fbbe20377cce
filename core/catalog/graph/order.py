"""Which node waits for which: what their references name, and an order that respects it."""

from collections.abc import Iterator, Mapping
from graphlib import CycleError, TopologicalSorter
from typing import Any

import jmespath
from jmespath.exceptions import JMESPathError

from core.catalog.graph.models import Graph, Node
from core.kernel.errors import Invalid

REFERENCE = "$"
ROOTS = frozenset(("run", "params", "errors"))
ENTRY = frozenset(("item", "index"))


def ordered(graph: Graph) -> tuple[Node, ...]:
    """See `Graph.ordered`."""
    by_id: dict[str, Node] = {}
    for node in graph.nodes:
        if node.id in by_id or node.id in ROOTS or node.id in ENTRY:
            raise Invalid("catalog.graph_node_twice", node=node.id)
        by_id[node.id] = node
    before = {node.id: set(_named(node.id, [node.inputs, _reference(node.for_each)], by_id)) for node in graph.nodes}
    set(_named("output", graph.output, by_id))
    try:
        return tuple(by_id[name] for name in TopologicalSorter(before).static_order())
    except CycleError as cycle:
        raise Invalid("catalog.graph_cycle", nodes=list(cycle.args[1])) from cycle


def _named(node: str, value: Any, by_id: Mapping[str, Node]) -> Iterator[str]:
    for expression in references(value):
        try:
            named = set(_roots(jmespath.compile(expression).parsed))
        except (JMESPathError, RecursionError) as problem:
            raise Invalid("catalog.graph_reference_broken", node=node, reference=expression) from problem
        for root in named:
            if root in by_id:
                yield root
            elif root not in ROOTS and root not in ENTRY:
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
