"""Channels: connected by a member, asked in by agents, tapped by anybody, decided by those who may."""

from collections.abc import Callable
from typing import Any

import pytest

from core.approvals.rooms import ask_in_rooms, let_ask
from core.identity.models import Membership
from core.identity.register import add_link
from core.kernel.ids import new_id
from tests.bots.slack.running import Desk
from tests.databases import somebody
from tests.runners.world import World, mail, process, task


@pytest.fixture
def general(desk: Desk) -> Any:
    """A channel with Nod in it, not connected yet."""
    return desk.team.channel("general", [desk.person, desk.team.members[0]])


@pytest.fixture
def room(desk: Desk, world: World, general: Any) -> Any:
    """The channel, connected by the world's person; their agent asks there by a note."""
    _connect(desk, general)
    _let(world, "stub")
    return general


def _connect(desk: Desk, channel: Any) -> Any:
    typed = desk.person.types("/nod connect", to=channel)
    typed.acknowledge()
    channel.wait_for(lambda message: message.from_bot and message.only_for is None)
    return typed


def _let(world: World, how: str) -> None:
    with world.work() as work:
        room = work.rooms.all()[0]
        let_ask(work, world.actor, room.id, world.agent_id, how)  # pyright: ignore[reportArgumentType]
        work.commit()


@pytest.fixture
def member(desk: Desk, world: World) -> Callable[[str], Any]:
    """Makes somebody a member of the world's workspace who may not decide, linked to a new account at Slack."""

    def make(name: str) -> Any:
        person = desk.team.person(name)
        other = somebody(world.storage)
        with world.storage.work(world.actor.workspace_id, other.user_id) as work:
            here = world.actor.workspace_id
            work.people.add(
                Membership(id=new_id(), workspace_id=here, user_id=other.user_id, role="member", created_at=work.now)
            )
            add_link(work, other.user_id, "slack", person.id, person.dm.id, desk.team.id)
            work.commit()
        return person

    return make


def _ask(world: World, proposal: Any) -> Any:
    """A suggestion with its card in the person's chat and in the rooms where their agent asks."""
    suggestion = world.suggest(proposal)
    with world.work() as work:
        ask_in_rooms(work, work.suggestions.get(suggestion.id))
        work.commit()
    return suggestion


def _rooms(world: World) -> list[Any]:
    with world.work() as work:
        return list(work.rooms.all())


def _posted(channel: Any, label: str) -> Any:
    return channel.wait_for(lambda message: message.only_for is None and label in message.labels)


def _told(channel: Any, person: Any, part: str) -> Any:
    return channel.wait_for(lambda message: message.only_for is person and part in message.shown)


def test_a_member_connects_a_channel_and_is_answered_alone(desk: Desk, world: World, general: Any) -> None:
    _connect(desk, general)
    assert [(room.name, room.provider_tenant, room.address) for room in _rooms(world)] == [
        ("#general", desk.team.id, general.id)
    ]
    desk.person.dm.wait_for_text("#general")
    _told(general, desk.person, "your own chat")


def test_a_channel_without_nod_and_one_that_a_stranger_connects_stay_unconnected(
    desk: Desk, world: World, general: Any
) -> None:
    secret = desk.team.channel("plans", [desk.person], private=True, with_bot=False)
    assert "/invite" in desk.person.types("/nod connect", to=secret).reply().shown
    other = desk.team.channel("open", [desk.person], with_bot=False)
    assert "/invite" in desk.person.types("/nod connect", to=other).reply().shown
    eve = desk.team.members[0]
    assert "not linked" in eve.types("/nod connect", to=general).reply().shown
    assert _rooms(world) == []


def test_who_takes_nod_in_is_told_how_and_a_mention_connects(desk: Desk, world: World) -> None:
    plans = desk.team.channel("plans", [desk.person], private=True, with_bot=False)
    desk.person.invites_bot(plans)
    _told(plans, desk.person, "/nod connect")
    desk.person.says("@nod hello", to=plans)
    _told(plans, desk.person, "each person alone")
    desk.person.says("@nod connect", to=plans)
    plans.wait_for(lambda message: message.from_bot and message.only_for is None)
    assert [room.name for room in _rooms(world)] == ["#plans"]


