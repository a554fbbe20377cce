"""Frozen aggregates and hot rows: dataclass to row and back, by the columns' names."""

from collections.abc import Mapping
from dataclasses import fields
from functools import cache
from typing import Any, TypeVar

from sqlalchemy import Row

T = TypeVar("T")


def to_row(aggregate: Any, **instead: Any) -> dict[str, Any]:
    """The aggregate's fields as column values; `instead` replaces some (what is sealed)."""
    return {name: getattr(aggregate, name) for name in _names(type(aggregate))} | instead


def from_row(kind: type[T], row: Row[Any] | Mapping[Any, Any], **instead: Any) -> T:
    """An aggregate of a row; columns that it does not have are left out."""
    found = row._mapping if isinstance(row, Row) else row
    return kind(**{name: instead[name] if name in instead else found[name] for name in _names(kind)})


@cache
def _names(kind: type) -> tuple[str, ...]:
    return tuple(field.name for field in fields(kind))
