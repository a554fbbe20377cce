"""Statements that travel together: one packet there, one wait, and all answers, where psycopg's own pipeline sends each by itself and wakes the server for it.

Between two Syncs PostgreSQL carries out everything as one transaction, unless a BEGIN says otherwise ("Extended Query", Pipelining), so that a
transaction may need no BEGIN and no COMMIT. Every statement is prepared, once a connection.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from itertools import count
from typing import Any, LiteralString, NamedTuple
from weakref import WeakKeyDictionary

import psycopg
from psycopg import abc, pq
from psycopg.adapt import PyFormat, Transformer
from psycopg.generators import fetch_many, send
from psycopg.pq.abc import PGresult
from sqlalchemy import Connection

GAP = re.compile(r"%(?:(%)|\((\w+)\)s)")
Row = tuple[Any, ...]
_numbers = count(1)
_prepared: "WeakKeyDictionary[psycopg.Connection, dict[Key, bytes]]" = WeakKeyDictionary()
Key = tuple[bytes, tuple[int, ...] | None]
"""Of a prepared statement: its words, and the types (OID) of its values."""


class Said(NamedTuple):
    """A statement with psycopg's named placeholders, and what they stand for."""

    words: LiteralString
    given: Mapping[str, Any] = {}


def driver(connection: Connection) -> psycopg.Connection:
    """psycopg's own connection."""
    raw = connection.connection.driver_connection
    assert isinstance(raw, psycopg.Connection)
    return raw


def ask_together(
    raw: psycopg.Connection, said: Sequence[Said], meanwhile: Callable[[], object] = lambda: None
) -> list[Sequence[Row]]:
    """The rows of each statement, in one round trip; `meanwhile` is done between asking and waiting. Raises psycopg.Error, the first that there was; of an implicit transaction nothing was carried out then."""
    known = _prepared.setdefault(raw, {})
    with raw.lock:
        try:
            return raw.wait(_asking(raw, known, said, meanwhile))
        except psycopg.errors.InvalidSqlStatementName:
            # Somebody deallocated them. A connection that knows none is as good as a new one.
            known.clear()
            raise psycopg.OperationalError("prepared statements are gone") from None
        finally:
            if raw.pgconn.pipeline_status != pq.PipelineStatus.OFF:
                # Interrupted in between: nobody knows what comes next on this line.
                raw.pgconn.finish()


def _asking(
    raw: psycopg.Connection, known: dict[Key, bytes], said: Sequence[Said], meanwhile: Callable[[], object]
) -> abc.PQGen[list[Sequence[Row]]]:
    line = raw.pgconn
    line.enter_pipeline_mode()
    made: dict[Key, bytes] = {}
    expected: list[abc.Transformer | Key] = []
    for one in said:
        transformer = Transformer(raw)
        words, names = _numbered(one.words)
        values = transformer.dump_sequence([one.given[name] for name in names], [PyFormat.AUTO] * len(names))
        key = words, transformer.types and tuple(transformer.types)
        name = known.get(key) or made.get(key)
        if name is None:
            name = made[key] = f"nod_{next(_numbers)}".encode()
            line.send_prepare(name, words, key[1])
            expected.append(key)
        line.send_query_prepared(name, values, transformer.formats)
        expected.append(transformer)
    line.pipeline_sync()
    yield from send(line)
    meanwhile()
    answers: list[Sequence[Row]] = []
    problem: psycopg.Error | None = None
    for awaited in expected:
        (result,) = yield from fetch_many(line)
        if result.status == pq.ExecStatus.FATAL_ERROR:
            problem = problem or psycopg.errors.error_from_result(result, encoding=raw.info.encoding)
        elif problem is None:
            # What was prepared outlives a transaction that fails.
            if isinstance(awaited, tuple):
                known[awaited] = made[awaited]
            else:
                answers.append(_rows(awaited, result))
    yield from fetch_many(line)  # the end of the pipeline
    line.exit_pipeline_mode()
    if problem is not None:
        raise problem
    return answers


def _rows(transformer: abc.Transformer, result: PGresult) -> Sequence[Row]:
    if result.status != pq.ExecStatus.TUPLES_OK:
        return ()
    transformer.set_pgresult(result)
    return transformer.load_rows(0, result.ntuples, tuple)


@lru_cache(maxsize=512)
def _numbered(words: str) -> tuple[bytes, tuple[str, ...]]:
    """The statement with numbered placeholders, and the names of the numbers."""
    names: list[str] = []

    def number(gap: re.Match[str]) -> str:
        percent, name = gap.groups()
        if percent:
            return "%"
        if name not in names:
            names.append(name)
        return f"${names.index(name) + 1}"

    return GAP.sub(number, words).encode(), tuple(names)
