"""How many rows PostgreSQL touches for the questions that people and processes wait for: as many as it answers, not as many as there are. Plans, not clocks."""

import json
import os
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import psycopg
import pytest
from sqlalchemy import event

from bench.rows import insert
from core.kernel.actor import Actor
from core.kernel.ids import earliest_id, new_id
from core.orchestration.batches import Batch, Ended, LightRun, Owner, Rung
from storage import Storage, open_storage
from storage.migrate import migrate
from tests.databases import as_uri, make_settings, somebody
from tests.storage.arrange import a_run, a_suggestion

HISTORY = 6_000
WAITING = 600
DUE = 20
PAGE = 21
EXPLAINED = {
    "session_preload_libraries": "auto_explain",
    "auto_explain.log_min_duration": "0",
    "auto_explain.log_nested_statements": "on",
    "auto_explain.log_analyze": "on",
    "auto_explain.log_timing": "off",
    "auto_explain.log_format": "json",
    "auto_explain.log_level": "notice",
}
BIG = ("runs", "run_steps", "usage_ledger", "suggestions", "suggestion_revisions", "triggers", "events")


@dataclass
class Busy:
    """A workspace with a long history and a little that is due, and the plans of every statement that runs in it."""

    storage: Storage
    actor: Actor
    run_id: UUID
    old_run_id: UUID
    plans: list[dict[str, Any]]
    owner: psycopg.Connection

    def asked(self, ask: Callable[[Any], object]) -> list[dict[str, Any]]:
        """The scans of big tables that a question makes inside the workspace."""
        with self.storage.work(self.actor.workspace_id, self.actor.user_id) as work:
            self.plans.clear()
            ask(work)
        return self.scans()

    def scans(self) -> list[dict[str, Any]]:
        """The scans of big tables since the plans were last forgotten."""
        return [node for plan in self.plans for node in _nodes(plan["Plan"]) if _is_big(node.get("Relation Name", ""))]


@pytest.fixture(scope="module")
def busy(postgres_url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Busy]:
    """Six thousand finished runs, decided suggestions and sleeping schedules, half of them somebody else's, and hundreds of runs that wait for an answer."""
    name = f"nod_plans_{os.getpid()}"
    settings = make_settings(as_uri(postgres_url, name), tmp_path_factory.mktemp("plans"))
    with psycopg.connect(postgres_url, autocommit=True) as server:
        server.execute(f"CREATE DATABASE {name} TEMPLATE template0")
        try:
            migrate(settings)
            for setting, value in EXPLAINED.items():
                server.execute(f"ALTER DATABASE {name} SET {setting} = '{value}'")
            with (
                closing(open_storage(settings)) as storage,
                psycopg.connect(as_uri(postgres_url, name), autocommit=True) as owner,
            ):
                actor, other = somebody(storage), somebody(storage)
                run = a_run(storage, actor)
                a_suggestion(storage, actor, run=run)
                a_run(storage, other)
                old = _history(owner, [actor, other])
                plans: list[dict[str, Any]] = []
                _listen(storage, plans)
                yield Busy(storage, actor, run.id, old, plans, owner)
        finally:
            server.execute(f"DROP DATABASE {name} WITH (FORCE)")


QUESTIONS: dict[str, tuple[int, Callable[[Busy], Callable[[Any], object]]]] = {
    "the inbox page": (3 * DUE, lambda busy: lambda work: work.suggestions.page(None, 300, status="pending")),
    "how many suggestions wait": (DUE, lambda busy: lambda work: work.suggestions.count("pending")),
    "the list of runs": (PAGE, lambda busy: lambda work: work.runs.page(None, PAGE)),
    "the list of an agent's runs": (PAGE + 1, lambda busy: lambda work: work.runs.page(None, PAGE, agent_id=_agent(work, busy))),
    "the list of runs that failed": (PAGE, lambda busy: lambda work: work.runs.page(None, PAGE, status="failed")),
    "one run": (1, lambda busy: lambda work: work.runs.get(busy.old_run_id)),
    "the steps of a run": (3, lambda busy: lambda work: work.runs.steps(busy.old_run_id)),
    "what a run used": (3, lambda busy: lambda work: work.billing.of_run(busy.old_run_id)),
    "claiming a run": (2, lambda busy: lambda work: work.runs.claim(busy.run_id, 20.0)),
    "claiming the triggers that are due": (2 * DUE, lambda busy: lambda work: work.triggers.claim_due(500)),
}  # fmt: skip


