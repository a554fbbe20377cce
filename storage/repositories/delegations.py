"""Who decides in whose place."""

from uuid import UUID

from core.approvals.models import Delegation
from storage.foresight import ACTIVE_DELEGATIONS
from storage.repositories.base import Repository


class SqlDelegations(Repository):
    """core.approvals.ports.Delegations."""

    def add(self, delegation: Delegation) -> None:
        self._t.session.add(delegation)

    def get(self, delegation_id: UUID) -> Delegation:
        return self._lock(Delegation, delegation_id, "approvals.delegation_unknown")

    def active(self) -> list[Delegation]:
        return self._t.load(ACTIVE_DELEGATIONS, now=self._t.now)
