"""Packs, workflows and what their runs wait for, in a real database; the engine's part is played by the transactions that it makes."""

import threading
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import pytest

from core.catalog.configure import pause_agent
from core.catalog.versions import compose_agent
from core.identity.models import Membership
from core.kernel.actor import Actor
from core.kernel.errors import Conflict, Failure, Forbidden
from core.kernel.ids import new_id
from core.orchestration.answer import answer_step, park
from core.orchestration.models import Run, RunStep
from core.orchestration.ports import Waits
from core.workflows.ask import answer_question, card
from core.workflows.flows import (
    change_workflow,
    choose_workflow_version,
    diff_workflows,
    make_workflow,
    pause_workflow,
    resume_workflow,
    start_workflow,
)
from core.workflows.packs import archive_pack, change_pack, make_pack, pause_pack, resume_pack, start_pack
from core.workflows.steer import cancel_run, retry_run
from core.workflows.waits import ended, lapse_due, let_wait
from runners.contracts import contracts
from storage import Storage
from tests.databases import somebody

KNOWN = contracts()
NOTHING = {"nodes": [{"id": "a", "skill": "noop", "inputs": {"value": {"$": "run.input"}}}]}
YES_NO = [{"value": "yes", "label": "Yes"}, {"value": "no", "label": "No"}]


class Somebody:
    """A person with three agents, and the engine's transactions."""

    def __init__(self, storage: Storage) -> None:
        self.storage, self.actor = storage, somebody(storage)
        with self.work() as work:
            self.agents = [compose_agent(work, self.actor, KNOWN, name, NOTHING).id for name in "ABC"]
            work.commit()

    def work(self) -> Any:
        return self.storage.work(self.actor.workspace_id, self.actor.user_id)

    def do(self, act: Any, *given: Any, **more: Any) -> Any:
        """One use case in a transaction of its own."""
        with self.work() as work:
            made = act(work, self.actor, *given, **more)
            work.commit()
        return made

    def refused(self, code: str, act: Any, *given: Any, **more: Any) -> dict[str, Any]:
        with pytest.raises(Failure) as caught:
            self.do(act, *given, **more)
        assert caught.value.code == code, caught.value.data
        return caught.value.data

    def look(self, ask: Any) -> Any:
        with self.work() as work:
            return ask(work)

    def claim(self, run_id: UUID) -> Run | None:
        """What a worker takes, with what lapsed meanwhile."""
        with self.work() as work:
            run = work.runs.claim(run_id, 20)
            if run is not None:
                lapse_due(work, run, work.runs.steps(run.id))
            work.commit()
        return run

    def wait(self, run: Run, *nodes: tuple[str, Waits]) -> dict[str, RunStep]:
        """The engine lets a claimed run wait."""
        with self.work() as work:
            held = work.runs.hold(run.id, run.fence)
            assert held is not None
            made = [
                (
                    RunStep(
                        id=new_id(), workspace_id=run.workspace_id, run_id=run.id, node_id=node, index=0, skill="agent",
                        status="running", inputs={}, started_at=work.now,
                    ),
                    waits,
                )
                for node, waits in nodes
            ]  # fmt: skip
            let_wait(work, held, made)
            work.commit()
        return {step.node_id: step for step, _ in made}

    def end(self, run_id: UUID, status: Any = "succeeded", output: Any = None, error: Any = None) -> None:
        """The engine ends a run."""
        with self.work() as work:
            run = work.runs.lock(run_id)
            run.status, run.output, run.error, run.finished_at = status, output, error, work.now
            run.lease_until = None
            ended(work, run)
            work.commit()

    def run(self, run_id: UUID) -> Run:
        return self.look(lambda work: work.runs.get(run_id))

    def step(self, run_id: UUID, node: str) -> RunStep:
        return self.look(lambda work: work.runs.step(run_id, node, 0))

    def child(self, step: RunStep) -> UUID:
        assert step.wait is not None
        return UUID(step.wait["data"]["child"])

    def question(self, step: RunStep) -> UUID:
        assert step.wait is not None
        return UUID(step.wait["data"]["question"])


@pytest.fixture
def me(storage: Storage) -> Somebody:
    return Somebody(storage)


def calls(agent_id: UUID, input: Any = None, until: datetime | None = None) -> Waits:
    return Waits("run", until, {"agent_id": str(agent_id), "input": input})


