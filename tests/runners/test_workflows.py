"""Packs, workflows, sub-runs and questions, carried out by real workers."""

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from core.catalog.configure import pause_agent, resume_agent
from core.catalog.skills import change_skill, make_skill
from core.catalog.versions import compose_agent
from core.kernel.settings import Settings
from core.orchestration.models import Run
from core.orchestration.start import start
from core.workflows.ask import answer_question
from core.workflows.flows import make_workflow, start_workflow
from core.workflows.models import Question, WorkflowExecution
from core.workflows.packs import make_pack, pause_pack, resume_pack, start_pack
from core.workflows.steer import cancel_run, retry_run
from runners.contracts import contracts
from storage import Storage
from tests.runners.world import World, make_world, process

KNOWN = contracts()
YES_NO = [{"value": "yes", "label": "Yes"}, {"value": "no", "label": "No"}]
ENDS = ("succeeded", "failed", "cancelled")


@pytest.fixture
def world(storage: Storage, settings: Settings, tmp_path: Path) -> World:
    return make_world(storage, settings, tmp_path)


@pytest.fixture
def worker(world: World) -> Iterator[None]:
    with process(world.settings):
        yield


def do(world: World, act: Any, *given: Any, **more: Any) -> Any:
    """One use case in a transaction of its own."""
    with world.work() as work:
        made = act(work, world.actor, *given, **more)
        work.commit()
    return made


def adds(world: World, number: int = 1) -> UUID:
    """An agent that adds to the `n` that it is given."""
    inputs = {"engine": "cel", "expression": f"data.n + {number}", "data": {"$": "run.input"}}
    graph = {
        "nodes": [{"id": "add", "skill": "transform", "inputs": inputs}],
        "output": {"n": {"$": "add.result"}},
    }
    return do(world, compose_agent, KNOWN, f"Adds {number}", graph).id


def asks(world: World, **more: Any) -> UUID:
    """An agent that asks its owner."""
    inputs = {"question": "Go on?", "choices": YES_NO, **more}
    graph = {"nodes": [{"id": "ask", "skill": "ask", "inputs": inputs}], "output": {"said": {"$": "ask.answer"}}}
    return do(world, compose_agent, KNOWN, "Asks", graph).id


def run_of(world: World, run_id: UUID) -> Run:
    with world.work() as work:
        return work.runs.get(run_id)


def execution(world: World, run_id: UUID) -> WorkflowExecution:
    with world.work() as work:
        return work.workflow_executions.of_run(run_id)


def questions(world: World) -> list[Question]:
    """Those that wait for the person."""
    with world.work() as work:
        return work.questions.open_for(world.actor.user_id, None, 10)


def over(world: World, run_id: UUID) -> Run:
    """The run, once it is over."""
    world.wait_until(lambda: run_of(world, run_id).status in ENDS)
    return run_of(world, run_id)


def waits(world: World, run_id: UUID) -> None:
    world.wait_until(lambda: run_of(world, run_id).status == "waiting")


def children(world: World, run_id: UUID) -> list[Run]:
    with world.work() as work:
        return work.runs.children(run_id, 100)


def test_a_sequential_pack_hands_each_agents_output_to_the_next(world: World, worker: None):
    pack = do(world, make_pack, "Sums", [adds(world, 1), adds(world, 10), adds(world, 100)])
    run = over(world, do(world, start_pack, pack.id, "manual", {"n": 1}).id)
    assert run.status == "succeeded", run.error
    assert run.output is not None
    assert run.output["result"]["n"] == 112
    told = execution(world, run.id)
    assert (told.status, told.current_step) == ("succeeded", None)
    assert told.final_result["n"] == 112
    assert [told.step_results[f"agent_{n}"]["result"]["n"] for n in (1, 2, 3)] == [2, 12, 112]
    assert [(r.status, r.depth, r.input["n"]) for r in children(world, run.id)] == [
        ("succeeded", 1, 1), ("succeeded", 1, 2), ("succeeded", 1, 12),
    ]  # fmt: skip


def test_a_parallel_pack_gives_all_results(world: World, worker: None):
    pack = do(world, make_pack, "Sums", [adds(world, n) for n in (1, 2, 3)], mode="parallel")
    run = over(world, do(world, start_pack, pack.id, "manual", {"n": 1}).id)
    assert {name: result["n"] for name, result in (run.output or {})["result"].items()} == {
        "agent_1": 2, "agent_2": 3, "agent_3": 4,
    }  # fmt: skip


