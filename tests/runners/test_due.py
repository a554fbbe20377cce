"""Few threads look for due runs, into several workspaces at once: nothing that was rung for is left, nobody waits for a workspace that is held up, and nothing of one gets into another."""

import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any
from uuid import UUID

import pytest
from dramatiq.middleware import Shutdown

from core.billing.ports import Used
from core.kernel.actor import Actor
from core.kernel.errors import Unavailable
from core.kernel.ids import new_id
from core.orchestration.batches import MOST_AT_ONCE, Batch, Rung
from runners.engine import due, light
from runners.engine.light import evaluate
from storage import Storage
from storage.batches import SqlBatches
from tests.databases import somebody
from tests.runners.brokered import worker_of
from tests.runners.test_light import an_agent, person, queue, statuses

__all__ = ["person"]
PATIENCE = 30.0
ROLE_SECONDS = 10.0
"""How long the app role waits for a lock otherwise (storage/roles.py)."""


class Gate:
    """Holds whoever comes by until it is opened, and says how many do."""

    def __init__(self) -> None:
        self._open = threading.Event()
        self._inside = threading.Semaphore(0)

    def pass_by(self) -> None:
        self._inside.release()
        assert self._open.wait(PATIENCE)

    def wait_for(self, number: int) -> None:
        for _ in range(number):
            assert self._inside.acquire(timeout=PATIENCE)

    def open(self) -> None:
        self._open.set()


@pytest.fixture
def gate(monkeypatch: pytest.MonkeyPatch) -> Iterator[Gate]:
    """In front of everything that a light run computes."""
    gate = Gate()

    def evaluated(*of: Any, **more: Any) -> Any:
        gate.pass_by()
        return evaluate(*of, **more)

    monkeypatch.setattr(light, "evaluate", evaluated)
    yield gate
    gate.open()