def asks(until: datetime, **more: Any) -> Waits:
    return Waits("person", until, {"question": "Shall it be sent?", "choices": YES_NO, "to": [], "about": None, "default": None, **more})  # fmt: skip


def soon(me: Somebody, **more: float) -> datetime:
    return me.look(lambda work: work.now) + timedelta(**(more or {"days": 1}))


def pack_run(me: Somebody, **more: Any) -> Run:
    pack = me.do(make_pack, "Mornings", me.agents[:2])
    run = me.do(start_pack, pack.id, "manual", {"topic": "cheese", **more})
    claimed = me.claim(run.id)
    assert claimed is not None
    return claimed


def test_a_pack_has_at_least_one_agent_and_no_pack_inside(me: Somebody):
    me.refused("workflows.pack_empty", make_pack, "None", [])
    me.refused("catalog.agent_unknown", make_pack, "Lost", [new_id()])
    pack = me.do(make_pack, "Mornings", me.agents)
    me.refused("workflows.pack_in_pack", make_pack, "Twice", [pack.id])
    me.refused("workflows.pack_empty", change_pack, pack.id, agent_ids=[])
    me.do(change_pack, pack.id, agent_ids=me.agents[:1], mode="parallel", name="Evenings")
    kept = me.look(lambda work: work.packs.get(pack.id))
    assert (kept.name, kept.mode, kept.agent_ids) == ("Evenings", "parallel", me.agents[:1])


def test_a_pack_that_is_paused_put_away_or_somebody_elses_does_not_start(me: Somebody):
    pack = me.do(make_pack, "Mornings", me.agents)
    me.do(pause_pack, pack.id)
    me.refused("workflows.pack_paused", start_pack, pack.id, "manual", {})
    me.do(resume_pack, pack.id)
    me.do(pause_agent, me.agents[1])
    me.refused("catalog.agent_paused", start_pack, pack.id, "manual", {})
    other = Actor(new_id(), me.actor.workspace_id, "member", "web")
    with me.work() as work, pytest.raises(Forbidden):
        start_pack(work, other, pack.id, "manual", {})
    with me.work() as work, pytest.raises(Forbidden):
        change_pack(work, other, pack.id, name="Mine")
    me.do(archive_pack, pack.id)
    me.refused("workflows.pack_paused", start_pack, pack.id, "manual", {})


def test_a_sub_run_is_queued_with_its_parent_and_its_end_lets_the_parent_go_on(me: Somebody):
    run = pack_run(me)
    step = me.wait(run, ("agent_1", calls(me.agents[0], {"topic": "cheese"})))["agent_1"]
    child = me.run(me.child(step))
    assert (child.status, child.parent_run_id, child.depth) == ("queued", run.id, 1)
    assert child.input == {"topic": "cheese"}
    assert me.run(run.id).status == "waiting"
    assert me.claim(run.id) is None
    me.end(child.id, output={"said": 1})
    assert me.run(run.id).status == "queued"
    answered = me.step(run.id, "agent_1")
    assert (answered.status, answered.outputs) == ("succeeded", {"run_id": str(child.id), "status": "succeeded", "output": {"said": 1}})  # fmt: skip
    again = me.claim(run.id)
    assert again is not None
    assert again.attempt == 1


def test_what_is_not_an_object_reaches_a_sub_run_as_its_value(me: Somebody):
    run = pack_run(me)
    step = me.wait(run, ("agent_1", calls(me.agents[0], [1, 2])))["agent_1"]
    assert me.run(me.child(step)).input == {"value": [1, 2]}


def test_the_runs_of_a_dry_run_are_dry_and_of_a_real_one_real(me: Somebody):
    for dry in (True, False):
        run = pack_run(me, **({"dry_run": True} if dry else {}))
        step = me.wait(run, ("agent_1", calls(me.agents[0], {"dry_run": not dry})))["agent_1"]
        assert me.run(me.child(step)).dry is dry


