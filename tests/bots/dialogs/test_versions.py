"""Versions: who made them and why, what differs, and back to an older one after a question."""

from bots.kit.contracts import contracts
from core.catalog.versions import edit_graph
from core.workflows.flows import change_workflow, make_workflow
from tests.bots.dialogs import flows
from tests.bots.dialogs.person import Person

OTHER = {"nodes": [{"id": "a", "skill": "noop", "inputs": {"value": "Hello\nyou"}}, {"id": "b", "skill": "noop"}]}


def test_versions_of_an_agent_are_compared_and_chosen_after_a_question(person: Person) -> None:
    [agent] = flows.agents(person, "Reader")
    flows.does(person, edit_graph, contracts(), agent.id, OTHER, note="Say hello")
    person.says("/agents")
    person.taps("Reader")
    person.taps("Versions")
    assert "1.1.0, in use: " in person.last and "by you: Say hello" in person.last
    person.taps("1.1.0")
    assert "From 1.0.0 to 1.1.0:" in person.last and " a › inputs › value" in person.last
    assert "+Hello\n+you" in person.last and " b\n" in person.last and "This is the one in use." in person.last
    assert "Go back to it" not in person.labels()
    person.taps("‹ All versions")
    person.taps("1.0.0")
    person.taps("Compare with 1.1.0")
    assert "From 1.0.0 to 1.1.0:" in person.last
    person.taps("Back")
    place, choose = person.button("Go back to it")
    person.taps("Go back to it")
    assert "From 1.1.0 to 1.0.0:" in person.last and "no version is lost" in person.last
    with person.work() as work:
        assert work.agents.version(work.agents.get(agent.id).latest_version_id).semantic_version == "1.1.0"
    person.taps("Use 1.0.0")
    assert "New runs use version 1.0.0 from now on." in person.last
    person.presses(choose, place)
    assert "Nothing differs." in person.last
    with person.work() as work:
        assert work.agents.version(work.agents.get(agent.id).latest_version_id).semantic_version == "1.0.0"
        assert len(work.agents.versions(agent.id)) == 2


def test_versions_of_a_workflow_show_what_changed_in_its_steps(person: Person) -> None:
    flow = flows.does(person, make_workflow, contracts(), "Offers", "sequential", flows.ASKING)
    asked = [{**flows.ASKING[0], "question": "Really send it?"}]
    flows.does(person, change_workflow, contracts(), flow.id, steps=asked)
    person.says("/workflows")
    person.taps("Offers")
    person.taps("Versions")
    person.taps("1.1.0")
    assert " sure › question\n-Send the offer?\n+Really send it?" in person.last
    person.taps("‹ All versions")
    person.taps("1.0.0")
    person.taps("Go back to it")
    person.taps("Use 1.0.0")
    with person.work() as work:
        assert work.workflows.version(work.workflows.get(flow.id).latest_version_id).semantic_version == "1.0.0"
