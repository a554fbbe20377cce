"""What people asked for in words, and the claims on it."""

from uuid import UUID

from sqlalchemy import or_, select

from core.approvals.models import Rewrite
from storage.repositories.base import Repository, clock, from_now
from storage.tables.approvals import rewrites

WORDS = ("rewrites", "words")


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
        c = rewrites.c
        return self._first(Rewrite, c.suggestion_id == suggestion_id, order=(c.id.desc(),))

    def claim(self, rewrite_id: UUID, lease_seconds: float) -> Rewrite | None:
        c = rewrites.c
        return self._take_one(
            Rewrite,
            c.id == rewrite_id,
            or_(c.status == "asked", (c.status == "working") & (c.lease_until <= clock())),
            status="working",
            fence=c.fence + 1,
            attempts=c.attempts + 1,
            lease_until=from_now(lease_seconds),
        )

    def hold(self, rewrite_id: UUID, fence: int) -> Rewrite | None:
        c = rewrites.c
        self._t.flush()
        held = (
            select(Rewrite)
            .where(c.id == rewrite_id, c.fence == fence, c.status == "working", c.lease_until > clock())
            .with_for_update()
            .execution_options(populate_existing=True)
        )
        return self._t.session.scalars(held).one_or_none()

    def renew(self, rewrite_id: UUID, fence: int, lease_seconds: float) -> bool:
        # No new version: the heartbeat must not make the holder's own write stale.
        c = rewrites.c
        held = (c.id == rewrite_id, c.fence == fence, c.status == "working")
        return bool(self._take(Rewrite, *held, fresh=False, lease_until=from_now(lease_seconds)))
