"""Founding a family, inviting into it, joining by a code, changing between one's workspaces, leaving: in words and buttons, over real storage."""

from collections.abc import Callable

import pytest

from bots.kit import opening
from core.identity.invite import accept, invite, who_invites
from core.identity.roles import give_role
from core.identity.sign_in import vouch
from core.kernel.actor import Actor
from core.kernel.errors import Conflict, Forbidden, Invalid, LimitReached, NotFound
from core.messaging.post import refresh
from core.privacy.part import part
from tests.bots.dialogs import stage
from tests.bots.dialogs.person import Person, words_of

Arrives = Callable[..., Person]
ByTelegram = Callable[[Person], Person]


def _vouched(person: Person) -> Person:
    stage.changed(person, lambda work: vouch(work, person.actor.user_id))
    return person


def _now(person: Person) -> Person:
    """Whom their Telegram stands for by now."""
    [known, *_] = person.parts.storage.directory.links_of_account("telegram", "", "4711")
    actor = Actor(known.user_id, known.workspace_id, known.role, "telegram", link_id=known.id)
    made = Person(person.parts, actor, person.extra)
    made.looks()
    return made


@pytest.fixture
def founder(person: Person, by_telegram: ByTelegram) -> Person:
    """Owner of the family Klee, in a Telegram chat that speaks for it."""
    mia = by_telegram(_vouched(person))
    mia.extra[opening.BASE] = "https://t.me/nod_test_bot?start="
    mia.says("/team")
    mia.taps("Found a family")
    mia.fills(name="  Klee ")
    return _now(mia)


def _code(founder: Person, role: str = "member") -> str:
    with founder.work() as work:
        _, code = invite(work, founder.actor, role)  # pyright: ignore[reportArgumentType]
        work.commit()
    return code


def test_who_has_not_proved_their_address_is_told_what_to_do_and_founds_nothing(person: Person) -> None:
    with person.work() as work:
        email = work.people.user(person.actor.user_id).email
    person.says("/team")
    said = person.taps("Found a family")
    assert "not proved yet" in said and f"nod user verify {email}" in said
    assert len(person.parts.storage.directory.workspaces_of(person.actor.user_id)) == 1


def test_a_family_is_founded_in_a_chat_which_speaks_for_it_from_then_on(founder: Person, person: Person) -> None:
    with founder.work() as work:
        place = work.people.workspace()
        assert (place.kind, place.name, place.owner_id) == ("family", "Klee", person.actor.user_id)
    assert founder.actor.role == "owner" and founder.actor.workspace_id != person.actor.workspace_id
    assert "Invite somebody to decide together" in founder.says("/team") and "Found a" not in founder.last
    said = founder.says("/workspace")
    assert "Klee: owner" in said and "This chat speaks for it." in said and "Just you" in said
    founder.taps("Speak for Just you")
    back = _now(founder)
    assert back.actor.workspace_id == person.actor.workspace_id
    assert [
        one for one in founder.labels() if one.startswith("Speak for")
    ] == [] and "speaks for Just you" in founder.last


def test_an_invitation_says_who_invites_to_what_and_is_joined_by_a_tap_once(founder: Person, arrives: Arrives) -> None:
    founder.says("/team")
    founder.taps("Invite somebody")
    said = founder.taps("As approver")
    assert "https://t.me/nod_test_bot?start=" in said and "works once" in said
    code = said.split("/join ")[1].split("”")[0]
    tom, eve = arrives(), arrives()
    asked = tom.says(f"/start {code}")
    assert "invites you to the family “Klee”, as approver." in asked and tom.labels() == ["Join", "Not now"]
    joined = tom.taps("Join")
    assert "Welcome to Klee" in joined and "speak for it now" in joined
    founder.looks()
    assert "joined by your invitation" in founder.last
    with founder.work() as work:
        assert work.people.membership(tom.actor.user_id).role == "approver" and work.people.invitations() == []
    assert "works no more" in eve.says(f"/join {code}")
    assert "approver" in tom.says("/workspace")
    tom.taps("Speak for Klee")
    [button] = [one for row in tom.last_screen.buttons for one in row]
    assert button.url is not None and button.url.startswith("/enter/")


def test_an_invitation_that_is_called_off_or_of_somebody_who_may_not_invite_any_more_lets_nobody_in(
    founder: Person, arrives: Arrives
) -> None:
    tom, code = arrives(), _code(founder)
    founder.says("/team")
    founder.taps("Invite somebody")
    assert "called off" in founder.taps("Call off no. 1").lower()
    assert "works no more" in tom.says(f"/join {code}")
    admin, code = arrives(), _code(founder, "admin")
    admin.says(f"/join {code}")
    admin.taps("Join")
    there = Actor(admin.actor.user_id, founder.actor.workspace_id, "admin", "web")
    with founder.parts.storage.work(there.workspace_id, there.user_id) as work:
        _, code = invite(work, there, "member")
        work.commit()
    stage.changed(founder, lambda work: give_role(work, founder.actor, there.user_id, "member"))
    assert "works no more" in tom.says(f"/join {code}")


