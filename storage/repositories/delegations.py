"""Who decides in whose place."""

from uuid import UUID

from core.approvals.models import Delegation
from storage.repositories.base import Repository
from storage.tables.approvals import delegations


class SqlDelegations(Repository):
    """core.approvals.ports.Delegations."""

    def add(self, delegation: Delegation) -> None:
        self._t.session.add(delegation)

    def get(self, delegation_id: UUID) -> Delegation:
        return self._lock(Delegation, delegation_id, "approvals.delegation_unknown")

    def active(self) -> list[Delegation]:
        c = delegations.c
        return self._all(Delegation, c.revoked_at.is_(None), c.until > self._t.now, order=(c.id,))
