"""Strangers at Slack: a team's workspace, its members and their roles, and accounts that are linked by a code."""

from core.identity.invite import invite, speak_for
from core.identity.join import found
from core.identity.ports import Known
from core.identity.prove import make_code
from core.kernel.actor import Actor, Role
from core.kernel.ids import new_id
from core.privacy.leave import leave
from storage import Storage
from tests.bots.slack.running import Desk, Running
from tests.databases import somebody
from tests.runners.world import World, mail


def _labelled(person, label: str):
    return person.dm.wait_for(lambda message: label in message.labels)


def test_an_admin_sets_the_team_up_and_colleagues_join_it_with_their_roles(
    acme, door: Running, storage: Storage
) -> None:
    mia, tom = acme.members[0], acme.person("Tom")
    mia.types("/nod").acknowledge()
    mia.taps(_labelled(mia, "Set up Acme"), "Set up Acme").acknowledge()
    mia.dm.wait_for_text("Welcome to Acme")
    tom.says("hello")
    tom.taps(_labelled(tom, "Join Acme"), "Join Acme").acknowledge()
    tom.dm.wait_for_text("Welcome to Acme")
    team = storage.directory.by_slack_team(acme.id)
    assert team is not None
    with storage.work(team.workspace_id, team.user_id) as work:
        assert work.people.workspace().kind == "team"
        assert sorted(member.role for member in work.people.members()) == ["member", "owner"]


def test_who_is_no_admin_cannot_set_the_team_up(acme, door: Running, storage: Storage) -> None:
    tom = acme.person("Tom")
    tom.says("hello")
    told = tom.dm.wait_for_text("Only an admin of the team")
    assert told.labels == []
    assert storage.directory.by_slack_team(acme.id) is None


def test_a_guest_is_told_that_guests_cannot_join(acme, door: Running) -> None:
    guest = acme.person("Gus", is_restricted=True)
    guest.says("hello")
    assert guest.dm.wait_for_text("Guests").labels == []


def test_a_code_links_the_account_that_made_it_after_a_yes(acme, door: Running, world: World) -> None:
    tom = acme.person("Tom")
    with world.work() as work:
        code = make_code(work, world.actor)
        work.commit()
    tom.types(f"/nod link {code}").acknowledge()
    asked = _labelled(tom, "Link")
    assert world.storage.directory.by_link("slack", acme.id, tom.id) is None
    tom.taps(asked, "Link").acknowledge()
    asked.wait_for(lambda message: "Linked." in message.shown)
    found = world.storage.directory.by_link("slack", acme.id, tom.id)
    assert found is not None
    assert found.user_id == world.actor.user_id


def test_when_nod_is_taken_out_of_the_team_deliveries_end_and_its_agents_stop(desk, world: World) -> None:
    with world.work() as work:
        work.people.link(world.actor.link_id).reachable = False
        work.commit()
    desk.team.uninstall(by=desk.team.members[0])

    def stopped() -> bool:
        with world.work() as work:
            return (
                not work.people.link(desk.actor.link_id).reachable
                and work.agents.get(world.agent_id).status == "paused"
            )

    world.wait_until(stopped, 60)


def _family(world: World) -> Actor:
    """Founded by the world's person; they as its owner."""
    owner = Actor(world.actor.user_id, new_id(), "owner", "web")
    with world.storage.work(owner.workspace_id, owner.user_id) as work:
        found(work, owner, "family", "Klee", verified=True)
        work.commit()
    return owner


def _invitation(world: World, owner: Actor, role: Role = "member") -> str:
    with world.storage.work(owner.workspace_id, owner.user_id) as work:
        _, code = invite(work, owner, role)
        work.commit()
    return code


def _accounts(storage: Storage, team, person) -> list[Known]:
    return storage.directory.links_of_account("slack", team.id, person.id)


def test_a_stranger_joins_where_they_are_invited_and_their_chat_changes_between_their_workspaces(
    acme, door: Running, world: World, storage: Storage
) -> None:
    owner, lea = _family(world), acme.person("Lea", locale="en-GB")
    code = _invitation(world, owner)
    lea.says(code)
    asked = _labelled(lea, "Join")
    assert "to the family “Klee”, as member" in asked.shown and "makes an account for you" in asked.shown
    assert _accounts(storage, acme, lea) == [], "looking joins nobody"
    lea.taps(asked, "Join").acknowledge()
    asked.wait_for(lambda shown: "You joined" in shown.shown and not shown.labels)
    lea.dm.wait_for(lambda shown: bool(shown.labels))
    [family, own] = _accounts(storage, acme, lea)
    assert (family.workspace_id, family.role, own.role) == (owner.workspace_id, "member", "owner")
    with storage.work(own.workspace_id, own.user_id) as work:
        assert (
            work.people.workspace().kind == "personal" and work.people.profile(own.user_id).timezone == "Europe/Berlin"
        )

    lea.types("/nod workspace").acknowledge()
    page = lea.dm.wait_for(lambda shown: "Speak for Just you" in shown.labels)
    assert "Klee" in page.shown and "goes to one of them" in page.shown
    lea.taps(page, "Speak for Just you").acknowledge()
    lea.dm.wait_for_text("This chat speaks for Just you")
    assert [one.workspace_id for one in _accounts(storage, acme, lea)] == [own.workspace_id, family.workspace_id]
    lea.types("/nod workspace").acknowledge()
    lea.dm.wait_for(lambda shown: "Speak for Klee" in shown.labels)


