"""How values become columns: pydantic shapes and JSON as JSONB, one decorator for all."""

import json
import re
from contextlib import suppress
from typing import Any

from pydantic import TypeAdapter
from pydantic_core import to_json, to_jsonable_python
from sqlalchemy import Dialect
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.types import TypeDecorator

# jsonb refuses U+0000 and lone surrogates (RFC 8259, section 8.2 leaves them open); both come in broken mails.
_UNSTORABLE = re.compile(
    r"(?<!\\)((?:\\\\)*)(?:\\u0000|\\ud[89ab][0-9a-f]{2}(?!\\ud[c-f])|(?<!\\ud[89ab][0-9a-f]{2})\\ud[c-f][0-9a-f]{2})"
)
_DOUBTFUL = re.compile(r"\\u0000|NaN|Infinity")


def dumps(value: Any) -> str:
    """JSON that jsonb takes: what it cannot hold (U+0000, a lone surrogate) becomes U+FFFD. Raises ValueError for NaN and infinities."""
    with suppress(ValueError):
        # Several times as fast, but it refuses surrogates and lets numbers through that are none: such values, and what only looks like them, take the long way.
        text = to_json(value).decode()
        if not _DOUBTFUL.search(text):
            return text
    text = json.dumps(value, allow_nan=False, separators=(",", ":"), default=to_jsonable_python)
    return _UNSTORABLE.sub(r"\1\\ufffd", text) if "\\u0000" in text or "\\ud" in text else text


class Value(TypeDecorator[Any]):
    """A column that holds a `shape` (a pydantic model, or any type that TypeAdapter knows) as JSONB. None is SQL NULL."""

    impl = JSONB
    cache_ok = True

    def __init__(self, shape: Any, *, null_is_value: bool = False) -> None:
        super().__init__(none_as_null=not null_is_value)
        self.shape, self.none_as_null = shape, not null_is_value
        self._adapter: TypeAdapter[Any] = TypeAdapter(shape)

    def process_bind_param(self, value: Any, dialect: Dialect) -> Any:
        return value if value is None else self._adapter.dump_python(value, mode="json")

    def process_result_value(self, value: Any, dialect: Dialect) -> Any:
        return self.read(value)

    def written(self, value: Any) -> str | None:
        """The JSON of a value, for a statement that is asked below SQLAlchemy."""
        if value is None and self.none_as_null:
            return None
        return dumps(value if value is None else self._adapter.dump_python(value, mode="json"))

    def read(self, value: Any) -> Any:
        """The shape of what the driver read."""
        return value if value is None else self._adapter.validate_python(value)

    def compare_values(self, x: Any, y: Any) -> bool:
        return x == y