@pytest.mark.parametrize("question", QUESTIONS)
def test_a_question_inside_a_workspace_touches_what_it_answers(busy: Busy, question: str) -> None:
    most, ask = QUESTIONS[question]
    scans = busy.asked(ask(busy))
    assert scans, "no plan was seen"
    assert not _whole(scans)
    assert _touched(scans) <= most


def test_claiming_a_batch_touches_what_it_claims(busy: Busy) -> None:
    busy.plans.clear()
    busy.storage.batches.claim([Rung(busy.actor.workspace_id, busy.actor.user_id, new_id())], 20.0)
    scans = busy.scans()
    assert scans
    assert not _whole(scans)
    assert _touched(scans) <= 5


def test_ending_a_batch_touches_what_it_ends_however_many_are_in_hand(busy: Busy) -> None:
    mine, me = busy.actor.workspace_id, busy.actor.user_id
    now, nothing = datetime.now(UTC), new_id()
    one = LightRun(busy.run_id, mine, me, nothing, nothing, None, "manual", -1, {}, now, now, None)
    taken = "UPDATE nod.runs SET status = %s, lease_until = now() + %s * interval '1 day' WHERE workspace_id = %s AND status = %s"
    busy.owner.execute(taken, ("running", 1, mine, "waiting"))
    try:
        busy.plans.clear()
        assert busy.storage.batches.end([(Batch(mine, me), [Ended(one, {}, [])])]) == [set()]
    finally:
        busy.owner.execute(taken, ("waiting", None, mine, "running"))
    scans = busy.scans()
    assert scans
    assert not _whole(scans)
    assert _touched(scans) <= 5


def test_ending_what_nobody_claimed_touches_what_it_ends(busy: Busy) -> None:
    mine, me = busy.actor.workspace_id, busy.actor.user_id
    found = busy.owner.execute(
        "SELECT r.agent_id, r.agent_version_id, a.name, coalesce(u.preferred_name, u.name), u.email, p.timezone, p.language, k.wrapped, s.tier "
        "FROM nod.runs r JOIN nod.agents a ON a.id = r.agent_id JOIN nod.users u ON u.id = r.user_id JOIN nod.user_profiles p ON p.user_id = u.id "
        "JOIN nod.data_keys k ON k.user_id = u.id LEFT JOIN nod.subscriptions s ON s.workspace_id = r.workspace_id WHERE r.id = %s",
        (busy.run_id,),
    ).fetchone()
    assert found is not None
    agent_id, version_id, called, name, email, timezone, language, wrapped, tier = found
    owner = Owner(me, name, email, timezone, language)
    known = Batch(mine, me, owners={me: owner}, agents={agent_id: called}, keys={me: wrapped}, tier=tier)
    now = datetime.now(UTC)
    ended = [
        Ended(LightRun(id, mine, me, agent_id, version_id, None, "manual", 0, {}, now, now, None), {}, [])
        for id in (busy.run_id, busy.old_run_id)
    ]
    busy.plans.clear()
    assert not busy.storage.batches.end_unclaimed([(known, ended)], [])
    scans = busy.scans()
    assert scans
    assert not _whole(scans)
    assert _touched(scans) <= 5


@pytest.mark.parametrize("kind", ["runs", "triggers", "suggestions"])
def test_looking_for_what_is_due_touches_what_is_due(busy: Busy, kind: Any) -> None:
    busy.plans.clear()
    busy.storage.due.due(kind, 500)
    scans = busy.scans()
    assert busy.plans
    assert not _whole(scans)
    assert _touched(scans) <= 4 * DUE


