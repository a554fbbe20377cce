"""History goes when its time is over, workspace by workspace; what is not over, what explains a suggestion, and everybody else's stays."""

import threading
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import psycopg
import pytest

from bench.rows import insert
from core.billing.subscribe import subscribe
from core.identity.models import PrivacySettings
from core.kernel.actor import Actor
from core.kernel.ids import earliest_id
from core.kernel.settings import Settings
from core.kernel.settings import settings as process_settings
from core.orchestration.models import Run
from core.privacy.retain import LEASE_SECONDS, begin_pass, days_kept, remove_some_runs
from runners import history
from storage import Storage
from tests.databases import somebody
from tests.storage.arrange import a_run, a_suggestion, app_connection, enter

OF_RUNS = ("runs", "run_steps", "usage_ledger", "workflow_executions", "questions")


class Past:
    """A person in a workspace of the tier `free` (30 days), with runs as old as one likes."""

    def __init__(self, storage: Storage, owner: psycopg.Connection, actor: Actor | None = None) -> None:
        self.storage, self.owner, self.actor = storage, owner, actor or somebody(storage)
        self.run = a_run(storage, self.actor, status="succeeded")

    def work(self) -> Any:
        return self.storage.work(self.actor.workspace_id, self.actor.user_id)

    def runs(self, days: float, many: int = 1, **fields: str) -> list[UUID]:
        """So many runs of that age, each with two steps, a ledger row, an execution and an answered question; `fields` are SQL."""
        known = {
            "id": f"uuidv7(make_interval(secs => {-days * 86_400} - g.i))", "workspace_id": "o.workspace_id", "user_id": "o.user_id",
            "agent_id": "o.agent_id", "agent_version_id": "o.agent_version_id", "trigger_type": "'manual'", "status": "'succeeded'",
            "version": "1",
        } | fields  # fmt: skip
        source = f"FROM nod.runs o, generate_series(1, {many}) AS g (i) WHERE o.id = '{self.run.id}' RETURNING id"
        made = [id for (id,) in self.owner.execute(insert(self.owner, "runs", known, source).encode())]
        of = {"workspace_id": "r.workspace_id", "user_id": "r.user_id", "run_id": "r.id", "version": "1"}
        rest = {
            "run_steps": of | {"node_id": "n.node", "status": "'succeeded'"},
            "usage_ledger": of | {"id": "r.id", "kind": "'run'"},
            "workflow_executions": of | {"pack_id": "uuidv7()", "status": "'succeeded'"},
            "questions": of | {"status": "'answered'", '"to"': "'{}'"},
        }
        with self.owner.transaction():
            self.owner.execute("SET LOCAL session_replication_role = replica")
            for table, values in rest.items():
                steps = ", (VALUES ('a'), ('b')) AS n (node)" if table == "run_steps" else ""
                text = insert(self.owner, table, values, f"FROM nod.runs r{steps} WHERE r.id = ANY(%s)")
                self.owner.execute(text.encode(), (made,))
        return made

    def firings(self, days: float, many: int = 1) -> None:
        known = {
            "id": f"uuidv7(make_interval(days => {-days}))", "workspace_id": f"'{self.actor.workspace_id}'", "outcome": "'started'",
            "key": "g.i::text || uuidv7()", "trigger_id": "uuidv7()",
        }  # fmt: skip
        with self.owner.transaction():
            self.owner.execute("SET LOCAL session_replication_role = replica")
            source = f"FROM generate_series(1, {many}) AS g (i)"
            self.owner.execute(insert(self.owner, "trigger_firings", known, source).encode())

    def count(self, table: str) -> int:
        mine = f"SELECT count(*) FROM nod.{table} WHERE workspace_id = %s"
        row = self.owner.execute(mine.encode(), (self.actor.workspace_id,)).fetchone()
        assert row is not None
        return row[0]

    def counts(self) -> dict[str, int]:
        return {
            table: self.count(table) for table in (*OF_RUNS, "trigger_firings", "messages", "events", "suggestions")
        }

    def left(self) -> set[UUID]:
        """The runs that are there, without the one of today."""
        rows = self.owner.execute("SELECT id FROM nod.runs WHERE workspace_id = %s", (self.actor.workspace_id,))
        return {id for (id,) in rows} - {self.run.id}

    def turn(self) -> None:
        """What a day would do: it is the workspace's turn again."""
        self.owner.execute("UPDATE nod.history_passes SET due_at = now() - interval '1 second'")


