"""Whatever SQL the app role says in its own signed context, short of forging one: it reads nothing of another workspace, changes nothing there, and no error says anything of it
(promises 19, 20, 21)."""

from collections.abc import Iterator
from typing import Any

import psycopg
import pytest

from core.kernel.actor import Actor
from core.kernel.settings import Settings
from storage import Storage
from storage.tables import declared, metadata
from tests.databases import somebody
from tests.security.test_isolation import ann
from tests.storage.arrange import app_connection, enter

__all__ = ["ann"]
Refused = (psycopg.errors.InsufficientPrivilege, psycopg.errors.ObjectNotInPrerequisiteState)

# %(ann)s, %(workspace)s are the other one's ids; %(bob)s, %(own)s one's own.
READS = [
    "SELECT * FROM nod.users WHERE id = %(ann)s OR true",
    "SELECT u.* FROM nod.users u, nod.memberships m, nod.suggestions s WHERE true",
    "WITH all_of AS MATERIALIZED (SELECT * FROM nod.users) SELECT * FROM all_of",
    "SELECT row_to_json(u) FROM nod.users u UNION ALL SELECT row_to_json(s) FROM nod.suggestions s",
    "SELECT * FROM nod.users WHERE length(email)::text::int / 1 > 0 OR email ~ '.*'",
    "SELECT max(email), min(name), count(*), string_agg(email, ',') FROM nod.users",
    "SELECT * FROM nod.data_keys WHERE user_id = %(ann)s",
    "SELECT * FROM nod.identity_links WHERE provider_subject IS NOT NULL",
    "SELECT * FROM nod.suggestions WHERE workspace_id = %(workspace)s",
    "SELECT * FROM nod.messages, LATERAL (SELECT * FROM nod.events) e",
    "SELECT query_to_xml('SELECT * FROM nod.users', true, true, '')",
    "SELECT table_to_xml('nod.users', true, true, '')",
    "SELECT schema_to_xml('nod', true, true, '')",
    "SELECT * FROM nod.users TABLESAMPLE BERNOULLI (100)",
    "SELECT * FROM nod.users FOR UPDATE",
    "TABLE nod.memberships",
    "SELECT * FROM ONLY nod.runs",
    "SELECT lo_get(oid) FROM pg_largeobject_metadata",
    "SELECT query FROM pg_stat_activity",
    "SELECT * FROM pg_stats WHERE schemaname = 'nod'",
    "SELECT * FROM pg_stats_ext",
    "SELECT * FROM pg_prepared_statements",
    "SELECT * FROM pg_cursors",
    "SELECT * FROM nod.directory_by_email('ann@example.org')",
    "SELECT * FROM nod.due_runs(1000)",
    "SELECT * FROM nod.people_under_other_keys('x', 1000)",
    "SELECT * FROM nod.links_of_tenant('web', '', '00000000-0000-0000-0000-000000000000', 1000)",
]
REFUSED = [
    "SELECT * FROM nod.context_keys",
    "SELECT nod.master_keys_in_use()",
    "SELECT * FROM pg_statistic",
    "SELECT * FROM pg_authid",
    "SELECT * FROM pg_shadow",
    "SELECT * FROM pg_file_settings",
    "SELECT pg_read_file('PG_VERSION')",
    "SELECT pg_ls_dir('.')",
    "SELECT lo_import('/etc/passwd')",
    "SELECT pg_create_logical_replication_slot('x', 'pgoutput')",
    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = 'postgres'",
    "COPY nod.users TO PROGRAM 'cat'",
    "COPY nod.users TO '/tmp/users'",
    "COPY nod.memberships FROM '/etc/passwd'",
    "SET ROLE nod_owner",
    "SET ROLE nod_doors",
    "SET ROLE nod_batches",
    "SET SESSION AUTHORIZATION nod_owner",
    "SET LOCAL session_replication_role = replica",
    "GRANT nod_owner TO nod_app",
    "ALTER ROLE nod_app BYPASSRLS",
    "ALTER ROLE nod_app SUPERUSER",
    "CREATE ROLE another LOGIN",
    "ALTER TABLE nod.users NO FORCE ROW LEVEL SECURITY",
    "ALTER TABLE nod.users DISABLE ROW LEVEL SECURITY",
    "CREATE POLICY mine ON nod.users FOR ALL TO nod_app USING (true)",
    "ALTER POLICY seen ON nod.users USING (true)",
    "ALTER FUNCTION nod.current_workspace() SECURITY INVOKER",
    "CREATE OR REPLACE FUNCTION nod.at_the_door() RETURNS boolean LANGUAGE sql AS 'SELECT true'",
    "CREATE FUNCTION pg_temp.nothing() RETURNS int LANGUAGE sql AS 'SELECT 1'",
    "CREATE TEMP TABLE users (id uuid)",
    "CREATE TEMP VIEW users AS SELECT 1",
    "CREATE TABLE nod.mine (id int)",
    "CREATE VIEW public.mine AS SELECT * FROM nod.users",
    "CREATE RULE mine AS ON SELECT TO nod.users DO INSTEAD SELECT 1",
    "CREATE TRIGGER mine BEFORE INSERT ON nod.users FOR EACH ROW EXECUTE FUNCTION suppress_redundant_updates_trigger()",
    "CREATE EXTENSION dblink",
    "CREATE SCHEMA mine",
    "CREATE STATISTICS nod.mine ON email, name FROM nod.users",
    "CREATE PUBLICATION mine FOR ALL TABLES",
    "CREATE DATABASE mine",
    "TRUNCATE nod.conversations CASCADE",
    "DROP TABLE nod.users CASCADE",
    "VACUUM FULL nod.users",
    "LOCK TABLE nod.users IN ACCESS EXCLUSIVE MODE",
    "REINDEX TABLE nod.users",
    "COMMENT ON TABLE nod.users IS 'mine'",
    "INSERT INTO nod.users (id, email, name, status, created_at, version) VALUES (%(ann)s, 'x@example.org', 'x', 'active', now(), 1) "
    "ON CONFLICT (id) DO UPDATE SET name = 'mine' RETURNING *",
    "INSERT INTO nod.memberships (id, workspace_id, user_id, role, created_at, version) "
    "VALUES (gen_random_uuid(), %(workspace)s, %(bob)s, 'owner', now(), 1)",
    "INSERT INTO nod.identity_links (id, workspace_id, user_id, provider, provider_tenant, provider_subject, reachable, created_at, version) "
    "VALUES (gen_random_uuid(), %(workspace)s, %(ann)s, 'telegram', '', '99', true, now(), 1)",
    "INSERT INTO nod.data_keys (user_id, wrapped, master_key_id, key_version, created_at) VALUES (%(ann)s, '', '', 2, now()) "
    "ON CONFLICT (user_id) DO UPDATE SET wrapped = NULL",
    "UPDATE nod.workspaces SET id = %(workspace)s",
    "UPDATE nod.runs SET workspace_id = %(workspace)s",
    "DELETE FROM nod.users WHERE id = %(ann)s",
    "MERGE INTO nod.memberships m USING (SELECT 1) x ON m.user_id = %(ann)s WHEN NOT MATCHED THEN "
    "INSERT (id, workspace_id, user_id, role, created_at, version) VALUES (gen_random_uuid(), %(workspace)s, %(ann)s, 'owner', now(), 1)",
]  # fmt: skip
NO_ROWS = [
    "UPDATE nod.users SET name = 'mine' WHERE id = %(ann)s",
    "UPDATE nod.workspaces SET name = 'mine' WHERE id = %(workspace)s",
    "UPDATE nod.suggestions SET status = 'approved' WHERE workspace_id = %(workspace)s",
    "UPDATE nod.action_executions SET status = 'ready' WHERE workspace_id = %(workspace)s",
    "UPDATE nod.connections c SET status = 'revoked' FROM nod.users u WHERE u.id = %(ann)s",
    "UPDATE nod.data_keys SET wrapped = NULL, destroyed_at = now() WHERE user_id = %(ann)s",
    "DELETE FROM nod.conversations WHERE workspace_id = %(workspace)s",
    "DELETE FROM nod.runs r USING nod.users u WHERE r.workspace_id = %(workspace)s",
    "WITH gone AS (DELETE FROM nod.data_snapshots WHERE true RETURNING *) SELECT * FROM gone WHERE workspace_id = %(workspace)s",
]
AROUND = [
    "RESET ROLE",
    "SET LOCAL nod.context = ''",
    "RESET nod.context",
    "DISCARD PLANS",
    "SET LOCAL search_path = pg_temp, nod",
    "SET LOCAL plan_cache_mode = force_generic_plan",
    "SET LOCAL row_security = on",
    "PREPARE them AS SELECT * FROM nod.users",
    "DECLARE them CURSOR FOR SELECT * FROM nod.users",
    "SELECT set_config('role', 'nod_app', true)",
    "DO $$ BEGIN PERFORM set_config('nod.context', repeat('0', 32), true); END $$",
    "NOTIFY anything, 'x'",
    "SELECT pg_advisory_xact_lock(7238500)",
]