def test_cards_of_another_workspace_are_decided_where_they_belong_by_tap_by_form_and_by_an_answer_beneath(
    desk: Desk, world: World
) -> None:
    owner, tom = _family(world), desk.person
    first = world.suggest(mail())
    card = desk.card()
    with world.storage.work(owner.workspace_id, owner.user_id) as work:
        speak_for(work, owner.user_id, "slack", desk.team.id, tom.id, tom.dm.id, True)
        work.commit()
    [now, before] = _accounts(world.storage, desk.team, tom)
    assert (now.workspace_id, before.workspace_id) == (owner.workspace_id, world.actor.workspace_id)
    tom.taps(card, "Edit").acknowledge()
    tom.submits(tom.wait_for_modal("Edit"), {"Subject": "Re: Another offer"}).acknowledge()
    card.wait_for(lambda shown: "Re: Another offer" in shown.shown)
    tom.says("Gladly, on Thursday.", thread=card)
    card.wait_for(lambda shown: "Gladly, on Thursday." in shown.shown)
    tom.taps(card, "Approve").acknowledge()
    card.wait_for(lambda shown: "Approve" not in shown.labels)
    with world.work() as work:
        assert work.suggestions.get(first.id).status == "approved"


def test_a_known_account_is_asked_as_everybody_and_keeps_its_own_workspace(desk: Desk, world: World) -> None:
    other = somebody(world.storage)
    with world.storage.work(other.workspace_id, other.user_id) as work:
        work.people.workspace().kind = "family"
        work.people.workspace().name = "Weber"
        work.commit()
    with world.storage.work(other.workspace_id, other.user_id) as work:
        _, code = invite(work, Actor(other.user_id, other.workspace_id, "owner", "web"), "approver")
        work.commit()
    desk.person.types(f"/nod join {code}").acknowledge()
    desk.person.taps(_labelled(desk.person, "Join"), "Join").acknowledge()
    welcome = _labelled(desk.person, "Speak for Weber")
    assert _accounts(world.storage, desk.team, desk.person)[0].workspace_id == world.actor.workspace_id
    desk.person.taps(welcome, "Speak for Weber").acknowledge()
    desk.person.dm.wait_for_text("This chat speaks for Weber")
    assert _accounts(world.storage, desk.team, desk.person)[0].workspace_id == other.workspace_id


def test_who_left_comes_back_by_the_code_sent_by_their_own_slack_and_by_nobody_elses(desk: Desk, world: World) -> None:
    with world.work() as work:
        code = leave(work, world.actor, work.people.user(world.actor.user_id).email).code
        work.commit()
    eve = desk.team.person("Eve")
    eve.says(code)
    eve.dm.wait_for_text("code does not work")
    assert _accounts(world.storage, desk.team, desk.person) == []
    desk.person.says(code)
    desk.person.dm.wait_for_text("Welcome back")
    assert [one.user_id for one in _accounts(world.storage, desk.team, desk.person)] == [world.actor.user_id]


def test_when_nod_is_taken_out_of_a_team_what_it_delivered_for_other_workspaces_ends_too(
    desk: Desk, world: World
) -> None:
    owner, tom = _family(world), desk.person
    with world.storage.work(owner.workspace_id, owner.user_id) as work:
        link = speak_for(work, owner.user_id, "slack", desk.team.id, tom.id, tom.dm.id, True)
        work.commit()
    desk.team.uninstall(by=desk.team.members[0])

    def ended() -> bool:
        with world.storage.work(owner.workspace_id, owner.user_id) as work:
            return not work.people.link(link.id).reachable

    world.wait_until(ended, 60)


def test_who_has_an_account_of_their_own_sets_their_team_up_or_joins_it_and_keeps_the_account(
    desk: Desk, world: World, acme
) -> None:
    tom, storage = desk.person, world.storage
    tom.types("/nod workspace").acknowledge()
    page = _labelled(tom, "Set up my Slack team")
    tom.taps(page, "Set up my Slack team").acknowledge()
    tom.dm.wait_for(lambda shown: shown.only_for is tom and "Only an admin of the team" in shown.text)
    assert storage.directory.by_slack_team(acme.id) is None
    mia = acme.members[0]
    mia.types("/nod").acknowledge()
    mia.taps(_labelled(mia, "Set up Acme"), "Set up Acme").acknowledge()
    mia.dm.wait_for_text("Welcome to Acme")
    tom.types("/nod workspace").acknowledge()
    tom.taps(_labelled(tom, "Join my Slack team"), "Join my Slack team").acknowledge()
    tom.dm.wait_for_text("This chat speaks for Acme")
    team = storage.directory.by_slack_team(acme.id)
    assert team is not None
    [now, own] = _accounts(storage, acme, tom)
    assert (now.workspace_id, now.user_id, now.role) == (team.workspace_id, world.actor.user_id, "member")
    assert own.workspace_id == world.actor.workspace_id
    tom.types("/nod workspace").acknowledge()
    assert "Join my Slack team" not in _labelled(tom, "Speak for Just you").labels
