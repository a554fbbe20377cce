"""A workspace's rows are nobody else's: probed as the app role, with any SQL short of forging the signed context."""

import contextlib
from typing import Any
from uuid import UUID

import psycopg
import pytest
from sqlalchemy.exc import ProgrammingError

from core.kernel.actor import Actor
from core.kernel.errors import NotFound
from core.kernel.ids import new_id
from core.kernel.settings import Settings
from storage import Storage
from storage.context import ContextSigner
from storage.tables import declared, metadata
from tests.databases import somebody
from tests.storage.arrange import (
    a_delivery,
    a_message,
    a_run,
    a_suggestion,
    an_agent,
    an_execution,
    app_connection,
    enter,
)

TABLES = sorted(declared)
APPEND_ONLY = (
    "messages",
    "events",
    "approvals",
    "suggestion_revisions",
    "agent_versions",
    "execution_attempts",
    "connector_executions",
)


@pytest.fixture
def ann(storage: Storage) -> Actor:
    """Somebody with a row in most tables."""
    actor = somebody(storage)
    a_suggestion(storage, actor)
    an_execution(storage, actor)
    a_delivery(storage, actor)
    with storage.work(actor.workspace_id, actor.user_id) as work:
        work.messages.add(a_message(work, actor, "hello"))
        work.commit()
    return actor


@pytest.fixture
def bob(storage: Storage) -> Actor:
    """Somebody else."""
    return somebody(storage)


@pytest.mark.parametrize("table", APPEND_ONLY)
def test_what_is_append_only_cannot_be_changed_or_deleted(
    storage: Storage, settings: Settings, ann: Actor, table: str
) -> None:
    with app_connection(settings) as app:
        for statement in (f"DELETE FROM nod.{table}", f"UPDATE nod.{table} SET id = id", f"TRUNCATE nod.{table}"):
            enter(app, settings, ann)
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                app.execute(statement)  # type: ignore[arg-type]
            app.rollback()
        enter(app, settings, ann)
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            app.execute(f"SELECT id FROM nod.{table} FOR UPDATE")  # type: ignore[arg-type]


@pytest.mark.parametrize("table", TABLES)
def test_without_a_context_there_are_no_rows_and_no_error(
    settings: Settings, ann: Actor, storage: Storage, table: str
) -> None:
    storage.inbox.store("telegram", "1", {"text": "hi"})
    with app_connection(settings) as app:
        assert app.execute(f"SELECT count(*) FROM nod.{table}").fetchone() == (0,)  # type: ignore[arg-type]


@pytest.mark.parametrize("table", TABLES)
def test_another_workspace_sees_nothing_of_ours(settings: Settings, ann: Actor, bob: Actor, table: str) -> None:
    mine = {"workspaces": "id", "users": "id", "user_profiles": "user_id", "data_keys": "user_id"}
    outside = ("inbound_events", "slack_installations", "oauth_states")
    column = mine.get(table, "workspace_id" if table not in outside else None)
    with app_connection(settings) as app:
        enter(app, settings, bob)
        if column is None:
            assert app.execute(f"SELECT count(*) FROM nod.{table}").fetchone() == (0,)  # type: ignore[arg-type]
            return
        theirs = ann.user_id if column == "user_id" or table == "users" else ann.workspace_id
        question = f"SELECT count(*) FROM nod.{table} WHERE {column} = %s"
        assert app.execute(question, (theirs,)).fetchone() == (0,)  # type: ignore[arg-type]
        app.rollback()
        enter(app, settings, ann)
        if table in ("runs", "suggestions", "approvals", "messages", "events", "memberships", "users"):
            assert app.execute(question, (theirs,)).fetchone() != (0,)  # type: ignore[arg-type]


