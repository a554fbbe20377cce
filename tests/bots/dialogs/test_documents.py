"""A YAML file in the chat: the plan before anything is done, exactly that plan after a yes, every refusal with its place, and the way back."""

import re

import pytest

from bots.kit.contracts import contracts
from bots.kit.screen import Change
from core.catalog.configure import pause_agent
from core.workflows.documents import apply_document
from tests.bots.dialogs import flows
from tests.bots.dialogs.person import Person, words_of

FILE = b"""kind: skill
name: shout
type: transform
spec:
  fixed: {engine: jmespath, expression: "to_string(@)", data: {$: input.words}}
  inputs: {type: object, properties: {words: {type: string}}, required: [words]}
---
kind: agent
name: Greets
graph:
  nodes: [{id: say, skill: own.shout, inputs: {words: Hello}}]
---
kind: workflow
name: Mornings
type: sequential
steps: [{id: greet, kind: agent, agent: Greets}]
---
kind: trigger
name: At eight
workflow: Mornings
type: schedule
cron: 0 8 * * 1-5
"""
HOOK = FILE + b"---\nkind: trigger\nname: Called\nagent: Greets\ntype: webhook\n"


def things(person: Person) -> list[str]:
    with person.work() as work:
        found = [*work.skills.page(None, 50), *work.agents.page(None, None, 50), *work.workflows.page(None, None, 50)]
    return sorted(each.name for each in found)


def test_a_file_is_planned_and_nothing_is_done_before_a_yes(person: Person) -> None:
    told = person.sends("mornings.yaml", FILE)
    assert told.startswith("What mornings.yaml would change\n4 new\n")
    assert "New agent: Greets" in told and "+cron: 0 8 * * 1-5" in told and "Nothing has been done yet" in told
    assert person.labels() == ["Apply", "Leave it"]
    assert things(person) == []
    person.taps("Apply")
    assert things(person) == ["Greets", "Mornings", "shout"]
    assert person.toast == "Applied" and "New workflow: Mornings" in person.last
    assert person.labels()[:3] == ["Open agent Greets", "Open workflow Mornings", "Open trigger At eight"]
    person.taps("Open workflow Mornings")
    assert person.last.startswith("Mornings")


@pytest.mark.parametrize("name", ["a.YML", "a.json"])
def test_every_ending_of_a_document_is_taken(person: Person, name: str) -> None:
    assert "4 new" in person.sends(name, FILE)


def test_leaving_it_changes_nothing(person: Person) -> None:
    person.sends("mornings.yaml", FILE)
    person.taps("Leave it")
    assert "nothing was changed" in person.last and things(person) == []


def test_what_changed_meanwhile_is_refused_and_planned_anew(person: Person) -> None:
    person.sends("mornings.yaml", FILE)
    place, apply = person.button("Apply")
    flows.does(person, apply_document, contracts(), FILE.replace(b"Hello", b"Good day"))
    person.presses(apply, place)
    assert "changed since I showed you the plan" in words_of(person.screens[place]) and "Greets" in things(person)
    person.taps("Show the plan anew")
    shown = words_of(person.screens[place])
    assert "1 changed · 3 as they are" in shown and "-Good day" in shown and "+Hello" in shown
    person.taps("Apply", place)
    assert "Changed agent: Greets" in words_of(person.screens[place])
    with person.work() as work:
        agent = next(each for each in work.agents.page(None, None, 9) if each.name == "Greets")
        assert [v.semantic_version for v in work.agents.versions(agent.id)] == ["1.1.0", "1.0.0"]


def test_a_second_tap_does_nothing_twice(person: Person) -> None:
    person.sends("mornings.yaml", FILE)
    place, apply = person.button("Apply")
    person.presses(apply, place)
    before = things(person)
    person.presses(apply, place)
    assert "exactly like that already" in words_of(person.screens[place]) and things(person) == before


def test_the_plan_stands_however_long_it_waits_and_beside_others(person: Person) -> None:
    person.sends("mornings.yaml", FILE)
    place, apply = person.button("Apply")
    person.says("/agents")
    person.sends("other.yaml", FILE.replace(b"Mornings", b"Evenings"))
    person.presses(apply, place)
    assert things(person) == ["Greets", "Mornings", "shout"]


def test_a_wrong_file_is_refused_with_line_kind_and_field(person: Person) -> None:
    told = person.sends("wrong.yaml", FILE.replace(b"agent: Greets}]", b"agent: Nobody}]"))
    assert told.startswith("wrong.yaml cannot be applied\nLine: 16\nIn: workflow “Mornings”\nField: steps[0].agent\n")
    assert "There is no agent called “Nobody”" in told and "Nothing was changed" in told
    assert person.last_screen.tone == "problem" and things(person) == []
    assert "Line: 3" in person.sends("broken.yaml", b"kind: agent\ngraph:\n  nodes: [}\n")
    assert "its kind is one of" in person.sends("data.json", b'{"rows": [1, 2]}')


def test_what_is_too_large_is_refused_before_it_is_read(person: Person) -> None:
    assert "more than 1\xa0MB" in person.sends("big.yaml", b"# " + b"x" * 1_000_001)


