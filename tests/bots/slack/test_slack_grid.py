"""An organisation of Enterprise Grid installs Nod once: each of its teams that uses it is a workspace of its own, as far as the organisation lets Nod in."""

import asyncio
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from pydantic import SecretStr

from bots.kit.parts import Parts
from bots.kit.screen import Button
from bots.slack.chats import Chats
from bots.slack.limits import Limits
from bots.slack.teams import NotInstalled, Team, Teams
from core.identity.register import add_link
from core.kernel.settings import Settings
from storage import Storage
from tests.bots.served import page
from tests.bots.slack.running import Desk, Running
from tests.emulators.slack import SlackEmulator
from tests.runners.world import World, task


@pytest.fixture
def globex(slack: SlackEmulator) -> Any:
    """The organisation, with two teams; Mia leads the organisation, Sue leads Support, Tom is of both, and an admin in Sales."""
    org = slack.org("Globex")
    sales, support = org.team("Sales"), org.team("Support")
    mia, sue = sales.person("Mia", locale="en-GB"), support.person("Sue", locale="en-GB")
    tom = sales.person("Tom", locale="en-GB", is_admin=True)
    org.also(tom, support)
    mia.is_org_admin = True
    assert sue.is_admin
    return org


@pytest.fixture
def whole(globex: Any) -> Any:
    """The organisation with Nod in both of its teams."""
    globex.install(by=globex.teams[0].people[0])
    globex.grants(*globex.teams)
    return globex


@pytest.fixture
def by_token(settings: Settings, slack: SlackEmulator, whole: Any) -> Settings:
    """Settings with the organisation's token, by Socket Mode."""
    given = {
        "slack_bot_token": SecretStr(whole.installation.bot_token),
        "slack_app_token": SecretStr(slack.app.app_token),
        "slack_api_url": slack.api_url,
    }
    return settings.model_copy(update=given)


@pytest.fixture
def up(parts: Parts, by_token: Settings) -> Iterator[Running]:
    with Running(parts, by_token) as running:
        yield running


@pytest.fixture
def installable(settings: Settings, slack: SlackEmulator) -> Settings:
    """Settings with which anybody may install Nod, by HTTP."""
    given = {
        "slack_signing_secret": SecretStr(slack.app.signing_secret), "slack_client_id": slack.app.client_id,
        "slack_client_secret": SecretStr(slack.app.client_secret), "slack_api_url": slack.api_url, "public_url": "https://nod.example.org",
    }  # fmt: skip
    return settings.model_copy(update=given)


def _labelled(person: Any, label: str) -> Any:
    return person.dm.wait_for(lambda message: label in message.labels)


def _sets_up(person: Any) -> None:
    label = f"Set up {person.team.name}"
    person.types("/nod").acknowledge()
    person.taps(_labelled(person, label), label).acknowledge()
    person.dm.wait_for_text(f"Welcome to {person.team.name}")


def test_each_team_of_an_organisation_is_a_workspace_of_its_own(up: Running, whole: Any, storage: Storage) -> None:
    (mia, tom, *_), (sue, tom_there, *_) = (team.people for team in whole.teams)
    _sets_up(mia)
    tom_there.types("/nod").acknowledge()
    told = tom.dm.wait_for_text("Only an admin of the team")
    assert told.labels == [], "an admin of one team sets no other one up"
    _sets_up(sue)
    sales, support = (storage.directory.by_slack_team(team.id) for team in whole.teams)
    assert sales is not None and support is not None and sales.workspace_id != support.workspace_id
    tom.says("hello")
    tom.taps(_labelled(tom, "Join Sales"), "Join Sales").acknowledge()
    tom.dm.wait_for_text("Welcome to Sales")
    [known] = storage.directory.links_of_account("slack", whole.teams[0].id, tom.id)
    assert known.workspace_id == sales.workspace_id
    assert storage.directory.links_of_account("slack", whole.teams[1].id, tom.id) == []


def test_cards_forms_and_the_home_work_through_the_organisations_installation(
    up: Running, whole: Any, world: World
) -> None:
    desk = Desk.linked(whole.teams[1], world, "Kim")
    world.suggest(task())
    card = desk.card()
    desk.person.taps(card, "Edit").acknowledge()
    desk.person.submits(desk.person.wait_for_modal("Edit"), {"Task": "Pay the rent"}).acknowledge()
    card.wait_for(lambda shown: "Pay the rent" in shown.shown)
    desk.person.opens_home()
    home = desk.person.wait_for_home("1 suggestion waits for you")
    desk.person.taps(home, "Tiny").acknowledge()
    desk.person.dm.wait_for(lambda shown: "Run it now" in shown.labels)
    desk.person.taps(card, "Approve").acknowledge()
    card.wait_for(lambda shown: "Approve" not in shown.labels)
    desk.person.shortcut(None, "New agent").acknowledge()
    desk.person.wait_for_modal("direct messages")


