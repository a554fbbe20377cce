"""Workflows in the chat: a simple one made by tapping, its steps, its runs, and what holds it."""

from bots.kit.contracts import contracts
from core.workflows.flows import make_workflow
from tests.bots.dialogs import flows
from tests.bots.dialogs.person import Person


def test_a_simple_workflow_is_made_of_agents_in_order(person: Person) -> None:
    one, two = flows.agents(person, "Reader", "Writer")
    person.says("/workflows")
    assert "You have no workflow yet" in person.last and "YAML" in person.last
    person.taps("Make a workflow")
    person.taps("+ Reader")
    person.taps("+ Writer")
    person.taps("One after the other")
    person.taps("Reader and Writer")
    assert "Reader → Writer\nWriter" in person.last
    assert "one after the other · active · version 1.0.0" in person.last
    with person.work() as work:
        [flow] = work.workflows.page(None, None, 5)
        steps = work.workflows.version(flow.latest_version_id).steps
        assert [step.agent for step in steps] == [one.id, two.id]
    person.taps("Run it now")
    assert "Reader and Writer · run" in person.last
    with person.work() as work:
        assert [run.workflow_id for run in work.runs.page(None, 5)] == [flow.id]


def test_a_workflow_shows_its_questions_conditions_and_branches(person: Person) -> None:
    one, two = flows.agents(person, "Reader", "Writer")
    steps = [
        {"id": "read", "kind": "agent", "agent": str(one.id)},
        {
            "id": "big", "kind": "condition", "when": "read.output.amount > 1000.0",
            "then": [{"id": "sure", "kind": "ask", "question": "Send it?", "choices": flows.YES_NO}],
        },
        {"id": "send", "kind": "agent", "agent": str(two.id)},
    ]  # fmt: skip
    flows.does(person, make_workflow, contracts(), "Offers", "hybrid", steps)
    person.says("/workflows")
    person.taps("Offers")
    assert "one after the other, with groups" in person.last
    person.taps("Picture")
    assert "Reader → sure\n" in person.last and "sure (if (read.output.amount > 1000.0)) → Writer" in person.last
    person.taps(person.labels()[0])
    assert "Run it now" in person.labels()


def test_a_paused_workflow_does_not_start_and_says_so(person: Person) -> None:
    flows.does(person, make_workflow, contracts(), "Offers", "sequential", flows.ASKING)
    person.says("/workflows")
    person.taps("Offers")
    place, run = person.button("Run it now")
    person.taps("Pause")
    person.presses(run, place)
    assert "The workflow Offers is paused." in person.toast
    person.taps("Resume")
    person.taps("Try it")
    with person.work() as work:
        assert work.runs.page(None, 5)[0].dry


def test_an_agent_that_stands_in_several_steps_is_told_apart(person: Person) -> None:
    [one] = flows.agents(person, "Reader")
    steps = [{"id": name, "kind": "agent", "agent": str(one.id)} for name in ("law", "tax")]
    flows.does(person, make_workflow, contracts(), "Offers", "sequential", steps)
    person.says("/workflows")
    person.taps("Offers")
    assert "Reader (law) → Reader (tax)" in person.last
