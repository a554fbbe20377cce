"""Through the doors of batches one gets into the workspaces that a signed context names and no others; who owns them sees nothing else, and may do nothing else there (docs/adr/0020)."""

from collections.abc import Callable, Iterator, Sequence
from datetime import timedelta
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
from storage.values import dumps
from tests.databases import somebody
from tests.storage.arrange import a_delivery, a_message, a_run, an_agent, app_connection, enter

READ = sorted(name for name, rules in declared.items() if rules.batched is not None and rules.batched.read)
OF_A_WORKSPACE = [name for name in READ if not name.startswith("user") and name != "data_keys"]
CLAIM = "SELECT place, runs FROM nod.claim_batches(%s, 50, 20, false, true)"
END = "SELECT won FROM nod.end_batches(%s, %s::uuid[], %s::json, '[]', '[]', '[]', false)"
END_UNCLAIMED = "SELECT won FROM nod.end_unclaimed(%s, %s, %s::json, %s::json, '[]', '[]', '[]', '[]', false)"


@pytest.fixture
def three(storage: Storage) -> list[Actor]:
    """Three people with rows, among them a light run each that is due."""
    made = [somebody(storage) for _ in range(3)]
    for one in made:
        run = a_run(storage, one)
        a_delivery(storage, one)
        with storage.work(one.workspace_id, one.user_id) as work:
            work.messages.add(a_message(work, one, "hello"))
            held = work.runs.get(run.id)
            held.light, held.due_at = True, work.now - timedelta(seconds=1)
            work.commit()
    return made


@pytest.fixture
def batches(owner_url: str) -> Iterator[psycopg.Connection[Any]]:
    """Somebody who is what the doors become, which nobody can be but the server's superuser."""
    with psycopg.connect(owner_url) as server:
        server.execute("SET SESSION ROLE nod_batches")
        server.commit()
        yield server


def named(settings: Settings, workspaces: Sequence[UUID], seconds: int = 60) -> str:
    """A signed context of several workspaces. The database is of this machine, and so is its clock."""
    with app_connection(settings) as app:
        now = app.execute("SELECT extract(epoch FROM clock_timestamp())::bigint").fetchone()
    assert now is not None
    return ContextSigner(master_keys(settings)[-1]).sign_several(workspaces, now[0] + seconds)


def inside(batches: psycopg.Connection[Any], *whose: Actor) -> None:
    """As the doors do once they have verified it."""
    places = [one.workspace_id for one in whose]
    batches.execute("SELECT set_config('nod.places', %s::uuid[]::text, true)", (places,))


def seen(connection: psycopg.Connection[Any], table: str) -> set[UUID]:
    """Whose rows of the table are there."""
    rules = declared[table].batched
    assert rules is not None
    column = next(c for c in ("workspace_id", "user_id", "id") if c in rules.read)
    return {row[0] for row in connection.execute(f"SELECT {column} FROM nod.{table}").fetchall()}  # type: ignore[arg-type]


def claimed(app: psycopg.Connection[Any], said: str) -> dict[UUID, list[UUID]]:
    return {place: [UUID(run["id"]) for run in runs or ()] for place, runs in app.execute(CLAIM, (said,)).fetchall()}


def test_what_is_claimed_is_of_the_workspaces_that_the_context_names(settings: Settings, three: list[Actor]) -> None:
    ann, bob, _ = three
    for who in ([ann], [bob], [ann, bob]):
        with app_connection(settings) as app:
            found = claimed(app, named(settings, [one.workspace_id for one in who]))
            assert {place: len(ids) for place, ids in found.items()} == {one.workspace_id: 1 for one in who}
            app.rollback()