def test_writes_without_a_context_or_into_another_workspace_are_refused(
    settings: Settings, ann: Actor, bob: Actor
) -> None:
    insert = "INSERT INTO nod.memberships (id, workspace_id, user_id, role, created_at, version) VALUES (%s, %s, %s, 'owner', now(), 1)"
    with app_connection(settings) as app:
        with pytest.raises(psycopg.errors.InsufficientPrivilege) as refused:
            app.execute(insert, (new_id(), ann.workspace_id, ann.user_id))
        assert refused.value.diag.message_detail is None
        app.rollback()
        for workspace, user in ((ann.workspace_id, bob.user_id), (bob.workspace_id, ann.user_id)):
            enter(app, settings, bob)
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                app.execute(insert, (new_id(), workspace, user))
            app.rollback()
        enter(app, settings, bob)
        assert app.execute("UPDATE nod.workspaces SET name = 'mine now'").rowcount == 1
        assert app.execute("UPDATE nod.suggestions SET status = 'approved'").rowcount == 0
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            app.execute("UPDATE nod.memberships SET workspace_id = %s", (ann.workspace_id,))


@pytest.mark.parametrize(
    "said",
    [
        "",
        " ",
        "|||",
        "x" * 141,
        "é" * 141,
        "'; DROP TABLE nod.users; --",
        "0" * 1_000_000,
        f"{'0' * 32}|{'0' * 32}|9999999999|{'0' * 64}",
        f"{'g' * 32}|{'0' * 32}|9999999999|{'0' * 64}",
        f"{'0' * 32}|{'0' * 32}|-999999999|{'z' * 64}",
    ],
)
def test_a_malformed_context_gives_no_rows_and_no_error(settings: Settings, ann: Actor, said: str) -> None:
    with app_connection(settings) as app:
        app.execute("SELECT set_config('nod.context', %s, true)", (said,))
        assert app.execute(
            "SELECT nod.current_workspace(), nod.current_user_id(), nod.at_the_door(), count(*) FROM nod.users"
        ).fetchone() == (None, None, False, 0)


def test_a_forged_or_changed_context_gives_no_rows(settings: Settings, ann: Actor, bob: Actor) -> None:
    forged = ContextSigner(b"another master key of 32 bytes..").sign(ann.workspace_id, ann.user_id, 4_000_000_000)
    with app_connection(settings) as app:
        enter(app, settings, bob)
        signed = _told(app)
        changed = ann.workspace_id.hex + signed[32:]
        longer = signed[:66] + "9" + signed[67:]
        for said in (forged, changed, longer, signed[:-1], signed + "0", signed.upper()):
            app.execute("SELECT set_config('nod.context', %s, true)", (said,))
            assert app.execute("SELECT nod.current_workspace(), count(*) FROM nod.memberships").fetchone() == (None, 0)
        app.execute("SELECT set_config('nod.context', %s, true)", (signed,))
        assert app.execute("SELECT count(*) FROM nod.memberships").fetchone() == (1,)


def test_an_expired_context_gives_no_rows(settings: Settings, ann: Actor) -> None:
    with app_connection(settings) as app:
        enter(app, settings, ann, seconds=-1)
        assert app.execute("SELECT nod.current_workspace(), count(*) FROM nod.memberships").fetchone() == (None, 0)


def test_a_context_ends_with_its_transaction(settings: Settings, ann: Actor) -> None:
    with app_connection(settings) as app:
        enter(app, settings, ann)
        assert app.execute("SELECT count(*) FROM nod.memberships").fetchone() == (1,)
        app.commit()
        assert app.execute("SELECT count(*) FROM nod.memberships").fetchone() == (0,)


def test_the_app_role_cannot_read_or_change_the_key_of_the_context(settings: Settings, ann: Actor) -> None:
    with app_connection(settings) as app:
        for statement in (
            "SELECT * FROM nod.context_keys",
            "INSERT INTO nod.context_keys VALUES (1, '', '')",
            "SELECT nod.master_keys_in_use()",
            "COPY nod.context_keys TO STDOUT",
        ):
            enter(app, settings, ann)
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                app.execute(statement)
            app.rollback()


