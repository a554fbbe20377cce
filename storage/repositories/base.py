"""What repositories share: how they ask, and the conditional update that is a claim."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from functools import cache
from typing import Any, TypeVar
from uuid import UUID

from sqlalchemy import ColumnElement, DateTime, Select, Table, bindparam, func, insert, select, update

from core.kernel.errors import NotFound
from storage.mapping import MAPPED
from storage.rows import from_row, to_row
from storage.transaction import Transaction

T = TypeVar("T")


def clock() -> ColumnElement[datetime]:
    """The database's clock at this very moment, also late in a long transaction."""
    return func.clock_timestamp(type_=DateTime(timezone=True))


def from_now(seconds: float) -> ColumnElement[datetime]:
    """That long from now, by the database's clock."""
    return clock() + timedelta(seconds=seconds)


class Repository:
    """Questions of one context."""

    def __init__(self, transaction: Transaction) -> None:
        self._t = transaction

    def _get(self, kind: type[T], id: UUID, unknown: str) -> T:
        """Raises NotFound `unknown`; another workspace's id is as unknown as any."""
        found = self._t.session.get(kind, id)
        if found is None:
            raise NotFound(unknown, id=str(id))
        return found

    def _lock(self, kind: type[T], id: UUID, unknown: str) -> T:
        """Like `_get`, locked and fresh."""
        self._t.flush()
        found = self._t.session.scalars(_locking(kind), {"id": id}).one_or_none()
        if found is None:
            raise NotFound(unknown, id=str(id))
        return found

    def _all(
        self, kind: type[T], *where: ColumnElement[bool], order: Sequence[Any] = (), limit: int | None = None
    ) -> list[T]:
        return list(self._t.session.scalars(select(kind).where(*where).order_by(*order).limit(_written(limit))))

    def _first(self, kind: type[T], *where: ColumnElement[bool], order: Sequence[Any] = ()) -> T | None:
        return self._t.session.scalars(select(kind).where(*where).order_by(*order).limit(1)).one_or_none()

    def _take(self, kind: type[T], *where: ColumnElement[bool], fresh: bool = True, **values: Any) -> list[T]:
        """One UPDATE … WHERE … RETURNING: whoever gets the row has it. Counts the version up unless `fresh` is false."""
        table = MAPPED[kind]
        if fresh:
            values["version"] = table.c.version + 1
        statement = (
            update(kind)
            .where(*where)
            .values({table.c[name]: to for name, to in values.items()})
            .returning(kind)
            .execution_options(synchronize_session=False, populate_existing=True)
        )
        return list(self._t.session.scalars(statement))

    def _take_one(self, kind: type[T], *where: ColumnElement[bool], **values: Any) -> T | None:
        taken = self._take(kind, *where, **values)
        return taken[0] if taken else None

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

    def _page(self, kind: type[T], after: UUID | None, limit: int, **equal: Any) -> list[T]:
        """Newest first, those before `after`, where each of `equal` that is not None holds."""
        table: Table = MAPPED[kind]
        told = {name: _written(value) if name == "status" else value for name, value in equal.items()}
        where = [table.c[name] == value for name, value in told.items() if value is not None]
        if after is not None:
            where.append(table.c.id < after)
        return self._all(kind, *where, order=(table.c.id.desc(),), limit=limit)


@cache
def _locking(kind: type) -> Select[Any]:
    # Not Session.get: with a lock it compares versions, and what was read before may have been changed by whoever held the lock.
    row = select(kind).where(MAPPED[kind].c.id == bindparam("id"))
    return row.with_for_update().execution_options(populate_existing=True)


def _written(value: int | str | None) -> Any:
    """A number of rows or a status, written into the statement: then PostgreSQL keeps one plan, which knows how few rows are wanted and which partial index
    has them, instead of planning each time anew, or of keeping one that does not know."""
    return None if value is None else bindparam(None, value, literal_execute=True)
