"""What is due, in any workspace: ids only. The sweep, the scheduler and the doors ask here, then act inside each workspace."""

from dataclasses import dataclass
from datetime import datetime
from typing import Literal, Protocol
from uuid import UUID

DueKind = Literal[
    "runs",
    "executions",
    "lookups",
    "sending",
    "deliveries",
    "triggers",
    "suggestions",
    "matches",
    "history",
    "contexts",
    "privacy",
    "rewrites",
]


@dataclass(frozen=True)
class DueItem:
    """One row that is due, and the workspace and user in whose name it is worked on."""

    id: UUID
    workspace_id: UUID
    user_id: UUID


@dataclass(frozen=True)
class Coming:
    """Triggers of one workspace are due at one instant; `user_id` owns one of them."""

    workspace_id: UUID
    user_id: UUID
    at: datetime


class DueWork(Protocol):
    """Looks across workspaces through narrow functions of the database that answer ids, nothing else.

    `runs`: of each workspace the one that is longest due: queued or waiting and due, or running past the lease. `executions`: held or ready and due, or claimed
    past the lease. `sending`: sending past the lease. `lookups`: unknown and due. `deliveries`: wanted > shown and due, of one channel. `triggers`: active and due. `suggestions`: pending past expiry or due for
    a reminder, snoozed past the end of the snooze. `matches`: triggers with events that nobody looked at for two seconds. `history`:
    workspaces whose history was not looked through today (the id is that of the workspace). `contexts`: where somebody is switches by itself. `privacy`:
    exports that were asked for, and people who left and cannot come back any more. `rewrites`: asked for three seconds ago and not begun, or begun and past the lease.
    """

    def due(self, kind: DueKind, limit: int, channel: str | None = None) -> list[DueItem]: ...

    def coming(self, limit: int, ahead_seconds: float) -> tuple[datetime | None, list[Coming]]:
        """The workspaces and instants of the `limit` triggers that are due first, now or within `ahead_seconds`, and the database's now (None where nothing is)."""
        ...

    def next_due(self) -> dict[DueKind, float]:
        """In how many seconds the next row of each kind is due (0 or less: one is), of `runs`, `executions`, `sending`, `lookups` and `matches`; a kind that has
        none is missing."""
        ...

    def depth(self) -> dict[str, int]:
        """How many rows of each kind are due now, for the metrics."""
        ...