@pytest.mark.parametrize("role", ["nod_owner", "nod_doors", "nod_batches", "postgres", "nod"])
def test_the_app_role_cannot_become_another(settings: Settings, role: str) -> None:
    with app_connection(settings) as app, pytest.raises(psycopg.Error):
        app.execute(f"SET ROLE {role}")  # type: ignore[arg-type]


def test_row_security_off_is_an_error_not_a_way_around(settings: Settings, ann: Actor, bob: Actor) -> None:
    with app_connection(settings) as app:
        enter(app, settings, bob)
        app.execute("SET LOCAL row_security = off")
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            app.execute("SELECT * FROM nod.users")


def test_nothing_can_be_shadowed_by_temporary_or_own_objects(settings: Settings, ann: Actor, bob: Actor) -> None:
    with app_connection(settings) as app:
        for statement in (
            "CREATE TEMP TABLE context_keys (id int)",
            "CREATE TABLE nod.mine (id int)",
            "CREATE TABLE public.mine (id int)",
            "CREATE SCHEMA mine",
            "CREATE FUNCTION pg_temp.sha256(bytea) RETURNS bytea LANGUAGE sql AS 'SELECT $1'",
            "CREATE OR REPLACE FUNCTION nod.current_workspace() RETURNS uuid LANGUAGE sql AS 'SELECT NULL::uuid'",
            "ALTER TABLE nod.users DISABLE ROW LEVEL SECURITY",
            "DROP POLICY seen ON nod.users",
            "LISTEN anything; SELECT 1 / (SELECT 0 FROM nod.context_keys)",
        ):
            with pytest.raises(psycopg.Error):
                app.execute(statement)
            app.rollback()
        app.execute("SET search_path = pg_temp, nod")
        enter(app, settings, bob)
        assert app.execute("SELECT count(*) FROM users").fetchone() == (1,)


def test_copy_and_returning_obey_the_rules(settings: Settings, ann: Actor, bob: Actor) -> None:
    with app_connection(settings) as app:
        enter(app, settings, bob)
        with app.cursor().copy("COPY (SELECT * FROM nod.suggestions) TO STDOUT") as out:
            assert b"".join(bytes(chunk) for chunk in out) == b""
        with pytest.raises(psycopg.Error):
            app.execute("COPY nod.users TO PROGRAM 'true'")


def test_a_reference_does_not_tell_whether_another_workspaces_row_exists(
    storage: Storage, settings: Settings, ann: Actor, bob: Actor
) -> None:
    theirs, nobodys = an_agent(storage, ann).id, new_id()
    answers = [_refused_trigger(settings, bob, agent) for agent in (theirs, nobodys)]
    assert answers[0] == answers[1]
    assert answers[0][:2] == ("23503", "triggers_agent_id_there")


def test_a_taken_id_does_not_tell_that_another_workspace_has_it(
    storage: Storage, settings: Settings, ann: Actor, bob: Actor
) -> None:
    theirs = a_run(storage, ann)
    ours = an_agent(storage, bob)
    copied = a_run(storage, bob, agent=ours)
    with app_connection(settings) as app:
        enter(app, settings, bob)
        columns = ", ".join(c.name for c in metadata.tables["nod.runs"].c if c.name != "id")
        app.execute(
            f"INSERT INTO nod.runs (id, {columns}) SELECT %s, {columns} FROM nod.runs WHERE id = %s",  # type: ignore[arg-type]
            (theirs.id, copied.id),
        )
        app.commit()
    with storage.work(ann.workspace_id, ann.user_id) as work:
        assert work.runs.get(theirs.id).agent_id == theirs.agent_id


