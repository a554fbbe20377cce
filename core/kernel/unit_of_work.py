"""One transaction: aggregates, events and the doorbells to ring once it is committed."""

from collections.abc import Mapping
from datetime import datetime
from types import TracebackType
from typing import Any, Protocol, Self
from uuid import UUID

from core.kernel.events import Event


class UnitOfWork(Protocol):
    """Everything between `with` and `commit()` happens together or not at all. It rolls back unless told to commit.

    Contexts extend this protocol by the repositories that they need; storage implements all of them in one class.
    """

    @property
    def now(self) -> datetime:
        """The database's clock at the start of this transaction, in UTC: the only clock that decides."""
        ...

    @property
    def workspace_id(self) -> UUID:
        """The workspace that row-level security confines this transaction to."""
        ...

    def record(self, event: Event) -> None:
        """Stores the event with this transaction."""
        ...

    def ring(self, bell: str, *ids: UUID, told: Mapping[str, str] | None = None) -> None:
        """After the commit, wakes whoever listens to `bell` (e.g. `runs.due`), with what they are `told` about the row, if anything: no secrets, nothing of a person's.
        A lost ring costs a moment, never the work: due rows are found by the sweep. Forgotten on rollback."""
        ...

    def commit(self) -> None:
        """Makes it durable, then rings. Raises Conflict `kernel.version_stale` when somebody else changed an aggregate."""
        ...

    def __enter__(self) -> Self: ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None
    ) -> Any: ...