@pytest.fixture
def claims(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Into how many workspaces each claim looked."""
    seen: list[int] = []
    claim = SqlBatches.claim

    def noted(self: SqlBatches, rungs: Sequence[Rung], lease: float, **more: Any) -> list[Batch]:
        seen.append(len(rungs))
        return claim(self, rungs, lease, **more)

    monkeypatch.setattr(SqlBatches, "claim", noted)
    return seen


@pytest.fixture
def durable(monkeypatch: pytest.MonkeyPatch) -> list[bool]:
    """Of each claim, whether it waited for the disk."""
    seen: list[bool] = []
    claim = SqlBatches.claim

    def noted(
        self: SqlBatches, rungs: Sequence[Rung], lease: float, *, durable: bool = True, **more: Any
    ) -> list[Batch]:
        seen.append(durable)
        return claim(self, rungs, lease, durable=durable, **more)

    monkeypatch.setattr(SqlBatches, "claim", noted)
    return seen


def people(storage: Storage, number: int) -> list[Actor]:
    """In the order of their workspaces."""
    return sorted((somebody(storage) for _ in range(number)), key=lambda one: one.workspace_id)


def hear(actor: Actor) -> None:
    due.carry_out(actor.workspace_id, actor.user_id, new_id())


def until(true: Callable[[], Any]) -> None:
    end = time.monotonic() + PATIENCE
    while not true():
        assert time.monotonic() < end, "it did not come to pass in time"


def busy(storage: Storage, pool: ThreadPoolExecutor, gate: Gate, who: Sequence[Actor]) -> list[Any]:
    """As many threads as may look, each with a run of one of these in hand."""
    looking: list[Any] = []
    for one in who:
        queue(storage, one, an_agent(storage, one), 1)
        # One after the other: who looks takes along whatever was heard until then.
        looking.append(pool.submit(hear, one))
        gate.wait_for(1)
    return looking


def test_what_is_heard_while_all_look_is_taken_along_in_one_go(
    storage: Storage, person: Actor, gate: Gate, claims: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(due, "SLOW_SECONDS", PATIENCE)
    others = people(storage, 5)
    runs = [queue(storage, one, an_agent(storage, one), 2) for one in others]
    with ThreadPoolExecutor(due.LOOKING) as pool:
        looking = busy(storage, pool, gate, people(storage, due.LOOKING))
        for one in others:
            hear(one)  # and goes away at once
        assert [statuses(storage, one, ids) for one, ids in zip(others, runs, strict=True)] == [{"queued": 2}] * 5
        gate.open()
        for each in looking:
            each.result(PATIENCE)
    assert [statuses(storage, one, ids) for one, ids in zip(others, runs, strict=True)] == [{"succeeded": 2}] * 5
    assert claims[: due.LOOKING] == [1] * due.LOOKING
    assert claims[due.LOOKING] >= 5
    for one, ids in zip(others, runs, strict=True):
        with storage.work(one.workspace_id, one.user_id) as work:
            assert work.billing.counters(work.now.date(), ["workspace"])["workspace"].runs == 2
            assert [len(work.runs.steps(id)) for id in ids] == [3, 3]
            assert [len(work.billing.of_run(id)) for id in ids] == [1, 1]
    assert not (due._heard or due._held or due._looks)


def test_who_comes_first_does_not_wait_for_the_disk_and_who_looks_again_lets_more_gather(
    storage: Storage, person: Actor, durable: list[bool]
) -> None:
    agent = an_agent(storage, person)
    queue(storage, person, agent, 2 * MOST_AT_ONCE + 1)
    hear(person)
    assert durable[:3] == [False, True, True]
    durable.clear()
    queue(storage, person, agent, 1)
    hear(person)
    assert durable[0] is False


def test_who_stays_says_that_they_go_on(storage: Storage, person: Actor, monkeypatch: pytest.MonkeyPatch) -> None:
    """So that rings wait for the end of their next look."""
    staying: list[bool] = []
    heard_again = storage.bell.heard_again

    def noted(*asked: Any, **more: Any) -> Any:
        staying.append(more["staying"])
        return heard_again(*asked, **more)

    monkeypatch.setattr(storage.bell, "heard_again", noted)
    queue(storage, person, an_agent(storage, person), 2 * MOST_AT_ONCE + 1)
    hear(person)
    assert staying[:3] == [True, True, False]


def test_each_workspace_is_asked_under_its_own_context(storage: Storage, person: Actor) -> None:
    """Also where somebody's id stands beside another's workspace: the context of one statement does not reach the next."""
    one, other = people(storage, 2)
    mine, theirs = (queue(storage, each, an_agent(storage, each), 2) for each in (one, other))
    first, second = storage.batches.claim([Rung(who.workspace_id, who.user_id, new_id()) for who in (one, other)], 20)
    assert [run.id for run in first.runs] == mine
    assert [run.id for run in second.runs] == theirs
    assert ({run.user_id for run in first.runs}, {run.user_id for run in second.runs}) == (
        {one.user_id},
        {other.user_id},
    )
    assert (set(first.owners), set(second.owners)) == ({one.user_id}, {other.user_id})
    assert light.carry_out([first, second], {}) == []
    assert statuses(storage, one, mine) == statuses(storage, other, theirs) == {"succeeded": 2}


def test_who_looks_for_long_does_not_keep_others_from_looking(
    storage: Storage, person: Actor, gate: Gate, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(due, "SLOW_SECONDS", 0.0)
    (quick,) = people(storage, 1)
    runs = queue(storage, quick, an_agent(storage, quick, is_light=False), 1)
    with ThreadPoolExecutor(due.LOOKING) as pool:
        busy(storage, pool, gate, people(storage, due.LOOKING))
        hear(quick)
        assert statuses(storage, quick, runs) == {"succeeded": 1}
        gate.open()


def test_who_takes_a_long_run_leaves_the_rest_to_others(
    storage: Storage, person: Actor, gate: Gate, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of several workspaces with a run for itself one is carried out, and the bells of the others are rung; also of those that nobody looked into."""
    monkeypatch.setattr(due, "SLOW_SECONDS", PATIENCE)
    monkeypatch.setattr(due, "WORKSPACES", 3)
    others = people(storage, 3 * due.LOOKING + 1)
    runs = {one.workspace_id: queue(storage, one, an_agent(storage, one, is_light=False), 1) for one in others}
    rung: list[UUID] = []
    with ThreadPoolExecutor(due.LOOKING) as pool:
        looking = busy(storage, pool, gate, people(storage, due.LOOKING))
        for one in others:
            hear(one)
        monkeypatch.setattr(
            storage.bell, "prepared", lambda rings: partial(rung.extend, [ring.workspace_id for ring in rings])
        )
        gate.open()
        for each in looking:
            each.result(PATIENCE)
    done = {one.workspace_id for one in others if statuses(storage, one, runs[one.workspace_id]) == {"succeeded": 1}}
    assert 1 <= len(done) <= due.LOOKING
    assert set(rung) == set(runs) - done
    assert not (due._heard or due._held or due._looks)


def test_a_bell_that_is_heard_while_somebody_is_leaving_is_not_lost(
    storage: Storage, person: Actor, monkeypatch: pytest.MonkeyPatch
) -> None:
    agent_id = an_agent(storage, person)
    runs = queue(storage, person, agent_id, 1)
    heard_again = storage.bell.heard_again

    def and_then_somebody_rings(*asked: Any, **more: Any) -> Any:
        told = heard_again(*asked, **more)
        if len(runs) < 3:
            runs.extend(queue(storage, person, agent_id, 1))
            hear(person)
        return told

    monkeypatch.setattr(storage.bell, "heard_again", and_then_somebody_rings)
    hear(person)
    assert statuses(storage, person, runs) == {"succeeded": 3}


def test_who_is_told_to_stop_ends_what_they_have_claimed_and_leaves(
    storage: Storage, person: Actor, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As Dramatiq tells threads: by an exception at any point."""
    runs = queue(storage, person, an_agent(storage, person), 3)
    told: list[int] = []

    def told_to_stop(*of: Any, **more: Any) -> Any:
        told.append(1)
        if len(told) == 2:
            raise Shutdown
        return evaluate(*of, **more)

    monkeypatch.setattr(light, "evaluate", told_to_stop)
    with pytest.raises(Shutdown):
        hear(person)
    assert statuses(storage, person, runs) == {"succeeded": 3}
    assert not (due._heard or due._held or due._looks)


def test_a_workspace_that_is_held_up_does_not_hold_up_the_others(storage: Storage, person: Actor) -> None:
    crowd = people(storage, 3)
    agents = [an_agent(storage, one) for one in crowd]
    for one, agent in zip(crowd, agents, strict=True):
        queue(storage, one, agent, 1)
        hear(one)
    runs = [queue(storage, one, agent, 1) for one, agent in zip(crowd, agents, strict=True)]
    held = crowd[1]
    with storage.work(held.workspace_id, held.user_id) as work:
        work.billing.add(work.now.date(), {"workspace": Used()})
        began = time.monotonic()
        batches = due._claimed([Rung(one.workspace_id, one.user_id, new_id()) for one in crowd], durable=True)
        assert time.monotonic() - began < ROLE_SECONDS / 2
        assert [len(batch.runs) for batch in batches] == [1, 0, 1]
        due._together([batch for batch in batches if batch.runs])
        found = [statuses(storage, one, ids) for one, ids in zip(crowd, runs, strict=True)]
        assert found == [{"succeeded": 1}, {"queued": 1}, {"succeeded": 1}]
    hear(held)
    assert statuses(storage, held, runs[1]) == {"succeeded": 1}


def test_ends_that_cannot_be_written_together_are_written_apart_and_who_has_to_wait_last(
    storage: Storage, person: Actor, monkeypatch: pytest.MonkeyPatch
) -> None:
    crowd = people(storage, 3)
    runs = [queue(storage, one, an_agent(storage, one), 2) for one in crowd]
    batches = storage.batches.claim([Rung(one.workspace_id, one.user_id, new_id()) for one in crowd], 20)
    held, ends, end = crowd[1], [], SqlBatches.end

    def noted(self: SqlBatches, done: Sequence[Any], *, hurried: bool) -> list[set[UUID]]:
        ends.append((len(done), hurried))
        return end(self, done, hurried=hurried)

    monkeypatch.setattr(SqlBatches, "end", noted)
    with ThreadPoolExecutor(1) as pool:
        with storage.work(held.workspace_id, held.user_id) as work:
            assert work.runs.hold(runs[1][0], 1) is not None
            ending = pool.submit(light.carry_out, batches, {})
            until(lambda: len(ends) == 5)
            found = [statuses(storage, one, ids) for one, ids in zip(crowd, runs, strict=True)]
            assert found == [{"succeeded": 2}, {"running": 2}, {"succeeded": 2}]
        assert ending.result(PATIENCE) == []
    assert ends == [(3, True), (1, True), (1, True), (1, True), (1, False)]
    assert statuses(storage, held, runs[1]) == {"succeeded": 2}


def test_who_cannot_reach_the_database_does_not_ask_once_for_each(
    storage: Storage, person: Actor, claims: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    def away(self: SqlBatches, rungs: Sequence[Rung], lease: float, **more: Any) -> list[Batch]:
        claims.append(len(rungs))
        raise Unavailable("kernel.database_away")

    monkeypatch.setattr(SqlBatches, "claim", away)
    with pytest.raises(Unavailable):
        due._claimed([Rung(new_id(), new_id(), new_id()) for _ in range(3)], durable=True)
    assert claims == [3]
    with pytest.raises(Unavailable):
        hear(person)
    assert not (due._heard or due._held or due._looks), "whoever fails is not thought to be there for ever"


def test_no_run_is_left_however_many_workspaces_threads_and_kinds(
    storage: Storage, person: Actor, redis_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nobody sweeps, and marks outlive the test: a bell lost between those who look would leave runs."""
    monkeypatch.setattr("storage.bell.MARK_MS", 600_000)
    monkeypatch.setattr(due, "WORKSPACES", 4)
    crowd = people(storage, 9)
    agents = [an_agent(storage, one, is_light=number % 3 > 0) for number, one in enumerate(crowd)]
    made: dict[UUID, list[UUID]] = {one.workspace_id: [] for one in crowd}

    def produce(thread: int) -> None:
        for number in range(60):
            chosen = (thread + number * 7) % len(crowd)
            made[crowd[chosen].workspace_id] += queue(storage, crowd[chosen], agents[chosen], 1)

    def hear_it(workspace_id: str, user_id: str, id: str) -> None:
        due.carry_out(UUID(workspace_id), UUID(user_id), UUID(id))

    with worker_of(redis_url, "runs.due", hear_it), worker_of(redis_url, "runs.due", hear_it):
        with ThreadPoolExecutor(4) as threads:
            list(threads.map(produce, range(4)))
        for one in crowd:
            ids = made[one.workspace_id]
            until(lambda: statuses(storage, one, ids) == {"succeeded": len(ids)})
    for one in crowd:
        with storage.work(one.workspace_id, one.user_id) as work:
            assert {work.runs.get(id).fence for id in made[one.workspace_id]} == {1}
    assert not (due._heard or due._held or due._looks)