@pytest.fixture
def bob(storage: Storage) -> Actor:
    return somebody(storage)


@pytest.fixture
def app(settings: Settings) -> Iterator[psycopg.Connection[Any]]:
    with app_connection(settings) as connection:
        yield connection


def _names(ann: Actor, bob: Actor) -> dict[str, Any]:
    return {"ann": ann.user_id, "workspace": ann.workspace_id, "bob": bob.user_id, "own": bob.workspace_id}


def _theirs(ann: Actor) -> list[str]:
    return [form for id in (ann.user_id, ann.workspace_id) for form in (str(id), id.hex)] + [
        f"{ann.user_id.hex[-12:]}@example.org"
    ]


def _told(problem: psycopg.Error) -> str:
    said = problem.diag
    return f"{said.message_primary} {said.message_detail} {said.message_hint} {said.context}"


def test_no_question_answers_with_anything_of_another_workspace(
    app: Any, settings: Settings, ann: Actor, bob: Actor
) -> None:
    every = [f"SELECT * FROM nod.{table}" for table in declared]
    for statement in [*READS, *every]:
        enter(app, settings, bob)
        try:
            said = str(app.execute(statement, _names(ann, bob) if "%(" in statement else None).fetchall())
        except psycopg.Error as problem:
            said = _told(problem)
        app.rollback()
        found = [form for form in _theirs(ann) if form in said]
        # What one asked with stands in one's own statement.
        assert not found or "pg_stat_activity" in statement, (statement, found)


