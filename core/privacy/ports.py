"""What removing history needs of storage. Only the unit of work of the daily pass has it: no door and no run can remove anything."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol
from uuid import UUID

from core.billing.ports import BillingWork
from core.identity.ports import IdentityWork
from core.kernel.unit_of_work import UnitOfWork
from core.privacy.models import PrivacyRequest


@dataclass(frozen=True)
class OldRun:
    """What decides whether a run may go. `over`: it has ended, and so has the run that started it. `suggested`: it made a suggestion. `started` are the runs that it
    started and that are still there."""

    id: UUID
    user_id: UUID
    over: bool
    suggested: bool
    started: Sequence[UUID]


class History(Protocol):
    """The history of one workspace. Everything here may be done twice."""

    def claim(self, seconds: float) -> bool:
        """Takes the workspace's pass if it is due, for so long; False when somebody else has it or has done it."""
        ...

    def put_off(self, seconds: float) -> None:
        """The pass is due again that long from now: a little while it goes on, a day when it is done."""
        ...

    def runs(self, before: UUID, limit: int) -> list[OldRun]:
        """Runs below an id, newest first."""
        ...

    def remove_runs(self, run_ids: Sequence[UUID]) -> int:
        """Removes runs with their steps, questions, progress and ledger rows; answers how many runs went. What has not ended, is younger than a day or made a suggestion
        stays, whoever asks: the database refuses it."""
        ...

    def remove_firings(self, before: UUID, limit: int) -> int:
        """Removes what is said of triggers' firings below an id, the oldest first; answers how many rows. Those of the last thirty days stay, whoever asks."""
        ...

    def remove_answers(self) -> int:
        """Removes the answers that were given to programs' writes seven days ago or earlier; answers how many. Until then the same key gets the same answer."""
        ...


class Privacy(Protocol):
    """What people asked to be done with what is theirs."""

    def add(self, request: PrivacyRequest) -> None: ...

    def get(self, request_id: UUID) -> PrivacyRequest:
        """Raises NotFound `privacy.request_unknown`."""
        ...

    def newest(self, user_id: UUID, kind: str) -> PrivacyRequest | None:
        """The person's last one of a kind."""
        ...

    def claim(self, request_id: UUID, lease_seconds: float) -> PrivacyRequest | None:
        """Takes one that is due, or was left by a dead process; its fence and attempts one up. None when there is nothing to take."""
        ...

    def hold(self, request_id: UUID, fence: int) -> PrivacyRequest | None:
        """Locked, if it is still being worked on under the fence."""
        ...

    def erase(self) -> int:
        """Removes everything of the person in whose name this transaction is, for good, in every workspace; answers how many rows. The database does so only for somebody
        whose data keys were destroyed and who left thirty days ago."""
        ...


class PrivacyWork(UnitOfWork, Protocol):
    @property
    def privacy(self) -> Privacy: ...


class HistoryWork(BillingWork, IdentityWork, Protocol):
    @property
    def history(self) -> History: ...
