"""Going through all that is listed a page at a time."""

from collections.abc import Callable, Iterator, Sequence
from typing import Protocol, TypeVar
from uuid import UUID


class Listed(Protocol):
    """What pages go by."""

    id: UUID


T = TypeVar("T", bound=Listed)


def every(page: Callable[[UUID | None], Sequence[T]]) -> Iterator[T]:
    """All of it: `page` answers what comes after an id, nothing at the end. What was passed may change meanwhile."""
    after = None
    while some := page(after):
        after = some[-1].id
        yield from some