def test_a_context_that_is_not_signed_so_is_refused(settings: Settings, three: list[Actor]) -> None:
    ann, bob, _ = three
    good = named(settings, [ann.workspace_id])
    stranger = ContextSigner(b"not the master key of this place").sign_several([ann.workspace_id], 9_999_999_999)
    refused = {
        "nothing": None,
        "empty": "",
        "braces": "{}",
        "short": "{}|" + "0" * 70,
        "a stranger's": stranger,
        "of somebody else": good.replace(ann.workspace_id.hex, bob.workspace_id.hex),
        "one more": good.replace("{", f"{{{bob.workspace_id.hex},"),
        "cut": good[:-1],
        "longer": good + "0",
        "later": good.replace("|", "|9", 1),
        "over": named(settings, [ann.workspace_id], -1),
        "of one": ContextSigner(master_keys(settings)[-1]).sign(ann.workspace_id, ann.user_id, 9_999_999_999),
    }
    with app_connection(settings, autocommit=True) as app:
        assert claimed(app, named(settings, [])) == {}
        for said in refused.values():
            for door, more in ((CLAIM, ()), (END, ([new_id()], "[]")), (END_UNCLAIMED, ([new_id()], "[]", "[]"))):
                with pytest.raises(psycopg.errors.InvalidAuthorizationSpecification, match="refused"):
                    app.execute(door, (said, *more))
        assert len(claimed(app, good)[ann.workspace_id]) == 1


def test_nobody_ends_runs_of_a_workspace_that_the_context_does_not_name(settings: Settings, three: list[Actor]) -> None:
    ann, bob, _ = three
    with app_connection(settings, autocommit=True) as app:
        (run,) = claimed(app, named(settings, [bob.workspace_id]))[bob.workspace_id]
        ended = [run], f'[{{"id": "{run}", "fence": 1, "output": {{}}}}]'
        assert app.execute(END, (named(settings, [ann.workspace_id]), *ended)).fetchone() == (None,)
        won = app.execute(END, (named(settings, [bob.workspace_id]), *ended)).fetchone()
    assert won is not None and [one["id"] for one in won[0]] == [str(run)]


PERSON = ("user_id", "name", "email", "timezone", "language", "wrapped")
NOT_SO = {
    "of somebody else": ("taken", "user_id"),
    "of another agent": ("taken", "agent_id"),
    "of another version": ("taken", "agent_version_id"),
    "claimed": ("run", "status = 'running', lease_until = now() + interval '1 minute'"),
    "claimed before": ("run", "fence = 1"),
    "tried before": ("run", "attempt = 1"),
    "more than computes": ("run", "light = false"),
    "with input": ("run", """input = '{"a": 1}'"""),
    "not due yet": ("run", "due_at = now() + interval '1 minute'"),
}


def believed(owner: psycopg.Connection[Any], who: Actor) -> tuple[UUID, dict[str, Any]]:
    """Somebody's run, and all that is to be so about it."""
    row = owner.execute(
        "SELECT r.id, r.user_id, r.agent_id, r.agent_version_id, a.name, coalesce(u.preferred_name, u.name), u.email, p.timezone, p.language, encode(k.wrapped, 'hex'), "
        "(SELECT s.tier FROM nod.subscriptions s WHERE s.workspace_id = r.workspace_id AND s.status = 'active') "
        "FROM nod.runs r JOIN nod.agents a ON a.id = r.agent_id JOIN nod.users u ON u.id = r.user_id JOIN nod.user_profiles p ON p.user_id = u.id "
        "JOIN nod.data_keys k ON k.user_id = u.id WHERE r.workspace_id = %s",
        (who.workspace_id,),
    ).fetchone()
    assert row is not None
    names = (
        "user_id",
        "agent_id",
        "agent_version_id",
        "called",
        "name",
        "email",
        "timezone",
        "language",
        "wrapped",
        "tier",
    )
    taken = dict(zip(names, (value if value is None else str(value) for value in row[1:]), strict=True))
    said = {"id": str(row[0]), "workspace_id": str(who.workspace_id), "began": "2026-01-01T00:00:00Z", "output": {}}
    return row[0], taken | said


