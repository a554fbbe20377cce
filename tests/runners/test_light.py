"""Runs whose graph only computes are taken and ended by the dozen: each once, under their fences, with all that is promised of any run."""

from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import partial
from typing import Any
from uuid import UUID

import psycopg
import pytest

from core.catalog.configure import pause_agent, resume_agent
from core.catalog.graph import parse_graph
from core.catalog.models import Agent, AgentConfig, AgentVersion
from core.kernel.actor import Actor
from core.kernel.errors import Conflict
from core.kernel.ids import new_id
from core.kernel.settings import settings
from core.kernel.telemetry import _Nothing
from core.kernel.trace import traceparent
from core.orchestration import finish
from core.orchestration.batches import MOST_AT_ONCE, Rung
from core.orchestration.start import Start, start, start_runs
from core.workflows.models import Trigger
from runners import wiring
from runners.engine import due, light
from storage import Storage
from storage.repositories.catalog import SqlAgents
from tests.databases import somebody

STEPS = {
    "nodes": [
        {"id": "a", "skill": "noop", "inputs": {"value": {"$": "run.input.number"}}},
        {"id": "b", "skill": "noop", "inputs": {"value": {"$": "a.value"}}},
        {"id": "c", "skill": "noop", "when": "run.input.number < 1000", "inputs": {"value": {"$": "b.value"}}},
    ],
    "output": {"number": {"$": "c.value"}},
}
FAILS = {
    "nodes": [
        {
            "id": "sum",
            "skill": "transform",
            "inputs": {"engine": "cel", "expression": "data.x + 1", "data": {"$": "run.input"}},
        }
    ]
}


@pytest.fixture
def person(storage: Storage, monkeypatch: pytest.MonkeyPatch) -> Actor:
    """Somebody, and this process as a worker of theirs."""
    monkeypatch.setattr(wiring, "storage", lambda: storage)
    for module in (due, light, due.run, due.fresh):
        monkeypatch.setattr(module, "storage", lambda: storage)
    return somebody(storage)


def an_agent(storage: Storage, actor: Actor, graph: dict[str, Any] = STEPS, *, is_light: bool = True) -> UUID:
    """An agent of a graph of its own."""
    parsed = parse_graph(graph)
    with storage.work(actor.workspace_id, actor.user_id) as work:
        agent = Agent(new_id(), actor.workspace_id, actor.user_id, "blank", "Counter", AgentConfig(), work.now)
        version = AgentVersion(
            new_id(), actor.workspace_id, agent.id, "1.0.0", parsed, {}, work.now, skills=sorted(parsed.skills()), light=is_light
        )  # fmt: skip
        agent.latest_version_id = version.id
        work.agents.add(agent)
        work.agents.add(version)
        work.commit()
    return agent.id


def queue(storage: Storage, actor: Actor, agent_id: UUID, count: int) -> list[UUID]:
    """So many runs, due now."""
    with storage.work(actor.workspace_id, actor.user_id) as work:
        made = start_runs(work, [Start("manual", agent_id, input={"number": n}) for n in range(count)])
        work.commit()
    return [run.id for run in made]  # type: ignore[union-attr]


def carry_out(actor: Actor, times: int = 1) -> None:
    """What a worker does each time that it hears the bell."""
    for _ in range(times):
        due.carry_out(actor.workspace_id, actor.user_id, new_id())


def statuses(storage: Storage, actor: Actor, runs: list[UUID]) -> Counter[str]:
    with storage.work(actor.workspace_id, actor.user_id) as work:
        return Counter(work.runs.get(run).status for run in runs)


def test_runs_that_are_due_together_are_ended_together_with_steps_ledger_and_events(
    storage: Storage, person: Actor
) -> None:
    runs = queue(storage, person, an_agent(storage, person), 5)
    carry_out(person)
    with storage.work(person.workspace_id, person.user_id) as work:
        for number, id in enumerate(runs):
            run = work.runs.get(id)
            assert (run.status, run.output, run.attempt, run.fence, run.lease_until) == (
                "succeeded",
                {"number": number},
                1,
                1,
                None,
            )
            assert run.started_at is not None
            assert run.finished_at is not None
            assert [(s.node_id, s.status, s.outputs) for s in work.runs.steps(id)] == [
                (n, "succeeded", {"value": number}) for n in "abc"
            ]
            assert [entry.kind for entry in work.billing.of_run(id)] == ["run"]
        counters = work.billing.counters(work.now.date(), ["workspace"])
        assert counters["workspace"].runs == 5


