"""The tools of a connected server are ticked from a list; one that may change something always asks."""

from typing import Any

import pytest

from core.connectors.connect import connect, found
from core.connectors.models import Connection
from core.connectors.ports import Report
from core.connectors.tools import choose_tools, unasked, used
from core.kernel.errors import Invalid
from core.messaging.post import announce, refresh
from tests.bots.dialogs import flows
from tests.bots.dialogs.person import Person

TOOLS = [
    {"name": "look", "about": "Looks a word up.", "reads": True},
    {"name": "list_pages", "about": "", "reads": True},
    {"name": "note", "about": "Writes a note <b>now</b>.", "reads": False},
]


def server(person: Person, tools: list[dict[str, Any]] = TOOLS) -> Connection:
    """A connected server that was checked, and its card."""
    made = flows.does(person, connect, "mcp", "Notes", {"url": "https://notes.example/mcp"})
    with person.work() as work:
        announce(work, person.actor.user_id, "connection", made.id)
        work.commit()
    told(person, made, tools)
    return made


def told(person: Person, connection: Connection, tools: list[dict[str, Any]]) -> None:
    with person.work() as work:
        found(work, connection.id, Report("Notes", ("read", "write"), {"tools": tools}))
        refresh(work, "connection", connection.id)
        work.commit()
    person.looks()


def now(person: Person, connection: Connection) -> tuple[list[str], list[str]]:
    with person.work() as work:
        stored = work.connections.get(connection.id)
        return used(stored), unasked(stored)


def test_a_form_to_connect_asks_for_no_names_of_tools(person: Person) -> None:
    person.says("/connect")
    person.taps("Add a connection")
    person.taps("MCP server")
    form = person.last_screen.form
    assert form is not None and [field.name for field in form.fields] == ["url", "token"]


def test_a_new_server_lists_its_tools_and_none_is_called_without_asking(person: Person) -> None:
    made = server(person)
    assert "It offers 3 tools: 3 may be used, 0 of these without asking you." in person.last
    person.taps("Choose tools")
    form = person.last_screen.form
    assert form is not None and [field.name for field in form.fields] == ["use", "unasked"]
    assert [label for _, label in form.fields[0].options] == [
        "look · only reads: Looks a word up.", "list_pages · only reads", "note · may change something: Writes a note <b>now</b>.",
    ]  # fmt: skip
    assert [value for value, _ in form.fields[1].options] == ["look", "list_pages"]
    assert form.fields[0].value == ["look", "list_pages", "note"] and form.fields[1].value == []
    assert now(person, made) == (["look", "list_pages", "note"], [])


def test_what_is_ticked_holds_and_the_card_says_how_many(person: Person) -> None:
    made = server(person)
    person.taps("Choose tools")
    person.fills(use=["look", "note"], unasked=["look", "list_pages"])
    assert "3 tools: 2 may be used, 1 of these without asking you." in person.last and person.toast == "Saved"
    assert now(person, made) == (["look", "note"], ["look"])
    with person.work() as work:
        assert work.connections.get(made.id).config["read_tools"] == ["look"]
    person.taps("Choose tools")
    form = person.last_screen.form
    assert form is not None and [field.value for field in form.fields] == [["look", "note"], ["look"]]
    person.fills(use="", unasked="")
    assert now(person, made) == ([], [])


def test_a_tool_that_comes_later_waits_for_its_tick_and_one_that_turns_to_writing_asks_again(person: Person) -> None:
    made = server(person)
    flows.does(person, choose_tools, made.id, ["look", "list_pages"], ["look", "list_pages"])
    told(person, made, [TOOLS[0], {**TOOLS[1], "reads": False}, {"name": "new", "about": "", "reads": True}])
    assert now(person, made) == (["look", "list_pages"], ["look"])


@pytest.mark.parametrize(("use", "free", "code"), [(["note"], ["note"], "connectors.tool_may_write"), (["gone"], [], "connectors.tool_not_offered")])  # fmt: skip
def test_no_door_gets_past_the_rule(person: Person, use: list[str], free: list[str], code: str) -> None:
    made = server(person)
    with pytest.raises(Invalid) as refused:
        flows.does(person, choose_tools, made.id, use, free)
    assert refused.value.code == code and now(person, made)[1] == []


def test_a_list_that_changed_while_it_was_ticked_is_said_at_the_field(person: Person) -> None:
    made = server(person)
    person.taps("Choose tools")
    told(person, made, TOOLS[:1])
    person.fills(use=["look", "note"], unasked=[])
    assert person.last_screen.form is not None and person.last_screen.form.fields[0].error
    assert now(person, made) == (["look"], [])


def test_changing_the_address_keeps_the_ticks(person: Person) -> None:
    made = server(person)
    flows.does(person, choose_tools, made.id, ["look"], ["look"])
    person.says("/connect")
    person.taps("Notes")
    with person.work() as work:
        stored = work.connections.get(made.id)
        stored.status = "expired"
        refresh(work, "connection", made.id)
        work.commit()
    person.looks()
    person.taps("Reconnect")
    person.fills(url="https://notes.example/other", token="t0ken")
    told(person, made, TOOLS)
    assert now(person, made) == (["look"], ["look"])