@pytest.mark.parametrize("entered", [True, False])
def test_what_the_role_may_not_say_is_refused_and_explains_nothing(
    app: Any, settings: Settings, ann: Actor, bob: Actor, entered: bool
) -> None:
    for statement in REFUSED:
        if entered:
            enter(app, settings, bob)
        with pytest.raises(psycopg.Error) as refused:
            app.execute(statement, _names(ann, bob) if "%(" in statement else None)
        app.rollback()
        assert refused.value.sqlstate in ("42501", "25001", "0LP01", "42710"), (statement, str(refused.value))
        assert not any(form in _told(refused.value) for form in _theirs(ann)), statement
        assert app.execute("SELECT current_user, count(*) FROM nod.users").fetchone() == ("nod_app", 0)
        app.rollback()


def test_what_it_may_say_changes_no_row_of_another_workspace(
    app: Any, settings: Settings, owner_url: str, ann: Actor, bob: Actor
) -> None:
    before = _rows(owner_url, ann)
    assert sum(map(len, before.values())) > 10
    for statement in NO_ROWS:
        enter(app, settings, bob)
        try:
            done = app.execute(statement, _names(ann, bob))
            assert done.rowcount == 0, statement
            app.commit()
        except psycopg.errors.InsufficientPrivilege:
            app.rollback()
    assert _rows(owner_url, ann) == before


def test_no_word_about_the_session_shows_more(app: Any, settings: Settings, ann: Actor, bob: Actor) -> None:
    for statement in AROUND:
        enter(app, settings, bob)
        app.execute(statement)
        seen = app.execute("SELECT id FROM nod.users").fetchall()
        assert seen in ([(bob.user_id,)], []), statement
        app.rollback()
        assert app.execute("SELECT count(*) FROM nod.users").fetchone() == (0,), statement
        app.rollback()
        app.execute("DEALLOCATE ALL")
        app.commit()