@pytest.fixture
def tiers(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("NOD_LIMITS", "tiers")
    process_settings.cache_clear()
    yield
    monkeypatch.undo()
    process_settings.cache_clear()


@pytest.fixture
def owner(owner_url: str) -> Iterator[psycopg.Connection]:
    with psycopg.connect(owner_url, autocommit=True) as connection:
        yield connection


@pytest.fixture
def past(storage: Storage, owner: psycopg.Connection, tiers: None, monkeypatch: pytest.MonkeyPatch) -> Past:
    monkeypatch.setattr(history, "storage", lambda: storage)
    return Past(storage, owner)


def passes() -> None:
    """A worker's daily look."""
    assert not history.remove_history(threading.Event())


def test_what_is_older_than_the_tier_keeps_goes_with_all_that_belongs_to_it(past: Past) -> None:
    past.runs(31, 3)
    young = past.runs(29, 2)
    passes()
    assert past.left() == set(young)
    assert past.counts() | {"messages": 0, "events": 0} == {
        "runs": 3, "run_steps": 4, "usage_ledger": 2, "workflow_executions": 2, "questions": 2, "trigger_firings": 0,
        "messages": 0, "events": 0, "suggestions": 0,
    }  # fmt: skip


def test_a_second_pass_removes_nothing_and_is_due_in_a_day(past: Past) -> None:
    past.runs(40, 3)
    kept = past.runs(41, 1, status="'waiting'", due_at="'infinity'")
    passes()
    assert past.left() == set(kept)
    before = past.counts()
    assert past.storage.due.due("history", 10) == []
    past.turn()
    assert [item.id for item in past.storage.due.due("history", 10)] == [past.actor.workspace_id]
    passes()
    assert past.counts() == before


def test_other_workspaces_keep_theirs(past: Past) -> None:
    other = Past(past.storage, past.owner)
    with other.work() as work:
        subscribe(work, "personal_pro")
        work.commit()
    past.runs(31)
    other.runs(31)
    before = other.counts()
    passes()
    assert past.left() == set()
    assert other.counts() == before


def test_what_has_not_ended_stays_with_what_it_started(past: Past) -> None:
    statuses = ("queued", "running", "waiting")
    open_ones = [
        past.runs(40 + n, 1, status=f"'{status}'", lease_until="now()", due_at="'infinity'")[0]
        for n, status in enumerate(statuses)
    ]
    started = past.runs(39, 1, parent_run_id=f"'{open_ones[0]}'")
    passes()
    assert past.left() == {*open_ones, *started}
    assert past.count("run_steps") == 2 * 4


def test_a_run_that_made_a_suggestion_stays_whatever_became_of_it_and_so_does_what_started_it(past: Past) -> None:
    kept = []
    for n, status in enumerate(("pending", "snoozed", "approved", "rejected", "expired", "withdrawn")):
        parent = past.runs(50 + n)[0]
        made_by = past.runs(45 + n, 1, parent_run_id=f"'{parent}'")[0]
        with past.work() as work:
            run = work.runs.get(made_by)
        fields: dict[str, Any] = {"snoozed_until": datetime.now(UTC)} if status == "snoozed" else {}
        a_suggestion(past.storage, past.actor, run=run, key=f"k{n}", status=status, **fields)
        kept += [parent, made_by]
    past.runs(47, 4)
    before = past.count("suggestions")
    passes()
    assert past.left() == set(kept)
    assert past.count("run_steps") == past.count("usage_ledger") * 2 == len(kept) * 2
    assert past.count("suggestions") == before == 6


def test_a_run_and_the_runs_that_it_started_go_together(past: Past) -> None:
    parent = past.runs(40)[0]
    child = past.runs(39, 3, parent_run_id=f"'{parent}'")[0]
    past.runs(38, 2, parent_run_id=f"'{child}'")
    passes()
    assert past.left() == set()


def test_a_run_stays_while_one_that_it_started_is_young_enough_to_stay(past: Past) -> None:
    parent = past.runs(31)[0]
    child = past.runs(29, 1, parent_run_id=f"'{parent}'")[0]
    passes()
    assert past.left() == {parent, child}


def test_messages_and_events_are_never_removed(past: Past, settings: Settings) -> None:
    past.runs(40)
    for table in ("messages", "events"):
        known = {
            "id": "uuidv7(interval '-400 days')",
            "workspace_id": f"'{past.actor.workspace_id}'",
            "direction": "'in'",
        }
        past.owner.execute(insert(past.owner, table, known).encode())
    before = past.count("messages"), past.count("events")
    passes()
    assert (past.count("messages"), past.count("events")) == before
    assert past.left() == set()


def test_a_person_may_choose_fewer_days_than_the_tier_and_only_for_what_is_theirs(past: Past) -> None:
    past.runs(8)
    _chooses(past, 7, auto=False)
    passes()
    assert len(past.left()) == 1, "only what they have deleted by themselves"
    _chooses(past, 7)
    young = past.runs(6)
    theirs = past.runs(8, 1, user_id="uuidv7()")
    past.turn()
    passes()
    assert past.left() == {*young, *theirs}


def test_where_the_installation_is_its_owners_nothing_goes_but_what_a_person_chose(
    past: Past, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NOD_LIMITS", "own")
    process_settings.cache_clear()
    old = past.runs(900)
    passes()
    assert past.left() == set(old)
    _chooses(past, 365)
    past.turn()
    passes()
    assert past.left() == set()


def test_firings_go_by_the_same_days_but_never_before_a_sender_gives_up(past: Past) -> None:
    past.firings(40, 5)
    past.firings(29, 2)
    _chooses(past, 1)
    passes()
    assert past.count("trigger_firings") == 2


def test_the_days_that_a_person_sees_are_the_fewer_ones() -> None:
    from core.billing.limits import TIERS

    assert days_kept(TIERS["free"], PrivacySettings()) == 30
    assert days_kept(TIERS["free"], PrivacySettings(auto_delete_enabled=True)) == 30
    assert days_kept(TIERS["free"], PrivacySettings(auto_delete_enabled=True, data_retention_days=7)) == 7


def test_of_many_workers_one_has_the_pass_and_a_dead_ones_is_taken_over(past: Past) -> None:
    def claims() -> bool:
        with past.storage.history(past.actor.workspace_id, past.actor.user_id) as work:
            cuts = begin_pass(work)
            work.commit()
        return cuts is not None

    past.runs(40)
    assert [claims(), claims()] == [True, False]
    row = past.owner.execute("SELECT due_at - now() FROM nod.history_passes").fetchone()
    assert row is not None and timedelta() < row[0] <= timedelta(seconds=LEASE_SECONDS)
    past.turn()
    assert claims()


def test_a_pass_that_is_broken_off_in_the_middle_is_gone_on_with(past: Past, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("core.privacy.retain.LOOKED_AT_ONCE", 4)
    past.runs(40, 10)
    over = threading.Event()

    def dies(point: str) -> None:
        over.set()
        raise SystemExit

    with monkeypatch.context() as dying:
        dying.setattr(history, "fault", dies)
        with pytest.raises(SystemExit):
            history.remove_history(over)
    left = len(past.left())
    assert 0 < left < 10
    assert past.count("run_steps") == past.count("usage_ledger") * 2 == left * 2, "a batch is whole"
    assert past.storage.due.due("history", 10) == [], "its lease still holds"
    past.turn()
    passes()
    assert past.left() == set()


def test_the_app_role_removes_no_run_that_must_stay_whatever_it_asks(past: Past, settings: Settings) -> None:
    young = past.run
    waiting = past.runs(40, 1, status="'waiting'", due_at="'infinity'")[0]
    made_by = past.runs(41)[0]
    other = Past(past.storage, past.owner)
    theirs = other.runs(40)[0]
    with past.work() as work:
        run: Run = work.runs.get(made_by)
    a_suggestion(past.storage, past.actor, run=run)
    past.firings(29)
    with app_connection(settings) as app:
        enter(app, settings, past.actor)
        assert app.execute("DELETE FROM nod.runs").rowcount == 0
        for table in OF_RUNS[1:]:
            assert app.execute(f"DELETE FROM nod.{table}".encode()).rowcount == 0, table
        assert app.execute("DELETE FROM nod.trigger_firings").rowcount == 0
    assert past.left() == {waiting, made_by} and other.left() == {theirs} and young.status == "succeeded"


def test_a_pass_that_never_ends_holds_nothing_up(past: Past) -> None:
    """While a batch is under way a run of the same workspace is claimed and ends."""
    past.runs(40, 50)
    queued = a_run(past.storage, past.actor)
    with past.storage.history(past.actor.workspace_id, past.actor.user_id) as pass_:
        cuts = begin_pass(pass_)
        assert cuts is not None and cuts.first is not None
        assert remove_some_runs(pass_, cuts, cuts.first)[0] == 50
        with past.work() as work:
            taken = work.runs.claim(queued.id, 20)
            assert taken is not None
            taken.status = "succeeded"
            work.commit()
        pass_.commit()


class Months:
    """Parts of a month that is long over."""

    name = "2024_02"
    at = datetime(2024, 2, 15, tzinfo=UTC)

    def __init__(self, owner: psycopg.Connection, tables: tuple[str, ...]) -> None:
        self.owner = owner
        for table in tables:
            owner.execute(
                f"CREATE TABLE nod.{table}_{self.name} PARTITION OF nod.{table} FOR VALUES FROM "
                f"('{earliest_id(datetime(2024, 2, 1, tzinfo=UTC))}') TO ('{earliest_id(datetime(2024, 3, 1, tzinfo=UTC))}')".encode()
            )
            owner.execute(f"ALTER TABLE nod.{table}_{self.name} OWNER TO nod_owner".encode())
            for rule in ("ENABLE", "FORCE"):
                owner.execute(f"ALTER TABLE nod.{table}_{self.name} {rule} ROW LEVEL SECURITY".encode())
            owner.execute(
                f"CREATE POLICY looked_into ON nod.{table}_{self.name} FOR SELECT TO nod_owner USING (true)".encode()
            )

    def there(self) -> set[str]:
        rows = self.owner.execute(
            "SELECT relname FROM pg_class WHERE relname LIKE %s AND relkind = 'r'", (f"%{self.name}",)
        )
        return {name.removesuffix(f"_{self.name}") for (name,) in rows}

    def drop(self) -> None:
        for table in self.there():
            self.owner.execute(f"DROP TABLE nod.{table}_{self.name}".encode())


@pytest.fixture
def months(past: Past, owner: psycopg.Connection) -> Iterator[Months]:
    made = Months(owner, ("runs", "run_steps", "usage_ledger", "events"))
    with closing(_Dropped(made)):
        yield made


class _Dropped:
    def __init__(self, months: Months) -> None:
        self.close = months.drop


def test_a_part_of_a_past_month_goes_once_it_holds_nothing(past: Past, months: Months) -> None:
    days = (datetime.now(UTC) - months.at).days
    (old,) = past.runs(days)
    kept = past.runs(days, 1, status="'waiting'", due_at="'infinity'")
    where = past.owner.execute(
        "SELECT DISTINCT tableoid::regclass::text FROM nod.runs WHERE id = ANY(%s)", ([old, *kept],)
    )
    assert where.fetchall() == [("nod.runs_2024_02",)]
    assert past.storage.drop_parts() == ["events_2024_02"]
    passes()
    assert past.left() == set(kept)
    assert past.storage.drop_parts() == []
    past.owner.execute("UPDATE nod.runs SET status = 'cancelled' WHERE id = ANY(%s)", (kept,))
    past.turn()
    passes()
    assert set(past.storage.drop_parts()) == {"runs_2024_02", "run_steps_2024_02", "usage_ledger_2024_02"}
    assert months.there() == set()
    assert past.storage.drop_parts() == []
    past.runs(days)
    assert len(past.left()) == 1, "what comes late has a place all the same"


def test_a_part_that_is_in_use_waits_for_the_next_time_and_nobody_waits_for_it(
    past: Past, months: Months, owner_url: str
) -> None:
    with psycopg.connect(owner_url) as reader:
        reader.execute("SELECT count(*) FROM nod.runs")
        assert "runs_2024_02" not in past.storage.drop_parts()
        with past.work() as work:
            assert work.runs.get(past.run.id).status == "succeeded"
    assert past.storage.drop_parts() == ["runs_2024_02"]


def test_no_other_table_and_no_part_of_now_can_be_dropped(past: Past, months: Months, settings: Settings) -> None:
    now = datetime.now(UTC).strftime("%Y_%m")
    with app_connection(settings) as app:
        for name in (
            f"events_{now}",
            "runs_rest",
            "users",
            "runs",
            "alembic_version",
            "events_2024_02; DROP TABLE nod.users",
            None,
        ):
            assert app.execute("SELECT nod.drop_part(%s)", (name,)).fetchone() == (False,)


def _chooses(past: Past, days: int, auto: bool = True) -> None:
    with past.work() as work:
        profile = work.people.profile(past.actor.user_id)
        profile.privacy_settings = PrivacySettings(data_retention_days=days, auto_delete_enabled=auto)
        work.commit()