def test_behind_a_backlog_every_workspace_is_found_without_reading_the_backlog(busy: Busy) -> None:
    asked, mine = 100, (busy.actor.workspace_id,)
    waiting = "workspace_id = %s AND status = 'waiting'"
    busy.owner.execute(f"UPDATE nod.runs SET due_at = now() - interval '1 hour' WHERE {waiting}", mine)
    try:
        busy.plans.clear()
        found = busy.storage.due.due("runs", asked)
    finally:
        busy.owner.execute(f"UPDATE nod.runs SET due_at = now() + interval '1 day' WHERE {waiting}", mine)
    assert found[0].workspace_id == busy.actor.workspace_id
    assert len({item.workspace_id for item in found}) == len(found) == 2
    scans = busy.scans()
    assert scans
    assert not _whole(scans)
    assert _touched(scans) <= asked + DUE < WAITING / 2


def test_removing_history_touches_what_it_looks_at_and_what_it_removes(busy: Busy) -> None:
    few = 10
    with busy.storage.history(busy.actor.workspace_id, busy.actor.user_id) as work:
        busy.plans.clear()
        assert len(work.history.runs(earliest_id(work.now - timedelta(minutes=50)), few)) == few
    scans = busy.scans()
    assert scans
    assert not _whole(scans)
    assert _touched(scans) <= 2 * few
    old = _older_than_a_day(busy, few)
    with busy.storage.history(busy.actor.workspace_id, busy.actor.user_id) as work:
        busy.plans.clear()
        assert work.history.remove_runs(old) == few
    scans = busy.scans()
    assert scans
    assert not _whole(scans)
    # A run, its three steps and its ledger row.
    assert _touched(scans) <= few * 5


def _older_than_a_day(busy: Busy, many: int) -> list[UUID]:
    """Runs with steps and ledger rows that may go, among thousands that may not yet."""
    of = {"workspace_id": "r.workspace_id", "user_id": "r.user_id", "run_id": "r.id", "version": "1"}
    known = {
        "id": "uuidv7(make_interval(days => -2, secs => g.i))", "workspace_id": "o.workspace_id", "user_id": "o.user_id", "agent_id": "o.agent_id",
        "agent_version_id": "o.agent_version_id", "trigger_type": "'manual'", "status": "'succeeded'", "version": "1",
    }  # fmt: skip
    source = f"FROM nod.runs o, generate_series(1, {many}) AS g (i) WHERE o.id = '{busy.run_id}' RETURNING id"
    made = [id for (id,) in busy.owner.execute(insert(busy.owner, "runs", known, source).encode())]
    steps = insert(busy.owner, "run_steps", of | {"node_id": "n.node", "status": "'succeeded'"},
                   "FROM nod.runs r, (VALUES ('a'), ('b'), ('c')) AS n (node) WHERE r.id = ANY(%s)")  # fmt: skip
    busy.owner.execute(steps.encode(), (made,))
    entry = insert(
        busy.owner, "usage_ledger", of | {"id": "r.id", "kind": "'run'"}, "FROM nod.runs r WHERE r.id = ANY(%s)"
    )
    busy.owner.execute(entry.encode(), (made,))
    return made


def test_counting_what_is_due_touches_what_is_due(busy: Busy) -> None:
    busy.plans.clear()
    busy.storage.due.depth()
    scans = busy.scans()
    assert scans
    assert not _whole(scans)
    assert _touched(scans) <= 8 * DUE


def _listen(storage: Storage, plans: list[dict[str, Any]]) -> None:
    """Keeps the plans that PostgreSQL tells every connection that is made from now on."""

    def heard(diagnostic: psycopg.errors.Diagnostic) -> None:
        text = diagnostic.message_primary or ""
        if "plan:" in text:
            plans.append(json.loads(text.partition("plan:")[2]))

    engine = storage._database.engine
    storage._database.close()
    event.listen(engine, "connect", lambda connection, _: connection.add_notice_handler(heard))


