"""Statements that travel together: one packet, all answers in their order, and nothing half done."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from uuid import UUID, uuid4

import psycopg
import pytest
from psycopg.pq import TransactionStatus

from core.kernel.errors import Conflict, Unavailable
from core.kernel.ids import new_id
from storage import Storage, together
from storage.engine import LINES, Database
from storage.together import Said, ask_together, driver
from storage.vault import NOWHERE
from tests.databases import somebody

ADD = """INSERT INTO nod.tasks (workspace_id, id, owner_id, title, notes, made_by, created_at, version)
    VALUES (%(workspace)s, %(id)s, %(owner)s, 'Call', '', 'test', now(), 1)"""


@pytest.fixture
def connection(database: Database) -> Iterator[psycopg.Connection]:
    with database.engine.connect() as connection:
        yield driver(connection)


def one(connection: psycopg.Connection, words: str, **given: object) -> object:
    return ask_together(connection, [Said(words, given)])[0][0][0]  # type: ignore[arg-type]


def status(connection: psycopg.Connection) -> TransactionStatus:
    return connection.info.transaction_status


def test_answers_come_in_the_order_of_the_statements(connection: psycopg.Connection) -> None:
    said = [
        Said("SELECT %(n)s::integer * 2, %(word)s || '%%'", {"n": 21, "word": "half"}),
        Said("SET LOCAL lock_timeout = '1234ms'"),
        Said("SELECT 1 WHERE false"),
        Said("SELECT n FROM unnest(%(ids)s::integer[]) AS n", {"ids": [3, 1, 2]}),
        Said("SHOW lock_timeout"),
    ]
    assert ask_together(connection, said) == [[(42, "half%")], (), [], [(3,), (1,), (2,)], [("1234ms",)]]
    assert one(connection, "SHOW lock_timeout") != "1234ms"
    assert status(connection) == TransactionStatus.IDLE


@pytest.mark.parametrize(
    ("value", "kind"),
    [
        (7, "integer"), (2**40, "bigint"), (True, "boolean"), ("né", "text"), (b"\0\xff", "bytea"), (None, "text"),
        (UUID(int=5), "uuid"), (datetime(2026, 11, 23, 4, 5, tzinfo=UTC), "timestamptz"),
    ],
)  # fmt: skip
def test_values_come_back_as_they_went(connection: psycopg.Connection, value: object, kind: str) -> None:
    assert one(connection, f"SELECT %(value)s::{kind}", value=value) == value  # type: ignore[misc]
    assert one(connection, f"SELECT coalesce(%(value)s::{kind}, %(value)s)", value=value) == value  # type: ignore[misc]


def test_of_an_implicit_transaction_all_is_done_or_nothing(connection: psycopg.Connection) -> None:
    """Without BEGIN and COMMIT."""
    name = f"nod.together_{uuid4().hex}"
    told = Said("SELECT set_config(%(name)s, 'told', false)", {"name": name})
    heard = Said("SELECT current_setting(%(name)s, true)", {"name": name})
    with pytest.raises(psycopg.errors.DivisionByZero):
        ask_together(connection, [told, Said("SELECT 1 / 0"), heard])
    assert ask_together(connection, [heard]) in ([[(None,)]], [[("",)]])
    assert ask_together(connection, [told, heard])[1] == [("told",)]
    assert ask_together(connection, [heard]) == [[("told",)]]


def test_a_statement_at_once_is_done_or_refused(database: Database, storage: Storage) -> None:
    person, id = somebody(storage), new_id()
    mine = person.workspace_id, person.user_id
    add = {"workspace": person.workspace_id, "id": id, "owner": person.user_id}
    assert database.at_once(*mine, ADD, add) == ()
    with pytest.raises(Conflict):
        database.at_once(*mine, ADD, add)
    assert database.at_once(*mine, "SELECT count(*) FROM nod.tasks", {}) == [(1,)]


def test_a_problem_leaves_the_connection_as_good_as_it_was(connection: psycopg.Connection) -> None:
    """Also what was prepared for the first time on the way to the problem."""
    new = Said(f"SELECT /* {uuid4().hex} */ 7")
    for _ in range(2):
        with pytest.raises(psycopg.errors.DivisionByZero):
            ask_together(connection, [new, Said("SELECT 1 / 0")])
        assert status(connection) == TransactionStatus.IDLE
    assert ask_together(connection, [new]) == [[(7,)]]


def test_the_first_of_several_problems_is_told(connection: psycopg.Connection) -> None:
    with pytest.raises(psycopg.errors.DivisionByZero):
        ask_together(connection, [Said("SELECT 1"), Said("SELECT 1 / 0"), Said("SELECT nonsense")])
    with pytest.raises(psycopg.errors.UndefinedColumn):
        ask_together(connection, [Said("SELECT nonsense")])
    assert one(connection, "SELECT 5") == 5


def test_a_statement_is_prepared_once_for_each_kind_of_values(connection: psycopg.Connection) -> None:
    mine = f"SELECT /* {uuid4().hex} */ %(value)s"
    for value in ("a", "b", 1, 2, "c"):
        assert one(connection, mine, value=value) == value
    made = "SELECT count(*), sum(generic_plans + custom_plans) FROM pg_prepared_statements WHERE starts_with(statement, %(words)s)"
    assert ask_together(connection, [Said(made, {"words": mine.partition("%")[0]})]) == [[(2, 5)]]


def test_statements_that_somebody_deallocated_are_like_a_lost_connection(
    database: Database, storage: Storage, connection: psycopg.Connection
) -> None:
    person = somebody(storage)
    mine = person.workspace_id, person.user_id
    assert one(connection, "SELECT 1") == 1
    connection.execute("DEALLOCATE ALL")
    with pytest.raises(psycopg.OperationalError):
        one(connection, "SELECT 1")
    assert one(connection, "SELECT 1") == 1
    asked = "SELECT nod.current_workspace()"
    for _ in range(2):
        assert database.at_once(*mine, asked, {}) == [(person.workspace_id,)]
        database.at_once(*mine, "DEALLOCATE ALL", {})


def test_questions_at_once_share_a_few_lines(
    database: Database, storage: Storage, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also when many ask together, and when what they ask is refused; lines that broke are not asked again."""
    person = somebody(storage)
    anew: list[int] = []
    start_anew = database._start_anew

    def noted() -> None:
        anew.append(1)
        start_anew()

    monkeypatch.setattr(database, "_start_anew", noted)
    mine = person.workspace_id, person.user_id

    def pid(number: int) -> object:
        if number % 3 == 0:
            with pytest.raises(psycopg.errors.DivisionByZero):
                database.at_once(*mine, "SELECT 1 / 0", {})
        return database.at_once(*mine, "SELECT pg_backend_pid()", {})[0][0]

    with ThreadPoolExecutor(3 * LINES) as pool:
        first = set(pool.map(pid, range(20 * LINES)))
        # Who was sent away by a server that had much to do makes all of them anew.
        assert 1 <= len(first) <= LINES * (1 + len(anew))
        assert len(database._lines) <= LINES
        assert set(pool.map(pid, range(20 * LINES))) <= first | {line.info.backend_pid for line in database._lines}
    with psycopg.connect(database.engine.url.set(drivername="postgresql").render_as_string(False)) as other:
        other.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid = ANY (%s)", (list(first),))
    assert pid(1) not in first


