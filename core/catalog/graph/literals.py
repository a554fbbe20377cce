"""Validates the literals of a graph against JSON Schemas that other people may have written."""

from collections.abc import Iterator
from functools import cache
from typing import Any

from core.catalog.graph.infer import Shape


@cache
def _validator() -> Any:
    """Draft 2020-12 without regular expressions: Python's can take for ever; pydantic's, which check again when it runs, cannot.

    jsonschema is imported when it is needed: it takes long to load, and a worker does not check graphs."""
    from jsonschema import Draft202012Validator
    from jsonschema.validators import extend

    def nothing(*_: Any) -> Iterator[Any]:
        return iter(())

    return extend(Draft202012Validator, {"pattern": nothing, "patternProperties": nothing})


def first_problem(value: Any, wanted: Shape) -> tuple[tuple[str, ...], str] | None:
    """Where in `value` the schema is broken first, and by which of its keywords; None when it fits or when the schema itself is unusable
    (a reference to elsewhere, or to itself)."""
    from referencing import Registry
    from referencing.exceptions import Unresolvable

    schema = wanted.schema
    if isinstance(wanted.root, dict) and "$defs" in wanted.root and isinstance(schema, dict):
        schema = {**schema, "$defs": wanted.root["$defs"]}
    try:
        error = next(_validator()(schema, registry=Registry()).iter_errors(value), None)
    except (Unresolvable, RecursionError, TypeError, ValueError, AttributeError):
        return None
    if error is None:
        return None
    return tuple(str(part) for part in error.absolute_path), str(error.validator)
