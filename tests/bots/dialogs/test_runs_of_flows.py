"""Runs of packs and workflows, step by step: what waits, what failed, what stands below, and how they are steered."""

from decimal import Decimal

from core.kernel.errors import Unavailable
from core.workflows.packs import make_pack, start_pack
from tests.bots.dialogs import flows
from tests.bots.dialogs.person import Person


def test_a_run_that_waits_for_a_person_says_so_and_leads_to_the_question(person: Person) -> None:
    question = flows.asked(person)
    person.says("/runs")
    assert person.labels()[0].startswith("Offers · waiting")
    person.taps("Offers · waiting")
    assert "Offers · run" in person.last and "sure: waits for an answer until" in person.last
    assert person.labels() == ["Question: Send the offer?", "Steps", "Cancel"]
    person.taps("Question: ")
    person.taps("Yes, send it")
    with person.work() as work:
        assert work.runs.get(question.run_id).status == "queued"


def test_cancelling_a_waiting_run_takes_its_question_along(person: Person) -> None:
    question = flows.asked(person)
    card = person.last_place
    person.taps("Open the run")
    person.taps("Cancel")
    assert person.toast == "Cancelled. Nothing came of it."
    assert "No longer needed" in " ".join(
        block.text for block in person.screens[card].blocks if block.kind == "paragraph"
    )
    with person.work() as work:
        assert work.runs.get(question.run_id).status == "cancelled"


def test_a_pack_leads_to_the_runs_of_its_agents_and_back_and_is_tried_again_where_it_failed(person: Person) -> None:
    one, two = flows.agents(person, "Reader", "Writer")
    pack = flows.does(person, make_pack, "Morning", [one.id, two.id])
    run = flows.does(person, start_pack, pack.id, "manual", {})
    flows.waits(person, run, "agent_1", "agent", "run", {"agent_id": str(one.id), "agent": str(one.id), "input": None})
    person.says("/runs")
    assert [label for label in person.labels() if "·" in label] == [person.labels()[0]]
    person.taps("Morning · waiting")
    assert "Reader: waits for this agent to finish" in person.last
    assert person.labels() == ["Reader · waiting to start", "Steps", "Cancel"]
    with person.work() as work:
        [below] = work.runs.children(run.id, 5)
    why = Unavailable("connectors.server_unreachable", host="imap.example.org")
    flows.ends(person, below.id, error=why)
    person.taps("Steps")
    assert "Reader: failed" in person.last and "An agent that it called failed." in person.last
    person.taps("Reader · failed")
    assert "The server does not answer." in person.last and "Part of: Morning" in person.labels()
    failed = Unavailable("orchestration.child_failed")
    flows.ends(person, run.id, error=failed)
    person.taps("Part of: Morning")
    assert "It failed. An agent that it called failed." in person.last
    assert "Nothing was suggested" not in person.last
    assert person.labels()[:3] == ["Try again", "Run again", "Steps"]
    place, again = person.button("Try again")
    person.taps("Try again")
    assert person.toast == "It goes on from the step that failed."
    person.presses(again, place)
    assert "Only a run that failed" in person.toast
    with person.work() as work:
        assert work.runs.get(run.id).status == "queued"
        assert len(work.runs.page(None, 10)) == 2


def test_a_workflow_that_is_done_shows_what_it_gave_and_can_be_run_again_once(person: Person) -> None:
    run = flows.asking(person)
    with person.work() as work:
        held = work.runs.claim(run.id, 30)
        done = flows.step_of(held, "sure", "ask", "succeeded", at=work.now, finished_at=work.now, attempt=3)
        done.usage = {"tokens_prompt": 900, "tokens_completion": 100, "cost": "0.02"}
        left = flows.step_of(held, "later", "noop", "skipped", at=work.now)
        work.runs.put_steps([done, left])
        held.tokens, held.cost = 1000, Decimal("0.02")
        from core.orchestration import finish

        finish.succeed(work, run.id, held.fence, {"result": {"answer": "yes"}, "results": {}})
        work.commit()
    person.says("/runs")
    person.taps("Offers · done")
    assert "What it gave:" in person.last and "answer: yes" in person.last and "1,000 tokens, US$0.02" in person.last
    assert "version 1.0.0" in person.last
    person.taps("Steps")
    assert "sure: done in 0 s, 3 tries, 1,000 tokens, US$0.02" in person.last
    assert "later: left out, its condition was not met" in person.last


def test_a_cancelled_pack_is_run_again_from_its_card_and_not_twice(person: Person) -> None:
    [one] = flows.agents(person, "Reader")
    pack = flows.does(person, make_pack, "Morning", [one.id])
    run = flows.does(person, start_pack, pack.id, "manual", {"topic": "x"})
    person.says("/runs")
    person.taps("Morning · waiting to start")
    assert "Waiting to start" in person.last
    person.taps("Cancel")
    place, again = person.button("Run again")
    person.presses(again, place)
    person.presses(again, place)
    assert "already running" in person.toast
    with person.work() as work:
        runs = work.runs.page(None, 10)
        assert len(runs) == 2
        assert runs[0].input == {"topic": "x"}
        assert run.id == runs[1].id