def test_an_agent_above_is_not_called_again_and_the_chain_has_an_end(me: Somebody):
    made: list[UUID] = []
    with me.work() as work:
        made = [compose_agent(work, me.actor, KNOWN, str(n), NOTHING).id for n in range(8)]
        work.commit()
    run = pack_run(me)
    for depth, agent_id in enumerate(made):
        step = me.wait(run, ("agent_1", calls(agent_id)))["agent_1"]
        if step.status == "failed":
            assert (depth, step.error) == (5, {"code": "orchestration.runs_too_deep", "data": {"most": 5}})
            assert me.run(run.id).status == "queued"
            break
        claimed = me.claim(me.child(step))
        assert claimed is not None
        run = claimed
        if depth == 2:
            circle = me.wait(run, ("agent_2", calls(made[1])))["agent_2"]
            assert circle.error == {"code": "orchestration.agent_calls_itself", "data": {}}
            claimed = me.claim(run.id)
            assert claimed is not None
            run = claimed
    else:
        raise AssertionError("the chain has no end")


def test_a_sub_run_that_fails_fails_its_step_and_says_which(me: Somebody):
    run = pack_run(me)
    step = me.wait(run, ("agent_1", calls(me.agents[0])))["agent_1"]
    me.end(me.child(step), "failed", error={"code": "orchestration.model_failed", "data": {}})
    failed = me.step(run.id, "agent_1")
    assert failed.status == "failed"
    assert failed.error == {
        "code": "orchestration.child_failed",
        "data": {"run_id": str(me.child(step)), "why": "orchestration.model_failed"},
    }


def test_an_agent_that_cannot_start_fails_its_step_and_the_run_goes_on_at_once(me: Somebody):
    run = pack_run(me)
    me.do(pause_agent, me.agents[0])
    step = me.wait(run, ("agent_1", calls(me.agents[0])))["agent_1"]
    assert (step.status, (step.error or {})["code"]) == ("failed", "catalog.agent_paused")
    assert me.run(run.id).status == "queued"


def test_an_answer_that_came_while_the_run_was_at_work_is_not_lost(me: Somebody):
    run = pack_run(me)
    steps = me.wait(run, ("agent_1", calls(me.agents[0])), ("agent_2", calls(me.agents[1])))
    me.end(me.child(steps["agent_1"]), output={})
    working = me.claim(run.id)
    assert working is not None
    me.end(me.child(steps["agent_2"]), output={})
    assert me.run(run.id).status == "running"
    with me.work() as work:
        held = work.runs.hold(run.id, working.fence)
        park(work, held, [("agent_2", 0)], None)
        work.commit()
    assert me.run(run.id).status == "queued"


def test_the_first_answer_stands_however_often_it_is_given(me: Somebody):
    run = pack_run(me)
    me.wait(run, ("agent_1", calls(me.agents[0])))
    with me.work() as work:
        assert answer_step(work, run.id, "agent_1", 0, outputs={"a": 1})
        assert not answer_step(work, run.id, "agent_1", 0, outputs={"a": 2})
        assert not answer_step(work, run.id, "nobody", 0, outputs={})
        work.commit()
    assert me.step(run.id, "agent_1").outputs == {"a": 1}


def test_an_execution_shows_each_step_and_the_final_result(me: Somebody):
    run = pack_run(me)
    execution = me.look(lambda work: work.workflow_executions.of_run(run.id))
    assert (execution.status, execution.current_step) == ("queued", "agent_1")
    assert [node.id for node in execution.graph.nodes] == ["agent_1", "agent_2"]
    step = me.wait(run, ("agent_1", calls(me.agents[0])))["agent_1"]
    me.end(me.child(step), output={"said": 1})
    execution = me.look(lambda work: work.workflow_executions.of_run(run.id))
    told = execution.step_results["agent_1"]
    assert (told["status"], told["result"], told["run_id"]) == ("succeeded", {"said": 1}, str(me.child(step)))
    assert (execution.status, execution.current_step) == ("queued", "agent_2")
    me.end(run.id, output={"result": {"said": 2}, "results": {}})
    execution = me.look(lambda work: work.workflow_executions.of_run(run.id))
    assert (execution.status, execution.current_step) == ("succeeded", None)
    assert execution.final_result == {"said": 2}
    assert execution.finished_at is not None


def test_a_pack_that_changes_meanwhile_is_carried_out_as_it_was(me: Somebody):
    run = pack_run(me)
    me.do(change_pack, run.pack_id, agent_ids=me.agents[2:])
    execution = me.look(lambda work: work.workflow_executions.of_run(run.id))
    assert [node.inputs["agent"] for node in execution.graph.nodes] == [str(a) for a in me.agents[:2]]


