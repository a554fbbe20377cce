"""One open transaction, as repositories see it. It begins with the first question that is asked in it, in the same round trip."""

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any, TypeVar
from uuid import UUID

from sqlalchemy import Connection
from sqlalchemy.orm import Session
from sqlalchemy.orm.exc import StaleDataError

from core.kernel.errors import Conflict
from storage.engine import Ask, Database, ask, commit
from storage.failures import STALE
from storage.loading import Loading
from storage.mapping import LOADED, find_silent_changes, remember_values
from storage.seals import Seals
from storage.vault import LocalKeys

T = TypeVar("T")


class AggregateSession(Session):
    """A session whose stale writes are Conflicts, and that notices values changed in place."""

    def flush(self, objects: Any = None) -> None:
        """Writes what is new or changed. Raises Conflict `kernel.version_stale`."""
        new, dirty = list(self.new), list(self.dirty)
        if not (new or dirty or self.deleted):
            return
        for aggregate in dirty:
            find_silent_changes(aggregate)
        try:
            super().flush(objects)
        except StaleDataError:
            raise Conflict(STALE) from None
        for aggregate in (*new, *dirty):
            remember_values(aggregate)
        self.info.setdefault(LOADED, []).extend(new)

    def finish(self) -> None:
        """Like flush, also of values that were changed in place."""
        for aggregate in self.info.get(LOADED, ()):
            find_silent_changes(aggregate)
        self.flush()


class Transaction:
    """Mapped aggregates through `session`, rows through `connection` or `ask`, secrets through `seals`. `places` remembers in which chat (link) a delivery is;
    what is in `late` travels together with the commit. For one thread."""

    def __init__(self, database: Database, keys: LocalKeys, workspace_id: UUID, user_id: UUID) -> None:
        self.workspace_id, self.user_id = workspace_id, user_id
        self.places: dict[UUID, UUID] = {}
        self.late: list[Ask] = []
        self._database, self._keys = database, keys
        self._connection: Connection | None = None
        self._now: datetime | None = None
        self._session: AggregateSession | None = None
        self._seals: Seals | None = None

    @property
    def connection(self) -> Connection:
        """The connection, in the transaction. Raises Unavailable when it cannot begin."""
        if self._connection is None:
            self._begin(None)
        assert self._connection is not None
        return self._connection

    @property
    def now(self) -> datetime:
        """The database's clock at the beginning, in UTC."""
        if self._now is None:
            self._begin(None)
        assert self._now is not None
        return self._now

    @property
    def session(self) -> AggregateSession:
        """The mapper's session."""
        if self._session is None:
            self._session = AggregateSession(
                bind=self.connection, expire_on_commit=False, join_transaction_mode="rollback_only"
            )
        return self._session

    @property
    def seals(self) -> Seals:
        """The data keys of those whom this workspace can see."""
        if self._seals is None:
            self._seals = Seals(self.connection, self._keys, self.workspace_id)
        return self._seals

    def ask(self, question: Ask) -> Sequence[Any]:
        """Its rows, after what was changed so far is written. The first one of a transaction begins it."""
        if self._connection is None:
            return self._begin(question)
        self.flush()
        return ask(self._connection, question)[0]

    def held(self, kind: type[T], id: UUID) -> T | None:
        """The aggregate that was loaded or added before."""
        if self._session is None:
            return None
        found: T | None = self._session.identity_map.get(self._session.identity_key(kind, id))
        return found

    def load(self, question: Loading[T], **given: Any) -> list[T]:
        """The aggregates that a question answers, with its gaps filled."""
        rows = self.ask(question(**given))
        return question.unfold(self.session, rows) if rows else []

    def flush(self) -> None:
        """Writes what aggregates changed. Raises Conflict `kernel.version_stale`."""
        if self._session is not None:
            self._session.flush()

    def commit(self, meanwhile: Callable[[], object] = lambda: None) -> None:
        """Makes it durable, and does something `meanwhile`. Raises Conflict `kernel.version_stale`, Invalid `kernel.rule_broken`."""
        if self._session is not None:
            self._session.finish()
        late, self.late = self.late, []
        if late or self._connection is not None:
            commit(self.connection, late, meanwhile)

    def close(self) -> None:
        """Lets the connection go; what was not committed is rolled back."""
        if self._session is not None:
            self._session.close()
        if self._connection is not None:
            self._connection.close()

    def _begin(self, first: Ask | None) -> Sequence[Any]:
        self._connection, self._now, rows = self._database.begin_asking(self.workspace_id, self.user_id, first)
        return rows
