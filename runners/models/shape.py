"""What an answer has to look like: a JSON Schema that a person wrote, and what is wrong with an answer that does not fit.

A schema comes from outside and meets text from a model, so checking must neither fetch anything nor take long: references stay inside the schema and are counted,
patterns run in an engine without backtracking."""

import json
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from typing import Any

from jsonschema import Draft202012Validator
from jsonschema.exceptions import SchemaError, ValidationError
from jsonschema.validators import extend
from pydantic_core import SchemaError as PatternError
from pydantic_core import SchemaValidator, core_schema
from pydantic_core import ValidationError as PatternMismatch
from referencing import Registry
from referencing.exceptions import Unresolvable
from referencing.jsonschema import DRAFT202012

from core.kernel.errors import Invalid

LONGEST_SCHEMA = 40_000
"""Characters of a schema's JSON."""
MOST_REFERENCES = 10_000
"""References followed while one answer is checked."""
MOST_PROBLEMS = 5
_REFUSED = ("patternProperties", "$dynamicRef")


class _TooMany(Exception):
    """The schema refers to itself more often than an answer is worth."""


class SchemaShape:
    """A JSON Schema (draft 2020-12) of an object, which is shown to the model as `schema`. Raises Invalid `orchestration.model_schema_refused` (data: why)."""

    def __init__(self, schema: Mapping[str, Any]) -> None:
        self.schema = _plain(schema)
        if self.schema.get("type") != "object":
            raise _refused("object")
        for keyword, value in _keywords(self.schema):
            if keyword in _REFUSED:
                raise _refused(keyword)
            if keyword == "pattern" and isinstance(value, str):
                _pattern(value)
        try:
            Draft202012Validator.check_schema(self.schema)
            inside = Registry().with_resource("", DRAFT202012.create_resource(self.schema)).resolver()
            for keyword, value in _keywords(self.schema):
                if keyword == "$ref" and isinstance(value, str):
                    inside.lookup(value)
        except SchemaError as wrong:
            raise _refused(str(wrong.validator)) from None
        except (RecursionError, Unresolvable):
            raise _refused("$ref") from None

    def problems(self, answer: Any) -> list[str]:
        """What is wrong, each as `<place>: <rule>`, never with a value; at most five, none when it fits. Raises Invalid
        `orchestration.model_schema_refused` for a schema whose references do not end."""
        left = [MOST_REFERENCES]
        checker = extend(Draft202012Validator, {"$ref": partial(_counted, left), "pattern": _matches})
        try:
            wrong = checker(self.schema, registry=Registry()).iter_errors(answer)
            return [_told(error) for error, _ in zip(wrong, range(MOST_PROBLEMS), strict=False)]
        except (_TooMany, RecursionError, Unresolvable):
            raise _refused("$ref") from None


def _refused(why: str) -> Invalid:
    return Invalid("orchestration.model_schema_refused", why=why)


def _plain(schema: Mapping[str, Any]) -> dict[str, Any]:
    """A copy of JSON values only."""
    try:
        written = json.dumps(dict(schema), allow_nan=False)
    except (TypeError, ValueError, RecursionError):
        raise _refused("JSON") from None
    if len(written) > LONGEST_SCHEMA:
        raise _refused("length")
    return json.loads(written)


def _keywords(schema: Any) -> Iterator[tuple[str, Any]]:
    """Every name with its value, at any depth. A property that is named like a keyword is taken for one: better refused than fetched."""
    waiting = [schema]
    while waiting:
        part = waiting.pop()
        if isinstance(part, dict):
            yield from part.items()
            waiting += part.values()
        elif isinstance(part, list):
            waiting += part


def _pattern(pattern: str) -> SchemaValidator:
    try:
        return SchemaValidator(core_schema.str_schema(pattern=pattern, regex_engine="rust-regex"))
    except PatternError:
        raise _refused("pattern") from None


def _matches(validator: Any, pattern: Any, instance: Any, schema: Any) -> Iterator[ValidationError]:
    if isinstance(instance, str):
        try:
            _pattern(pattern).validate_python(instance)
        except PatternMismatch:
            yield ValidationError("pattern")


_FOLLOW: Callable[..., Any] = Draft202012Validator.VALIDATORS["$ref"]


def _counted(left: list[int], validator: Any, reference: Any, instance: Any, schema: Any) -> Iterator[ValidationError]:
    left[0] -= 1
    if left[0] < 0:
        raise _TooMany
    yield from _FOLLOW(validator, reference, instance, schema) or ()


def _told(error: ValidationError) -> str:
    return f"{_place(error.absolute_path)}: {error.validator or 'pattern'}"


def _place(path: Any) -> str:
    return ".".join(str(part)[:60] for part in path) or "answer"
