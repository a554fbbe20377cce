"""A statement of SQLAlchemy's that is put into words once, when its module is loaded: what every tap asks costs a third so."""

from collections.abc import Sequence
from typing import Any, LiteralString, cast

from sqlalchemy import ClauseElement, Select
from sqlalchemy.dialects.postgresql import psycopg
from sqlalchemy.sql.compiler import SQLCompiler

from storage.engine import Ask
from storage.values import Value


class Prepared:
    """Its gaps are `bindparam`s, or an insert's columns; values that the statement itself names stay as they are."""

    def __init__(self, statement: ClauseElement) -> None:
        said = cast(SQLCompiler, statement.compile(dialect=psycopg.dialect()))
        self._words: LiteralString = cast(LiteralString, said.string)
        self._named = {name: said.params[name] for gap, name in said.bind_names.items() if not gap.required}
        self._shapes = {name: gap.type for gap, name in said.bind_names.items() if isinstance(gap.type, Value)}
        self._names = (
            [str(column.key) for column in statement.selected_columns] if isinstance(statement, Select) else []
        )

    def __call__(self, **given: Any) -> Ask:
        """The question, with its gaps filled."""
        filled = self._named | given if self._named else given
        for name, shape in self._shapes.items():
            filled[name] = shape.written(filled[name])
        return Ask(self._words, lambda: filled)

    def named(self, rows: Sequence[Any]) -> list[dict[str, Any]]:
        """The rows of a select, by the names of its columns."""
        return [dict(zip(self._names, row, strict=True)) for row in rows]