def test_a_server_that_is_away_is_unavailable(database: Database, tmp_path: Path) -> None:
    """Also where a line would have to be made."""
    url = database.engine.url.update_query_dict({"host": str(tmp_path)})
    with closing(Database(url, database._signer)) as nowhere:
        for _ in range(2):
            with pytest.raises(Unavailable) as away:
                nowhere.at_once(NOWHERE, NOWHERE, "SELECT 1", {})
            assert away.value.code == "kernel.database_away"
            with pytest.raises(Unavailable) as away:
                nowhere.begin(NOWHERE, NOWHERE)
            assert away.value.code == "kernel.database_away"


def test_what_is_done_meanwhile_is_done_while_the_database_works(
    connection: psycopg.Connection, database: Database
) -> None:
    """The statement waits for a lock that is let go meanwhile: if it were done before, the lock would be free, and after, it would never be."""
    lock = uuid4().int % 2**62
    with database.engine.connect() as lent:
        other = driver(lent)
        one(other, "SELECT pg_advisory_lock(%(lock)s)::text", lock=lock)
        freed: list[object] = []

        def meanwhile() -> None:
            while not one(other, "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted"):
                pass
            freed.append(one(other, "SELECT pg_advisory_unlock(%(lock)s)", lock=lock))

        said = Said("SELECT pg_advisory_xact_lock(%(lock)s)::text, %(word)s", {"lock": lock, "word": "free"})
        assert ask_together(connection, [said], meanwhile) == [[("", "free")]]
        assert freed == [True]


def test_much_goes_there_and_much_comes_back(connection: psycopg.Connection) -> None:
    """More than what fits between the two, in both directions at the same time."""
    much = "x" * 8_000_000
    said = Said("SELECT %(much)s::text", {"much": much})
    assert [rows[0][0] for rows in ask_together(connection, [said, said, said])] == [much] * 3


def test_a_connection_that_is_ended_in_between_is_unavailable(database: Database, storage: Storage) -> None:
    person = somebody(storage)
    mine = person.workspace_id, person.user_id
    with database.engine.connect() as lent:
        connection = driver(lent)
        ended = one(connection, "SELECT pg_backend_pid()")
        with pytest.raises(psycopg.OperationalError):
            ask_together(connection, [Said("SELECT pg_terminate_backend(%(pid)s)", {"pid": ended}), Said("SELECT 1")])
        lent.invalidate()
    with pytest.raises(Unavailable):
        database.at_once(*mine, "SELECT pg_terminate_backend(pg_backend_pid())", {})
    assert database.at_once(*mine, "SELECT 1", {}) == [(1,)]


def test_who_is_interrupted_in_between_leaves_no_line_behind_on_which_answers_are_still_to_come(
    database: Database, storage: Storage, monkeypatch: pytest.MonkeyPatch
) -> None:
    person = somebody(storage)
    honest = together.fetch_many

    def interrupted(line: object) -> object:
        monkeypatch.setattr(together, "fetch_many", honest)
        raise KeyboardInterrupt

    with database.engine.connect() as lent:
        connection = driver(lent)
        monkeypatch.setattr(together, "fetch_many", interrupted)
        with pytest.raises(KeyboardInterrupt):
            one(connection, "SELECT 'old'")
        with pytest.raises(psycopg.OperationalError):
            one(connection, "SELECT 'new'")
        lent.invalidate()
    monkeypatch.setattr(together, "fetch_many", interrupted)
    with pytest.raises(KeyboardInterrupt):
        database.at_once(person.workspace_id, person.user_id, "SELECT 'first'", {})
    for _ in range(3):
        assert database.at_once(person.workspace_id, person.user_id, "SELECT 'second'", {}) == [("second",)]
        with storage.work(person.workspace_id, person.user_id) as work:
            assert work.now
