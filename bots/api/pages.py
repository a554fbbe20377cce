"""Lists: newest first, a page at a time. A cursor is opaque; it names the last entry of the page before."""

import base64
import binascii
from collections.abc import Callable, Sequence
from typing import Annotated, Any, Generic, TypeVar
from uuid import UUID

from fastapi import Query
from pydantic import BaseModel

from core.kernel.errors import Invalid

T = TypeVar("T", bound=BaseModel)
Limit = Annotated[int, Query(ge=1, le=200, description="How many at most.")]
Cursor = Annotated[str | None, Query(description="`next` of the page before.")]


class Page(BaseModel, Generic[T]):
    """Some entries, and where the next ones begin; `next` is null on the last page."""

    items: list[T]
    next: str | None


def page(rows: Sequence[Any], limit: int, shape: Callable[[Any], T]) -> Page[T]:
    """A page of `limit` entries out of rows that were asked for with `limit + 1`."""
    shown = rows[:limit]
    return Page(items=[shape(row) for row in shown], next=_pack(shown[-1].id) if len(rows) > limit else None)


def after(cursor: str | None) -> UUID | None:
    """The id that a cursor names. Raises Invalid `api.cursor_invalid`."""
    if cursor is None:
        return None
    try:
        return UUID(bytes=base64.urlsafe_b64decode(cursor + "=="))
    except (ValueError, binascii.Error):
        raise Invalid("api.cursor_invalid") from None


def _pack(id: UUID) -> str:
    return base64.urlsafe_b64encode(id.bytes).decode().rstrip("=")
