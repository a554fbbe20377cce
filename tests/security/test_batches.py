"""The role that claims and ends light runs of several workspaces at once sees what the signed context names and nothing else, and may do nothing else there (docs/adr/0020)."""

from collections.abc import Callable, Sequence
from typing import Any
from uuid import UUID

import psycopg
import pytest

from core.kernel.actor import Actor
from core.kernel.ids import new_id
from core.kernel.settings import Settings
from storage import Storage
from storage.context import ContextSigner
from storage.master_key import master_keys
from storage.tables import declared
from tests.databases import somebody
from tests.storage.arrange import a_delivery, a_message, a_run, an_agent, app_connection, enter

READ = sorted(name for name, rules in declared.items() if rules.batched is not None and rules.batched.read)
OF_A_WORKSPACE = [name for name in READ if not name.startswith("user") and name != "data_keys"]


@pytest.fixture
def three(storage: Storage) -> list[Actor]:
    """Three people with rows."""
    made = [somebody(storage) for _ in range(3)]
    for one in made:
        a_run(storage, one)
        a_delivery(storage, one)
        with storage.work(one.workspace_id, one.user_id) as work:
            work.messages.add(a_message(work, one, "hello"))
            work.commit()
    return made


def named(settings: Settings, workspaces: Sequence[UUID], seconds: int = 60) -> str:
    """A signed context of several workspaces. The database is of this machine, and so is its clock."""
    with app_connection(settings) as app:
        now = app.execute("SELECT extract(epoch FROM clock_timestamp())::bigint").fetchone()
    assert now is not None
    return ContextSigner(master_keys(settings)[-1]).sign_several(workspaces, now[0] + seconds)


def become(app: psycopg.Connection[Any], said: str) -> None:
    app.execute("SELECT set_config('role', 'nod_batches', true), set_config('nod.context', %s, true)", (said,))


def seen(app: psycopg.Connection[Any], table: str) -> set[UUID]:
    """Whose rows of the table are there."""
    rules = declared[table].batched
    assert rules is not None
    column = next(c for c in ("workspace_id", "user_id", "id") if c in rules.read)
    return {row[0] for row in app.execute(f"SELECT {column} FROM nod.{table}").fetchall()}  # type: ignore[arg-type]


@pytest.mark.parametrize("table", READ)
def test_of_several_workspaces_those_are_seen_that_the_context_names(
    settings: Settings, three: list[Actor], table: str
) -> None:
    ann, bob, _ = three
    with app_connection(settings) as app:
        for who in ([ann], [bob], [ann, bob]):
            become(app, named(settings, [one.workspace_id for one in who]))
            here = seen(app, table)
            assert here <= {one.workspace_id if table in OF_A_WORKSPACE else one.user_id for one in who}
            if table not in ("event_matches", "usage_counters", "usage_ledger", "triggers", "subscriptions"):
                assert len(here) == len(who), "this table has rows of each"
            app.rollback()


@pytest.mark.parametrize("table", READ)
def test_without_a_context_of_its_own_the_role_sees_nothing(settings: Settings, three: list[Actor], table: str) -> None:
    ann, bob, _ = three
    good = named(settings, [ann.workspace_id])
    stranger = ContextSigner(b"not the master key of this place").sign_several([ann.workspace_id], 9_999_999_999)
    other = good.replace(ann.workspace_id.hex, bob.workspace_id.hex)
    more = good.replace("{", f"{{{bob.workspace_id.hex},")
    with app_connection(settings) as app:
        for said in (
            "",
            "{}",
            stranger,
            other,
            more,
            good[:-1],
            good + "0",
            good.replace("|", "|9", 1),
            named(settings, [ann.workspace_id], -1),
        ):
            become(app, said)
            assert seen(app, table) == set(), said
            app.rollback()
        enter(app, settings, ann)
        app.execute("SELECT set_config('role', 'nod_batches', true)")
        assert seen(app, table) == set(), "the context of one workspace"


def test_a_context_of_several_is_none_for_the_app_role(settings: Settings, three: list[Actor]) -> None:
    for number in range(1, 4):
        with app_connection(settings) as app:
            said = named(settings, [one.workspace_id for one in three[:number]])
            app.execute("SELECT set_config('nod.context', %s, true)", (said,))
            assert app.execute(
                "SELECT nod.current_workspace(), nod.current_user_id(), nod.at_the_door(), (SELECT count(*) FROM nod.runs)"
            ).fetchone() == (None, None, False, 0)
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                app.execute("SELECT nod.looked_into()")


