"""Who decides in whose place."""

from uuid import UUID

from sqlalchemy import bindparam, select

from core.approvals.models import Delegation
from storage.loading import Loading
from storage.repositories.base import Repository
from storage.tables.approvals import delegations

ACTIVE = Loading(
    Delegation,
    select(delegations)
    .where(delegations.c.revoked_at.is_(None), delegations.c.until > bindparam("now"))
    .order_by(delegations.c.id),
)


class SqlDelegations(Repository):
    """core.approvals.ports.Delegations."""

    def add(self, delegation: Delegation) -> None:
        self._t.session.add(delegation)

    def get(self, delegation_id: UUID) -> Delegation:
        return self._lock(Delegation, delegation_id, "approvals.delegation_unknown")

    def active(self) -> list[Delegation]:
        return self._t.load(ACTIVE, now=self._t.now)