def test_a_question_is_a_card_for_each_who_is_asked_and_its_answer_goes_on(me: Somebody):
    run = pack_run(me)
    step = me.wait(run, ("agent_1", asks(soon(me), about={"mail": "Hi"})))["agent_1"]
    waiting = me.run(run.id)
    assert waiting.status == "waiting"
    assert waiting.due_at == datetime.fromisoformat((step.wait or {})["until"])
    question_id = me.question(step)
    with me.work() as work:
        links = [link.id for link in work.people.links(me.actor.user_id)]
        due = [work.messages.delivery(id) for link in links for id in work.messages.due(link, 10)]
        assert [(d.subject_kind, d.subject_id) for d in due] == [("question", question_id)]
        shown = card(work, me.actor, question_id)
        assert (shown.may_answer, shown.question.about) == (True, {"mail": "Hi"})
        assert [q.id for q in work.questions.open_for(me.actor.user_id, None, 10)] == [question_id]
    me.do(answer_question, question_id, "yes")
    outputs = me.step(run.id, "agent_1").outputs or {}
    assert (outputs["answer"], outputs["label"], outputs["by"]) == ("yes", "Yes", str(me.actor.user_id))
    assert me.run(run.id).status == "queued"
    told = me.refused("workflows.question_answered", answer_question, question_id, "no")
    assert (told["by"], told["answer"]) == ("Somebody", "Yes")
    with me.work() as work:
        shown = card(work, me.actor, question_id)
        assert (shown.may_answer, shown.answered_by, shown.label) == (False, "Somebody", "Yes")
        assert work.messages.delivery(due[0].id).wanted == 2