def test_role_and_context_end_with_their_transaction(settings: Settings, three: list[Actor]) -> None:
    with app_connection(settings) as app:
        become(app, named(settings, [three[0].workspace_id]))
        assert seen(app, "runs") == {three[0].workspace_id}
        app.commit()
        assert app.execute("SELECT current_user::text, (SELECT count(*) FROM nod.runs)").fetchone() == ("nod_app", 0)


@pytest.mark.parametrize("table", sorted(set(declared) - set(READ)))
def test_other_tables_are_closed_to_it(settings: Settings, three: list[Actor], table: str) -> None:
    with app_connection(settings) as app:
        become(app, named(settings, [three[0].workspace_id]))
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            app.execute(f"SELECT count(*) FROM nod.{table}")  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "statement",
    [
        "SELECT output FROM nod.runs", "SELECT payload FROM nod.events", "SELECT config FROM nod.agents", "SELECT notification_preferences FROM nod.user_profiles",
        "UPDATE nod.runs SET input = '{}'", "UPDATE nod.agents SET status = 'active'", "UPDATE nod.data_keys SET wrapped = NULL", "UPDATE nod.events SET kind = 'x'",
        "DELETE FROM nod.runs", "DELETE FROM nod.deliveries", "TRUNCATE nod.runs", "INSERT INTO nod.runs DEFAULT VALUES",
        "INSERT INTO nod.deliveries DEFAULT VALUES", "SELECT * FROM nod.context_keys", "SELECT nod.erase_me()", "CREATE TABLE nod.mine (id int)",
    ],
)  # fmt: skip
def test_it_may_do_nothing_but_claim_and_end(settings: Settings, three: list[Actor], statement: str) -> None:
    with app_connection(settings) as app:
        become(app, named(settings, [one.workspace_id for one in three]))
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            app.execute(statement)  # type: ignore[arg-type]


EVENT = """INSERT INTO nod.events (id, workspace_id, user_id, kind, schema_version, payload, occurred_at, ingested_at)
    VALUES (%s, %s, %s, 'run.started', 1, '', now(), now())"""
COUNTER = """INSERT INTO nod.usage_counters (workspace_id, scope, day, runs, tokens, cost, told)
    VALUES (%(place)s, 'workspace', now()::date, 1, 0, 0, '{}')"""
LEDGER = """INSERT INTO nod.usage_ledger (id, workspace_id, user_id, run_id, agent_id, kind, tokens_prompt, tokens_completion, cost, at)
    VALUES (%(id)s, %(place)s, %(user)s, %(id)s, %(id)s, 'run', 0, 0, 0, now())"""
STEP = """INSERT INTO nod.run_steps (id, workspace_id, run_id, node_id, index, skill, status, inputs, outputs, usage, started_at, finished_at, attempt)
    VALUES (%(id)s, %(place)s, %(id)s, 'n', 0, 's', 'succeeded', '{}', '{}', '{}', now(), now(), 1)"""
MATCHED = """INSERT INTO nod.event_matches (workspace_id, trigger_id, event_id, user_id, created_at)
    VALUES (%(place)s, %(id)s, %(id)s, %(user)s, now())"""


@pytest.mark.parametrize("statement", [EVENT.replace("VALUES (%s, %s, %s", "VALUES (%(id)s, %(place)s, %(user)s"), COUNTER, LEDGER, STEP, MATCHED],
                         ids=["event", "counter", "ledger", "step", "match"])  # fmt: skip
def test_it_writes_only_where_the_context_says(settings: Settings, three: list[Actor], statement: str) -> None:
    ann, bob, _ = three
    with app_connection(settings) as app:
        become(app, named(settings, [ann.workspace_id]))
        with pytest.raises(psycopg.errors.InsufficientPrivilege, match="row-level security"):
            app.execute(statement, {"id": new_id(), "place": bob.workspace_id, "user": bob.user_id})  # type: ignore[arg-type]


def test_nothing_of_others_is_changed(settings: Settings, storage: Storage, three: list[Actor]) -> None:
    ann, bob, _ = three
    an_agent(storage, bob)
    changes: list[Callable[[str], str]] = [
        lambda place: f"UPDATE nod.runs SET status = 'succeeded' WHERE workspace_id = '{place}'",
        lambda place: f"UPDATE nod.agents SET failures = 7 WHERE workspace_id = '{place}'",
        lambda place: f"UPDATE nod.deliveries SET wanted = 7 WHERE workspace_id = '{place}'",
    ]
    with app_connection(settings) as app:
        for change in changes:
            become(app, named(settings, [ann.workspace_id]))
            assert app.execute(change(str(bob.workspace_id))).rowcount == 0  # type: ignore[arg-type]
            app.rollback()
            become(app, named(settings, [bob.workspace_id]))
            assert app.execute(change(str(bob.workspace_id))).rowcount >= 1  # type: ignore[arg-type]
            app.rollback()
