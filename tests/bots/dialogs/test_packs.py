"""Packs in the chat: made by tapping agents, run, held, put away."""

from bots.dialogs.compose import DIALOG
from tests.bots.dialogs import flows
from tests.bots.dialogs.person import Person


def _make(person: Person, *names: str, how: str = "One after the other") -> None:
    person.says("/packs")
    person.taps("Make a pack")
    for name in names:
        person.taps(f"+ {name}")
    person.taps(how)


def test_no_pack_teaches_what_one_is_and_no_agent_how_to_get_one(person: Person) -> None:
    person.says("/packs")
    assert "You have no pack yet" in person.last and "one after the other, or beside each other" in person.last
    person.taps("Make a pack")
    assert "Take one first" in person.last and person.labels() == ["All agents"]


def test_agents_are_put_together_in_the_order_of_taps_in_one_message(person: Person) -> None:
    one, two = flows.agents(person, "Reader", "Writer")
    person.says("/packs")
    person.taps("Make a pack")
    place = person.last_place
    for label in ("+ Writer", "+ Reader", "+ Reader", "Take out the last"):
        person.taps(label)
    assert "1. Writer\n2. Reader\nAdd another" in person.last and person.last_place == place
    person.taps("Beside each other")
    assert "Writer and Reader" in person.labels()
    person.says("Mornings")
    assert (
        "Mornings\nIt is ready. Nothing has run yet." in person.last and "2 agents · beside each other" in person.last
    )
    with person.work() as work:
        [pack] = work.packs.page(None, None, 5)
        assert (pack.agent_ids, pack.mode) == ([two.id, one.id], "parallel")


def test_a_pack_runs_once_however_often_it_is_tapped(person: Person) -> None:
    flows.agents(person, "Reader")
    _make(person, "Reader")
    person.taps("Reader")
    place, run = person.button("Run it now")
    person.taps("Run it now")
    person.presses(run, place)
    assert "already running" in person.toast
    with person.work() as work:
        [made] = work.runs.page(None, 5)
        assert made.pack_id is not None
    person.says("/packs")
    person.taps("Reader")
    person.taps("Runs")
    assert "What Reader did" in person.last and person.labels()[0].startswith("Reader · waiting to start")


def test_a_pack_is_paused_resumed_and_put_away_after_a_question(person: Person) -> None:
    flows.agents(person, "Reader")
    _make(person, "Reader")
    person.taps("Reader")
    place, run = person.button("Run it now")
    person.taps("Pause")
    assert "It is paused" in person.last and "Run it now" not in person.labels()
    person.presses(run, place)
    assert "paused or put away" in person.toast
    person.taps("Resume")
    person.taps("Put away")
    with person.work() as work:
        assert work.packs.page(None, None, 5)[0].status == "active"
    person.taps("Yes, put it away")
    assert "You have no pack yet" in person.last and "Reader is put away." in person.last


def test_a_pack_has_triggers_of_its_own(person: Person) -> None:
    flows.agents(person, "Reader")
    _make(person, "Reader")
    person.taps("Reader")
    person.taps("What starts it")
    person.taps("Add a schedule")
    person.says("every day at 8")
    person.taps("Yes, that is right")
    with person.work() as work:
        [trigger] = work.triggers.page(None, 5)
        assert trigger.pack_id is not None and trigger.agent_id is None


def test_a_choice_that_lapsed_says_so_and_makes_nothing(person: Person) -> None:
    flows.agents(person, "Reader")
    person.says("/packs")
    person.taps("Make a pack")
    with person.work() as work:
        assert work.conversations.current(person.actor.link_id).dialog == DIALOG
        work.conversations.end(person.actor.link_id)
        work.commit()
    person.taps("+ Reader")
    assert "I have let it go" in person.toast
