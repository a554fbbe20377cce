"""Rooms: an agent asks in a shared chat, with a neutral stub or the whole card; each taps in their own name, and what is private stays between two."""

from collections.abc import Callable

import pytest

from bots.kit import rooms
from bots.kit.screen import Button
from core.approvals.rooms import let_ask
from core.kernel.errors import Failure, Forbidden, Invalid
from core.messaging.rooms import leave_room
from tests.bots.dialogs import stage
from tests.bots.dialogs.person import Person
from tests.bots.dialogs.room import Wall

Joins = Callable[..., Person]


@pytest.fixture
def wall(person: Person) -> Wall:
    return Wall(person.parts)


def _asks(person: Person, wall: Wall, shown: str) -> None:
    person.says("/rooms")
    person.taps(wall.name)
    person.taps("inbox" if "inbox" in person.labels() else person.labels()[0])
    person.taps("Neutral note" if shown == "stub" else "Whole card")


def test_a_room_is_connected_from_within_and_left_again(person: Person, wall: Wall) -> None:
    assert "To add one" in person.says("/rooms")
    made = stage.agent(person)
    wall.connect(person)
    assert person.toast == "I answered in your own chat with me."
    assert wall.last.startswith("Somebody connected this room.") and wall.labels() == []
    assert person.last.startswith("Family\nThe room is connected.") and made.name in person.labels()
    person.taps(made.name)
    assert "Now: it does not ask there." in person.last
    person.taps("Neutral note")
    assert f"{made.name}: a neutral note" in person.last
    assert "Family: Telegram, one agent asks there" in person.says("/rooms")
    wall.connect(person)
    assert "This room is connected already." in person.last and len(wall.screens) == 1
    person.taps("Leave the room")
    person.taps("Leave the room")
    assert "“Family” is left." in person.last and rooms.room_at(person.parts, "telegram", "", wall.address) is None
    stage.suggests(person, stage.mail(), by=made)
    wall.looks()
    assert len(wall.screens) == 1
    wall.connect(person)
    assert len(wall.screens) == 2, "it may be connected again"


def test_a_stub_says_who_can_decide_and_nothing_else_and_gives_them_the_card_alone(
    person: Person, wall: Wall, joins: Joins, by_telegram: Callable[[Person], Person]
) -> None:
    phone, kim, max_ = by_telegram(person), joins(person, "approver", "Kim"), joins(person, "member", "Max")
    agent = stage.agent(person)
    wall.connect(phone)
    _asks(person, wall, "stub")
    [made] = stage.suggests(person, stage.mail(), by=agent)
    wall.looks()
    assert f"{agent.name} asks for a decision\nIt is about 1 reply." in wall.last
    assert "Who can decide: Somebody and Kim." in wall.last and wall.labels() == ["Show it to me"]
    assert not any(word in wall.last for word in ("ana", "Ana", "Offer", "Tuesday works"))
    assert wall.tapped(max_, "Show") == "This is not for you to decide. Who can decide: Somebody and Kim."
    assert max_.screens == {}
    assert wall.tapped(kim, "Show") == "I answered in your own chat with me."
    assert "Tuesday works" in kim.last and kim.labels()[0] == "Approve"
    kim.taps("Approve")
    wall.looks()
    assert "Approved by Kim, " in wall.last and "Tuesday" not in wall.last
    stage.carried_out(person, made.id)
    wall.looks()
    person.looks()
    assert "Sent " in wall.last and "Approved by Kim, " in person.last
    assert wall.tapped(max_, "Show").startswith("This is not for you")


