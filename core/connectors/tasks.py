"""The own task list: what a `task.create` makes when no other task list is connected."""

from dataclasses import dataclass
from datetime import date, datetime
from typing import Protocol
from uuid import UUID

from core.kernel.money import Money


@dataclass
class Task:
    """One entry of a workspace's own task list. `made_by` is the idempotency key of the execution that made it."""

    id: UUID
    workspace_id: UUID
    owner_id: UUID
    title: str
    notes: str
    due: date | None
    amount: Money | None
    payee: str | None
    reference: str | None
    made_by: str
    created_at: datetime
    done_at: datetime | None = None
    version: int = 1


class Tasks(Protocol):
    """The task list's rows."""

    def add(self, task: Task) -> None: ...

    def made_by(self, key: str) -> Task | None:
        """The task that the execution of `key` made."""
        ...

    def remove(self, task: Task) -> None: ...

    def open(self, owner_id: UUID, limit: int = 100) -> list[Task]:
        """What is not done yet: by due date, those without one last."""
        ...
