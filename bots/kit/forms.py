"""Forms from JSON Schema (draft 2020-12, the part that manifests use), and back: what a person filled in becomes valid values or
an error beside each field."""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import date, datetime, time
from typing import Any, get_args
from zoneinfo import available_timezones

from jsonschema import Draft202012Validator, FormatChecker
from jsonschema.exceptions import ValidationError

from bots.kit.screen import Field
from core.kernel.errors import Invalid

Schema = Mapping[str, Any]
Translate = Callable[[str], str]
FORMATS = FormatChecker(formats=())
_KINDS = frozenset(get_args(Field.model_fields["kind"].annotation))
_BY_FORMAT = {"date": "date", "time": "time", "multiline": "multiline", "password": "secret", "file": "file"}
_TRUE = frozenset(("true", "on", "yes", "1"))
_LIMITS = {
    "minimum": "limit", "maximum": "limit", "exclusiveMinimum": "limit", "exclusiveMaximum": "limit", "minLength": "n",
    "maxLength": "n", "minItems": "n", "maxItems": "n", "multipleOf": "limit", "format": "format",
}  # fmt: skip


def fields(
    schema: Schema,
    values: Mapping[str, Any] | None = None,
    errors: Mapping[str, str] | None = None,
    translate: Translate = str,
) -> tuple[Field, ...]:
    """The questions of a schema's properties, in their order. `values` are what is set now (else each default), `errors` sentences by
    field; `translate` puts titles, descriptions and labels into the person's language (see `dispatch.in_words`). A secret's
    value is never shown again."""
    required = set(schema.get("required", ()))
    return tuple(
        _field(name, rules, name in required, values or {}, (errors or {}).get(name, ""), translate)
        for name, rules in schema.get("properties", {}).items()
    )


def _field(
    name: str, rules: Schema, required: bool, values: Mapping[str, Any], error: str, translate: Translate
) -> Field:
    kind = kind_of(rules)
    value = values.get(name, rules.get("default"))
    return Field(
        name=name,
        label=translate(rules.get("title", name)),
        help=translate(rules["description"]) if rules.get("description") else "",
        kind=kind,  # pyright: ignore[reportArgumentType]
        required=required,
        value=None if kind == "secret" else value,
        options=tuple((option, translate(label)) for option, label in options_of(rules)),
        minimum=rules.get("minimum"),
        maximum=rules.get("maximum"),
        max_length=rules.get("maxLength"),
        error=error,
    )


def kind_of(rules: Schema) -> str:
    """The kind of field that asks for a property. Raises ValueError for a schema that no form can ask for."""
    kind = rules.get("type", "string")
    if rules.get("writeOnly"):
        return "secret"
    if kind == "array":
        if not options_of(rules):
            raise ValueError("a list needs an enum of items")
        return "choices"
    if "enum" in rules or "oneOf" in rules:
        return "choice"
    if kind == "string":
        return _BY_FORMAT.get(rules.get("format", ""), "text")
    if kind not in _KINDS:
        raise ValueError(f"no form can ask for a {kind}")
    return kind


def options_of(rules: Schema) -> list[tuple[str, str]]:
    """(value, label) of each choice: `enum`, or `oneOf`/`anyOf` of `const` and `title`; a timezone's are offered, not demanded."""
    choices = rules.get("items", {}) if rules.get("type") == "array" else rules
    for word in ("oneOf", "anyOf"):
        if word in choices:
            return [(str(one["const"]), one.get("title", str(one["const"]))) for one in choices[word]]
    if "enum" in choices:
        return [(str(value), str(value)) for value in choices["enum"]]
    if choices.get("format") == "timezone":
        return [(zone, zone.replace("_", " ")) for zone in _zones()]
    return []