def test_statistics_and_other_sessions_say_nothing(
    storage: Storage, settings: Settings, owner_url: str, ann: Actor, bob: Actor
) -> None:
    with psycopg.connect(owner_url, autocommit=True) as owner:
        owner.execute("ANALYZE nod.users")
    with storage.work(ann.workspace_id, ann.user_id) as work, app_connection(settings) as app:
        work.people.user(ann.user_id)
        enter(app, settings, bob)
        assert app.execute("SELECT count(*) FROM pg_stats WHERE schemaname = 'nod'").fetchone() == (0,)
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            app.execute("SELECT * FROM pg_statistic")
        app.rollback()
        seen = app.execute("SELECT query FROM pg_stat_activity WHERE datname = current_database()").fetchall()
    assert len(seen) >= 2
    assert ann.workspace_id.hex not in "".join(query for (query,) in seen)


def test_a_connection_that_failed_comes_back_from_the_pool_without_its_context(
    storage: Storage, ann: Actor, bob: Actor
) -> None:
    for _ in range(3):
        with storage.work(ann.workspace_id, ann.user_id) as work, contextlib.suppress(ProgrammingError):
            work.people.user(ann.user_id)
            work._t.connection.exec_driver_sql("SELECT nonsense")
        with storage.work(bob.workspace_id, bob.user_id) as work:
            with pytest.raises(NotFound):
                work.people.user(ann.user_id)
    connection = storage._database.engine.connect()
    with connection:
        assert connection.exec_driver_sql("SELECT count(*) FROM nod.users").scalar_one() == 0


def test_another_workspaces_id_answers_like_an_unknown_one(storage: Storage, ann: Actor, bob: Actor) -> None:
    run = a_run(storage, ann)
    with storage.work(bob.workspace_id, bob.user_id) as work:
        answers = []
        for id in (run.id, new_id()):
            with pytest.raises(NotFound) as unknown:
                work.runs.get(id)
            answers.append((unknown.value.code, set(unknown.value.data)))
            assert work.runs.claim(id, 10) is None
        assert answers[0] == answers[1]


def test_a_colleague_is_seen_and_a_stranger_is_not(
    storage: Storage, settings: Settings, ann: Actor, bob: Actor
) -> None:
    with app_connection(settings) as app:
        enter(app, settings, Actor(bob.user_id, ann.workspace_id, "member", "web"))
        app.execute(
            "INSERT INTO nod.memberships (id, workspace_id, user_id, role, created_at, version) VALUES (%s, %s, %s, 'member', now(), 1)",
            (new_id(), ann.workspace_id, bob.user_id),
        )
        app.commit()
    carol = somebody(storage)
    with storage.work(ann.workspace_id, ann.user_id) as work:
        assert work.people.user(bob.user_id).id == bob.user_id
        assert work.people.profile(bob.user_id).user_id == bob.user_id
        with pytest.raises(NotFound):
            work.people.user(carol.user_id)
    with app_connection(settings) as app:
        enter(app, settings, ann)
        assert app.execute("UPDATE nod.users SET name = 'x' WHERE id = %s", (bob.user_id,)).rowcount == 0
        assert app.execute("UPDATE nod.data_keys SET wrapped = NULL WHERE user_id = %s", (bob.user_id,)).rowcount == 0


def _told(app: psycopg.Connection[Any]) -> str:
    row = app.execute("SELECT current_setting('nod.context')").fetchone()
    assert row is not None
    return row[0]


def _refused_trigger(settings: Settings, actor: Actor, agent_id: UUID) -> tuple[Any, ...]:
    with app_connection(settings) as app:
        enter(app, settings, actor)
        app.execute("SET CONSTRAINTS ALL IMMEDIATE")
        with pytest.raises(psycopg.errors.ForeignKeyViolation) as refused:
            app.execute(
                "INSERT INTO nod.triggers (id, workspace_id, owner_id, agent_id, type, name, status, timezone, misfire_policy, overlap, "
                "spread_seconds, input, failures, created_at, version) "
                "VALUES (%s, %s, %s, %s, 'manual', '', 'active', 'UTC', 'once', 'skip', 0, '{}', 0, now(), 1)",
                (new_id(), actor.workspace_id, actor.user_id, agent_id),
            )
        detail = refused.value.diag
        return detail.sqlstate, detail.constraint_name, detail.message_detail