def hybrid(world: World) -> UUID:
    """Adds one, then either adds to it twice beside each other and votes, or asks."""
    one, ten = adds(world, 1), adds(world, 10)
    agents = [{"id": name, "kind": "agent", "agent": str(ten)} for name in ("left", "right")]
    steps = [
        {"id": "first", "kind": "agent", "agent": str(one)},
        {
            "id": "big", "kind": "condition", "when": "first.output.n > 5",
            "then": [{"id": "both", "kind": "parallel", "steps": agents}, {"id": "most", "kind": "aggregate", "how": "vote", "field": "n"}],
            "otherwise": [{"id": "sure", "kind": "ask", "question": "So little?", "choices": YES_NO}],
        },
    ]  # fmt: skip
    return do(world, make_workflow, KNOWN, "Hybrid", "hybrid", steps).id


def test_a_workflow_takes_the_way_that_its_condition_says(world: World, worker: None):
    workflow = hybrid(world)
    run = over(world, do(world, start_workflow, workflow, "manual", {"n": 7}).id)
    assert run.status == "succeeded", run.error
    told = execution(world, run.id)
    assert told.final_result == 18
    assert {name: result["status"] for name, result in told.step_results.items()} == {
        "first": "succeeded", "left": "succeeded", "right": "succeeded", "most": "succeeded", "sure": "skipped",
    }  # fmt: skip


def test_a_question_waits_without_a_worker_and_outlives_it(world: World):
    workflow = hybrid(world)
    with process(world.settings, NOD_WORKER_THREADS="1"):
        run = do(world, start_workflow, workflow, "manual", {"n": 1})
        asked = world.wait_until(lambda: questions(world))[0]
        waits(world, run.id)
        told = execution(world, run.id)
        assert (told.status, told.current_step, asked.about["n"]) == ("waiting", "sure", 2)
        assert told.step_results["sure"]["question_id"] == str(asked.id)
        other = do(world, start, adds(world), "manual", {"n": 1})
        assert over(world, other.id).status == "succeeded"
    do(world, answer_question, asked.id, "yes")
    with process(world.settings):
        assert over(world, run.id).status == "succeeded"
    assert execution(world, run.id).final_result["answer"] == "yes"
    assert len(children(world, run.id)) == 1


def test_silence_until_the_deadline_is_the_default(world: World, worker: None):
    run = do(world, start, asks(world, default="no"), "manual", {})
    asked = world.wait_until(lambda: questions(world))[0]
    waits(world, run.id)
    with world.work() as work:
        past = work.now - timedelta(seconds=1)
        step = work.runs.step(run.id, "ask", 0)
        step.wait = {**step.wait, "until": past.isoformat()}
        work.runs.put_step(step)
        work.questions.lock(asked.id).until = past
        work.runs.lock(run.id).due_at = past
        work.commit()
    ended = over(world, run.id)
    assert (ended.output or {})["said"] == "no"
    assert questions(world) == []


def test_an_agent_calls_another_and_a_dry_run_stays_dry(world: World, worker: None):
    inner = adds(world, 5)
    graph = {
        "nodes": [{"id": "call", "skill": "agent", "inputs": {"agent": str(inner), "input": {"n": {"$": "run.input.n"}}}}],
        "output": {"n": {"$": "call.output.n"}},
    }  # fmt: skip
    outer = do(world, compose_agent, KNOWN, "Outer", graph).id
    for dry in (False, True):
        run = over(world, do(world, start, outer, "manual", {"n": 1, **({"dry_run": True} if dry else {})}).id)
        assert (run.output or {})["n"] == 6
        assert [child.dry for child in children(world, run.id)] == [dry]
    asking = do(world, make_pack, "Asks", [asks(world)])
    run = over(world, do(world, start_pack, asking.id, "manual", {"dry_run": True}).id)
    assert (run.output or {})["result"]["said"] == "yes"
    assert questions(world) == []


def test_a_retry_goes_on_from_the_step_that_failed(world: World, worker: None):
    first, second = adds(world, 1), adds(world, 10)
    pack = do(world, make_pack, "Sums", [first, second])
    run = do(world, start_pack, pack.id, "manual", {"n": "not a number"})
    failed = over(world, run.id)
    assert (failed.status, (failed.error or {})["code"]) == ("failed", "orchestration.child_failed")
    told = execution(world, run.id)
    assert (told.status, told.current_step) == ("failed", "agent_1")
    do(world, retry_run, run.id)
    world.wait_until(lambda: run_of(world, run.id).retries == 1 and run_of(world, run.id).status in ENDS)
    assert [child.retries for child in children(world, run.id)] == [1]


