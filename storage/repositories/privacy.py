"""What people asked to be done with what is theirs."""

from datetime import timedelta
from uuid import UUID

from sqlalchemy import bindparam, or_, text

from core.privacy.models import PrivacyRequest
from storage.repositories.base import LEASE_ENDS, Repository, clock, locking, taking
from storage.tables.privacy import privacy_requests as requests

ERASE = text("SELECT nod.erase_me()")
c = requests.c
CLAIM = taking(
    PrivacyRequest,
    c.id == bindparam("id"),
    or_(c.status == "asked", (c.status == "working") & (c.lease_until <= clock())),
    c.due_at <= clock(),
    status="working",
    fence=c.fence + 1,
    attempts=c.attempts + 1,
    lease_until=LEASE_ENDS,
)
HOLD = locking(PrivacyRequest, c.id == bindparam("id"), c.fence == bindparam("held"), c.status == "working")


class SqlPrivacy(Repository):
    """core.privacy.ports.Privacy."""

    def add(self, request: PrivacyRequest) -> None:
        self._t.session.add(request)

    def get(self, request_id: UUID) -> PrivacyRequest:
        return self._get(PrivacyRequest, request_id, "privacy.request_unknown")

    def newest(self, user_id: UUID, kind: str) -> PrivacyRequest | None:
        return self._newest(PrivacyRequest, user_id=user_id, kind=kind)

    def claim(self, request_id: UUID, lease_seconds: float) -> PrivacyRequest | None:
        return self._take(CLAIM, id=request_id, lease=timedelta(seconds=lease_seconds))

    def hold(self, request_id: UUID, fence: int) -> PrivacyRequest | None:
        return self._take(HOLD, id=request_id, held=fence)

    def erase(self) -> int:
        self._t.flush()
        return int(self._t.connection.scalar(ERASE) or 0)