def _history(owner: psycopg.Connection, actors: list[Actor]) -> UUID:
    """Fills the tables; answers the actor's oldest run."""
    people = ", ".join(f"({n}, '{a.workspace_id}'::uuid, '{a.user_id}'::uuid)" for n, a in enumerate(actors))
    source = f"""FROM generate_series(1, {HISTORY}) AS g (i) JOIN (VALUES {people}) AS p (n, workspace, person) ON p.n = g.i %% {len(actors)}
        JOIN LATERAL (SELECT id, agent_id, agent_version_id FROM nod.runs WHERE workspace_id = p.workspace AND status = 'queued' LIMIT 1) AS o ON true""".replace(
        "%%", "%"
    )
    own = {
        "workspace_id": "p.workspace", "user_id": "p.person", "owner_id": "p.person", "id": "uuidv7(make_interval(secs => -g.i))", "agent_id": "o.agent_id",
        "agent_version_id": "o.agent_version_id", "version": "1", "run_id": "o.id",
    }  # fmt: skip
    waiting = {"trigger_type": "'manual'", "status": "'waiting'", "due_at": "now() + interval '1 day'"}
    done = {"trigger_type": "'manual'", "status": "'succeeded'", "finished_at": "now()"}
    decided = {
        "type": "'task'", "kind": "'task'", "priority": "'low'", "evidence": "'[]'", "status": "'approved'", "revision": "1",
        "dedupe_key": "'history:' || g.i", "run_id": "uuidv7()",
    }  # fmt: skip
    asleep = {
        "type": "'schedule'", "status": "'active'", "cron": "'0 9 * * *'", "timezone": "'UTC'", "misfire_policy": "'once'",
        "overlap": "'skip'", "next_fire_at": "now() + interval '1 day'",
    }  # fmt: skip
    step = {
        "workspace_id": "r.workspace_id",
        "run_id": "r.id",
        "node_id": "n.node",
        "status": "'succeeded'",
        "index": "0",
    }
    entry = {"workspace_id": "r.workspace_id", "user_id": "r.user_id", "run_id": "r.id", "id": "r.id", "kind": "'run'"}
    with owner.transaction():
        owner.execute("SET LOCAL session_replication_role = replica")
        for statement in (
            insert(owner, "runs", own | done, source),
            insert(owner, "runs", own | waiting | {"id": "uuidv7()"}, f"{source} WHERE g.i <= {WAITING}"),
            insert(owner, "suggestions", own | decided, source),
            insert(owner, "triggers", own | asleep, source),
            insert(
                owner,
                "triggers",
                own | asleep | {"id": "uuidv7()", "next_fire_at": "now()"},
                f"{source} WHERE g.i <= {DUE}",
            ),
            insert(
                owner,
                "run_steps",
                step,
                "FROM nod.runs r, (VALUES ('a'), ('b'), ('c')) AS n (node) WHERE r.status = 'succeeded'",
            ),
            insert(owner, "usage_ledger", entry, "FROM nod.runs r WHERE r.status = 'succeeded'"),
        ):
            owner.execute(statement.encode())
    owner.execute("VACUUM ANALYZE")
    oldest = owner.execute(
        "SELECT id FROM nod.runs WHERE workspace_id = %s AND status = 'succeeded' ORDER BY id LIMIT 1",
        [actors[0].workspace_id],
    ).fetchone()
    assert oldest is not None
    return oldest[0]


def _agent(work: Any, busy: Busy) -> UUID:
    agent_id = work.runs.get(busy.run_id).agent_id
    busy.plans.clear()
    return agent_id


def _nodes(plan: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield plan
    for below in plan.get("Plans", ()):
        yield from _nodes(below)


def _is_big(relation: str) -> bool:
    return any(relation == name or relation.startswith(f"{name}_20") or relation == f"{name}_rest" for name in BIG)


def _whole(scans: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Those that read a table from end to end, and found it full."""
    return [node for node in scans if node["Node Type"] == "Seq Scan" and _rows(node) > 0]


def _touched(scans: list[dict[str, Any]]) -> float:
    return sum(_rows(node) for node in scans if node["Node Type"] != "ModifyTable")


def _rows(node: dict[str, Any]) -> float:
    removed = node.get("Rows Removed by Filter", 0) + node.get("Rows Removed by Index Recheck", 0)
    return (node["Actual Rows"] + removed) * node["Actual Loops"]
