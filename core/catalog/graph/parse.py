"""Graphs from outside: from YAML, REST or a chat, refused in words that name the node."""

from collections.abc import Mapping
from math import isfinite
from typing import Any

from pydantic import ValidationError

from core.catalog.expressions import weigh
from core.catalog.graph.models import MAX_NODES, Graph
from core.catalog.graph.order import MAX_LITERAL_DEPTH, OUTPUT, order
from core.kernel.errors import Invalid

MAX_TEXT = 262_144
MAX_VALUES = 50_000
SHOWN = 80
_LARGEST = 2**63


def parse_graph(data: Any) -> Graph:
    """The graph that `data` describes (JSON or YAML values), whole and in order.

    Raises Invalid: `catalog.graph_invalid` (node, field, rule: pydantic's error type, or `json` for a value that JSON does not have),
    `catalog.graph_too_big` (node, part, limit), and all that `Graph.ordered` raises. Takes less than a second for any input of 256 KB.
    """
    if not isinstance(data, Mapping):
        raise Invalid("catalog.graph_invalid", node="", field="", rule="dict_type")
    nodes = data.get("nodes")
    if not isinstance(nodes, list | tuple):
        raise Invalid("catalog.graph_invalid", node="", field="nodes", rule="list_type" if nodes else "missing")
    if len(nodes) > MAX_NODES:
        raise Invalid("catalog.graph_too_big", node=_id(nodes, MAX_NODES), part="nodes", limit=MAX_NODES)
    nodes = [_with_words(node) for node in nodes]
    left_values, left_text = MAX_VALUES, MAX_TEXT
    for at, node in enumerate(nodes):
        left_values, left_text = _measure(_id(nodes, at), node, left_values, left_text)
    _measure(OUTPUT, {key: value for key, value in data.items() if key != "nodes"}, left_values, left_text)
    try:
        graph = Graph.model_validate({**data, "nodes": nodes})
    except ValidationError as problem:
        raise _said(problem, nodes) from problem
    order(graph)
    return graph


def _measure(name: str, part: Any, values: int, text: int) -> tuple[int, int]:
    """What is left of both limits after `part`. Raises Invalid."""
    weight = weigh(part, values)
    for measured, left, what, limit in (
        (weight.values, values, "values", MAX_VALUES),
        (weight.text, text, "text", MAX_TEXT),
        (weight.depth, MAX_LITERAL_DEPTH + 2, "nesting", MAX_LITERAL_DEPTH),
    ):
        if measured > left:
            raise Invalid("catalog.graph_too_big", node=name, part=what, limit=limit)
    if isinstance(part, Mapping):
        for field, value in part.items():
            if not _is_json(value) or not _is_text(field):
                raise Invalid("catalog.graph_invalid", node=name, field=str(field)[:SHOWN], rule="json")
    return values - weight.values, text - weight.text


def _is_json(value: Any) -> bool:
    """Only what JSON and PostgreSQL's jsonb have: YAML also has dates and sets, Python has NaN and lone surrogates."""
    todo = [value]
    while todo:
        each = todo.pop()
        if isinstance(each, str):
            if not _is_text(each):
                return False
        elif isinstance(each, Mapping):
            if not all(isinstance(key, str) for key in each):
                return False
            todo.extend(each)
            todo.extend(each.values())
        elif isinstance(each, list | tuple):
            todo.extend(each)
        elif isinstance(each, float):
            if not isfinite(each):
                return False
        elif isinstance(each, int):
            if abs(each) >= _LARGEST:
                return False
        elif each is not None:
            return False
    return True


def _is_text(value: Any) -> bool:
    if not isinstance(value, str) or "\x00" in value:
        return False
    try:
        value.encode()
    except UnicodeEncodeError:
        return False
    return True


def _with_words(node: Any) -> Any:
    """YAML 1.1 reads the key `on` as true."""
    retry = node.get("retry") if isinstance(node, Mapping) else None
    if not isinstance(retry, Mapping) or True not in retry:
        return node
    return {**node, "retry": {("on" if key is True else key): value for key, value in retry.items()}}


def _id(nodes: Any, at: int) -> str:
    node = nodes[at]
    name = node.get("id") if isinstance(node, Mapping) else None
    return name[:SHOWN] if isinstance(name, str) and name else f"#{at + 1}"


def _said(problem: ValidationError, nodes: Any) -> Invalid:
    first = problem.errors(include_input=False, include_url=False, include_context=False)[0]
    place = [str(part) for part in first["loc"]]
    name = OUTPUT if place[:1] == [OUTPUT] else ""
    if place[:1] == ["nodes"] and len(place) > 1:
        name, place = _id(nodes, int(place[1])), place[2:]
    place = place[:1] if place[:1] == ["on_error"] else place
    return Invalid("catalog.graph_invalid", node=name, field=".".join(place)[:SHOWN], rule=first["type"])