def test_agents_of_many_versions_are_read_by_one_question(
    storage: Storage, person: Actor, monkeypatch: pytest.MonkeyPatch
) -> None:
    runs = [run for _ in range(20) for run in queue(storage, person, an_agent(storage, person), 1)]
    asked: list[int] = []
    some = SqlAgents.some_versions
    monkeypatch.setattr(SqlAgents, "some_versions", lambda self, ids: asked.append(len(ids)) or some(self, ids))
    monkeypatch.setattr(SqlAgents, "version", lambda self, id: pytest.fail("one version was read by itself"))
    carry_out(person)
    assert asked == [20]
    with storage.work(person.workspace_id, person.user_id) as work:
        assert {run.status for run in work.runs.some(runs)} == {"succeeded"}
        agent_id = work.runs.get(runs[0]).agent_id
    assert agent_id is not None
    more = queue(storage, person, agent_id, 1)
    carry_out(person)
    assert asked == [20], "each version is read once a process"
    with storage.work(person.workspace_id, person.user_id) as work:
        assert work.runs.get(more[0]).status == "succeeded"


def test_a_batch_is_no_bigger_than_it_may_be_and_the_next_takes_the_rest(storage: Storage, person: Actor) -> None:
    runs = queue(storage, person, an_agent(storage, person), MOST_AT_ONCE + 7)
    first = storage.batches.claim([Rung(person.workspace_id, person.user_id, new_id())], 20)[0]
    assert (len(first.runs), first.more) == (MOST_AT_ONCE, True)
    assert light.carry_out([first], {}) == []
    assert statuses(storage, person, runs) == {"succeeded": MOST_AT_ONCE, "queued": 7}
    carry_out(person)
    assert statuses(storage, person, runs) == {"succeeded": MOST_AT_ONCE + 7}


def test_many_workers_at_once_carry_out_each_run_once(storage: Storage, person: Actor) -> None:
    runs = queue(storage, person, an_agent(storage, person), 4 * MOST_AT_ONCE)
    with ThreadPoolExecutor(8) as workers:
        list(workers.map(lambda _: carry_out(person, 3), range(8)))
    assert statuses(storage, person, runs) == {"succeeded": len(runs)}
    with storage.work(person.workspace_id, person.user_id) as work:
        assert {work.runs.get(run).fence for run in runs} == {1}
        assert work.billing.counters(work.now.date(), ["workspace"])["workspace"].runs == len(runs)


def test_one_that_fails_is_carried_out_by_itself_and_the_others_are_ended(storage: Storage, person: Actor) -> None:
    good, bad = an_agent(storage, person), an_agent(storage, person, FAILS)
    runs = queue(storage, person, good, 2) + queue(storage, person, bad, 1) + queue(storage, person, good, 2)
    carry_out(person, 2)
    assert statuses(storage, person, runs) == {"succeeded": 4, "failed": 1}
    with storage.work(person.workspace_id, person.user_id) as work:
        failed = work.runs.get(runs[2])
        assert failed.error is not None
        assert failed.error["code"] == "orchestration.transform_failed" or failed.error["code"].startswith(
            ("catalog.", "orchestration.")
        )
        assert [step.status for step in work.runs.steps(failed.id)] == ["failed"]
        assert work.billing.counters(work.now.date(), ["workspace"])["workspace"].runs == 5


def test_a_run_that_works_outside_goes_first_when_it_is_the_oldest(storage: Storage, person: Actor) -> None:
    heavy, quick = an_agent(storage, person, is_light=False), an_agent(storage, person)
    first = queue(storage, person, heavy, 1)
    rest = queue(storage, person, quick, 3)
    batch = storage.batches.claim([Rung(person.workspace_id, person.user_id, new_id())], 20)[0]
    assert (batch.single, list(batch.runs), batch.more) == (first[0], [], True)
    carry_out(person, 2)
    assert statuses(storage, person, first + rest) == {"succeeded": 4}


def test_who_lost_the_claim_writes_nothing(storage: Storage, person: Actor) -> None:
    (run,) = queue(storage, person, an_agent(storage, person), 1)
    slow = storage.batches.claim([Rung(person.workspace_id, person.user_id, new_id())], 0)[0]
    assert [each.id for each in slow.runs] == [run]
    carry_out(person)
    assert statuses(storage, person, [run]) == {"succeeded": 1}
    assert light.carry_out([slow], {}) == []
    with storage.work(person.workspace_id, person.user_id) as work:
        assert (work.runs.get(run).fence, work.runs.get(run).attempt) == (2, 2)
        assert len(work.runs.steps(run)) == 3
        assert len(work.billing.of_run(run)) == 1


def test_a_claim_that_a_dying_server_forgot_is_made_again_and_the_first_to_end_wins(
    storage: Storage, owner_url: str, person: Actor
) -> None:
    """Both hold the same fence then."""
    runs = queue(storage, person, an_agent(storage, person), 3)
    rung = Rung(person.workspace_id, person.user_id, new_id())
    forgotten = storage.batches.claim([rung], 20, durable=False)[0]
    with psycopg.connect(owner_url) as owner:
        owner.execute(
            "UPDATE nod.runs SET status = 'queued', fence = fence - 1, attempt = 0, lease_until = NULL, started_at = NULL"
        )
        owner.execute("DELETE FROM nod.usage_counters")
    assert light.carry_out([forgotten], {}) == []
    assert statuses(storage, person, runs) == {"queued": 3}
    again = storage.batches.claim([rung], 20)[0]
    assert [(run.id, run.fence) for run in again.runs] == [(run.id, run.fence) for run in forgotten.runs]
    assert light.carry_out([forgotten], {}) == light.carry_out([again], {}) == []
    assert statuses(storage, person, runs) == {"succeeded": 3}
    with storage.work(person.workspace_id, person.user_id) as work:
        assert [len(work.runs.steps(run)) for run in runs] == [3, 3, 3]
        assert [len(work.billing.of_run(run)) for run in runs] == [1, 1, 1]
        assert work.billing.counters(work.now.date(), ["workspace"])["workspace"].runs == 3


