"""Agents that ask in a group: connected by a member, tapped by those who may, and nobody else's business."""

from dataclasses import dataclass
from uuid import UUID

import pytest

from core.approvals.models import Suggestion
from core.approvals.policy import PolicySpec, put_policy
from core.approvals.rooms import ask_in_rooms, let_ask
from core.identity.models import Membership
from core.identity.register import add_link
from core.kernel.actor import Actor
from core.kernel.ids import new_id
from core.messaging.models import Room
from tests.bots.telegram.running import Phone
from tests.databases import somebody
from tests.emulators.telegram import Group, Message, Person, TelegramEmulator
from tests.runners.world import World, mail, task


@dataclass
class Team:
    """A group with the owner of the agent (Mia), a member of the workspace (Tom) and somebody else (Eve)."""

    group: Group
    mia: Person
    tom: Person
    eve: Person
    room: Room


def _link(telegram: TelegramEmulator, world: World, actor: Actor, workspace_id: UUID, name: str) -> Person:
    """Somebody's Telegram, linked in that workspace, past the first hello."""
    person = telegram.user(name)
    with world.storage.work(workspace_id, actor.user_id) as work:
        if workspace_id != actor.workspace_id:
            work.people.add(
                Membership(
                    id=new_id(), workspace_id=workspace_id, user_id=actor.user_id, role="member", created_at=work.now
                )
            )
        add_link(work, actor.user_id, "telegram", str(person.id), str(person.id))
        work.commit()
    person.sends("/start")
    person.chat.wait_for(lambda shown: bool(shown.labels))
    return person


@pytest.fixture
def tom(phone: Phone, telegram: TelegramEmulator, world: World) -> Person:
    """A member of the world's workspace who may not decide."""
    return _link(telegram, world, somebody(world.storage), world.actor.workspace_id, "Tom")


@pytest.fixture
def team(phone: Phone, telegram: TelegramEmulator, world: World, tom: Person) -> Team:
    eve = telegram.user("Eve")
    group = telegram.group("Offers", [phone.person, tom, eve])
    group.wait_for_text("/nod")
    command = phone.person.sends("/nod@nod_test_bot", chat=group)
    group.wait_for_text("connected this room")
    phone.person.chat.wait_for_text("The room is connected")
    command.wait_for(lambda sent: bool(sent.reactions))
    with world.work() as work:
        [room] = work.rooms.all()
    assert (room.name, room.address) == ("Offers", str(group.id))
    return Team(group, phone.person, tom, eve, room)


def _asks(world: World, team: Team, shown: str) -> Suggestion:
    with world.work() as work:
        let_ask(work, world.actor, team.room.id, world.agent_id, shown)  # pyright: ignore[reportArgumentType]
        work.commit()
    return _suggests(world)


def _suggests(world: World) -> Suggestion:
    """A suggestion, with its card in the person's chat and in the rooms where the agent asks."""
    suggestion = world.suggest(mail())
    with world.work() as work:
        ask_in_rooms(work, work.suggestions.get(suggestion.id))
        work.commit()
    return suggestion


def _status(world: World, suggestion: Suggestion) -> str:
    with world.work() as work:
        return work.suggestions.get(suggestion.id).status


def test_a_stub_says_who_asks_and_the_card_comes_to_who_may_decide_alone(team: Team, world: World) -> None:
    suggestion = _asks(world, team, "stub")
    stub = team.group.wait_for(lambda shown: "Show it to me" in shown.labels)
    assert "asks for a decision" in stub.text and "kim@example.net" not in stub.text and "Yes, gladly" not in stub.text
    before = team.mia.chat.last
    assert "own chat" in team.mia.taps(stub, "Show it to me").answer()
    card = team.mia.chat.wait_for(lambda shown: "Approve" in shown.labels, after=before)
    refusal = team.tom.taps(stub, "Show it to me").answer()
    assert refusal.show_alert and "not for you" in refusal and "Who can decide" in refusal
    assert "not linked" in team.eve.taps(stub, "Show it to me").answer()
    assert all("kim@example.net" not in one.text for one in (*team.tom.chat.messages, *team.eve.chat.messages))
    assert "Approved" in team.mia.taps(card, "Approve").answer()
    stub.wait_for(lambda shown: "Approved by" in shown.text)
    assert _status(world, suggestion) == "approved" and "kim@example.net" not in stub.text


def test_an_open_card_is_decided_in_the_group_by_those_who_may_and_everybody_learns_the_truth(
    team: Team, world: World
) -> None:
    suggestion = _asks(world, team, "open")
    card = team.group.wait_for(lambda shown: "Approve" in shown.labels)
    assert "kim@example.net" in card.text
    refusal = team.tom.taps(card, "Approve").answer()
    assert refusal.show_alert and _status(world, suggestion) == "pending"
    assert "Approved" in team.mia.taps(card, "Approve").answer()
    card.wait_for(lambda shown: "Approve" not in shown.labels and "Approved by" in shown.text)
    assert _status(world, suggestion) == "approved"


def test_with_a_rule_for_two_each_yes_is_its_own(team: Team, world: World) -> None:
    with world.work() as work:
        put_policy(work, world.actor, "mail.send", PolicySpec(quorum=2, allowed_roles=("owner", "member")))
        work.commit()
    suggestion = _asks(world, team, "open")
    card = team.group.wait_for(lambda shown: "Approve" in shown.labels)
    team.mia.taps(card, "Approve").answer()
    card.wait_for(lambda shown: "1 yes is needed" in shown.text)
    assert "said yes already" in team.mia.taps(card, "Approve").answer(), "the same person is not two"
    assert _status(world, suggestion) == "pending"
    team.tom.taps(card, "Approve").answer()
    card.wait_for(lambda shown: "Approve" not in shown.labels)
    assert _status(world, suggestion) == "approved"