def test_an_organisation_installs_nod_lets_it_into_one_team_and_takes_it_out_again(
    parts: Parts, installable: Settings, globex: Any, world: World, slack: SlackEmulator, storage: Storage
) -> None:
    sales, support = globex.teams
    mia, sue = sales.people[0], support.people[0]
    with page(parts, installable) as (url, _):
        begun = httpx.get(f"{url}/slack/install")
        back = httpx.URL(mia.installs(begun.headers["location"], follow=False, whole_org=True).headers["location"])
        cookie = {"Cookie": begun.headers["set-cookie"].split(";")[0]}
        assert httpx.get(f"{url}/slack/oauth_redirect", params=dict(back.params), headers=cookie).status_code == 200
        assert storage.installations.find("", globex.id) is not None and storage.installations.find(sales.id) is None
        slack.listens(f"{url}/slack/events")
        with Running(parts, installable):
            globex.grants(support)
            desk = Desk.linked(support, world, "Kim")
            sue.types("/nod").acknowledge()
            _labelled(sue, "Set up Support")
            assert storage.installations.teams_of(globex.id) == [support.id]
            world.suggest(task())
            desk.card()
            globex.revokes(support)
            world.wait_until(lambda: not _reachable(world, desk), 60)
            assert storage.installations.teams_of(globex.id) == []
            assert storage.installations.find("", globex.id) is not None, "the organisation still has it"
            globex.grants(sales)
            mia.types("/nod").acknowledge()
            _labelled(mia, "Set up Sales")
            globex.uninstall()
            world.wait_until(lambda: storage.installations.find("", globex.id) is None, 60)
            world.wait_until(lambda: storage.installations.teams_of(globex.id) == [], 60)


def _reachable(world: World, desk: Desk) -> bool:
    with world.work() as work:
        return work.people.link(desk.actor.link_id).reachable


def test_installations_of_an_organisation_of_its_teams_and_of_a_team_stay_apart(storage: Storage) -> None:
    kept = storage.installations
    kept.save("T1", "", {"bot_token": "own", "refresh_token": "r1"})
    kept.save("", "E1", {"bot_token": "whole", "refresh_token": "r2"})
    for team in ("T1", "T2"):
        kept.save(team, "E1", {"team_name": team})
    own, whole, used = kept.find("T1"), kept.find("", "E1"), kept.through("T2")
    assert own is not None and whole is not None and used is not None and kept.find("T2") is None
    assert own.facts and own.facts["bot_token"] == "own" and whole.facts and whole.facts["bot_token"] == "whole"
    assert (used.enterprise_id, kept.teams_of("E1"), kept.orgs()) == ("E1", ["T1", "T2"], ["E1"])
    assert not kept.renew("T1", "r2", {"bot_token": "wrong"}) and not kept.renew("", "r2", {}, "E2")
    assert kept.renew("", "r2", {"bot_token": "newer", "refresh_token": "r3"}, "E1")
    assert kept.revoke("T1", "E1") and kept.through("T1") is None and kept.find("T1") is not None
    assert kept.revoke("", "E1") and kept.orgs() == [] and kept.find("", "E1") is None


def test_a_button_is_found_in_whichever_of_the_organisations_teams_it_was_made(parts: Parts, world: World) -> None:
    with world.work() as work:
        link = add_link(work, world.actor.user_id, "slack", "W1", "D1", "T2")
        work.commit()
    parts.storage.installations.save("T2", "E1", {"team_name": "Support"})
    token = parts.tokens.pack(Button(label="Inbox", action="inbox.open"), link.id)
    found = Chats(parts).opened_by(Team("T1", "U0", "xoxb-1", org="E1"), "W1", token)
    assert found is not None and found[0].link_id == link.id and found[1] == "inbox.open"
    assert Chats(parts).opened_by(Team("T1", "U0", "xoxb-1"), "W1", token) is None


def test_a_team_that_the_organisation_did_not_let_nod_into_is_not_reached(
    parts: Parts, installable: Settings, globex: Any, storage: Storage
) -> None:
    sales, support = globex.teams
    whole = globex.install(by=sales.people[0])
    storage.installations.save("", globex.id, {"bot_token": whole.bot_token, "bot_user_id": whole.bot_user_id})
    globex.grants(support)

    async def of(team_id: str) -> Team:
        teams = Teams(parts, installable, Limits())
        try:
            return await teams.of(team_id, globex.id)
        finally:
            await teams.close()

    found = asyncio.run(of(support.id))
    assert (found.name, found.org, found.token) == ("Support", globex.id, whole.bot_token)
    with pytest.raises(NotInstalled):
        asyncio.run(of(sales.id))
    assert storage.installations.teams_of(globex.id) == [support.id]