def test_a_retry_does_not_repeat_what_succeeded(world: World, worker: None):
    pack = do(world, make_pack, "Sums", [adds(world, 1), (late := asks(world)), adds(world, 10)])
    run = do(world, start_pack, pack.id, "manual", {"n": 1})
    asked = world.wait_until(lambda: questions(world))[0]
    do(world, pause_agent, (third := pack.agent_ids[2]))
    do(world, answer_question, asked.id, "yes")
    failed = over(world, run.id)
    assert (failed.error or {})["code"] == "catalog.agent_paused"
    do(world, resume_agent, third)
    do(world, retry_run, run.id)
    world.wait_until(lambda: len(children(world, run.id)) == 3)
    assert [child.agent_id for child in children(world, run.id)] == [pack.agent_ids[0], late, third]


def test_cancelling_a_waiting_pack_stops_all_that_it_began(world: World, worker: None):
    pack = do(world, make_pack, "Asks", [asks(world), adds(world)])
    run = do(world, start_pack, pack.id, "manual", {})
    asked = world.wait_until(lambda: questions(world))[0]
    waits(world, run.id)
    do(world, cancel_run, run.id)
    assert [r.status for r in (run_of(world, run.id), *children(world, run.id))] == ["cancelled", "cancelled"]
    with world.work() as work:
        assert work.questions.get(asked.id).status == "withdrawn"
    assert execution(world, run.id).status == "cancelled"


def test_a_paused_pack_stops_before_its_next_agent_and_goes_on_when_resumed(world: World, worker: None):
    pack = do(world, make_pack, "Asks", [asks(world), adds(world)])
    run = do(world, start_pack, pack.id, "manual", {})
    asked = world.wait_until(lambda: questions(world))[0]
    do(world, pause_pack, pack.id)
    do(world, answer_question, asked.id, "yes")
    world.wait_until(lambda: execution(world, run.id).current_step == "agent_2")
    waits(world, run.id)
    assert len(children(world, run.id)) == 1
    do(world, resume_pack, pack.id)
    world.wait_until(lambda: len(children(world, run.id)) == 2)
    over(world, run.id)


def test_an_own_skill_works_in_the_version_that_was_pinned(world: World, worker: None):
    spec = {
        "fixed": {"engine": "jmespath", "expression": "join(' ', @)", "data": {"$": "input.words"}},
        "inputs": {
            "type": "object", "required": ["words"], "additionalProperties": False,
            "properties": {"words": {"type": "array", "items": {"type": "string"}}},
        },
    }  # fmt: skip
    skill = do(world, make_skill, KNOWN, "join", "transform", spec)
    graph = {
        "nodes": [{"id": "it", "skill": "own.join", "inputs": {"words": {"$": "run.input.words"}}}],
        "output": {"text": {"$": "it.result"}},
    }
    agent = do(world, compose_agent, KNOWN, "Joiner", graph).id
    do(world, change_skill, KNOWN, skill.id, spec={**spec, "fixed": {**spec["fixed"], "expression": "join('-', @)"}})
    run = over(world, do(world, start, agent, "manual", {"words": ["a", "b"]}).id)
    assert run.status == "succeeded", run.error
    assert (run.output or {})["text"] == "a b"
    wrong = over(world, do(world, start, agent, "manual", {"words": [1]}).id)
    assert (wrong.error or {})["code"] == "orchestration.step_input_wrong"


def test_what_an_agent_was_about_to_do_is_held_while_it_is_paused(world: World):
    agent = asks(world)
    run = do(world, start, agent, "manual", {})
    do(world, pause_agent, agent)
    with process(world.settings):
        other = do(world, start, adds(world), "manual", {"n": 1})
        world.wait_until(lambda: run_of(world, run.id).due_at > run.due_at)
        assert over(world, other.id).status == "succeeded"
        held = run_of(world, run.id)
        assert (held.status, held.attempt, questions(world)) == ("queued", 0, [])
        do(world, resume_agent, agent)
        with world.work() as work:
            work.runs.lock(run.id).due_at = work.now
            work.ring("runs.due", run.id)
            work.commit()
        world.wait_until(lambda: questions(world))