def test_commands_and_answers_to_cards_in_a_group_are_answered_in_private(team: Team, world: World) -> None:
    suggestion = _asks(world, team, "open")
    card = team.group.wait_for(lambda shown: "Approve" in shown.labels)
    said = team.mia.sends("/inbox@nod_test_bot", chat=team.group)
    said.wait_for(lambda sent: bool(sent.reactions))
    team.mia.chat.wait_for(lambda shown: any("Re:" in label or "Reply" in label for label in shown.labels))
    talk = team.mia.sends("/inbox@another_bot", chat=team.group)
    team.mia.replies(card, "Thursday would be better.\n")
    newer = team.mia.chat.wait_for(lambda shown: "Thursday would be better." in shown.text)
    assert "Approve" in newer.labels and not talk.reactions
    with world.work() as work:
        assert work.suggestions.get(suggestion.id).revision == 2
    card.wait_for(lambda shown: "Thursday would be better." in shown.text)


def test_what_goes_on_in_a_group_is_followed(team: Team, world: World, telegram: TelegramEmulator) -> None:
    anonymous = team.mia.sends("/nod", chat=team.group, anonymously=True)
    team.group.wait_for_text("cannot see who you are")
    assert not anonymous.reactions
    team.eve.sends("/nod", chat=team.group)
    team.group.wait_for_text("do not know your Telegram")
    _asks(world, team, "stub")
    stub = team.group.wait_for(lambda shown: "Show it to me" in shown.labels)
    forged = team.mia.taps_data(stub, str(stub.button("Show").data)[:-1] + "x").answer()
    assert forged.show_alert
    team.group.silences_bot(team.mia)
    team.mia.chat.wait_for_text("cannot write in “Offers”")
    with world.work() as work:
        assert work.rooms.all() == []
    assert "alone" in team.mia.taps(stub, "Show it to me").answer()


def test_a_group_that_becomes_a_supergroup_or_throws_the_bot_out_is_known(
    phone: Phone, world: World, telegram: TelegramEmulator
) -> None:
    small = telegram.group("Small", [phone.person], kind="group")
    phone.person.sends("/nod", chat=small)
    small.wait_for_text("connected this room")
    large = small.upgrades()
    world.wait_until(lambda: _addresses(world) == [str(large.id)])
    large.removes_bot(phone.person)
    phone.person.chat.wait_for_text("cannot write in “Small”")
    assert _addresses(world) == []


def test_a_group_that_moved_while_something_was_sent_is_followed(
    phone: Phone, world: World, telegram: TelegramEmulator
) -> None:
    small = telegram.group("Small", [phone.person], kind="group")
    phone.person.sends("/nod", chat=small)
    small.wait_for_text("connected this room")
    with world.work() as work:
        [room] = work.rooms.all()
        let_ask(work, world.actor, room.id, world.agent_id, "stub")
        work.commit()
    with telegram.world.lock:
        telegram.world.updates.allowed = ["callback_query"]
    _suggests(world)
    old = small.wait_for(lambda shown: "Show it to me" in shown.labels)
    large = small.upgrades()
    suggestion = world.suggest(task("A second one"))
    with world.work() as work:
        ask_in_rooms(work, suggestion)
        work.commit()
    large.wait_for(lambda _: len(_stubs(large)) == 2)
    assert _addresses(world) == [str(large.id)], "what can still be decided is asked there once more"
    world.approve(suggestion)
    large.wait_for(lambda shown: "Approved" in shown.text)
    assert len(old.versions) == 1 and len(large.bot_messages) == 2, "each card changes in its own place"


def _stubs(group: Group) -> list[Message]:
    return [message for message in group.bot_messages if "Show it to me" in message.labels]


def test_another_workspace_finds_a_connected_group_taken(team: Team, world: World, telegram: TelegramEmulator) -> None:
    other = somebody(world.storage, "other@example.org")
    zoe = _link(telegram, world, other, other.workspace_id, "Zoe")
    team.group.adds(zoe)
    zoe.sends("/nod", chat=team.group)
    zoe.chat.wait_for_text("another workspace")
    assert not team.group.wait_for_text("I answered you in private").reactions
    _asks(world, team, "open")
    card = team.group.wait_for(lambda shown: "Approve" in shown.labels)
    refusal = zoe.taps(card, "Approve").answer()
    assert refusal.show_alert and "Only members" in refusal


def test_the_name_of_a_group_stays_words(phone: Phone, telegram: TelegramEmulator) -> None:
    group = telegram.group("/stop @boss <b>x</b> https://evil.example", [phone.person])
    phone.person.sends("/nod", chat=group)
    page = phone.person.chat.wait_for_text("The room is connected")
    assert "/stop @boss <b>x</b> https://evil.example" in page.seen
    told = [page, *group.bot_messages]
    assert not {"mention", "url", "text_link", "hashtag"} & {span.type for one in told for span in one.spans}
    assert "/stop" not in [span.text for one in told for span in one.spans]


def _addresses(world: World) -> list[str]:
    with world.work() as work:
        return [room.address for room in work.rooms.all()]
