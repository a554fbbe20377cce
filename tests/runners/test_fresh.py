"""A light run that its ring tells of is carried out at once and claimed, counted and ended in one: once, as promised of any run, and only while all that was believed about it is so."""

import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any, cast
from uuid import UUID

import psycopg
import pytest
import redis
from dramatiq.middleware import Shutdown

from core.billing.limits import TIERS, today
from core.billing.ports import Used
from core.catalog.configure import pause_agent
from core.catalog.graph import parse_graph
from core.catalog.models import AgentVersion
from core.kernel.actor import Actor
from core.kernel.ids import new_id
from core.kernel.settings import settings
from core.orchestration.batches import FRESH_SECONDS, Batch, Rung, heard
from core.orchestration.models import Run
from core.orchestration.start import Start, cancel, start, start_runs
from runners.engine import due, fresh, light
from runners.engine.light import evaluate
from storage import Storage
from storage.batches import SqlBatches
from storage.bell import Heard, RedisBell, Ring
from tests.databases import somebody
from tests.runners.brokered import worker_of
from tests.runners.test_due import until
from tests.runners.test_light import FAILS, STEPS, an_agent, person, statuses

__all__ = ["person"]
THREE = {
    "nodes": [
        {"id": "a", "skill": "noop", "inputs": {"value": 1}},
        {"id": "b", "skill": "noop", "inputs": {"value": {"$": "a.value"}}},
        {"id": "c", "skill": "noop", "inputs": {"value": {"$": "b.value"}}},
    ],
    "output": {"number": {"$": "c.value"}},
}


@pytest.fixture
def tiers(monkeypatch: pytest.MonkeyPatch) -> None:
    """An installation whose workspaces have tiers, with limits."""
    monkeypatch.setattr("core.billing.reserve.settings", lambda: settings().model_copy(update={"limits": "tiers"}))