def read(schema: Schema, values: Mapping[str, Any]) -> dict[str, Any]:
    """Valid values from what was posted (strings, lists of strings). An empty answer counts as none; a property that was not asked
    gets its default.

    Raises Invalid `form.field_invalid` with data `field`, `rule`, what the rule demands (`limit`, `n`, `format`), and `errors`:
    the same for every wrong field.
    """
    taken: dict[str, Any] = {}
    errors: list[dict[str, Any]] = []
    for name, rules in schema.get("properties", {}).items():
        if name not in values and rules.get("type") != "boolean":
            if "default" in rules:
                taken[name] = rules["default"]
            continue
        try:
            value = _coerced(rules, values.get(name))
        except ValueError:
            errors.append({"field": name, "rule": "type", "format": str(rules.get("type", "string"))})
            continue
        if value is not None:
            taken[name] = value
    asked = set(schema.get("properties", {}))
    errors.extend({"field": name, "rule": "unknown"} for name in values if name not in asked)
    wrong = {error["field"] for error in errors}
    for problem in Draft202012Validator(schema, format_checker=FORMATS).iter_errors(taken):
        errors.extend(error for error in _told(problem) if error["field"] not in wrong)
    if errors:
        order = list(schema.get("properties", {}))
        errors.sort(key=lambda error: order.index(error["field"]) if error["field"] in order else len(order))
        raise Invalid("form.field_invalid", **errors[0], errors=errors)
    return taken


def _told(problem: ValidationError) -> Iterator[dict[str, Any]]:
    rule = str(problem.validator)
    if rule == "required" and not problem.absolute_path:
        given: Any = problem.instance
        missing = [name for name in _names(problem.validator_value) if name not in given]
        yield from ({"field": name, "rule": "required"} for name in missing if f"'{name}'" in problem.message)
        return
    field = str(problem.absolute_path[0]) if problem.absolute_path else ""
    demand = {_LIMITS[rule]: problem.validator_value} if rule in _LIMITS else {}
    yield {"field": field, "rule": rule, **demand}


def _names(demanded: Any) -> list[str]:
    return [str(name) for name in demanded]


def _coerced(rules: Schema, posted: Any) -> Any:
    """Raises ValueError for words that are no value of the type."""
    kind = rules.get("type", "string")
    if kind == "boolean":
        return posted if isinstance(posted, bool) else str(posted or "").strip().lower() in _TRUE
    if kind == "array":
        chosen = [posted] if isinstance(posted, str) else list(posted or ())
        return [_choice(rules.get("items", {}), str(one)) for one in chosen if one != ""]
    if isinstance(posted, Sequence) and not isinstance(posted, str):
        posted = posted[0] if posted else ""
    if posted is None or not isinstance(posted, str):
        return posted
    words = posted if rules.get("writeOnly") else posted.replace("\r\n", "\n").strip()
    if words == "":
        return None
    if "enum" in rules or "oneOf" in rules:
        return _choice(rules, words)
    if kind == "integer":
        return int(words)
    if kind == "number":
        return float(words.replace(",", ".") if words.count(",") == 1 and "." not in words else words)
    if rules.get("format") == "time" and re.fullmatch(r"\d:\d\d", words):
        return "0" + words
    return words


def _choice(rules: Schema, words: str) -> Any:
    """The enum's own value (it may be a number) for its words; unknown words stay and fail the validation."""
    values = [one["const"] for word in ("oneOf", "anyOf") for one in rules.get(word, ())] or rules.get("enum", ())
    return next((value for value in values if str(value) == words), words)


def _zones() -> list[str]:
    return sorted(zone for zone in available_timezones() if "/" in zone and not zone.startswith(("Etc/", "posix/")))


def _format(name: str) -> Callable[[Callable[[str], Any]], Callable[[str], Any]]:
    def add(parse: Callable[[str], Any]) -> Callable[[str], Any]:
        FORMATS.checks(name, raises=ValueError)(
            lambda value: not isinstance(value, str) or parse(value) not in (False, None)
        )
        return parse

    return add


@_format("date")
def _is_date(value: str) -> bool:
    return len(value) == 10 and date.fromisoformat(value) is not None


@_format("time")
def _is_time(value: str) -> bool:
    return re.fullmatch(r"\d\d:\d\d(:\d\d)?", value) is not None and time.fromisoformat(value) is not None


@_format("date-time")
def _is_moment(value: str) -> bool:
    return datetime.fromisoformat(value) is not None


@_format("email")
def _is_email(value: str) -> bool:
    """One mailbox as RFC 5321, section 4.1.2 has it, without quoted local parts; a domain of one label is allowed (`you@localhost`)."""
    return (
        re.fullmatch(r"[^\s@<>(),;:\\\"\[\]]{1,64}@[^\W_](?:[\w.-]{0,252}[^\W_])?", value) is not None
        and ".." not in value
    )


@_format("timezone")
def _is_timezone(value: str) -> bool:
    return value in available_timezones()


@_format("path")
def _is_path(value: str) -> bool:
    return "\0" not in value and len(value) <= 4096