def ended(app: psycopg.Connection[Any], said: str, *taken: dict[str, Any]) -> set[str]:
    """Which of the runs were taken and ended."""
    runs = sorted(UUID(one["id"]) for one in taken)
    row = app.execute(END_UNCLAIMED, (said, runs, dumps(taken), dumps(taken))).fetchone()
    return set() if row is None else {one["id"] for one in row[0]}


@pytest.mark.parametrize("change", [None, *NOT_SO.values()], ids=["so", *NOT_SO])
def test_nothing_is_ended_unclaimed_that_is_not_as_believed(
    settings: Settings, owner_url: str, three: list[Actor], change: tuple[str, str] | None
) -> None:
    ann, bob, _ = three
    with psycopg.connect(owner_url, autocommit=True) as owner:
        run, taken = believed(owner, ann)
        _, of_bob = believed(owner, bob)
        owner.execute("UPDATE nod.runs SET input = '{}' WHERE id = %s", (run,))
        if change is not None and change[0] == "run":
            owner.execute(f"UPDATE nod.runs SET {change[1]} WHERE id = %s".encode(), (run,))
        elif change is not None:
            # A colleague, whom the door sees.
            owner.execute(
                "INSERT INTO nod.memberships (id, workspace_id, user_id, role, created_at, version) VALUES (%s, %s, %s, 'member', now(), 1)",
                (new_id(), ann.workspace_id, bob.user_id),
            )
            taken |= {name: of_bob[name] for name in (PERSON if change[1] == "user_id" else (change[1],))}
        with app_connection(settings, autocommit=True) as app:
            assert ended(app, named(settings, [bob.workspace_id]), taken) == set(), "of a place that is not named"
            there = {**taken, "workspace_id": str(bob.workspace_id)}
            both = named(settings, [ann.workspace_id, bob.workspace_id])
            assert ended(app, both, there) == set(), "of a place where it is not"
            found = ended(app, both, taken, of_bob) - {of_bob["id"]}
        status = owner.execute("SELECT status FROM nod.runs WHERE id = %s", (run,)).fetchone()
        counted = owner.execute(
            "SELECT count(*) FROM nod.usage_counters WHERE workspace_id = %s", (ann.workspace_id,)
        ).fetchone()
    assert (found == {str(run)}, status == ("succeeded",), counted) == (
        (True, True, (2,)) if change is None else (False, False, (0,))
    )


def test_the_app_role_does_not_get_in_by_them(settings: Settings, three: list[Actor]) -> None:
    """Neither by a context of several, nor by what the doors leave behind, nor by setting it."""
    ann, *_ = three
    said = named(settings, [one.workspace_id for one in three])
    with app_connection(settings) as app:
        app.execute("SELECT set_config('nod.context', %s, true)", (said,))
        app.execute("SELECT set_config('nod.places', %s::uuid[]::text, true)", ([ann.workspace_id],))
        words = "SELECT nod.current_workspace(), nod.current_user_id(), nod.at_the_door(), (SELECT count(*) FROM nod.runs), current_user::text"
        assert app.execute(words).fetchone() == (None, None, False, 0, "nod_app")
        assert len(claimed(app, said)) == 3
        assert app.execute(words).fetchone() == (None, None, False, 0, "nod_app")
        enter(app, settings, ann)
        assert app.execute("SELECT count(*) FROM nod.runs").fetchone() == (1,)
        for refused in ("SELECT nod.proved_places('x')", "SET ROLE nod_batches"):
            with pytest.raises(psycopg.errors.InsufficientPrivilege), app.transaction():
                app.execute(refused)  # type: ignore[arg-type]


