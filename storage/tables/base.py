"""What every table is made of: columns in the house's types, checks that come from the aggregate, references that carry the workspace."""

from collections.abc import Sequence
from typing import Any, get_args, get_type_hints

from sqlalchemy import (
    ARRAY,
    Boolean,
    CheckConstraint,
    Column,
    Computed,
    DateTime,
    ForeignKeyConstraint,
    Integer,
    LargeBinary,
    MetaData,
    PrimaryKeyConstraint,
    Text,
    UniqueConstraint,
    Uuid,
)

from storage.values import Value

SCHEMA = "nod"

metadata = MetaData(schema=SCHEMA)


def uid(name: str, *, null: bool = False) -> Column[Any]:
    """An id."""
    return Column(name, Uuid, nullable=null)


def text(name: str, *, null: bool = False) -> Column[Any]:
    """Characters, as many as there are."""
    return Column(name, Text, nullable=null)


def texts(name: str) -> Column[Any]:
    """A list of texts."""
    return Column(name, ARRAY(Text), nullable=False)


def when(name: str, *, null: bool = False) -> Column[Any]:
    """An instant, kept in UTC."""
    return Column(name, DateTime(timezone=True), nullable=null)


def number(name: str, *, null: bool = False) -> Column[Any]:
    """A 32-bit count."""
    return Column(name, Integer, nullable=null)


def flag(name: str) -> Column[Any]:
    """Yes or no."""
    return Column(name, Boolean, nullable=False)


def value(name: str, shape: Any, *, null: bool = False) -> Column[Any]:
    """A value object or JSON."""
    return Column(name, Value(shape), nullable=null)


def by_month(column: str = "id") -> dict[str, Any]:
    """Keyword of a table that is kept in one part a month, told apart by a UUIDv7 column, which begins with its time (docs/adr/0008)."""
    return {"postgresql_partition_by": f"RANGE ({column})"}


def sealed(name: str, *, null: bool = False) -> Column[Any]:
    """Bytes that the vault sealed for this row and column."""
    return Column(name, LargeBinary, nullable=null)


def sealing_key(of: str) -> Column[Any]:
    """The id of the key that sealed the column `of`, where that is known to nobody else (storage/vault.py has the format)."""
    name = f"encode(substring({of} FROM 3 FOR get_byte({of}, 1)), 'escape')"
    return Column("key_id", Text, Computed(name, persisted=True), nullable=True)


def key(table: str, *columns: str) -> PrimaryKeyConstraint:
    """The primary key. Tenant tables begin theirs with the workspace, so that nobody learns from a refused insert that an id is taken elsewhere."""
    return PrimaryKeyConstraint(*(columns or ("workspace_id", "id")), name=f"{table}_key")


def unique(table: str, *columns: str, called: str | None = None) -> UniqueConstraint:
    """No two rows agree in all of `columns`."""
    called = called or "_".join(column for column in columns if column != "workspace_id")
    return UniqueConstraint(*columns, name=f"{table}_{called}_once")


def one_of(table: str, aggregate: type, column: str) -> CheckConstraint:
    """The column holds one of the words that the aggregate's Literal lists."""
    words = ", ".join(f"'{word}'" for word in get_args(get_type_hints(aggregate)[column]))
    return CheckConstraint(f"{column} IN ({words})", name=f"{table}_{column}_known")


def holds(table: str, rule: str, name: str) -> CheckConstraint:
    """A rule of one row."""
    return CheckConstraint(rule, name=f"{table}_{name}")


def refers(
    table: str,
    columns: Sequence[str],
    to: str,
    target: Sequence[str] = ("id",),
    *,
    on_delete: str | None = None,
    in_a_ring: bool = False,
) -> ForeignKeyConstraint:
    """A reference inside one workspace. Checked at the commit, so that rows may be added in any order; `in_a_ring` when the other table refers back."""
    return _reference(
        table, ["workspace_id", *columns], to, ["workspace_id", *target], columns[0], on_delete, in_a_ring
    )


def belongs(table: str, column: str, to: str, *, on_delete: str | None = None) -> ForeignKeyConstraint:
    """A reference to what stands above workspaces: the workspace itself, or a person."""
    return _reference(table, [column], to, ["id"], column, on_delete)


def _reference(
    table: str,
    columns: list[str],
    to: str,
    target: list[str],
    name: str,
    on_delete: str | None,
    in_a_ring: bool = False,
) -> ForeignKeyConstraint:
    return ForeignKeyConstraint(
        columns,
        [f"{SCHEMA}.{to}.{column}" for column in target],
        name=f"{table}_{name}_there",
        ondelete=on_delete,
        deferrable=True,
        initially="DEFERRED",
        use_alter=in_a_ring,
    )