def test_a_file_where_mail_is_asked_for_is_still_a_document(person: Person) -> None:
    person.says("/connect")
    person.taps("Add a connection")
    assert "4 new" in person.sends("mornings.yaml", FILE)


def test_a_long_plan_is_paged_and_the_yes_stands_under_the_end(person: Person) -> None:
    many = b"---\n".join(
        FILE.replace(b"shout", f"shout{n}".encode())
        .replace(b"Mornings", f"M{n}".encode())
        .replace(b"Greets", f"G{n}".encode())
        for n in range(12)
    )
    person.sends("many.yaml", many)
    assert "Apply" not in person.labels() and person.labels()[1:] == ["›", "To the end", "Leave it"]
    person.taps("›")
    assert person.labels()[1].startswith("2/")
    for screen in person.screens.values():
        assert sum(len(block.lines) for block in screen.blocks if isinstance(block, Change)) <= 36
    person.taps("To the end")
    assert "Apply" in person.labels()
    person.taps("Apply")
    assert len(things(person)) == 36


def test_an_entry_longer_than_a_page_goes_on_under_its_name(person: Person) -> None:
    nodes = b", ".join(b"{id: n%d, skill: noop}" % n for n in range(60))
    flows.does(
        person, apply_document, contracts(), b"kind: agent\nname: Long\ngraph: {nodes: [{id: n0, skill: noop}]}\n"
    )
    person.sends("long.yaml", b"kind: agent\nname: Long\ngraph: {nodes: [" + nodes + b"]}\n")
    person.taps("›")
    assert "Changed agent: Long (goes on)" in person.last


def test_a_webhooks_secret_is_told_on_the_page_and_nowhere_else(person: Person, by_telegram) -> None:
    person.sends("hook.yaml", HOOK)
    person.taps("Apply")
    assert re.search(r"Secret: \S{20}", person.last)
    other = by_telegram(person)
    other.sends("hook.yaml", HOOK.replace(b"Called", b"Rung"))
    other.taps("Apply")
    assert "whsec_" not in other.last and "Secret:" not in other.last and "on Nod's own page" in other.last


def test_somebody_elses_file_is_not_to_be_had(person: Person, arrives) -> None:
    person.sends("mornings.yaml", FILE)
    _, apply = person.button("Apply")
    stranger = arrives()
    stranger.presses(apply, None)
    assert things(stranger) == [] and things(person) == []


@pytest.mark.parametrize(("command", "name"), [("/agents", "Greets"), ("/workflows", "Mornings")])
def test_a_thing_is_taken_along_as_a_file_that_makes_the_same_elsewhere(
    person: Person, arrives, command: str, name: str
) -> None:
    flows.does(person, apply_document, contracts(), FILE)
    flows.agents(person, "Nothing to do with it")
    person.says(command)
    person.taps(name)
    person.taps("As a file")
    document = person.last_screen.document
    assert document is not None and document.name == f"{name.lower()}.yaml"
    text = person.parts.storage.blobs(person.actor.workspace_id, person.actor.user_id).get(document.blob)
    assert b"Nothing to do with it" not in text and b"name: shout" in text and document.size == len(text)
    other = arrives()
    other.sends(document.name, text)
    other.taps("Apply")
    assert (b"name: At eight" in text) == (name == "Mornings")
    assert things(other) == (["Greets", "shout"] if name == "Greets" else ["Greets", "Mornings", "shout"])
    person.sends(document.name, text)
    assert "exactly like that already" in person.last


def test_a_hold_in_between_is_no_change_of_what_the_plan_says(person: Person) -> None:
    flows.does(person, apply_document, contracts(), FILE)
    person.sends("mornings.yaml", FILE.replace(b"Hello", b"Good day"))
    with person.work() as work:
        agent = work.agents.page(None, None, 9)[0]
    flows.does(person, pause_agent, agent.id)
    person.taps("Apply")
    assert "Changed agent: Greets" in person.last
    with person.work() as work:
        assert work.agents.get(agent.id).status == "paused"


def test_a_name_that_stands_for_two_things_is_no_file_and_said(person: Person) -> None:
    flows.agents(person, "Greets", "Greets")
    person.says("/agents")
    person.taps("Greets")
    before = len(person.screens)
    person.taps("As a file")
    assert "more than one agent called “Greets”" in person.toast and len(person.screens) == before


def test_one_pack_is_taken_along_with_its_agents(person: Person, arrives) -> None:
    flows.agents(person, "Reader", "Writer", "Nobody")
    flows.does(person, apply_document, contracts(), b"kind: pack\nname: Both\nagents: [Writer, Reader]\n")
    person.says("/packs")
    person.taps("Both")
    person.taps("As a file")
    document = person.last_screen.document
    assert document is not None
    text = person.parts.storage.blobs(person.actor.workspace_id, person.actor.user_id).get(document.blob)
    other = arrives()
    other.sends(document.name, text)
    other.taps("Apply")
    assert things(other) == ["Reader", "Writer"] and "Open pack Both" in other.labels()


def test_whoever_has_no_file_yet_is_told_what_to_send(person: Person) -> None:
    person.says("/workflows")
    person.taps("From a file")
    assert "nothing is done before your yes" in person.last and ".yaml" in person.last_screen.accepts_file
