"""The connection pool of the app role, and how a transaction in it begins: signed context and database clock in one round trip."""

import json
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import datetime
from typing import Any, LiteralString
from uuid import UUID

import psycopg
from sqlalchemy import URL, Connection, Engine, create_engine, event

from core.kernel.errors import Unavailable
from storage.context import LIFETIME, ContextSigner
from storage.failures import PoolExhausted, failure_of, translate
from storage.together import Said, ask_together, driver
from storage.values import dumps

CONNECTIONS = 16
LINES = 8
"""For questions that are asked at once: a few milliseconds each."""
IDLE, INTRANS, INERROR = (
    psycopg.pq.TransactionStatus.IDLE, psycopg.pq.TransactionStatus.INTRANS, psycopg.pq.TransactionStatus.INERROR,
)  # fmt: skip
KEPT = 8
"""Connections that stay ready between two transactions: to get one of the pool and give it back takes longer than many a question."""
WAIT_SECONDS = 10
# One plan a connection for what is asked all the time: planning would cost more than carrying out. It is made when the tables may still be empty and
# kept when they are not, so it never reads a whole table.
CONTEXT = """SELECT set_config('nod.context', %(context)s, true), set_config('plan_cache_mode', 'force_generic_plan', true),
    set_config('enable_seqscan', 'off', true)"""
AGAIN = ("kernel.database_away", "kernel.context_refused")
ENTER = "SELECT set_config('nod.context', %(context)s, true), now(), nod.current_workspace()"


@dataclass(frozen=True)
class Ask:
    """A statement of psycopg's with named placeholders, what they stand for when it is sent, and who is told its rows if it travels with a commit."""

    statement: LiteralString
    given: Callable[[], Mapping[str, Any]]
    told: Callable[[Sequence[Any]], None] | None = None

    @property
    def reads(self) -> bool:
        """Whether it changes and locks nothing."""
        return self.statement.startswith("SELECT ") and "FOR UPDATE" not in self.statement

    def same(self, other: "Ask") -> bool:
        """Whether both ask for the same."""
        return self.statement == other.statement and self.given() == other.given()


def ask(connection: Connection, *questions: Ask) -> list[Sequence[Any]]:
    """The rows of each question, all in one round trip, in the connection's transaction; none of a change that answers none. Raises what its rules refuse."""
    try:
        return ask_together(driver(connection), [Said(one.statement, one.given()) for one in questions])
    except psycopg.Error as problem:
        raise failure_of(problem) or problem from None


def asking(connection: Connection) -> Callable[[Ask], Sequence[Any]]:
    """Who asks one question after another on a connection."""
    return lambda question: ask(connection, question)[0]


def commit(connection: Connection, late: Sequence[Ask], meanwhile: Callable[[], object]) -> None:
    """Carries out the late statements and commits, all in one round trip, and something else `meanwhile`. Raises what their rules refuse."""
    if not late:
        connection.commit()
        meanwhile()
        return
    said = [*(Said(one.statement, one.given()) for one in late), Said("COMMIT")]
    try:
        answers = ask_together(driver(connection), said, meanwhile)
    except psycopg.Error as problem:
        raise failure_of(problem) or problem from None
    # What SQLAlchemy takes for a transaction ends when the connection is let go: who is to be rung for does not wait for that.
    for one, rows in zip(late, answers, strict=False):
        if one.told is not None:
            one.told(rows)


