"""A program's write that was answered before is answered the same again (Idempotency-Key), not done again."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol
from uuid import UUID

from core.kernel.unit_of_work import UnitOfWork


@dataclass(frozen=True)
class AnsweredRequest:
    """The answer to one write. `key` is the caller's, unique for the person; `fingerprint` the SHA-256 of what was asked, so that a key
    that is used for something else is noticed."""

    id: UUID
    workspace_id: UUID
    user_id: UUID
    key: str
    fingerprint: str
    status: int
    body: dict[str, Any]
    created_at: datetime


class Answered(Protocol):
    """The answers that were given."""

    def find(self, user_id: UUID, key: str) -> AnsweredRequest | None: ...

    def add(self, answered: AnsweredRequest) -> None:
        """Stored with the write itself. A second one with the same key fails the transaction: Conflict `kernel.version_stale`."""
        ...


class AnsweredWork(UnitOfWork, Protocol):
    @property
    def answered(self) -> Answered: ...
