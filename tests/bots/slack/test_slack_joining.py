"""Strangers at Slack: a team's workspace, its members and their roles, and accounts that are linked by a code."""

from core.identity.prove import make_code
from storage import Storage
from tests.bots.slack.running import Running
from tests.runners.world import World


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
