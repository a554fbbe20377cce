"""A schema that anybody may write is checked against text that a model wrote: nothing is fetched, and it ends."""

import socket
import time
from typing import Any

import pytest

from core.kernel.errors import Invalid
from runners.models.shape import SchemaShape


def _object(**properties: Any) -> dict[str, Any]:
    return {"type": "object", "properties": properties}


def test_what_is_wrong_is_told_by_place_and_rule() -> None:
    shape = SchemaShape({**_object(a={"type": "integer"}, b={"items": {"enum": [1]}}), "required": ["c"]})
    assert set(shape.problems({"a": "canary", "b": [1, 2]})) == {"a: type", "b.1: enum", "answer: required"}
    assert shape.problems({"a": 1, "b": [1], "c": None}) == []


def test_at_most_five_problems_are_told() -> None:
    assert len(SchemaShape(_object(a={"items": {"type": "string"}})).problems({"a": list(range(100))})) == 5


@pytest.mark.parametrize(
    "schema",
    [
        {"type": "array"},
        {},
        _object(a={"$ref": "http://127.0.0.1:9/x"}),
        {"$id": "http://127.0.0.1:9/y", **_object(a={"$ref": "x"})},
        _object(a={"$dynamicRef": "#x"}),
        _object(a={"$ref": "#/$defs/nothing"}),
        _object(a={"patternProperties": {"(a+)+$": {}}}),
        _object(a={"pattern": "(?=x)"}),
        _object(a={"pattern": "("}),
        {"type": "object", "properties": 3},
        {"type": "object", "const": float("nan")},
        {"type": "object", "description": "x" * 40_001},
    ],
)
def test_a_schema_that_cannot_be_trusted_is_refused(schema: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    def calls(*_: Any) -> Any:
        raise AssertionError("something was fetched")

    monkeypatch.setattr(socket, "create_connection", calls)
    monkeypatch.setattr(socket.socket, "connect", calls)
    with pytest.raises(Invalid, match="model_schema_refused"):
        SchemaShape(schema)


def test_references_inside_are_followed() -> None:
    tree = {
        "type": "object",
        "additionalProperties": False,
        "properties": {"children": {"type": "array", "items": {"$ref": "#"}}},
    }
    assert SchemaShape(tree).problems({"children": [{"children": []}]}) == []
    assert SchemaShape(tree).problems({"children": [{"x": 1}]}) == ["children.0: additionalProperties"]


def test_a_pattern_takes_no_time() -> None:
    began = time.process_time()
    assert SchemaShape(_object(a={"pattern": "^(a+)+$"})).problems({"a": "a" * 60 + "!"}) == ["a: pattern"]
    assert time.process_time() - began < 1


def test_references_that_multiply_are_given_up() -> None:
    defs: dict[str, Any] = {f"d{n}": {"anyOf": [{"$ref": f"#/$defs/d{n + 1}"}] * 2} for n in range(60)}
    shape = SchemaShape({**_object(a={"$ref": "#/$defs/d0"}), "$defs": {**defs, "d60": {"type": "integer"}}})
    began = time.process_time()
    with pytest.raises(Invalid, match="model_schema_refused"):
        shape.problems({"a": "x"})
    assert time.process_time() - began < 3


def test_a_reference_to_itself_is_given_up() -> None:
    with pytest.raises(Invalid, match="model_schema_refused"):
        SchemaShape(_object(a={"$ref": "#/properties/a"})).problems({"a": 1})