def test_a_stub_says_nothing_of_its_content_and_gives_the_card_to_who_may_decide(
    desk: Desk, world: World, room: Any
) -> None:
    _ask(world, mail("Re: Our secret plan"))
    stub = _posted(room, "Show it to me")
    assert "secret" not in stub.shown and "secret" not in stub.text
    eve = desk.team.members[0]
    eve.taps(stub, "Show it to me").acknowledge()
    _told(room, eve, "not linked")
    desk.person.taps(stub, "Show it to me").acknowledge()
    _told(room, desk.person, "your own chat")
    card = desk.person.dm.wait_for(lambda message: "secret" in message.shown and "Approve" in message.labels)
    desk.person.taps(card, "Approve").acknowledge()
    stub.wait_for(lambda message: "pproved" in message.shown)
    with process(world.settings):
        stub.wait_for_reply(lambda message: True)
    assert not any("secret" in message.shown for message in room.messages)


def test_an_open_card_is_decided_in_the_channel_by_those_who_may_and_nobody_else(
    desk: Desk, world: World, room: Any, member: Callable[[str], Any]
) -> None:
    _let(world, "open")
    ben = member("Ben")
    room.members.append(ben)
    suggestion = _ask(world, task("Pay <!channel> the *dentist*"))
    card = _posted(room, "Approve")
    assert "Pay <!channel> the *dentist*" in card.shown and card.references == []
    ben.taps(card, "Approve").acknowledge()
    room.wait_for(lambda message: message.only_for is ben)
    with world.work() as work:
        assert work.suggestions.get(suggestion.id).status == "pending"
    desk.person.taps(card, "Approve").acknowledge()
    card.wait_for(lambda message: "Approve" not in message.labels)
    with world.work() as work:
        made = work.suggestions.approvals(suggestion.id)
        assert [(one.user_id, one.surface) for one in made] == [(world.actor.user_id, "slack")]


def test_what_needs_words_is_asked_in_a_modal_and_answered_alone(desk: Desk, world: World, room: Any) -> None:
    _let(world, "open")
    suggestion = _ask(world, task("Pay the dentist"))
    card = _posted(room, "Edit")
    desk.person.taps(card, "Edit").acknowledge()
    form = desk.person.wait_for_modal("Edit")
    desk.person.submits(form, {"Task": "Pay the dentist today"}).acknowledge()
    room.wait_for(lambda message: "Pay the dentist today" in message.shown)
    with world.work() as work:
        assert work.suggestions.get(suggestion.id).revision == 2


def test_a_renamed_channel_keeps_its_agents_and_one_that_nod_left_is_left(desk: Desk, world: World, room: Any) -> None:
    desk.person.renames(room, "all-hands")
    world.wait_until(lambda: [one.name for one in _rooms(world)] == ["#all-hands"])
    desk.person.removes_bot(room)
    world.wait_until(lambda: not _rooms(world))
    desk.person.dm.wait_for_text("#all-hands")


def test_an_archived_channel_that_nobody_told_us_of_is_left_at_the_next_card(
    desk: Desk, world: World, room: Any
) -> None:
    room.archived = True
    _ask(world, task())
    world.wait_until(lambda: not _rooms(world))
    desk.card()


def test_a_button_of_a_channel_that_is_not_connected_any_more_does_nothing(desk: Desk, world: World, room: Any) -> None:
    suggestion = _ask(world, task())
    stub = _posted(room, "Show it to me")
    desk.person.archives(room)
    world.wait_until(lambda: not _rooms(world))
    desk.person.unarchives(room)
    desk.person.taps(stub, "Show it to me").acknowledge()
    _told(room, desk.person, "not connected any more")
    with world.work() as work:
        assert work.suggestions.get(suggestion.id).status == "pending"


def test_a_long_card_of_a_channel_is_read_in_ones_own_messages_by_who_may_decide(
    desk: Desk, world: World, room: Any, member: Callable[[str], Any]
) -> None:
    _let(world, "open")
    ben = member("Ben")
    room.members.append(ben)
    long = mail("Re: Minutes")
    words = "\n\n".join(f"{number} " + "word " * 300 for number in range(20))
    _ask(world, long.model_copy(update={"input": {**long.input, "body": words}}))
    first = room.wait_for(lambda message: any(label.startswith("Read all") for label in message.labels))
    assert "Approve" not in first.labels
    read = next(label for label in first.labels if label.startswith("Read all"))
    ben.taps(first, read).acknowledge()
    _told(room, ben, "not for you to decide")
    desk.person.taps(first, read).acknowledge()
    desk.person.dm.wait_for(lambda message: "19 word" in message.shown)
    assert ben.dm.bot_messages == []
