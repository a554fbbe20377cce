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
from storage.loading import Loading, hold
from storage.mapping import LOADED, find_silent_changes, remember_values
from storage.seals import Seals
from storage.vault import LocalKeys

T = TypeVar("T")


class AggregateSession(Session):
    """A session whose stale writes are Conflicts, and that notices values changed in place."""

    def flush(self, objects: Any = None) -> None:
        """Writes what is new or changed. Raises Conflict `kernel.version_stale`."""
        new, dirty = list(self.new), list(self.dirty)
        for aggregate in dirty:
            find_silent_changes(aggregate)
        try:
            super().flush(objects)
        except StaleDataError:
            raise Conflict(STALE) from None
        for aggregate in (*new, *dirty):
            remember_values(aggregate)
        self.info.setdefault(LOADED, []).extend(new)

    @property
    def unwritten(self) -> bool:
        """Whether there is anything to write."""
        return bool(self.new or self.dirty or self.deleted)

    def notice(self) -> None:
        """Finds the values that were changed in place."""
        for aggregate in self.info.get(LOADED, ()):
            find_silent_changes(aggregate)


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
        self._early: list[Ask] = []
        self._expected: list[Ask] = []
        self._foreseen: list[tuple[Ask, Sequence[Any]]] = []

    @property
    def connection(self) -> Connection:
        """The connection, in the transaction. Raises Unavailable when it cannot begin."""
        self._send()
        self._foreseen.clear()
        return self._begun()

    @property
    def now(self) -> datetime:
        """The database's clock at the beginning, in UTC."""
        self._begun()
        assert self._now is not None
        return self._now

    @property
    def session(self) -> AggregateSession:
        """The mapper's session. It may write what aggregates changed before it asks."""
        self._send()
        if self._session is not None and self._session.unwritten:
            self._foreseen.clear()
        return self._aggregates()

    @property
    def seals(self) -> Seals:
        """The data keys of those whom this workspace can see."""
        if self._seals is None:
            self._seals = Seals(self.ask, self._keys, self.workspace_id)
        return self._seals

    def ask(self, question: Ask) -> Sequence[Any]:
        """Its rows, after what was changed so far is written. The first one of a transaction begins it; what was told or is expected travels with it."""
        self.flush()
        known = self.foreseen(question)
        return self._travel(question)[0] if known is None else known

    def tell(self, change: Ask) -> None:
        """A change that answers nothing: it goes ahead of the next question, or with the commit. Whoever asks next, or commits, raises what its rules refuse."""
        self.flush()
        # A beginning is tried again where its context is refused: a change is not carried out under that.
        self._begun()
        self._foreseen.clear()
        self._early.append(change)

    def foresee(self, *questions: Ask) -> None:
        """They will be asked soon. They travel with the next question that there is and are answered after it. Whoever asks gets that answer until something is changed or locked."""
        known = [*self._expected, *(question for question, _ in self._foreseen)]
        self._expected += [one for one in questions if not any(one.same(other) for other in known)]

    def foreseen(self, question: Ask) -> Sequence[Any] | None:
        """The rows of a question that was foreseen and is answered; None otherwise."""
        return next((rows for answered, rows in self._foreseen if answered.same(question)), None)

    def held(self, kind: type[T], id: UUID) -> T | None:
        """The aggregate that was loaded or added before."""
        if self._session is None:
            return None
        found: T | None = self._session.identity_map.get(self._session.identity_key(kind, id))
        return found

    def hold(self, aggregate: Any) -> None:
        """What was added below the mapper is the mapper's from now on."""
        hold(self._aggregates(), aggregate)

    def load(self, question: Loading[T], **given: Any) -> list[T]:
        """The aggregates that a question answers, with its gaps filled."""
        rows = self.ask(question(**given))
        return question.unfold(self._aggregates(), rows) if rows else []

    def flush(self) -> None:
        """Writes what aggregates changed. Raises Conflict `kernel.version_stale`."""
        if self._session is not None and self._session.unwritten:
            self._send()
            self._foreseen.clear()
            self._session.flush()

    def commit(self, meanwhile: Callable[[], object] = lambda: None) -> None:
        """Makes it durable, and does something `meanwhile`. Raises Conflict `kernel.version_stale`, Invalid `kernel.rule_broken`."""
        if self._session is not None:
            self._session.notice()
            self.flush()
        late, self._early, self.late = [*self._early, *self.late], [], []
        if late or self._connection is not None:
            commit(self._begun(), late, meanwhile)

    def close(self) -> None:
        """Lets the connection go; what was not committed is rolled back."""
        if self._session is not None:
            self._session.close()
        if self._connection is not None:
            self._database.let_go(self._connection)

    def _begun(self) -> Connection:
        if self._connection is None:
            self._travel()
        assert self._connection is not None
        return self._connection

    def _aggregates(self) -> AggregateSession:
        if self._session is None:
            self._session = AggregateSession(
                bind=self._begun(), expire_on_commit=False, join_transaction_mode="rollback_only"
            )
        return self._session

    def _send(self) -> None:
        """What was told is told now."""
        if self._early:
            self._travel()

    def _travel(self, *questions: Ask) -> list[Sequence[Any]]:
        """What was told, the questions, and what is expected, in this order and one round trip; the rows of the questions."""
        early, self._early = self._early, []
        along, self._expected = self._expected, []
        along = [one for one in along if not any(one.same(question) for question in questions)]
        together = (*early, *questions, *along)
        if self._connection is None:
            begun = self._database.begin_asking(self.workspace_id, self.user_id, *together)
            self._connection, self._now, rows = begun
        else:
            rows = ask(self._connection, *together)
        if not all(question.reads for question in questions):
            self._foreseen.clear()
        own = len(early) + len(questions)
        self._foreseen += zip(along, rows[own:], strict=True)
        return rows[len(early) : own]