def test_of_two_who_answer_at_the_same_moment_one_is_first(me: Somebody):
    run = pack_run(me)
    question_id = me.question(me.wait(run, ("agent_1", asks(soon(me))))["agent_1"])
    heard: list[str] = []
    both = threading.Barrier(2)

    def answer(choice: str) -> None:
        both.wait()
        try:
            me.do(answer_question, question_id, choice)
            heard.append(choice)
        except Conflict as why:
            heard.append(why.code)

    threads = [threading.Thread(target=answer, args=(choice,)) for choice in ("yes", "no")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    first = (me.step(run.id, "agent_1").outputs or {})["answer"]
    assert sorted(heard) == sorted([first, "workflows.question_answered"])


def test_only_who_was_asked_may_answer_and_only_with_a_choice(me: Somebody):
    kim = somebody(me.storage, "kim@example.org").user_id
    with me.storage.work(me.actor.workspace_id, kim) as work:
        work.people.add(
            Membership(id=new_id(), workspace_id=me.actor.workspace_id, user_id=kim, role="member", created_at=work.now)
        )
        work.commit()
    run = pack_run(me)
    question_id = me.question(me.wait(run, ("agent_1", asks(soon(me), to=[str(kim)])))["agent_1"])
    me.refused("workflows.question_not_yours", answer_question, question_id, "yes")
    theirs = Actor(kim, me.actor.workspace_id, "member", "web")
    with me.work() as work, pytest.raises(Failure, match=r"workflows\.choice_unknown"):
        answer_question(work, theirs, question_id, "maybe")
    with me.work() as work:
        answer_question(work, theirs, question_id, "no")
        work.commit()
    assert (me.step(run.id, "agent_1").outputs or {})["by"] == str(kim)


def test_a_question_to_a_stranger_fails_its_step(me: Somebody):
    run = pack_run(me)
    step = me.wait(run, ("agent_1", asks(soon(me), to=[str(new_id())])))["agent_1"]
    assert (step.error or {})["code"] == "identity.user_unknown"


@pytest.mark.parametrize("default", ["no", None])
def test_silence_is_the_default_or_a_failure(me: Somebody, default: str | None):
    run = pack_run(me)
    step = me.wait(run, ("agent_1", asks(soon(me, milliseconds=1), default=default)))["agent_1"]
    claimed = me.claim(run.id)
    assert claimed is not None
    told = me.step(run.id, "agent_1")
    if default is None:
        assert (told.status, (told.error or {})["code"]) == ("failed", "workflows.answer_missing")
    else:
        assert ((told.outputs or {})["answer"], (told.outputs or {})["assumed"]) == ("no", True)
    assert me.look(lambda work: work.questions.get(me.question(step)).status) == "lapsed"
    me.refused("workflows.question_over", answer_question, me.question(step), "yes")


def test_a_sub_run_that_takes_too_long_is_stopped_and_its_step_fails(me: Somebody):
    run = pack_run(me)
    step = me.wait(run, ("agent_1", calls(me.agents[0], until=soon(me, milliseconds=1))))["agent_1"]
    assert me.claim(run.id) is not None
    assert (me.step(run.id, "agent_1").error or {})["code"] == "orchestration.child_too_late"
    assert me.run(me.child(step)).status == "cancelled"


def test_cancelling_stops_a_waiting_run_its_sub_runs_and_its_questions_at_once(me: Somebody):
    run = pack_run(me)
    steps = me.wait(run, ("agent_1", calls(me.agents[0])), ("agent_2", asks(soon(me))))
    child = me.claim(me.child(steps["agent_1"]))
    assert child is not None
    grandchild = me.child(me.wait(child, ("a", calls(me.agents[1])))["a"])
    me.do(cancel_run, run.id)
    assert [me.run(id).status for id in (run.id, child.id, grandchild)] == ["cancelled"] * 3
    assert me.look(lambda work: work.questions.get(me.question(steps["agent_2"])).status) == "withdrawn"
    assert me.look(lambda work: work.workflow_executions.of_run(run.id).status) == "cancelled"
    me.refused("orchestration.run_finished", cancel_run, run.id)
    me.refused("workflows.question_over", answer_question, me.question(steps["agent_2"]), "yes")


def test_cancelling_asks_a_sub_run_at_work_to_stop(me: Somebody):
    run = pack_run(me)
    step = me.wait(run, ("agent_1", calls(me.agents[0])))["agent_1"]
    assert me.claim(me.child(step)) is not None
    me.do(cancel_run, run.id)
    child = me.run(me.child(step))
    assert (child.status, child.cancel_requested_at is not None) == ("running", True)
    assert me.run(run.id).status == "cancelled"


def test_a_retry_goes_on_from_the_step_that_failed_down_to_the_sub_run(me: Somebody):
    run = pack_run(me)
    steps = me.wait(run, ("agent_1", calls(me.agents[0])), ("agent_2", calls(me.agents[1])))
    me.end(me.child(steps["agent_1"]), output={"said": 1})
    broken = me.child(steps["agent_2"])
    me.end(broken, "failed", error={"code": "orchestration.model_failed", "data": {}})
    assert me.claim(run.id) is not None
    me.end(run.id, "failed", error={"code": "orchestration.child_failed", "data": {}})
    me.refused("orchestration.run_not_failed", retry_run, me.child(steps["agent_1"]))
    me.do(retry_run, broken)
    again = me.run(run.id)
    assert (again.status, again.retries, again.error) == ("queued", 1, None)
    assert me.step(run.id, "agent_1").status == "succeeded"
    assert me.step(run.id, "agent_2").status == "running"
    claimed = me.claim(run.id)
    assert claimed is not None
    renewed = me.wait(claimed, ("agent_2", calls(me.agents[1])))["agent_2"]
    assert me.child(renewed) == broken
    assert (me.run(broken).status, me.run(broken).retries) == ("queued", 1)
    me.end(broken, output={"said": 2})
    assert (me.step(run.id, "agent_2").outputs or {})["output"] == {"said": 2}
    assert me.look(lambda work: work.workflow_executions.of_run(run.id).status) == "queued"


def test_a_paused_pack_is_held_before_its_next_agent_and_goes_on_when_resumed(me: Somebody):
    run = pack_run(me)
    me.do(pause_pack, run.pack_id)
    step = me.wait(run, ("agent_1", calls(me.agents[0])))["agent_1"]
    assert (step.wait or {})["data"] == {"held": True}
    assert me.look(lambda work: work.runs.children(run.id, 10)) == []
    assert me.run(run.id).status == "waiting"
    me.do(resume_pack, run.pack_id)
    assert me.run(run.id).status == "queued"
    claimed = me.claim(run.id)
    assert claimed is not None
    assert me.run(me.child(me.wait(claimed, ("agent_1", calls(me.agents[0])))["agent_1"])).status == "queued"


def flow(me: Somebody, *steps: dict[str, Any], type: str = "sequential", **more: Any) -> Any:
    return me.do(make_workflow, KNOWN, "Letters", type, list(steps), **more)


def agent_step(me: Somebody, id: str, number: int = 0, **more: Any) -> dict[str, Any]:
    return {"id": id, "kind": "agent", "agent": str(me.agents[number]), **more}


def test_a_workflow_keeps_its_versions_and_runs_keep_theirs(me: Somebody):
    workflow = flow(me, agent_step(me, "a"), note="first")
    run = me.do(start_workflow, workflow.id, "manual", {})
    me.do(change_workflow, KNOWN, workflow.id, steps=[agent_step(me, "a", 1), agent_step(me, "b")])
    me.do(change_workflow, KNOWN, workflow.id, name="Post")
    new, old = me.look(lambda work: work.workflows.versions(workflow.id))
    assert [v.semantic_version for v in (new, old)] == ["1.1.0", "1.0.0"]
    assert (old.author_id, old.note) == (me.actor.user_id, "first")
    assert me.run(run.id).workflow_version_id == old.id
    assert [(c.place, c.how) for c in diff_workflows(old, new)] == [("a.agent", "changed"), ("b", "added")]
    me.do(choose_workflow_version, workflow.id, old.id)
    kept = me.look(lambda work: work.workflows.get(workflow.id))
    assert (kept.latest_version_id, kept.name) == (old.id, "Post")
    me.do(change_workflow, KNOWN, workflow.id, type="parallel")
    assert me.look(lambda work: work.workflows.versions(workflow.id))[0].semantic_version == "1.2.0"


def test_a_paused_workflow_does_not_start(me: Somebody):
    workflow = flow(me, agent_step(me, "a"))
    me.do(pause_workflow, workflow.id)
    me.refused("workflows.workflow_paused", start_workflow, workflow.id, "manual", {})
    me.do(resume_workflow, workflow.id)
    me.do(start_workflow, workflow.id, "manual", {})


def test_what_cannot_run_is_refused_by_the_name_of_the_step(me: Somebody):
    pack = me.do(make_pack, "One", me.agents[:1])

    def no(code: str, step: str, *steps: dict[str, Any], **more: Any) -> None:
        given = {"type": "hybrid", **more}
        data = me.refused(code, make_workflow, KNOWN, "No", given.pop("type"), list(steps), **given)
        assert step in (data.get("step"), data.get("node"))

    group = {"id": "g", "kind": "parallel", "steps": [agent_step(me, "a")]}
    question = {"id": "q", "kind": "ask", "question": "?", "choices": YES_NO}
    no("workflows.step_agent_unknown", "a", {**agent_step(me, "a"), "agent": str(new_id())})
    no("workflows.pack_in_pack", "a", {**agent_step(me, "a"), "agent": str(pack.id)})
    no("workflows.agent_not_in_pack", "b", agent_step(me, "a"), agent_step(me, "b", 1), pack_id=pack.id)
    no("workflows.parallel_in_sequential", "g", group, type="sequential")
    no("workflows.choice_unknown", "q", {**question, "default": "maybe"})
    no("workflows.choice_twice", "q", {**question, "choices": YES_NO[:1] * 2})
    no("workflows.step_person_unknown", "q", {**question, "to": [str(new_id())]})
    no("catalog.graph_reference_dangling", "a", agent_step(me, "a", input={"$": "nobody.output"}))
    assert me.look(lambda work: work.workflows.page(None, None, 10)) == []


def test_another_workspace_sees_nothing_of_it(me: Somebody, storage: Storage):
    run = pack_run(me)
    question_id = me.question(me.wait(run, ("agent_1", asks(soon(me))))["agent_1"])
    workflow = flow(me, agent_step(me, "a"))
    stranger = somebody(storage)
    with storage.work(stranger.workspace_id, stranger.user_id) as work:
        for code, ask in (
            ("workflows.question_unknown", lambda: answer_question(work, stranger, question_id, "yes")),
            ("workflows.pack_unknown", lambda: start_pack(work, stranger, run.pack_id or new_id(), "manual", {})),
            ("workflows.workflow_unknown", lambda: start_workflow(work, stranger, workflow.id, "manual", {})),
            ("orchestration.run_unknown", lambda: cancel_run(work, stranger, run.id)),
        ):
            with pytest.raises(Failure) as caught:
                ask()
            assert caught.value.code == code
        assert work.workflow_executions.page(None, 10) == []
