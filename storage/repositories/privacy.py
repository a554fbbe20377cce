"""What people asked to be done with what is theirs."""

from uuid import UUID

from sqlalchemy import or_, select, text

from core.privacy.models import PrivacyRequest
from storage.repositories.base import Repository, clock, from_now
from storage.tables.privacy import privacy_requests as requests

ERASE = text("SELECT nod.erase_me()")


class SqlPrivacy(Repository):
    """core.privacy.ports.Privacy."""

    def add(self, request: PrivacyRequest) -> None:
        self._t.session.add(request)

    def get(self, request_id: UUID) -> PrivacyRequest:
        return self._get(PrivacyRequest, request_id, "privacy.request_unknown")

    def newest(self, user_id: UUID, kind: str) -> PrivacyRequest | None:
        c = requests.c
        return self._first(PrivacyRequest, c.user_id == user_id, c.kind == kind, order=(c.id.desc(),))

    def claim(self, request_id: UUID, lease_seconds: float) -> PrivacyRequest | None:
        c = requests.c
        return self._take_one(
            PrivacyRequest,
            c.id == request_id,
            or_(c.status == "asked", (c.status == "working") & (c.lease_until <= clock())),
            c.due_at <= clock(),
            status="working",
            fence=c.fence + 1,
            attempts=c.attempts + 1,
            lease_until=from_now(lease_seconds),
        )

    def hold(self, request_id: UUID, fence: int) -> PrivacyRequest | None:
        c = requests.c
        self._t.flush()
        held = (
            select(PrivacyRequest)
            .where(c.id == request_id, c.fence == fence, c.status == "working")
            .with_for_update()
            .execution_options(populate_existing=True)
        )
        return self._t.session.scalars(held).one_or_none()

    def erase(self) -> int:
        self._t.flush()
        return int(self._t.connection.scalar(ERASE) or 0)