def test_a_plan_made_for_one_workspace_shows_another_only_its_own(
    app: Any, settings: Settings, ann: Actor, bob: Actor
) -> None:
    app.execute("PREPARE mine AS SELECT user_id FROM nod.memberships")
    app.execute("SET plan_cache_mode = force_generic_plan")
    app.commit()
    for actor in (ann, bob, ann, bob):
        enter(app, settings, actor)
        assert app.execute("EXECUTE mine").fetchall() == [(actor.user_id,)]
        app.commit()
    assert app.execute("EXECUTE mine").fetchall() == []


def test_an_error_that_a_condition_provokes_is_never_about_a_hidden_row(
    app: Any, settings: Settings, ann: Actor, bob: Actor
) -> None:
    """A function that is not leakproof runs after the policy: its error can only quote one's own row."""
    for condition in (
        "email::int = 1",
        "1 / (CASE WHEN id = %(ann)s THEN 0 ELSE 1 END) = 1",
        "xmlparse(document email) IS NOT NULL",
    ):
        enter(app, settings, bob)
        problem: psycopg.Error | None = None
        try:
            app.execute(f"SELECT 1 FROM nod.users WHERE {condition}", _names(ann, bob))
        except psycopg.Error as raised:
            problem = raised
        assert problem is None or not any(form in _told(problem) for form in _theirs(ann))
        assert problem is None or problem.sqlstate != "22012", "the division was reached for somebody else's row"
        app.rollback()


def test_what_goes_with_its_parent_stays_in_its_workspace(owner_url: str) -> None:
    """ON DELETE acts below row-level security: it may only follow references that carry the workspace, or start where the app role deletes nothing."""
    deletable = {name for name, rules in declared.items() if rules.delete is not None}
    for table in metadata.tables.values():
        for reference in table.foreign_key_constraints:
            if reference.ondelete is not None:
                target = reference.referred_table.name
                assert target not in deletable or reference.column_keys[0] == "workspace_id", reference.name
    with psycopg.connect(owner_url) as owner:
        odd = owner.execute(
            "SELECT conname FROM pg_constraint WHERE contype = 'f' AND connamespace = 'nod'::regnamespace AND conparentid = 0 "
            "AND confrelid NOT IN ('nod.users'::regclass, 'nod.workspaces'::regclass) AND NOT EXISTS ("
            "  SELECT 1 FROM unnest(conkey, confkey) AS k (here, there) "
            "  JOIN pg_attribute a ON a.attrelid = conrelid AND a.attnum = k.here AND a.attname = 'workspace_id' "
            "  JOIN pg_attribute b ON b.attrelid = confrelid AND b.attnum = k.there AND b.attname = 'workspace_id')"
        ).fetchall()
    assert odd == []


def test_whatever_runs_with_more_rights_is_named_and_looks_nothing_up(owner_url: str) -> None:
    """Functions that act as their owner: each asks where it stands, or changes nothing that is anybody's."""
    harmless = {"make_parts", "drop_part"}
    context = {"current_workspace", "current_user_id", "at_the_door"}
    with psycopg.connect(owner_url) as owner:
        found = owner.execute(
            "SELECT proname, coalesce(prosqlbody::text, prosrc), pg_get_functiondef(oid), has_function_privilege('public', oid, 'EXECUTE'), "
            "has_function_privilege('nod_app', oid, 'EXECUTE') "
            "FROM pg_proc WHERE pronamespace = 'nod'::regnamespace AND prosecdef"
        ).fetchall()
    for name, source, definition, public, app in found:
        assert not public, name
        assert "search_path" in definition or name in context, name
        if app and name not in harmless | context:
            assert any(
                asks in source for asks in ("at_the_door", "current_workspace", "current_user_id", "proved_places")
            ), name


def _rows(owner_url: str, actor: Actor) -> dict[str, list[Any]]:
    with psycopg.connect(owner_url) as owner:
        return {
            table.name: owner.execute(
                f"SELECT * FROM nod.{table.name} WHERE workspace_id = %s", (actor.workspace_id,)
            ).fetchall()  # type: ignore[arg-type]
            for table in metadata.tables.values()
            if "workspace_id" in table.c
        } | {"users": owner.execute("SELECT * FROM nod.users WHERE id = %s", (actor.user_id,)).fetchall()}
