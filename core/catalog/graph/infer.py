"""What a JMESPath expression gives, as far as JSON Schemas tell: types before anything runs."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

MAX_STEPS = 50
_SIMPLE = {
    "abs": "number", "avg": "number", "ceil": "number", "floor": "number", "length": "number", "sum": "number",
    "contains": "boolean", "starts_with": "boolean", "ends_with": "boolean",
    "join": "string", "to_string": "string", "type": "string",
    "keys": "array", "values": "array", "map": "array", "to_array": "array", "merge": "object",
}  # fmt: skip


class Missing(Exception):
    """A field that a closed schema does not have."""


@dataclass(frozen=True)
class Shape:
    """A JSON Schema, and the document that its `$ref`s point into. `Shape(True)` is anything."""

    schema: Any
    root: Any = None

    @property
    def is_anything(self) -> bool:
        return not isinstance(self.schema, Mapping) or not self.schema


ANYTHING = Shape(True)


def alternatives(shape: Shape) -> list[Shape]:
    """What it may be, `$ref`, `anyOf` and `oneOf` followed; ANYTHING among them where nobody can tell."""
    found: list[Shape] = []
    todo, steps = [shape], 0
    while todo:
        each, steps = todo.pop(), steps + 1
        if each.is_anything or steps > MAX_STEPS:
            found.append(ANYTHING)
            continue
        schema = each.schema
        if "$ref" in schema:
            todo.append(_pointed(each))
        elif "anyOf" in schema or "oneOf" in schema:
            inner = schema.get("anyOf", schema.get("oneOf"))
            todo.extend(Shape(one, each.root) for one in reversed(inner if isinstance(inner, list) else []))
        elif "allOf" in schema:
            inner = schema["allOf"]
            todo.append(Shape(inner[0], each.root) if isinstance(inner, list) and len(inner) == 1 else ANYTHING)
        else:
            found.append(each)
    return found


def _pointed(shape: Shape) -> Shape:
    """RFC 6901 within the document; anything for what points elsewhere."""
    pointer = shape.schema["$ref"]
    if not isinstance(pointer, str) or not pointer.startswith("#"):
        return ANYTHING
    found = shape.root
    for part in pointer[1:].split("/")[1:]:
        found = found.get(part.replace("~1", "/").replace("~0", "~")) if isinstance(found, Mapping) else None
    return ANYTHING if found is None else Shape(found, shape.root)


def types(shape: Shape) -> frozenset[str] | None:
    """The JSON types that it may have; None: any."""
    found: set[str] = set()
    for each in alternatives(shape):
        if each.is_anything:
            return None
        kind = each.schema.get("type")
        if isinstance(kind, str):
            found.add(kind)
        elif isinstance(kind, list):
            found.update(str(one) for one in kind)
        elif "const" in each.schema:
            found.add(type_of(each.schema["const"]))
        elif isinstance(each.schema.get("enum"), list):
            found.update(type_of(one) for one in each.schema["enum"])
        else:
            return None
    return frozenset(found)


def type_of(value: Any) -> str:
    """The JSON type of a value."""
    if value is None:
        return "null"
    for kind, name in ((bool, "boolean"), (int, "integer"), (float, "number"), (str, "string"), (Mapping, "object")):
        if isinstance(value, kind):
            return name
    return "array"


def closed(schema: Mapping[str, Any]) -> bool:
    """Whether it has no fields but those that it names. One that lists fields and says nothing of others is taken to be complete."""
    open_ended = schema.get("additionalProperties", not schema.get("properties"))
    return open_ended is False and not schema.get("patternProperties")


def field(shape: Shape, name: str) -> Shape:
    """The field of that name. Raises Missing when no alternative can have it."""
    can_be: list[Shape] = []
    for each in alternatives(shape):
        if each.is_anything:
            return ANYTHING
        properties = each.schema.get("properties")
        if isinstance(properties, Mapping) and name in properties:
            found = properties[name]
            can_be.append(found if isinstance(found, Shape) else Shape(found, each.root))
        elif "object" in (types(each) or {"object"}) and not closed(each.schema):
            more = each.schema.get("additionalProperties", True)
            can_be.append(Shape(more, each.root))
    if not can_be:
        if types(shape) == {"null"}:
            return shape
        raise Missing
    return can_be[0] if len(can_be) == 1 else ANYTHING


def items(shape: Shape) -> Shape:
    """What a list of it holds."""
    lists = [each for each in alternatives(shape) if each.is_anything or "array" in (types(each) or ())]
    if len(lists) != 1 or lists[0].is_anything:
        return ANYTHING
    return Shape(lists[0].schema.get("items", True), lists[0].root)


def scope(names: Mapping[str, Shape]) -> Shape:
    """A mapping of these values, each with a document of its own."""
    return Shape({"type": "object", "properties": names, "additionalProperties": True})


def list_of(shape: Shape) -> Shape:
    """A list of such values."""
    return Shape({"type": "array", "items": shape.schema}, shape.root)


def infer(tree: Mapping[str, Any], current: Shape) -> Shape:
    """What the parsed expression gives for a `current` of this shape. Raises Missing."""
    kind, children = tree["type"], tree.get("children", ())
    if kind == "field":
        return field(current, tree["value"])
    if kind in ("subexpression", "pipe"):
        for child in children:
            current = infer(child, current)
        return current
    if kind == "index_expression":
        found = infer(children[0], current)
        return items(found) if children[1]["type"] == "index" else found
    if kind in ("index", "slice"):
        return items(current) if kind == "index" else current
    if kind in ("projection", "filter_projection"):
        return list_of(infer(children[1], items(infer(children[0], current))))
    if kind == "flatten":
        found = items(infer(children[0], current))
        inner = types(found)
        return list_of(items(found) if inner == {"array"} else ANYTHING if inner is None or "array" in inner else found)
    return _made(tree, current)


def _made(tree: Mapping[str, Any], current: Shape) -> Shape:
    kind = tree["type"]
    if kind in ("current", "identity"):
        return current
    if kind == "literal":
        return Shape({"const": tree["value"]})
    for child in _seen(tree):
        infer(child, current)
    if kind == "multi_select_list":
        return list_of(ANYTHING)
    if kind == "multi_select_dict":
        return Shape({"type": "object", "additionalProperties": True})
    if kind in ("comparator", "not_expression"):
        return Shape({"type": "boolean"})
    if kind == "function_expression" and tree["value"] in _SIMPLE:
        return Shape({"type": _SIMPLE[tree["value"]]})
    return ANYTHING


def _seen(tree: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    """The children that look into the same value; what an `&expression` looks into is for its function to say."""
    children = tree.get("children", ())
    for child in children[:1] if tree["type"] == "value_projection" else children:
        if child["type"] == "key_val_pair":
            yield child["children"][0]
        elif child["type"] != "expref":
            yield child