class Database:
    """The pool, and transactions that begin under a signed context. Thread-safe."""

    def __init__(self, url: URL, signer: ContextSigner, connections: int = CONNECTIONS) -> None:
        self.engine: Engine = create_engine(
            url,
            pool_size=connections,
            max_overflow=max(connections - LINES, 0),
            pool_timeout=WAIT_SECONDS,
            pool_use_lifo=True,
            hide_parameters=True,
            use_native_hstore=False,
            json_serializer=dumps,
            json_deserializer=json.loads,
            connect_args={
                "connect_timeout": 5,
                "application_name": "nod",
                "prepare_threshold": 0,
            },
        )
        translate(self.engine)
        event.listen(self.engine, "connect", _begin_ourselves)
        event.listen(self.engine, "rollback", _before_rollback)
        event.listen(self.engine, "reset", lambda raw, record, state: _roll_back(raw))
        self._signer = signer
        self._ahead: float | None = None
        self._lines: deque[psycopg.Connection] = deque()
        self._kept: deque[Connection] = deque()
        self._free = threading.Semaphore(LINES)

    def begin(self, workspace_id: UUID, user_id: UUID) -> tuple[Connection, datetime]:
        """A connection in a new transaction under the context, and the database's now. A connection that died in the pool is replaced once.

        Raises Unavailable `kernel.database_away`, `kernel.database_busy`, `kernel.context_refused`."""
        return self.begin_asking(workspace_id, user_id)[:2]

    def begin_asking(
        self, workspace_id: UUID, user_id: UUID, *first: Ask
    ) -> tuple[Connection, datetime, list[Sequence[Any]]]:
        """Like `begin`, and the rows of the first questions, all in one round trip. Raises also what the questions' rules refuse."""
        try:
            return self._begin(workspace_id, user_id, first)
        except Unavailable as away:
            if away.code != "kernel.database_away":
                raise
            self._forget_kept()
            return self._begin(workspace_id, user_id, first)

    def let_go(self, connection: Connection) -> None:
        """Rolls back what is not committed; the connection is the next one's who begins. It may be closed instead."""
        try:
            if (unfinished := connection.get_transaction()) is not None:
                unfinished.close()
        finally:
            if not connection.invalidated and _is_idle(connection) and len(self._kept) < KEPT:
                self._kept.append(connection)
            else:
                connection.close()

    def at_once(
        self, workspace_id: UUID, user_id: UUID, statement: LiteralString, given: Mapping[str, Any]
    ) -> Sequence[tuple[Any, ...]]:
        """The rows of one statement in a transaction of its own under the context: begin, context, statement and commit travel together, in one round trip. Raises as
        `begin` does, and what the statement's rules refuse; then nothing was carried out."""

        def said(until: int) -> list[Said]:
            return [
                Said(CONTEXT, {"context": self._signer.sign(workspace_id, user_id, until)}),
                Said(statement, given),
            ]

        return self._at_once(said)

    def at_once_in(
        self, workspace_ids: Sequence[UUID], door: LiteralString, given: Mapping[str, Any]
    ) -> Sequence[tuple[Any, ...]]:
        """The same of a door into several workspaces (docs/adr/0020), which is given `%(context)s`: the signed context that names them."""

        def said(until: int) -> list[Said]:
            return [Said(door, {**given, "context": self._signer.sign_several(workspace_ids, until)})]

        return self._at_once(said)

    def _at_once(self, said: Callable[[int], list[Said]]) -> Sequence[tuple[Any, ...]]:
        for last in (False, True):
            with self._line() as line:
                try:
                    # No BEGIN, no COMMIT: it is one transaction.
                    return ask_together(line, said(self._until(line)))[-1]
                except psycopg.Error as problem:
                    failure = _refused(problem) or failure_of(problem)
                    if failure is None:
                        raise
                    if last or failure.code not in AGAIN:
                        raise failure from None
                    self._start_anew()
        raise Unavailable("kernel.database_away")

    @contextmanager
    def _line(self) -> Iterator[psycopg.Connection]:
        """A connection that nobody else has. The engine's own bookkeeping of who has which takes longer than many a question."""
        if not self._free.acquire(timeout=WAIT_SECONDS):
            raise Unavailable("kernel.database_busy")
        try:
            try:
                line = self._lines.pop()
            except IndexError:
                line = self._new_line()
            try:
                yield line
            finally:
                if line.pgconn.transaction_status == IDLE:
                    self._lines.append(line)
                else:
                    line.close()
        finally:
            self._free.release()

    def _new_line(self) -> psycopg.Connection:
        try:
            made = self._take()
        except PoolExhausted as problem:
            # Nothing of the driver's: SQLAlchemy does not tell `translate`.
            raise failure_of(problem) or problem from None
        line = driver(made)
        made.detach()
        return line

    def _take(self) -> Connection:
        try:
            return self._kept.pop()
        except IndexError:
            return self.engine.connect()

    def _start_anew(self) -> None:
        """After the database was away, or refused us for our clock."""
        self._ahead = None
        with suppress(IndexError):
            while True:
                self._lines.pop().close()

    def _forget_kept(self) -> None:
        """Where one of them died, the others did."""
        with suppress(IndexError):
            while True:
                dead = self._kept.pop()
                dead.invalidate()
                dead.close()

    @contextmanager
    def snapshot(self, workspace_id: UUID, user_id: UUID) -> Iterator[Connection]:
        """A connection that sees the database as it is now until it is let go, and changes nothing (REPEATABLE READ, READ ONLY), under the context of a workspace that
        `enter` may change. Raises as `begin` does."""
        with self._take() as connection:
            connection.begin()
            raw = driver(connection)
            raw.execute("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY")
            raw.execute("SET LOCAL statement_timeout = '10min'")
            raw.execute("SET LOCAL idle_in_transaction_session_timeout = '10min'")
            self.enter(connection, workspace_id, user_id)
            yield connection

    def enter(self, connection: Connection, workspace_id: UUID, user_id: UUID) -> None:
        """The transaction goes on in another workspace of the same person. Raises Unavailable `kernel.context_refused`."""
        said = self._signer.sign(workspace_id, user_id, self._until(driver(connection)))
        entered = driver(connection).execute(ENTER, {"context": said}).fetchone()
        if entered is None or entered[2] != workspace_id:
            raise Unavailable("kernel.context_refused")

    def close(self) -> None:
        """Closes what nobody uses."""
        self._start_anew()
        self._forget_kept()
        self.engine.dispose()

    def _begin(
        self, workspace_id: UUID, user_id: UUID, first: Sequence[Ask]
    ) -> tuple[Connection, datetime, list[Sequence[Any]]]:
        connection = self._take()
        try:
            for _ in range(2):
                said = self._signer.sign(workspace_id, user_id, self._until(driver(connection)))
                now, seen, rows = _begin(connection, said, first)
                self._ahead = now.timestamp() - time.monotonic()
                if seen == workspace_id:
                    return connection, now, rows
            raise Unavailable("kernel.context_refused")
        except psycopg.Error as problem:
            connection.invalidate()
            connection.close()
            raise failure_of(problem) or problem from None
        except BaseException:
            connection.close()
            raise

    def _until(self, line: psycopg.Connection) -> int:
        """When a context that is signed now ends, in Unix seconds of the database's clock: reckoned from its last answer, since our own may jump."""
        ahead = self._ahead
        if ahead is None:
            moment = line.execute("SELECT clock_timestamp()", prepare=False).fetchone()
            assert moment is not None
            ahead = self._ahead = moment[0].timestamp() - time.monotonic()
        return int(time.monotonic() + ahead) + LIFETIME


