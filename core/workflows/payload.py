"""What a sender posts, read strictly: JSON that means one thing only and that the database can keep, or a form."""

import json
from math import isfinite
from typing import Any
from urllib.parse import parse_qsl

from core.catalog.expressions import weigh
from core.kernel.errors import Invalid

DEEPEST = 64
MOST_VALUES = 200_000
MOST_FIELDS = 1_000
JSON_TYPES = ("application/json", "text/json")
FORM_TYPE = "application/x-www-form-urlencoded"


def read_payload(body: bytes, content_type: str) -> Any:
    """The JSON value, or the fields of a form (a field that comes again is a list; a single field `payload` is JSON, as GitHub posts it). No type is taken for JSON, no body for null.
    Raises Invalid `workflows.payload_wrong` (data: why: type, encoding, json, twice, deep, number, letters)."""
    kind = content_type.partition(";")[0].strip().lower()
    try:
        text = body.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise _wrong("encoding") from None
    if kind == FORM_TYPE:
        value: Any = _form(text)
    elif kind in ("", *JSON_TYPES) or kind.endswith("+json"):
        value = _json(text) if text.strip() else None
    else:
        raise _wrong("type")
    weight = weigh(value, MOST_VALUES)
    if weight.depth > DEEPEST or weight.values > MOST_VALUES:
        raise _wrong("deep")
    if not _can_be_kept(value):
        raise _wrong("letters")
    return value


def _json(text: str) -> Any:
    try:
        return json.loads(
            text, parse_constant=_no_number, parse_float=_finite, parse_int=_short, object_pairs_hook=_once
        )
    except RecursionError:
        raise _wrong("deep") from None
    except ValueError:
        raise _wrong("json") from None


def _form(text: str) -> Any:
    try:
        pairs = parse_qsl(
            text, keep_blank_values=True, strict_parsing=bool(text), errors="strict", max_num_fields=MOST_FIELDS
        )
    except ValueError:
        raise _wrong("encoding") from None
    found: dict[str, Any] = {}
    for name, value in pairs:
        if name not in found:
            found[name] = value
        elif isinstance(found[name], list):
            found[name].append(value)
        else:
            found[name] = [found[name], value]
    inner = found.get("payload")
    return _json(inner) if len(found) == 1 and isinstance(inner, str) else found


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise _wrong("twice")
    return found


def _no_number(_: str) -> Any:
    raise _wrong("number")


def _finite(text: str) -> float:
    number = float(text)
    if not isfinite(number):
        raise _wrong("number")
    return number


def _short(text: str) -> int:
    if len(text) > 30:
        raise _wrong("number")
    return int(text)


def _can_be_kept(value: Any) -> bool:
    """Whether PostgreSQL's jsonb takes every string: no NUL, no half of a surrogate pair."""
    todo = [value]
    while todo:
        each = todo.pop()
        if isinstance(each, dict):
            todo += [*each.keys(), *each.values()]
        elif isinstance(each, list):
            todo += each
        elif isinstance(each, str) and ("\0" in each or not _is_text(each)):
            return False
    return True


def _is_text(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def _wrong(why: str) -> Invalid:
    return Invalid("workflows.payload_wrong", why=why)