def test_a_whole_card_is_decided_in_the_room_by_those_who_may(
    person: Person, wall: Wall, joins: Joins, by_telegram: Callable[[Person], Person]
) -> None:
    phone, kim, max_ = by_telegram(person), joins(person, "approver", "Kim"), joins(person, "member", "Max")
    agent = stage.agent(person)
    wall.connect(phone)
    _asks(person, wall, "open")
    [made] = stage.suggests(person, stage.mail(), by=agent)
    wall.looks()
    assert "Tuesday works" in wall.last and wall.labels() == ["Approve", "Edit", "Snooze", "Reject", "Details"]
    place, approve = wall.button("Approve")
    assert "Only these people can: Somebody and Kim." in wall.pressed(max_, approve, place)
    assert stage.of(person, made.id).status == "pending"
    for label in ("Details", "Edit", "Snooze", "Reject"):
        assert "Only these people can: Somebody and Kim." in wall.tapped(max_, label)
    assert max_.screens == {}
    assert wall.tapped(kim, "Details") == "I answered in your own chat with me."
    assert kim.last.startswith("Details · ")
    assert wall.tapped(kim, "Approve") == "Approved, sending in 10 s."
    assert "Approved by Kim, " in wall.last and len(wall.screens) == 2
    person.looks()
    assert "Approved by Kim, " in person.last
    assert wall.pressed(phone, approve, place).startswith("Already approved by Kim, ")
    before = wall.last
    assert wall.pressed(kim, Button(label="Team", action="team.open"), place) == "I answered in your own chat with me."
    assert wall.last == before and "approver" in kim.last
    with person.work() as work:
        [approval] = work.suggestions.approvals(made.id)
        assert (approval.user_id, approval.surface, approval.delivery_id) == (kim.actor.user_id, "telegram", place)


def test_what_is_chosen_later_holds_for_what_stands_there(
    person: Person, wall: Wall, by_telegram: Callable[[Person], Person]
) -> None:
    agent = stage.agent(person)
    wall.connect(by_telegram(person))
    _asks(person, wall, "open")
    stage.suggests(person, stage.mail(), by=agent)
    wall.looks()
    assert "Tuesday works" in wall.last
    _asks(person, wall, "stub")
    wall.looks()
    assert len(wall.screens) == 2 and "Tuesday works" not in wall.last


def test_only_the_owner_lets_an_agent_ask_and_only_those_in_charge_leave(
    person: Person, wall: Wall, joins: Joins, by_telegram: Callable[[Person], Person]
) -> None:
    agent, kim = stage.agent(person), joins(person, "member", "Kim")
    wall.connect(by_telegram(person))
    with kim.work() as work:
        room = work.rooms.get(wall.found.id)
        for refused in (
            lambda: let_ask(work, kim.actor, room.id, agent.id, "open"),
            lambda: leave_room(work, kim.actor, room.id),
        ):
            with pytest.raises(Forbidden):
                refused()
    viewer = joins(person, "viewer")
    wall.address = "-1"
    wall.connect(viewer)
    assert viewer.answer.code == "identity.role_too_low"
    assert rooms.room_at(person.parts, "telegram", "", "-1") is None


def test_who_belongs_elsewhere_and_whose_button_was_made_up_learns_nothing(
    person: Person, wall: Wall, arrives: Callable[..., Person], by_telegram: Callable[[Person], Person]
) -> None:
    agent, phone, stranger = stage.agent(person), by_telegram(person), arrives()
    wall.connect(phone)
    _asks(person, wall, "stub")
    stage.suggests(person, stage.mail(), by=agent)
    wall.looks()
    place, show = wall.button("Show")
    with pytest.raises(Forbidden, match=r"messaging\.room_elsewhere"):
        wall.pressed(stranger, show, place)
    assert phone.actor.link_id is not None
    own = person.parts.tokens.pack(show, phone.actor.link_id)
    with pytest.raises(Invalid, match=r"messaging\.button_forged"):
        rooms.tapped(person.parts, phone.actor, wall.found, own, None)
    with stranger.work() as work, pytest.raises(Failure):
        work.rooms.get(wall.found.id)


def test_a_room_that_threw_nod_out_is_lost_and_its_connector_is_told(
    person: Person, wall: Wall, by_telegram: Callable[[Person], Person]
) -> None:
    wall.connect(by_telegram(person))
    found = wall.found
    rooms.lost(person.parts, found)
    rooms.lost(person.parts, found)
    person.looks()
    told = [words for words in map(str, person.screens.values()) if "I cannot write in “Family” any more" in words]
    assert len(told) == 1 and rooms.room_at(person.parts, "telegram", "", wall.address) is None