def _refused(problem: psycopg.Error) -> Unavailable | None:
    if isinstance(problem, psycopg.errors.InvalidAuthorizationSpecification):
        return Unavailable("kernel.context_refused")
    return None


def _begin_ourselves(raw: Any, record: object) -> None:
    """psycopg would ask and wait for its own BEGIN; ours travels with the first question."""
    raw.autocommit = True


def _is_idle(connection: Connection) -> bool:
    return driver(connection).info.transaction_status == IDLE


def _before_rollback(connection: Connection) -> None:
    if not connection.invalidated:
        _roll_back(connection.connection.driver_connection)


def _roll_back(raw: Any) -> None:
    """Rolls back below psycopg, which would forget its prepared statements; they outlive the transaction that they were made in."""
    if isinstance(raw, psycopg.Connection) and raw.info.transaction_status in (INTRANS, INERROR):
        raw.pgconn.exec_(b"ROLLBACK")


def _begin(
    connection: Connection, said: str, first: Sequence[Ask]
) -> tuple[datetime, UUID | None, list[Sequence[Any]]]:
    """Begins the transaction, enters the context and asks the first questions, in one round trip."""
    if not connection.in_transaction():
        connection.begin()
    together = [Said(ENTER, {"context": said}), *(Said(one.statement, one.given()) for one in first)]
    line = driver(connection)
    idle = line.info.transaction_status == IDLE
    try:
        (entered,), *rows = ask_together(line, [Said("BEGIN"), *together] if idle else together)[idle:]
    except psycopg.Error as problem:
        connection.invalidate()
        raise failure_of(problem) or problem from None
    _, now, seen = entered
    return now, seen, rows