def test_a_run_whose_agent_was_paused_meanwhile_waits_until_it_is_resumed(storage: Storage, person: Actor) -> None:
    held, other = an_agent(storage, person), an_agent(storage, person)
    runs = queue(storage, person, held, 1) + queue(storage, person, other, 1)
    with storage.work(person.workspace_id, person.user_id) as work:
        pause_agent(work, person, held)
        work.commit()
    carry_out(person, 3)
    with storage.work(person.workspace_id, person.user_id) as work:
        paused, done = (work.runs.get(run) for run in runs)
        assert (paused.status, done.status) == ("queued", "succeeded")
        assert paused.due_at > work.now
        assert work.runs.steps(paused.id) == []
        resume_agent(work, person, held)
        paused.due_at = work.now
        work.commit()
    carry_out(person)
    assert statuses(storage, person, runs) == {"succeeded": 2}


def test_nothing_is_rung_for_while_no_more_runs_may_be_carried_out(
    storage: Storage, person: Actor, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A worker that rang for what it may not take would hear itself for ever."""
    monkeypatch.setattr("core.billing.reserve.settings", lambda: settings().model_copy(update={"limits": "tiers"}))
    heavy = an_agent(storage, person, is_light=False)
    under_way = queue(storage, person, heavy, 2)
    for run in under_way:
        assert due.run.take(person.workspace_id, person.user_id, run) is not None
    waiting = queue(storage, person, heavy, 2)
    rung: list[str] = []
    monkeypatch.setattr(
        storage.bell,
        "prepared",
        lambda rings: partial(rung.extend, [ring.bell for ring in rings if ring.bell == "runs.due"]),
    )
    carry_out(person)
    assert (rung, statuses(storage, person, waiting)) == ([], {"queued": 2})
    with storage.work(person.workspace_id, person.user_id) as work:
        finish.fail(work, under_way[0], 1, Conflict("orchestration.run_crashed"), again=False)
        work.commit()
    carry_out(person)
    assert statuses(storage, person, waiting) == {"succeeded": 1, "queued": 1}
    assert rung == ["runs.due"] * 2, "once for the rest, once for the place that became free"


def test_each_run_of_a_batch_is_one_trace_with_who_asked(
    storage: Storage, person: Actor, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[tuple[str, str | None, str]] = []

    class Noting(_Nothing):
        @contextmanager
        def span(self, name: str, parent: str | None, attributes: dict[str, str]) -> Iterator[str | None]:
            seen.append((name, parent, attributes.get("run", "")))
            yield parent

    traces = [f"00-{n:032x}-{n:016x}-01" for n in (1, 2)]
    agent_id, runs = an_agent(storage, person), []
    for trace in traces:
        token = traceparent.set(trace)
        runs += queue(storage, person, agent_id, 1)
        traceparent.reset(token)
    monkeypatch.setattr("core.kernel.telemetry._current", Noting())
    carry_out(person)
    assert [one for one in seen if one[0] == "run"] == [("run", t, str(r)) for t, r in zip(traces, runs, strict=True)]


def test_another_workspace_is_not_touched(storage: Storage, person: Actor) -> None:
    other = somebody(storage)
    theirs = queue(storage, other, an_agent(storage, other), 2)
    carry_out(person)
    assert statuses(storage, other, theirs) == {"queued": 2}


def test_a_run_that_is_part_of_another_is_never_in_a_batch(storage: Storage, person: Actor) -> None:
    agent_id = an_agent(storage, person)
    (parent,) = queue(storage, person, agent_id, 1)
    with storage.work(person.workspace_id, person.user_id) as work:
        child = start(work, person, agent_id, "manual", {}, parent=work.runs.get(parent))
        work.commit()
    assert (child.light, child.parent_run_id, child.depth) == (False, parent, 1)


def test_whoever_listens_for_the_end_of_runs_is_told_of_each(storage: Storage, person: Actor) -> None:
    agent_id = an_agent(storage, person)
    with storage.work(person.workspace_id, person.user_id) as work:
        work.triggers.add(
            Trigger(
                new_id(),
                person.workspace_id,
                person.user_id,
                "event",
                work.now,
                agent_id=agent_id,
                event_kind="run.succeeded",
            )
        )
        work.commit()
    queue(storage, person, agent_id, 3)
    carry_out(person)
    assert storage.due.depth()["matches"] == 3