def test_only_owner_and_admins_invite_nobody_into_a_personal_workspace_and_not_without_end(
    founder: Person, person: Person, arrives: Arrives
) -> None:
    with person.work() as work, pytest.raises(Invalid, match="invite_personal"):
        invite(work, person.actor, "member")
    with founder.work() as work, pytest.raises(Invalid, match="role_unknown"):
        invite(work, founder.actor, "owner")
    tom, code = arrives(), _code(founder)
    tom.says(f"/join {code}")
    tom.taps("Join")
    there = Actor(tom.actor.user_id, founder.actor.workspace_id, "member", "web")
    with founder.parts.storage.work(there.workspace_id, there.user_id) as work, pytest.raises(Forbidden):
        invite(work, there, "viewer")
    with founder.work() as work:
        for _ in range(50):
            invite(work, founder.actor, "viewer")
        with pytest.raises(LimitReached):
            invite(work, founder.actor, "viewer")


def test_two_who_take_the_same_invitation_at_once_are_not_both_in(founder: Person, arrives: Arrives) -> None:
    tom, eve, code = arrives(), arrives(), _code(founder)
    known = who_invites(founder.parts.storage.directory, code)
    for one in (tom, eve):
        with founder.parts.storage.work(known.workspace_id, one.actor.user_id) as work:
            if one is eve:
                with pytest.raises(Invalid, match="invitation_refused"):
                    accept(work, one.actor.user_id, known)
            else:
                accept(work, one.actor.user_id, known)
                work.commit()


def test_who_leaves_or_is_removed_gets_in_no_more_and_the_last_owner_stays(founder: Person, arrives: Arrives) -> None:
    tom, code = arrives(), _code(founder, "approver")
    tom.says(f"/join {code}")
    tom.taps("Join")
    place = founder.actor.workspace_id
    there = Person(tom.parts, Actor(tom.actor.user_id, place, "approver", "web"))
    agent = stage.agent(there)
    with founder.work() as work, pytest.raises(Conflict, match="last_owner"):
        part(work, founder.actor, founder.actor.user_id)
    with there.work() as work, pytest.raises(Forbidden, match="removal_not_yours"):
        part(work, there.actor, founder.actor.user_id)
    founder.looks()
    founder.says("/team")
    founder.taps("Roles")
    label = next(one for one in founder.labels() if one.endswith(": approver"))
    founder.taps(label)
    assert "Their agents here are paused" in founder.taps("Remove from here")
    assert "not here any more" in founder.taps("Remove from here")
    with founder.work() as work:
        assert work.agents.get(agent.id).status == "paused"
        assert [one.user_id for one in work.people.active_members()] == [founder.actor.user_id]
    with founder.work() as work, pytest.raises(NotFound):
        part(work, founder.actor, there.actor.user_id)
    assert "Klee" not in tom.says("/workspace")
    code = _code(founder, "viewer")
    tom.says(f"/join {code}")
    tom.taps("Join")
    with founder.work() as work:
        assert work.people.membership(tom.actor.user_id).role == "viewer", "back, as what they were invited"


def test_a_card_says_from_which_workspace_it_is_as_long_as_its_person_is_in_several(
    founder: Person, person: Person, arrives: Arrives
) -> None:
    tom, code = arrives(), _code(founder)
    [made] = stage.suggests(tom, stage.mail())
    assert "Reply to" in tom.last and "Workspace" not in tom.last, "there is only one"
    tom.says(f"/join {code}")
    tom.taps("Join")
    stage.changed(tom, lambda work: refresh(work, "suggestion", made.id))
    tom.looks()
    card = next(words_of(one) for one in tom.screens.values() if "Reply to" in words_of(one))
    assert card.splitlines()[1] == "Workspace: Just you"
    stage.suggests(person, stage.mail())
    assert "Workspace: Just you" in person.last
    stage.suggests(founder, stage.mail())
    assert "Workspace: Klee" in founder.last
    with founder.parts.storage.work(founder.actor.workspace_id, tom.actor.user_id) as work:
        part(work, Actor(tom.actor.user_id, founder.actor.workspace_id, "member", "web"), tom.actor.user_id)
        work.commit()
    stage.suggests(tom, stage.mail())
    assert "Reply to" in tom.last and "Workspace" not in tom.last, "there is only one again"
