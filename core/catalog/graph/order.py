"""Which node waits for which: what their references name, and an order that respects it."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from heapq import heapify, heappop, heappush
from typing import Any

from core.catalog.expressions import condition, query, weigh
from core.catalog.graph.models import MAX_DEPTH, MAX_NODES, MAX_REFERENCES, Graph, Node
from core.kernel.errors import Invalid

REFERENCE = "$"
OUTPUT = "output"
ERRORS = "errors"
ROOTS = frozenset(("run", "params", ERRORS))
ENTRY = frozenset(("item", "index"))
MAX_LITERAL_DEPTH = 30
MAX_VALUES = 50_000


@dataclass(frozen=True)
class Order:
    """The nodes, each after all that it waits for (`before`: node id → ids)."""

    nodes: tuple[Node, ...]
    before: Mapping[str, frozenset[str]]


def order(graph: Graph) -> Order:
    """What is free to choose goes by the order in which the nodes are written. Raises as `Graph.ordered` says."""
    if len(graph.nodes) > MAX_NODES:
        raise Invalid("catalog.graph_too_big", node=graph.nodes[MAX_NODES].id, part="nodes", limit=MAX_NODES)
    by_id: dict[str, Node] = {}
    for node in graph.nodes:
        if node.id in by_id or node.id in ROOTS or node.id in ENTRY:
            raise Invalid("catalog.graph_node_twice", node=node.id)
        by_id[node.id] = node
    left = MAX_REFERENCES
    before: dict[str, frozenset[str]] = {}
    for node in graph.nodes:
        naming = _Naming(node, by_id, left)
        before[node.id] = naming.node()
        left = naming.left
    _Naming(None, by_id, left).output(graph.output)
    return Order(_sorted(by_id, before), before)


class _Naming:
    """What one node names (None: the graph's output). `left` counts down the references that the graph may still have."""

    def __init__(self, node: Node | None, by_id: Mapping[str, Node], left: int) -> None:
        self._node, self._by_id, self.left = node, by_id, left
        self._id = OUTPUT if node is None else node.id
        self._named: set[str] = set()

    def node(self) -> frozenset[str]:
        node = self._node
        assert node is not None
        entry = node.for_each is not None
        self._take(node.inputs, entry=entry)
        if node.for_each is not None:
            self._query(node.for_each, entry=False)
        if node.when is not None:
            self._condition(node.when, entry=entry)
        self._count(len(node.after))
        for name in node.after:
            if name not in self._by_id:
                raise Invalid("catalog.graph_reference_dangling", node=self._id, reference=name)
            self._named.add(name)
        return frozenset(self._named)

    def output(self, value: Any) -> None:
        self._take(value, entry=False)

    def _take(self, value: Any, *, entry: bool) -> None:
        weight = weigh(value, MAX_VALUES)
        if weight.values > MAX_VALUES:
            raise Invalid("catalog.graph_too_big", node=self._id, part="values", limit=MAX_VALUES)
        if weight.depth > MAX_LITERAL_DEPTH:
            raise Invalid("catalog.graph_too_big", node=self._id, part="nesting", limit=MAX_LITERAL_DEPTH)
        for expression in references(value):
            self._query(expression, entry=entry)

    def _count(self, more: int) -> None:
        self.left -= more
        if self.left < 0:
            raise Invalid("catalog.graph_too_big", node=self._id, part="references", limit=MAX_REFERENCES)

    def _query(self, expression: Any, *, entry: bool) -> None:
        self._count(1)
        if not isinstance(expression, str):
            raise Invalid("catalog.graph_reference_broken", node=self._id, reference=type(expression).__name__)
        try:
            names = query(expression).names
        except Invalid as problem:
            raise self._broken(problem, "catalog.graph_reference_broken", "reference") from problem
        self._resolve(names, expression, entry)

    def _condition(self, expression: str, *, entry: bool) -> None:
        self._count(1)
        try:
            names = condition(expression).names
        except Invalid as problem:
            raise self._broken(problem, "catalog.graph_condition_broken", "condition") from problem
        self._resolve(names, expression, entry)

    def _broken(self, problem: Invalid, code: str, what: str) -> Invalid:
        if problem.code == "catalog.expression_too_big":
            return Invalid("catalog.graph_expression_too_big", node=self._id, **problem.data)
        return Invalid(code, node=self._id, **{what: problem.data["expression"]})

    def _resolve(self, names: frozenset[tuple[str, ...]], expression: str, entry: bool) -> None:
        for root, *rest in names:
            wanted = rest[0] if root == ERRORS and rest else root
            if wanted in self._by_id:
                self._named.add(wanted)
            elif not (
                root in ("run", "params")
                or (root in ENTRY and entry)
                or (root == ERRORS and not rest and self._node is None)
            ):
                raise Invalid("catalog.graph_reference_dangling", node=self._id, reference=expression)


def _sorted(by_id: Mapping[str, Node], before: Mapping[str, frozenset[str]]) -> tuple[Node, ...]:
    place = {name: at for at, name in enumerate(by_id)}
    left = {name: len(waits) for name, waits in before.items()}
    after: dict[str, list[str]] = {name: [] for name in by_id}
    for name, waits in before.items():
        for other in waits:
            after[other].append(name)
    depth = dict.fromkeys(by_id, 1)
    ready = [place[name] for name, waits in left.items() if not waits]
    heapify(ready)
    names = list(by_id)
    found: list[Node] = []
    while ready:
        name = names[heappop(ready)]
        found.append(by_id[name])
        if depth[name] > MAX_DEPTH:
            raise Invalid("catalog.graph_too_big", node=name, part="depth", limit=MAX_DEPTH)
        for follower in after[name]:
            depth[follower] = max(depth[follower], depth[name] + 1)
            left[follower] -= 1
            if not left[follower]:
                heappush(ready, place[follower])
    if len(found) < len(by_id):
        circle = _circle(before, next(name for name, waits in left.items() if waits))
        raise Invalid("catalog.graph_cycle", node=circle[0], nodes=circle)
    return tuple(found)


def _circle(before: Mapping[str, frozenset[str]], start: str) -> list[str]:
    """The nodes of a cycle that `start` is in or waits for."""
    done: set[str] = set()
    todo: list[tuple[str, Iterator[str]]] = [(start, iter(sorted(before[start])))]
    path = [start]
    while todo:
        name, rest = todo[-1]
        for other in rest:
            if other in path:
                return path[path.index(other) :]
            if other not in done:
                path.append(other)
                todo.append((other, iter(sorted(before[other]))))
                break
        else:
            done.add(name)
            path.pop()
            todo.pop()
    return [start]


def is_reference(value: Any) -> bool:
    """Whether it is `{"$": …}`."""
    return isinstance(value, Mapping) and len(value) == 1 and REFERENCE in value


def references(value: Any) -> Iterator[Any]:
    """Every reference's expression inside a JSON value."""
    todo = [value]
    while todo:
        each = todo.pop()
        if is_reference(each):
            yield each[REFERENCE]
        elif isinstance(each, Mapping):
            todo.extend(reversed(list(each.values())))
        elif isinstance(each, list | tuple):
            todo.extend(reversed(each))