@pytest.fixture
def claims(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """How many workspaces each claim was asked for."""
    asked: list[int] = []
    claim = SqlBatches.claim

    def noted(self: SqlBatches, rungs: Any, lease: float, **more: Any) -> list[Batch]:
        asked.append(len(rungs))
        return claim(self, rungs, lease, **more)

    monkeypatch.setattr(SqlBatches, "claim", noted)
    return asked


@pytest.fixture
def rings(storage: Storage, monkeypatch: pytest.MonkeyPatch) -> Iterator[list[Ring]]:
    """What was rung for, heard by nobody yet, and this process knowing nobody. How rings are left out and gathered is shown with the bell as it is, below."""
    monkeypatch.setattr(fresh, "_known", type(fresh._known)())
    rung: list[Ring] = []
    monkeypatch.setattr(storage.bell, "prepared", lambda rings: lambda kept=list(rings): rung.extend(kept))
    monkeypatch.setattr(storage.bell, "heard_again", lambda *_, **__: Heard(set(), []))
    yield rung
    assert not (due._heard or due._held or due._looks)


def begin(storage: Storage, actor: Actor, agent_id: UUID, input: dict[str, Any] | None = None) -> Run:
    """A run as somebody's door starts it."""
    with storage.work(actor.workspace_id, actor.user_id) as work:
        run = start(work, actor, agent_id, "manual", input or {})
        work.commit()
    return run


def hear(ring: Ring) -> None:
    """What a worker does when it hears it."""
    due.carry_out(ring.workspace_id, ring.user_id, ring.id, ring.told)


def known(storage: Storage, actor: Actor, rings: list[Ring], graph: dict[str, Any] = THREE) -> UUID:
    """An agent that this process carried out before."""
    agent_id = an_agent(storage, actor, graph)
    begin(storage, actor, agent_id)
    hear(rings.pop())
    return agent_id


def the_run(storage: Storage, actor: Actor, run_id: UUID) -> Run:
    with storage.work(actor.workspace_id, actor.user_id) as work:
        return work.runs.get(run_id)


def test_it_is_ended_without_a_claim_and_with_all_that_is_promised_of_a_run(
    storage: Storage, person: Actor, rings: list[Ring], claims: list[int]
) -> None:
    agent_id = known(storage, person, rings)
    assert claims == [1], "whoever is not known is claimed"
    run = begin(storage, person, agent_id)
    (ring,) = rings
    hear(ring)
    assert claims == [1]
    with storage.work(person.workspace_id, person.user_id) as work:
        done = work.runs.get(run.id)
        assert (done.status, done.output, done.attempt, done.fence, done.lease_until) == (
            "succeeded", {"number": 1}, 1, 1, None,
        )  # fmt: skip
        assert done.started_at is not None and done.finished_at is not None
        assert run.queued_at < done.started_at <= done.finished_at
        assert [(s.node_id, s.status, s.outputs) for s in work.runs.steps(run.id)] == [
            (node, "succeeded", {"value": 1}) for node in "abc"
        ]
        assert [entry.kind for entry in work.billing.of_run(run.id)] == ["run"]
        counters = work.billing.counters(work.now.date(), ["workspace", str(agent_id)])
        assert {scope: counter.runs for scope, counter in counters.items()} == {"workspace": 2, str(agent_id): 2}
    hear(ring)
    assert the_run(storage, person, run.id).version == done.version, "whoever hears it again changes nothing"


def test_the_events_of_it_are_heard(
    storage: Storage, person: Actor, rings: list[Ring], claims: list[int], owner_url: str
) -> None:
    agent_id = known(storage, person, rings)
    begin(storage, person, agent_id)
    hear(rings.pop())
    with psycopg.connect(owner_url) as owner:
        kinds = owner.execute("SELECT kind, count(*) FROM nod.events WHERE kind LIKE 'run.%' GROUP BY kind").fetchall()
    assert dict(kinds) == {"run.started": 2, "run.succeeded": 2}
    assert claims == [1]


def test_what_brings_input_or_does_more_than_compute_is_not_told_of(
    storage: Storage, person: Actor, rings: list[Ring]
) -> None:
    begin(storage, person, an_agent(storage, person, STEPS), {"number": 1})
    begin(storage, person, an_agent(storage, person, THREE), {"dry_run": True})
    begin(storage, person, an_agent(storage, person, THREE, is_light=False))
    agent_id = an_agent(storage, person, THREE)
    with storage.work(person.workspace_id, person.user_id) as work:
        start_runs(work, [Start("manual", agent_id), Start("manual", agent_id)])
        work.commit()
    assert [ring.told for ring in rings] == [None] * 4
    with storage.work(person.workspace_id, person.user_id) as work:
        start_runs(work, [Start("scheduled", agent_id)])
        work.commit()
    assert rings[-1].told is not None


def test_what_was_told_a_while_ago_is_claimed(
    storage: Storage, person: Actor, rings: list[Ring], claims: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A message that comes again because its worker died is so; whatever kills workers is then counted."""
    agent_id = known(storage, person, rings)
    run = begin(storage, person, agent_id)
    ring = rings.pop()
    assert ring.told is not None
    rung, at = Rung(*ring[1:4]), float(ring.told["at"])
    assert heard(rung, ring.told) is not None
    forged: list[dict[str, Any]] = [
        {"at": "yesterday"}, {"at": "nan"}, {"at": None}, {"agent_id": "x"}, {"due_at": "now"}, {"due_at": 1}, {"due_at": "0001-01-01T00:00:00+23:00"},
    ]  # fmt: skip
    for broken in forged:
        assert heard(rung, {**ring.told, **broken}) is None
    for nonsense in ("x", [1], {}):
        assert heard(rung, nonsense) is None  # type: ignore[arg-type]
    unzoned = heard(rung, {**ring.told, "due_at": "2026-01-01T00:00:00"})
    assert unzoned is not None and unzoned.due_at.tzinfo is not None
    assert heard(rung, {name: value for name, value in ring.told.items() if name != "user_id"}) is None
    for away in (-FRESH_SECONDS, FRESH_SECONDS):
        assert heard(rung, {**ring.told, "at": str(time.time() + away * 1.5)}) is None
    hear(ring._replace(told={**ring.told, "at": str(at - FRESH_SECONDS)}))
    assert claims == [1, 1]
    assert statuses(storage, person, [run.id]) == {"succeeded": 1}


CHANGES = {
    "what the person is called": "UPDATE nod.users SET preferred_name = 'Zoe'",
    "their address": "UPDATE nod.users SET email = 'new@example.org'",
    "their timezone": "UPDATE nod.user_profiles SET timezone = 'Asia/Tokyo'",
    "their language": "UPDATE nod.user_profiles SET language = 'es'",
    "what the agent is called": "UPDATE nod.agents SET name = 'Other'",
    "the tier": "UPDATE nod.subscriptions SET tier = 'family'",
}


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
def test_who_changed_meanwhile_is_asked_for_again(
    storage: Storage, person: Actor, rings: list[Ring], claims: list[int], owner_url: str, change: str
) -> None:
    agent_id = known(storage, person, rings)
    with psycopg.connect(owner_url) as owner:
        assert owner.execute(change.encode()).rowcount > 0
    for expected in ([1, 1], [1, 1]):
        run = begin(storage, person, agent_id)
        hear(rings.pop())
        assert claims == expected, "the second time it is known again"
        assert statuses(storage, person, [run.id]) == {"succeeded": 1}


def test_what_is_computed_is_of_the_person_as_they_are(
    storage: Storage, person: Actor, rings: list[Ring], owner_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    agent_id = known(storage, person, rings)
    with psycopg.connect(owner_url) as owner:
        owner.execute("UPDATE nod.users SET preferred_name = 'Zoe'")
    computed: list[str] = []

    def noted(*of: Any, **more: Any) -> Any:
        computed.append(more["context"].owner_name)
        return evaluate(*of, **more)

    monkeypatch.setattr(light, "evaluate", noted)
    begin(storage, person, agent_id)
    hear(rings.pop())
    assert len(computed) == 2, "in vain, and once more"
    assert computed[-1] == "Zoe"


def test_data_keys_that_are_gone_seal_nothing(
    storage: Storage, person: Actor, rings: list[Ring], claims: list[int], owner_url: str
) -> None:
    agent_id = known(storage, person, rings)
    run = begin(storage, person, agent_id)
    with psycopg.connect(owner_url) as owner:
        owner.execute("UPDATE nod.data_keys SET wrapped = NULL")
    hear(rings.pop())
    assert claims == [1, 1]
    with psycopg.connect(owner_url) as owner:
        events = owner.execute("SELECT count(*) FROM nod.events WHERE kind = 'run.succeeded'").fetchone()
    assert events == (1,)
    assert statuses(storage, person, [run.id]) == {"succeeded": 1}


def test_an_agent_that_was_paused_meanwhile_waits(
    storage: Storage, person: Actor, rings: list[Ring], claims: list[int]
) -> None:
    agent_id = known(storage, person, rings)
    run = begin(storage, person, agent_id)
    ring = rings.pop()
    with storage.work(person.workspace_id, person.user_id) as work:
        pause_agent(work, person, agent_id)
        work.commit()
    hear(ring)
    assert claims == [1, 1]
    assert statuses(storage, person, [run.id]) == {"queued": 1}


def test_who_was_cancelled_or_claimed_meanwhile_is_not_touched(
    storage: Storage, person: Actor, rings: list[Ring], owner_url: str
) -> None:
    agent_id = known(storage, person, rings)
    cancelled, claimed = begin(storage, person, agent_id), None
    first = rings.pop()
    with storage.work(person.workspace_id, person.user_id) as work:
        cancel(work, person, cancelled.id)
        work.commit()
    hear(first)
    assert statuses(storage, person, [cancelled.id]) == {"cancelled": 1}
    agent_id = known(storage, person, rings)
    claimed = begin(storage, person, agent_id)
    second = rings.pop()
    storage.batches.claim([Rung(person.workspace_id, person.user_id, claimed.id)], 20)
    hear(second)
    left = the_run(storage, person, claimed.id)
    assert (left.status, left.fence, left.attempt) == ("running", 1, 1)
    with storage.work(person.workspace_id, person.user_id) as work:
        assert work.runs.steps(claimed.id) == work.runs.steps(cancelled.id) == []
        assert work.billing.of_run(claimed.id) == []


@pytest.mark.parametrize("which", ["agent_id", "agent_version_id", "user_id"])
def test_what_a_ring_tells_has_no_authority(
    storage: Storage, person: Actor, rings: list[Ring], claims: list[int], which: str
) -> None:
    """Whoever can write to Redis can have a run looked at, and nothing else."""
    mine, other = known(storage, person, rings), known(storage, person, rings, {**THREE, "output": {"evil": 1}})
    run = begin(storage, person, mine)
    ring = rings.pop()
    begin(storage, person, other)
    lie = rings.pop().told
    assert ring.told is not None and lie is not None
    told = {**ring.told, which: lie[which] if which != "user_id" else str(new_id())}
    rung = Rung(*ring[1:4])
    assert fresh.carry_out({rung: told}) == {rung}
    assert the_run(storage, person, run.id).status == "queued"
    hear(ring)
    assert the_run(storage, person, run.id).output == {"number": 1}


@pytest.mark.parametrize("used", [Used(runs=1), Used(tokens=1), Used(cost=1)], ids=["runs", "tokens", "cost"])  # type: ignore[arg-type]
@pytest.mark.parametrize("scope", ["workspace", "agent"])
def test_at_a_limit_it_is_refused_as_any_other(
    storage: Storage,
    person: Actor,
    rings: list[Ring],
    claims: list[int],
    tiers: None,
    used: Used,
    scope: str,
) -> None:
    agent_id = known(storage, person, rings)
    limits = TIERS["free"].workspace if scope == "workspace" else TIERS["free"].agent
    which = next(name for name in ("runs", "tokens", "cost") if getattr(used, name))
    most = getattr(limits, which)
    if most is None:
        pytest.fail("no such limit to try")
    counter = scope if scope == "workspace" else str(agent_id)
    room = 1 if which == "runs" else most / 2
    with storage.work(person.workspace_id, person.user_id) as work:
        have = 1 if which == "runs" else 0
        work.billing.add(today(work.now), {counter: Used(**{which: most - have - room})})
        work.commit()
    last = begin(storage, person, agent_id)
    hear(rings.pop())
    assert claims == [1], "there was room"
    if which != "runs":
        with storage.work(person.workspace_id, person.user_id) as work:
            work.billing.add(today(work.now), {counter: Used(**{which: room})})
            work.commit()
    over = begin(storage, person, agent_id)
    hear(rings.pop())
    assert claims == [1, 1]
    assert [the_run(storage, person, run.id).status for run in (last, over)] == ["succeeded", "failed"]
    refused = the_run(storage, person, over.id)
    assert refused.error is not None and refused.error["code"] == "billing.limit_reached"
    with storage.work(person.workspace_id, person.user_id) as work:
        counted = work.billing.counters(today(work.now), [counter])[counter]
    assert counted.runs == (most if which == "runs" else 2), "whoever was refused is not counted"


def test_however_many_start_at_once_the_limit_holds(
    storage: Storage, person: Actor, rings: list[Ring], tiers: None
) -> None:
    agent_id = known(storage, person, rings)
    most = TIERS["free"].workspace.runs
    assert most is not None
    with storage.work(person.workspace_id, person.user_id) as work:
        work.billing.add(today(work.now), {"workspace": Used(runs=most - 1 - 5)})
        work.commit()
    runs = [begin(storage, person, agent_id) for _ in range(12)]
    together = threading.Barrier(12, timeout=30)

    def end(ring: Ring) -> bool:
        assert ring.told is not None
        together.wait()
        return not fresh.carry_out({Rung(*ring[1:4]): {**ring.told, "at": str(time.time())}})

    with ThreadPoolExecutor(12) as threads:
        won = sum(threads.map(end, rings))
    assert won == 5
    assert statuses(storage, person, [run.id for run in runs]) == {"succeeded": 5, "queued": 7}
    with storage.work(person.workspace_id, person.user_id) as work:
        assert work.billing.counters(today(work.now), ["workspace"])["workspace"].runs == most


def test_what_fails_is_claimed_after_all_and_said(
    storage: Storage, person: Actor, rings: list[Ring], claims: list[int]
) -> None:
    agent_id = known(storage, person, rings)
    parsed = parse_graph({**FAILS, "nodes": [{**FAILS["nodes"][0], "id": "a"}]})
    with storage.work(person.workspace_id, person.user_id) as work:
        version = AgentVersion(
            new_id(), person.workspace_id, agent_id, "1.0.1", parsed, {}, work.now, skills=sorted(parsed.skills()), light=True
        )  # fmt: skip
        work.agents.add(version)
        work.agents.get(agent_id).latest_version_id = version.id
        work.commit()
    first = True
    for _ in range(2):
        run = begin(storage, person, agent_id)
        hear(rings[-1])
        hear(rings[-1])
        assert the_run(storage, person, run.id).status == "failed"
        assert (agent_id in {key[1] for key in fresh._known}) == first, "what failed at once is not tried so again"
        first = False
    assert len(claims) > 2


def test_a_graph_that_takes_its_time_is_claimed_each_time(
    storage: Storage, person: Actor, rings: list[Ring], claims: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fresh, "QUICK_SECONDS", 0.0)
    agent_id = known(storage, person, rings)
    begin(storage, person, agent_id)
    hear(rings.pop())
    assert claims == [1, 1]


def test_people_are_not_known_for_ever(
    storage: Storage, person: Actor, rings: list[Ring], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fresh, "MOST", 2)
    for _ in range(3):
        known(storage, person, rings)
    assert len(fresh._known) == 2
    monkeypatch.setattr(fresh, "KEPT_SECONDS", 0.0)
    newest = known(storage, person, rings)
    assert [key[1] for key in fresh._known] == [newest]


def test_what_was_heard_of_other_workspaces_is_looked_into_as_well(
    storage: Storage, person: Actor, rings: list[Ring], claims: list[int]
) -> None:
    agent_id, other = known(storage, person, rings), somebody(storage)
    mine, theirs = begin(storage, person, agent_id), begin(storage, other, an_agent(storage, other, THREE))
    due._heard[other.workspace_id] = Rung(other.workspace_id, other.user_id, theirs.id)
    hear(rings[0])
    assert claims == [1, 2]
    assert statuses(storage, person, [mine.id]) == statuses(storage, other, [theirs.id]) == {"succeeded": 1}


@pytest.fixture
def ends(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """How many runs were ended unclaimed by each question."""
    asked: list[int] = []
    end_unclaimed = SqlBatches.end_unclaimed

    def noted(self: SqlBatches, done: Any, limits: Any) -> set[UUID]:
        won = end_unclaimed(self, done, limits)
        asked.append(len(won))
        return won

    monkeypatch.setattr(SqlBatches, "end_unclaimed", noted)
    return asked


@pytest.fixture
def waiting(
    storage: Storage, rings: list[Ring], redis_url: str, monkeypatch: pytest.MonkeyPatch
) -> Callable[..., None]:
    """Has all rings but the first wait in Redis for the end of its look, as they do where somebody goes from look to look; `again`: it was rung there besides. The bell is as it is, but for what is rung from now on."""
    bell = cast(RedisBell, storage.bell)

    def wait(*, again: bool = False) -> None:
        first, *others = rings
        with redis.Redis.from_url(redis_url) as client:
            client.flushdb()
            client.set(f"nod:rung:runs.due:{first.workspace_id}", "again" if again else "taken")
            client.set("nod:looking", "")
            RedisBell.prepared(bell, others)()
            assert client.llen("nod:waiting") == 3 * len(others)
        monkeypatch.setattr(bell, "heard_again", partial(RedisBell.heard_again, bell))
        monkeypatch.setattr("core.orchestration.batches.FRESH_SECONDS", 60.0)

    return wait


def changed(storage: Storage, actor: Actor, agent_id: UUID) -> None:
    """It is called otherwise: what was known of it is not so any more."""
    with storage.work(actor.workspace_id, actor.user_id) as work:
        work.agents.get(agent_id).name = "Other"
        work.commit()


def test_those_that_were_told_of_meanwhile_end_together(
    storage: Storage,
    person: Actor,
    rings: list[Ring],
    claims: list[int],
    ends: list[int],
    waiting: Callable[..., None],
) -> None:
    """Of two agents of one workspace and of another workspace: each with its steps, its events and its place in the ledger, each counted once."""
    other = somebody(storage)
    whose = [
        (person, known(storage, person, rings)),
        (person, known(storage, person, rings, {**THREE, "output": {"two": 2}})),
    ]
    whose.append((other, known(storage, other, rings)))
    first = begin(storage, *whose[0])
    runs = [(actor, agent_id, begin(storage, actor, agent_id)) for _ in range(2) for actor, agent_id in whose]
    waiting()
    hear(rings[0])
    assert claims == [1, 1, 1], "to know them"
    assert ends == [1, 6]
    for actor, _, run in [*runs, (person, None, first)]:
        with storage.work(actor.workspace_id, actor.user_id) as work:
            done = work.runs.get(run.id)
            assert (done.status, done.attempt, done.fence) == ("succeeded", 1, 1)
            assert [step.node_id for step in work.runs.steps(run.id)] == ["a", "b", "c"]
            assert [entry.kind for entry in work.billing.of_run(run.id)] == ["run"]
    with storage.work(person.workspace_id, person.user_id) as work:
        assert [work.runs.get(run.id).output for _, _, run in runs[:2]] == [{"number": 1}, {"two": 2}]
        counters = work.billing.counters(work.now.date(), ["workspace", *(str(agent_id) for _, agent_id in whose)])
    assert {scope: counter.runs for scope, counter in counters.items()} == {
        "workspace": 7, str(whose[0][1]): 4, str(whose[1][1]): 3,
    }  # fmt: skip


def test_whoever_cannot_end_so_does_not_hold_up_the_others(
    storage: Storage,
    person: Actor,
    rings: list[Ring],
    claims: list[int],
    ends: list[int],
    waiting: Callable[..., None],
) -> None:
    mine, other, new = known(storage, person, rings), known(storage, person, rings), an_agent(storage, person, THREE)
    changed(storage, person, other)
    runs = [begin(storage, person, agent_id).id for agent_id in (mine, mine, other, new)]
    waiting()
    hear(rings[0])
    assert ends == [1, 1]
    assert claims == [1, 1, 1, 1], "one look for both, and one because no mark was there"
    assert statuses(storage, person, runs) == {"succeeded": 4}


def test_where_one_is_at_its_limit_the_others_are_carried_out(
    storage: Storage, person: Actor, rings: list[Ring], ends: list[int], waiting: Callable[..., None], tiers: None
) -> None:
    mine, full = known(storage, person, rings), known(storage, person, rings)
    most = TIERS["free"].agent.runs
    assert most is not None
    with storage.work(person.workspace_id, person.user_id) as work:
        work.billing.add(today(work.now), {str(full): Used(runs=most - 1)})
        work.commit()
    runs = [begin(storage, person, agent_id).id for agent_id in (mine, mine, full)]
    waiting()
    hear(rings[0])
    assert ends == [1], "the others were refused together"
    assert [the_run(storage, person, run).status for run in runs] == ["succeeded", "succeeded", "failed"]
    with storage.work(person.workspace_id, person.user_id) as work:
        counters = work.billing.counters(today(work.now), ["workspace", str(mine), str(full)])
    assert {scope: counter.runs for scope, counter in counters.items()} == {
        "workspace": 4, str(mine): 3, str(full): most,
    }  # fmt: skip


def test_the_limit_is_that_of_the_tier_as_it_is(
    storage: Storage, person: Actor, rings: list[Ring], waiting: Callable[..., None], owner_url: str, tiers: None
) -> None:
    """Also where something of another tier is still believed of another agent there."""
    other = somebody(storage)
    theirs, mine = known(storage, other, rings), known(storage, person, rings)
    with psycopg.connect(owner_url, autocommit=True) as owner:
        owner.execute("UPDATE nod.subscriptions SET tier = 'family'")
        richer = known(storage, person, rings)
        owner.execute("UPDATE nod.subscriptions SET tier = 'free'")
    most = TIERS["free"].workspace.runs
    assert most is not None
    with storage.work(person.workspace_id, person.user_id) as work:
        work.billing.add(today(work.now), {"workspace": Used(runs=most - 2)})
        work.commit()
    begin(storage, other, theirs)
    run = begin(storage, person, mine)
    begin(storage, person, richer)
    waiting()
    hear(rings[0])
    refused = the_run(storage, person, run.id)
    assert refused.error is not None and refused.error["code"] == "billing.limit_reached"


def test_where_a_look_is_due_anyway_it_takes_along_what_was_told(
    storage: Storage,
    person: Actor,
    rings: list[Ring],
    claims: list[int],
    ends: list[int],
    waiting: Callable[..., None],
) -> None:
    other = somebody(storage)
    mine, theirs = known(storage, person, rings), known(storage, other, rings)
    runs = [begin(storage, person, mine), begin(storage, person, mine), begin(storage, other, theirs)]
    waiting(again=True)
    hear(rings[0])
    assert (claims, ends) == ([1, 1, 2, 1], [1]), "the last because no mark was there"
    assert statuses(storage, person, [run.id for run in runs[:2]]) == {"succeeded": 2}
    assert statuses(storage, other, [runs[2].id]) == {"succeeded": 1}


def test_who_was_rung_for_besides_is_looked_into_once(
    storage: Storage,
    person: Actor,
    rings: list[Ring],
    claims: list[int],
    monkeypatch: pytest.MonkeyPatch,
    waiting: Callable[..., None],
) -> None:
    other = somebody(storage)
    agents = [known(storage, actor, rings) for actor in (person, other)]
    run = [begin(storage, actor, agent_id) for actor, agent_id in zip((person, other), agents, strict=True)][1]
    changed(storage, other, agents[1])
    waiting()
    carry_out = fresh.carry_out

    def meanwhile(tells: due.Tells) -> set[Rung]:
        left = carry_out(tells)
        due._heard.update({rung.workspace_id: rung for rung in left})
        return left

    monkeypatch.setattr(fresh, "carry_out", meanwhile)
    hear(rings[0])
    assert claims == [1, 1, 1, 1], "the last because no mark was there"
    assert statuses(storage, other, [run.id]) == {"succeeded": 1}


def test_where_another_thread_looks_it_is_left_to_it(
    storage: Storage, person: Actor, rings: list[Ring], claims: list[int], waiting: Callable[..., None]
) -> None:
    other = somebody(storage)
    agents = [known(storage, actor, rings) for actor in (person, other)]
    for actor, agent_id in zip((person, other), agents, strict=True):
        begin(storage, actor, agent_id)
    changed(storage, other, agents[1])
    waiting()
    due._held[other.workspace_id] = False
    hear(rings[0])
    assert due._held.pop(other.workspace_id), "it looks once more"
    assert claims == [1, 1]


def test_who_is_told_to_stop_rings_for_all_of_which_they_were_told(
    storage: Storage, person: Actor, rings: list[Ring], monkeypatch: pytest.MonkeyPatch, waiting: Callable[..., None]
) -> None:
    others = [somebody(storage), somebody(storage)]
    agents = [known(storage, actor, rings) for actor in (person, *others)]
    runs = [begin(storage, actor, agent_id) for actor, agent_id in zip((person, *others), agents, strict=True)]
    waiting()
    end_unclaimed = SqlBatches.end_unclaimed

    def told_to_stop(self: SqlBatches, done: Any, limits: Any) -> Any:
        if len(done) > 1:
            raise Shutdown
        return end_unclaimed(self, done, limits)

    heard = rings.pop(0)
    rings.clear()
    with monkeypatch.context() as patch:
        patch.setattr(SqlBatches, "end_unclaimed", told_to_stop)
        with pytest.raises(Shutdown):
            hear(heard)
    assert {ring.workspace_id for ring in rings} - {person.workspace_id} == {actor.workspace_id for actor in others}
    for ring in list(rings):
        hear(ring)
    for actor, run in zip((person, *others), runs, strict=True):
        assert statuses(storage, actor, [run.id]) == {"succeeded": 1}


@pytest.mark.parametrize("when", ["computing", "ending"])
def test_who_is_told_to_stop_leaves_it_to_somebody_else(
    storage: Storage, person: Actor, rings: list[Ring], monkeypatch: pytest.MonkeyPatch, when: str
) -> None:
    agent_id = known(storage, person, rings)
    run = begin(storage, person, agent_id)
    ring = rings.pop()

    def told_to_stop(*_: Any, **__: Any) -> Any:
        raise Shutdown

    with monkeypatch.context() as patch:
        patch.setattr(*((light, "evaluate") if when == "computing" else (SqlBatches, "end_unclaimed")), told_to_stop)
        with pytest.raises(Shutdown):
            hear(ring)
    (again,) = rings
    assert (again.bell, again.workspace_id) == ("runs.due", person.workspace_id)
    hear(again)
    assert statuses(storage, person, [run.id]) == {"succeeded": 1}


def test_a_database_that_is_away_is_not_asked_for_ever(
    storage: Storage, person: Actor, rings: list[Ring], monkeypatch: pytest.MonkeyPatch
) -> None:
    from core.kernel.errors import Unavailable

    agent_id = known(storage, person, rings)
    begin(storage, person, agent_id)
    ring = rings.pop()

    def away(*_: Any, **__: Any) -> Any:
        raise Unavailable("kernel.database_away")

    monkeypatch.setattr(SqlBatches, "end_unclaimed", away)
    monkeypatch.setattr(SqlBatches, "claim", away)
    with pytest.raises(Unavailable):
        hear(ring)
    assert rings == [], "the sweep rings"


@pytest.fixture
def heard_for_real(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """What an actor does, with the bell as it is. Nobody sweeps, and marks outlive the test."""
    monkeypatch.setattr("storage.bell.MARK_MS", 600_000)
    monkeypatch.setattr("core.orchestration.batches.FRESH_SECONDS", 60.0)

    def hear_it(workspace_id: str, user_id: str, id: str, **told: Any) -> None:
        due.carry_out(UUID(workspace_id), UUID(user_id), UUID(id), **told)

    return hear_it


def test_one_that_was_rung_for_while_another_was_on_its_way_is_not_left(
    storage: Storage, person: Actor, redis_url: str, heard_for_real: Callable[..., None]
) -> None:
    """Its ring was left out: whoever hears the other is told of that alone."""
    agent_id = an_agent(storage, person, THREE)
    first = begin(storage, person, agent_id)
    with worker_of(redis_url, "runs.due", heard_for_real):
        until(lambda: statuses(storage, person, [first.id]) == {"succeeded": 1})
    made = [begin(storage, person, agent_id).id for _ in range(2)]
    with worker_of(redis_url, "runs.due", heard_for_real):
        until(lambda: statuses(storage, person, made) == {"succeeded": 2})


def test_no_run_is_left_however_they_are_rung_for(
    storage: Storage,
    person: Actor,
    redis_url: str,
    heard_for_real: Callable[..., None],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    at_once: list[int] = []
    carry_out = fresh.carry_out

    def noted(tells: due.Tells) -> set[Rung]:
        left = carry_out(tells)
        at_once.append(len(tells) - len(left))
        return left

    monkeypatch.setattr(fresh, "carry_out", noted)
    agent_id, made = an_agent(storage, person, THREE), []
    with (
        worker_of(redis_url, "runs.due", heard_for_real),
        worker_of(redis_url, "runs.due", heard_for_real),
        ThreadPoolExecutor(3) as threads,
    ):
        for number in range(100):
            made += threads.map(lambda _: begin(storage, person, agent_id).id, range(1 + number % 3))
            until(lambda: statuses(storage, person, made[-3:]) == {"succeeded": len(made[-3:])})
    assert sum(at_once) > 20, "some were carried out at once"
    with storage.work(person.workspace_id, person.user_id) as work:
        assert {(run.status, run.fence, run.attempt) for run in work.runs.some(made)} == {("succeeded", 1, 1)}
        assert work.billing.counters(work.now.date(), ["workspace"])["workspace"].runs == len(made)
