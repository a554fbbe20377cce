"""What people asked for in words, and the claims on it."""

from datetime import timedelta
from uuid import UUID

from sqlalchemy import bindparam, or_

from core.approvals.models import Rewrite
from storage.repositories.base import LEASE_ENDS, Repository, clock, locking, taking
from storage.tables.approvals import rewrites

WORDS = ("rewrites", "words")
c = rewrites.c
_held = (c.id == bindparam("id"), c.fence == bindparam("held"), c.status == "working")
CLAIM = taking(
    Rewrite,
    c.id == bindparam("id"),
    or_(c.status == "asked", (c.status == "working") & (c.lease_until <= clock())),
    status="working",
    fence=c.fence + 1,
    attempts=c.attempts + 1,
    lease_until=LEASE_ENDS,
)
HOLD = locking(Rewrite, *_held, c.lease_until > clock())
# No new version: the heartbeat must not make the holder's own write stale.
RENEW = taking(Rewrite, *_held, fresh=False, lease_until=LEASE_ENDS)


class SqlRewrites(Repository):
    """core.approvals.ports.Rewrites."""

    def add(self, rewrite: Rewrite, words: str) -> None:
        table, column = WORDS
        rewrite.words = self._t.seals.seal(rewrite.user_id, table, rewrite.id, column, words.encode())
        self._t.session.add(rewrite)

    def get(self, rewrite_id: UUID) -> Rewrite:
        return self._get(Rewrite, rewrite_id, "approvals.rewrite_unknown")

    def words(self, rewrite: Rewrite) -> str:
        table, column = WORDS
        if rewrite.words is None:
            return ""
        return self._t.seals.open(rewrite.user_id, table, rewrite.id, column, rewrite.words).decode()

    def newest(self, suggestion_id: UUID) -> Rewrite | None:
        return self._newest(Rewrite, suggestion_id=suggestion_id)

    def claim(self, rewrite_id: UUID, lease_seconds: float) -> Rewrite | None:
        return self._take(CLAIM, id=rewrite_id, lease=timedelta(seconds=lease_seconds))

    def hold(self, rewrite_id: UUID, fence: int) -> Rewrite | None:
        return self._take(HOLD, id=rewrite_id, held=fence)

    def renew(self, rewrite_id: UUID, fence: int, lease_seconds: float) -> bool:
        return self._take(RENEW, id=rewrite_id, held=fence, lease=timedelta(seconds=lease_seconds)) is not None
