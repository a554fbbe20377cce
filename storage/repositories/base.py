"""What repositories share: how they ask, and the conditional update that is a claim."""

from collections.abc import Sequence
from datetime import datetime
from functools import cache
from typing import Any, TypeVar
from uuid import UUID

from sqlalchemy import ColumnElement, DateTime, Interval, Table, bindparam, func, insert, select, update

from core.kernel.errors import NotFound
from storage.loading import Loading, columns_of, equal
from storage.mapping import MAPPED
from storage.prepared import Prepared
from storage.rows import from_row, to_row
from storage.transaction import Transaction

T = TypeVar("T")


def clock() -> ColumnElement[datetime]:
    """The database's clock at this very moment, also late in a long transaction."""
    return func.clock_timestamp(type_=DateTime(timezone=True))


LEASE_ENDS = clock() + bindparam("lease", type_=Interval)
"""That long from now, by the database's clock: a `timedelta`."""


def taking(kind: type[T], *where: ColumnElement[bool], fresh: bool = True, **values: Any) -> Loading[T]:
    """One UPDATE … WHERE … RETURNING: whoever gets the row has it. Counts the version up unless `fresh` is false."""
    table = MAPPED[kind]
    if fresh:
        values["version"] = table.c.version + 1
    change = update(table).where(*where).values({table.c[name]: to for name, to in values.items()})
    return Loading(kind, change, fresh=True)


def locking(kind: type[T], *where: ColumnElement[bool]) -> Loading[T]:
    """What fits, locked and as it is now."""
    # Not Session.get: with a lock it compares versions, and what was read before may have been changed by whoever held the lock.
    return Loading(kind, select(MAPPED[kind]).where(*where).with_for_update(), fresh=True)


class Repository:
    """Questions of one context."""

    def __init__(self, transaction: Transaction) -> None:
        self._t = transaction

    def _get(self, kind: type[T], id: UUID, unknown: str) -> T:
        """Raises NotFound `unknown`; another workspace's id is as unknown as any."""
        found = self._find(kind, id)
        if found is None:
            raise NotFound(unknown, id=str(id))
        return found

    def _find(self, kind: type[T], id: UUID) -> T | None:
        return self._t.held(kind, id) or self._one(kind, id=id)

    def _lock(self, kind: type[T], id: UUID, unknown: str) -> T:
        """Like `_get`, locked and fresh."""
        for found in self._t.load(_locking(kind), id=id):
            return found
        raise NotFound(unknown, id=str(id))

    def _one(self, of: type[T], /, **same: Any) -> T | None:
        """The one whose columns have these values."""
        return next(iter(self._t.load(equal(of, tuple(same), None, 1), **same)), None)

    def _newest(self, of: type[T], /, **same: Any) -> T | None:
        """The newest of those whose columns have these values."""
        return next(iter(self._t.load(equal(of, tuple(same), "-id", 1), **same)), None)

    def _those(self, of: type[T], order: str = "id", /, **same: Any) -> list[T]:
        """All whose columns have these values, in the order of a column."""
        return self._t.load(equal(of, tuple(same), order), **same)

    def _all(
        self, kind: type[T], *where: ColumnElement[bool], order: Sequence[Any] = (), limit: int | None = None
    ) -> list[T]:
        """Those that fit, asked in words that are made for it."""
        return list(self._t.session.scalars(select(kind).where(*where).order_by(*order).limit(_written(limit))))

    def _take(self, claim: Loading[T], **given: Any) -> T | None:
        """Who was taken by `taking` or `locking`."""
        return next(iter(self._t.load(claim, **given)), None)

    def _add(self, aggregate: Any) -> None:
        """Adds an aggregate of a kind that is added all the time: its row goes ahead of the next question."""
        self._t.tell(_adding(type(aggregate))(**to_row(aggregate)))
        self._t.hold(aggregate)

    def _keep(self, frozen: Any, table: Table) -> None:
        """Adds a frozen aggregate as a row."""
        self._t.connection.execute(insert(table), to_row(frozen))

    def _row(self, kind: type[T], table: Table, *where: ColumnElement[bool]) -> T | None:
        """The one frozen aggregate that fits."""
        row = self._t.connection.execute(select(table).where(*where)).one_or_none()
        return None if row is None else from_row(kind, row)

    def _rows(self, kind: type[T], table: Table, *where: ColumnElement[bool], order: Any) -> list[T]:
        """The frozen aggregates that fit."""
        rows = self._t.connection.execute(select(table).where(*where).order_by(order))
        return [from_row(kind, row) for row in rows]

    def _page(self, kind: type[T], after: UUID | None, limit: int, **same: Any) -> list[T]:
        """Newest first, those before `after`, where each of `same` that is not None holds."""
        table: Table = MAPPED[kind]
        told = {name: _written(value) if name == "status" else value for name, value in same.items()}
        where = [table.c[name] == value for name, value in told.items() if value is not None]
        if after is not None:
            where.append(table.c.id < after)
        return self._all(kind, *where, order=(table.c.id.desc(),), limit=limit)


@cache
def _locking(kind: type[Any]) -> Loading[Any]:
    return locking(kind, MAPPED[kind].c.id == bindparam("id"))


@cache
def _adding(kind: type[Any]) -> Prepared:
    gaps = {column: bindparam(column.name, type_=column.type) for column in columns_of(kind)}
    return Prepared(insert(MAPPED[kind]).values(gaps))


def _written(value: int | str | None) -> Any:
    """A number of rows or a status, written into the statement: then PostgreSQL keeps one plan, which knows how few rows are wanted and which partial index
    has them, instead of planning each time anew, or of keeping one that does not know."""
    return None if value is None else bindparam(None, value, literal_execute=True)
