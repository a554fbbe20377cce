"""Questions that answer whole aggregates, put into words once and asked below SQLAlchemy's mapper; what they answer is the mapper's all the same: one object for a row,
its changes noticed, its version checked. Building such a statement and unfolding its answer anew each time takes longer than PostgreSQL's part of it."""

from collections.abc import Callable, Sequence
from functools import cache
from typing import Any, Generic, TypeVar

from sqlalchemy import Column, Delete, Select, Update, bindparam, literal_column, select
from sqlalchemy.orm import Session, attributes, class_mapper, make_transient_to_detached

from storage.mapping import MAPPED, loaded
from storage.prepared import Prepared
from storage.values import Value

T = TypeVar("T")


class Loading(Prepared, Generic[T]):
    """A select of the aggregates of `kind`, or a change that answers those it changed (what it returns is added here). `fresh`: an aggregate that is held already becomes what the row
    is now, because it was locked or changed; otherwise it stays as it is held."""

    def __init__(self, kind: type[T], statement: Select[Any] | Update | Delete, *, fresh: bool = False) -> None:
        columns = columns_of(kind)
        super().__init__(
            statement.with_only_columns(*columns) if isinstance(statement, Select) else statement.returning(*columns)
        )
        self.kind, self.fresh = kind, fresh

    def unfold(self, session: Session, rows: Sequence[Sequence[Any]]) -> list[T]:
        """The aggregates of the rows."""
        return [_held(session, self.kind, row, self.fresh) for row in rows]


@cache
def columns_of(kind: type) -> tuple[Column[Any], ...]:
    """The columns that an aggregate is made of."""
    return tuple(column for column in MAPPED[kind].c if column.computed is None)


@cache
def equal(kind: type[Any], names: tuple[str, ...], order: str | None = None, limit: int | None = None) -> Loading[Any]:
    """Those whose columns of these `names` have the values that are given; in the order of a column, `-` before it for its end first."""
    c = MAPPED[kind].c
    those = select(MAPPED[kind]).where(*(c[name] == bindparam(name) for name in names))
    if order is not None:
        those = those.order_by(c[order[1:]].desc() if order[0] == "-" else c[order])
    return Loading(kind, those if limit is None else those.limit(literal_column(str(limit))))


def hold(session: Session, aggregate: Any) -> None:
    """An aggregate whose row is there, or was told, is the mapper's from now on."""
    make_transient_to_detached(aggregate)
    session.add(aggregate)
    loaded(aggregate, session)


def _held(session: Session, kind: type[T], row: Sequence[Any], fresh: bool) -> T:
    names, place, reading = _shape(kind)
    held: T | None = session.identity_map.get(session.identity_key(kind, row[place]))
    if held is not None and not fresh:
        return held
    values = dict(zip(names, row, strict=True))
    for name, read in reading:
        values[name] = read(values[name])
    if held is None:
        made: T = class_mapper(kind).class_manager.new_instance()
        made.__dict__.update(values)
        hold(session, made)
        return made
    for name in names:
        attributes.set_committed_value(held, name, values[name])
    loaded(held, session)
    return held


@cache
def _shape(kind: type) -> tuple[tuple[str, ...], int, tuple[tuple[str, Callable[[Any], Any]], ...]]:
    """The names of a row's columns, which of them is the id, and how those are read that the driver does not read to the end."""
    columns = columns_of(kind)
    names = tuple(column.name for column in columns)
    return names, names.index("id"), tuple((c.name, c.type.read) for c in columns if isinstance(c.type, Value))