def test_the_doors_are_what_they_should_be(owner_url: str) -> None:
    with psycopg.connect(owner_url) as owner:
        found = owner.execute(
            "SELECT p.proname, prosecdef, pg_get_userbyid(proowner), proconfig, array_agg(a.grantee::regrole::text ORDER BY a.grantee::regrole::text) "
            "FROM pg_proc p, aclexplode(proacl) a WHERE pronamespace = 'nod'::regnamespace AND proname IN ('claim_batches', 'end_batches', 'end_unclaimed', 'proved_places') "
            "GROUP BY p.oid ORDER BY 1"
        ).fetchall()
    path = ["search_path=pg_catalog, pg_temp"]
    assert found == [
        ("claim_batches", True, "nod_batches", path, ["nod_app", "nod_batches"]),
        ("end_batches", True, "nod_batches", path, ["nod_app", "nod_batches"]),
        ("end_unclaimed", True, "nod_batches", path, ["nod_app", "nod_batches"]),
        ("proved_places", True, "nod_doors", path, ["nod_batches", "nod_doors"]),
    ]


@pytest.mark.parametrize("table", READ)
def test_the_doors_see_the_workspaces_that_they_verified(
    batches: psycopg.Connection[Any], three: list[Actor], table: str
) -> None:
    ann, bob, _ = three
    assert seen(batches, table) == set()
    for who in ([ann], [bob], [ann, bob]):
        inside(batches, *who)
        here = seen(batches, table)
        assert here <= {one.workspace_id if table in OF_A_WORKSPACE else one.user_id for one in who}
        if table not in ("event_matches", "usage_counters", "usage_ledger", "triggers", "subscriptions"):
            assert len(here) == len(who), "this table has rows of each"
        batches.rollback()
    inside(batches)
    assert seen(batches, table) == set()


@pytest.mark.parametrize("table", sorted(set(declared) - set(READ)))
def test_other_tables_are_closed_to_them(batches: psycopg.Connection[Any], three: list[Actor], table: str) -> None:
    inside(batches, *three)
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        batches.execute(f"SELECT count(*) FROM nod.{table}")  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "statement",
    [
        "SELECT output FROM nod.runs", "SELECT payload FROM nod.events", "SELECT config FROM nod.agents", "SELECT notification_preferences FROM nod.user_profiles",
        "UPDATE nod.runs SET input = '{}'", "UPDATE nod.agents SET status = 'active'", "UPDATE nod.data_keys SET wrapped = NULL", "UPDATE nod.events SET kind = 'x'",
        "DELETE FROM nod.runs", "DELETE FROM nod.deliveries", "TRUNCATE nod.runs", "INSERT INTO nod.runs DEFAULT VALUES",
        "INSERT INTO nod.deliveries DEFAULT VALUES", "SELECT * FROM nod.context_keys", "SELECT nod.erase_me()", "CREATE TABLE nod.mine (id int)",
    ],
)  # fmt: skip
def test_they_may_do_nothing_but_claim_and_end(
    batches: psycopg.Connection[Any], three: list[Actor], statement: str
) -> None:
    inside(batches, *three)
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        batches.execute(statement)  # type: ignore[arg-type]


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
def test_they_write_only_where_they_verified(
    batches: psycopg.Connection[Any], three: list[Actor], statement: str
) -> None:
    ann, bob, _ = three
    inside(batches, ann)
    with pytest.raises(psycopg.errors.InsufficientPrivilege, match="row-level security"):
        batches.execute(statement, {"id": new_id(), "place": bob.workspace_id, "user": bob.user_id})  # type: ignore[arg-type]


def test_nothing_of_others_is_changed(batches: psycopg.Connection[Any], storage: Storage, three: list[Actor]) -> None:
    ann, bob, _ = three
    an_agent(storage, bob)
    changes: list[Callable[[str], str]] = [
        lambda place: f"UPDATE nod.runs SET status = 'succeeded' WHERE workspace_id = '{place}'",
        lambda place: f"UPDATE nod.agents SET failures = 7 WHERE workspace_id = '{place}'",
        lambda place: f"UPDATE nod.deliveries SET wanted = 7 WHERE workspace_id = '{place}'",
    ]
    for change in changes:
        for who, there in ((ann, False), (bob, True)):
            inside(batches, who)
            assert (batches.execute(change(str(bob.workspace_id))).rowcount >= 1) == there  # type: ignore[arg-type]
            batches.rollback()
