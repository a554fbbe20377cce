"""Deciding together: whose yes counts and in whose place, what each who taps is told, handing decisions over until a day, and being asked again before it is too late."""

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from core.approvals import decide, execute, wake
from core.approvals.delegate import delegate
from core.approvals.models import Suggestion
from core.approvals.policy import DEFAULT, PolicySpec, put_policy
from core.identity.roles import give_role
from core.kernel.errors import Conflict, Failure, Forbidden, Invalid
from tests.bots.dialogs import stage
from tests.bots.dialogs.person import Person, words_of

Joins = Callable[..., Person]


def _rule(person: Person, operation: str = DEFAULT, **said: object) -> None:
    with person.work() as work:
        put_policy(work, person.actor, operation, PolicySpec.model_validate(said))
        work.commit()


def _handed(by: Person, to: Person, **about: Any) -> Any:
    with by.work() as work:
        made = delegate(work, by.actor, to.actor.user_id, work.now + timedelta(days=3), **about)
        work.commit()
    by.looks()
    to.looks()
    return made


def _at(person: Person, made: Suggestion, **times: Any) -> None:
    """Time passes: what is due relative to now is done."""

    def change(work: Any) -> None:
        found = work.suggestions.get(made.id)
        for name, ahead in times.items():
            setattr(found, name, None if ahead is None else work.now + ahead)

    stage.changed(person, change)
    stage.changed(person, lambda work: wake.wake(work, made.id))


def _named(person: Person, name: str) -> Person:
    def call(work: Any) -> None:
        work.people.user(person.actor.user_id).preferred_name = name

    stage.changed(person, call)
    return person


def test_everybody_who_is_needed_gets_a_card_and_two_different_people_have_to_say_yes(
    person: Person, joins: Joins
) -> None:
    ana, kim, max_ = _named(person, "Ana"), joins(person, "approver", "Kim"), joins(person, "member", "Max")
    _rule(ana, quorum=2, allowed_roles=["owner", "approver"])
    [made] = stage.suggests(ana, stage.mail())
    for other in (kim, max_):
        other.looks()
    assert max_.screens == {}, "who may not decide is not asked"
    assert "2 more yeses are needed" in kim.last and "2 more yeses are needed" in ana.last
    place, yes = ana.button("Approve")
    ana.taps("Approve")
    assert ana.toast == "Noted. One more person has to approve." and stage.of(ana, made.id).status == "pending"
    assert "Yes from you, " in ana.last and "1 yes is needed." in ana.last and "Who can decide: Kim." in ana.last
    assert ana.labels() == ["Edit", "Snooze", "Reject", "Details"]
    ana.presses(yes, place)
    assert ana.toast.startswith("You said yes already, ") and "1 more person has to." in ana.toast
    with ana.work() as work:
        assert [one.decision for one in work.suggestions.approvals(made.id)] == ["approve"]
    kim.looks()
    assert "Yes from Ana, " in kim.last
    kim.taps("Approve")
    assert kim.toast == "Approved, sending in 10 s." and stage.of(ana, made.id).status == "approved"
    ana.looks()
    ana.presses(yes, place)
    assert ana.toast.startswith("Already approved by Kim, ")
    ana.taps("Details")
    assert "Version 1 approved by you, " in ana.last and "Version 1 approved by Kim, " in ana.last
    assert "in the web chat" in ana.last and "in Telegram" in ana.last


def test_after_undo_every_yes_is_needed_again(person: Person, joins: Joins) -> None:
    kim = joins(person, "approver", "Kim")
    _rule(person, quorum=2)
    [made] = stage.suggests(person, stage.mail())
    person.taps("Approve")
    kim.looks()
    kim.taps("Approve")
    kim.taps("Undo")
    assert stage.of(person, made.id).status == "pending"
    kim.taps("Approve")
    assert stage.of(person, made.id).status == "pending", "the other yes is void, too"
    person.looks()
    person.taps("Approve")
    assert stage.of(person, made.id).status == "approved"


def test_one_no_ends_it_whoever_of_them_says_so(person: Person, joins: Joins) -> None:
    kim = joins(person, "approver", "Kim")
    _rule(person, quorum=2)
    [made] = stage.suggests(person, stage.mail())
    person.taps("Approve")
    kim.looks()
    kim.taps("Reject")
    assert stage.of(person, made.id).status == "rejected"
    person.looks()
    assert "Rejected by Kim, " in person.last


def test_an_edit_voids_the_yeses_before_it(person: Person, joins: Joins) -> None:
    kim = joins(person, "approver", "Kim")
    _rule(person, quorum=2)
    [made] = stage.suggests(person, stage.mail())
    person.taps("Approve")
    kim.looks()
    with kim.work() as work:
        decide.edit(work, kim.actor, made.id, 1, {"body": "Thursday."})
        work.commit()
    kim.looks()
    assert "2 more yeses are needed" in kim.last
    kim.taps("Approve")
    assert stage.of(person, made.id).status == "pending"


def test_people_named_in_a_rule_decide_whatever_their_role_and_the_form_offers_them(
    person: Person, joins: Joins
) -> None:
    max_, kim = joins(person, "member", "Max"), joins(person, "admin", "Kim")
    person.says("/team")
    person.taps("Rules for approvals")
    person.taps("Add a rule")
    person.taps("Sending mail")
    person.fills(roles=[], people=[], escalate_to="none")
    assert "Choose at least one role or one person." in str(person.last_screen)
    person.fills(roles=[], people=[str(max_.actor.user_id)], escalate_to=str(kim.actor.user_id))
    assert "only after the yes of one of these people: Max." in person.last
    assert "If nobody answers, Kim is asked before it lapses" in person.last
    person.taps("Yes, from now on")
    [made] = stage.suggests(person, stage.mail())
    for other in (kim, max_):
        other.looks()
    assert kim.screens == {}, "who is asked last is not asked yet"
    assert person.labels() == ["Details"] and "Who can decide: Max and Kim." in person.last
    max_.taps("Approve")
    assert stage.of(person, made.id).status == "approved"


def test_a_viewer_is_named_in_no_rule(person: Person, joins: Joins) -> None:
    viewer = joins(person, "viewer", "Vi")
    for said in ({"allowed_people": [viewer.actor.user_id]}, {"escalate_to": viewer.actor.user_id}):
        with pytest.raises(Invalid, match="policy_person_unable"):
            _rule(person, **said)
    with pytest.raises(Failure, match="user_unknown"):
        _rule(person, allowed_people=["00000000-0000-7000-8000-000000000000"])


def test_a_delegate_decides_in_the_others_place_until_it_is_over(person: Person, joins: Joins) -> None:
    ana, kim = _named(person, "Ana"), joins(person, "member", "Kim")
    [before] = stage.suggests(ana, stage.mail())
    ana.says("/team")
    assert "Kim: member" in ana.last
    ana.taps("Hand over my decisions")
    with ana.work() as work:
        day = ana.chat(work).place.local(work.now + timedelta(days=2)).date().isoformat()
    ana.fills(to=str(kim.actor.user_id), about="all", until=day)
    assert "Kim decides in your place: everything, until " in ana.last
    ana.taps("Yes, hand over")
    assert "Kim for you: everything, until " in ana.last and "Take it back from Kim" in ana.labels()
    kim.looks()
    told = [words_of(one) for one in kim.screens.values()]
    assert any("Ana handed their decisions to you, until " in one for one in told)
    assert "You decide this in place of Ana." in told[-1], "what waits already is put before the delegate"
    kim.taps("Approve")
    ana.looks()
    assert "Approved by Kim for you, " in "\n".join(map(words_of, ana.screens.values()))
    with ana.work() as work:
        [approval] = work.suggestions.approvals(before.id)
        assert (approval.user_id, approval.for_user_id) == (kim.actor.user_id, ana.actor.user_id)
    ana.taps("Details")
    assert "Version 1 approved by Kim for you, " in ana.last
    [after] = stage.suggests(ana, stage.mail())
    kim.looks()
    place, yes = kim.button("Approve")
    kim.says("/team")
    kim.taps("No longer for Ana")
    assert "It is over." in kim.last
    ana.looks()
    assert "Kim ended it" in ana.last
    kim.presses(yes, place)
    assert "Only these people can: Ana." in kim.toast and stage.of(ana, after.id).status == "pending"
    assert "Tuesday works" not in words_of(kim.screens[place]), "it is none of their business any more"


def test_a_delegation_ends_by_itself_and_reaches_no_further_than_it_says(person: Person, joins: Joins) -> None:
    kim = joins(person, "member", "Kim")
    agent, other = stage.agent(person), stage.agent(person)
    handed = _handed(person, kim, agent_id=agent.id, operation=None)
    [far] = stage.suggests(person, stage.mail(), by=other)
    [near] = stage.suggests(person, stage.mail(), by=agent)
    with kim.work() as work, pytest.raises(Forbidden, match="not_allowed"):
        decide.approve(work, kim.actor, far.id, 1)
    with kim.work() as work:
        assert decide.approve(work, kim.actor, near.id, 1).execution is not None
    with person.work() as work:
        with pytest.raises(Conflict, match="delegation_there"):
            delegate(work, person.actor, kim.actor.user_id, work.now + timedelta(days=1), agent_id=agent.id)
        for days, code in ((-1, "delegation_past"), (100, "delegation_long")):
            with pytest.raises(Invalid, match=code):
                delegate(work, person.actor, kim.actor.user_id, work.now + timedelta(days=days))
        with pytest.raises(Invalid, match="delegation_to_self"):
            delegate(work, person.actor, person.actor.user_id, work.now + timedelta(days=1))
    with person.work() as work:
        work._t.connection.exec_driver_sql("SELECT 1")
        assert [one.id for one in work.delegations.active()] == [handed.id]
        work._t._now = handed.until + timedelta(seconds=1)
        assert work.delegations.active() == []
        with pytest.raises(Forbidden, match="not_allowed"):
            decide.approve(work, kim.actor, near.id, 1)


def test_handing_over_gives_nobody_two_yeses_and_no_yes_to_ones_own(person: Person, joins: Joins) -> None:
    kim, max_ = joins(person, "approver", "Kim"), joins(person, "member", "Max")
    _rule(person, quorum=2, allowed_roles=["owner", "approver"])
    _handed(kim, max_)
    _handed(person, kim)
    [made] = stage.suggests(person, stage.mail())
    kim.looks()
    max_.looks()
    kim.taps("Approve")
    with kim.work() as work, pytest.raises(Conflict, match="yes_already"):
        decide.approve(work, kim.actor, made.id, 1)
    with max_.work() as work, pytest.raises(Conflict, match="yes_already"):
        decide.approve(work, max_.actor, made.id, 1)
    max_.taps("Approve")
    assert "Kim said yes already, " in max_.toast
    assert stage.of(person, made.id).status == "pending"
    _rule(person, own_request=False, allowed_roles=["owner", "approver"])
    _handed(kim, person)
    with person.work() as work, pytest.raises(Forbidden, match="own_request"):
        decide.approve(work, person.actor, made.id, 1)


def test_a_parent_decides_what_a_child_proposes_and_the_child_sees_who_can(person: Person, joins: Joins) -> None:
    parent, child, sibling = _named(person, "Mum"), joins(person, "member", "Lou"), joins(person, "member", "Bo")
    [made] = stage.suggests(child, stage.task(title="A bicycle lamp"))
    parent.looks()
    assert "A bicycle lamp" in child.last and child.labels() == ["Details"]
    assert "Who can decide: Mum." in child.last
    with child.work() as work, pytest.raises(Forbidden, match="not_allowed"):
        decide.approve(work, child.actor, made.id, 1)
    assert "A bicycle lamp" in " ".join(child.says("/inbox").split()) or "A bicycle lamp" in str(child.labels())
    sibling.says("/inbox")
    assert "A bicycle lamp" not in str(sibling.last_screen), "it is no business of theirs"
    assert "A bicycle lamp" in parent.last and parent.labels()[0] == "Approve"
    assert "Suggested for Lou." in parent.last and "Suggested for" not in child.last
    parent.taps("Approve")
    child.looks()
    assert "Approved by Mum, " in "\n".join(map(words_of, child.screens.values()))


def test_before_it_lapses_each_rung_is_climbed_once(
    person: Person, joins: Joins, by_telegram: Callable[[Person], Person]
) -> None:
    phone, kim = by_telegram(person), joins(person, "member", "Kim")
    _rule(person, escalate_to=kim.actor.user_id, reminder_seconds=7_200)
    [made] = stage.suggests(person, stage.mail())
    phone.looks()
    phone.says("/help")

    def counts() -> list[int]:
        return [sum("Offer for March" in str(one) for one in each.screens.values()) for each in (person, phone, kim)]

    def passes(left: timedelta) -> list[int]:
        _at(person, made, expires_at=left, next_rung_at=timedelta(seconds=-1))
        stage.changed(person, lambda work: wake.wake(work, made.id))
        for each in (person, phone, kim):
            each.looks()
        return counts()

    assert counts() == [1, 1, 0]
    assert passes(timedelta(hours=3)) == [1, 1, 0], "not yet"
    assert passes(timedelta(minutes=100)) == [1, 2, 0], "where they spoke last"
    assert passes(timedelta(minutes=99)) == [1, 2, 0], "once"
    assert passes(timedelta(minutes=50)) == [2, 2, 0], "their other chat"
    assert passes(timedelta(minutes=20)) == [2, 2, 1], "whom the rule names"
    assert kim.labels()[0] == "Approve"
    assert passes(timedelta(minutes=15)) == [2, 2, 1]
    with person.work() as work:
        found = work.suggestions.get(made.id)
        assert (found.rung, found.next_rung_at) == (3, None)
    assert person.parts.storage.due.due("suggestions", 10) == []
    assert passes(timedelta(seconds=-1)) == [2, 3, 1], "that nothing was done is said anew"
    assert "Expired " in phone.last and "Nothing was sent." in phone.last
    assert "Expired " in kim.last


def test_who_said_yes_already_is_not_reminded(person: Person, joins: Joins) -> None:
    kim = joins(person, "approver", "Kim")
    _rule(person, quorum=2, reminder_seconds=7_200)
    [made] = stage.suggests(person, stage.mail())
    person.taps("Approve")
    kim.looks()
    _at(person, made, expires_at=timedelta(minutes=90), next_rung_at=None)
    kim.looks()
    assert len(person.screens) == 1 and len(kim.screens) == 2


def test_what_nobody_could_know_is_settled_by_those_who_may_decide(person: Person, joins: Joins) -> None:
    max_ = joins(person, "member", "Max")
    [made] = stage.suggests(person, stage.mail())
    person.taps("Approve")
    stage.lost_track(person, made.id)
    with max_.work() as work, pytest.raises(Forbidden, match="not_allowed"):
        execute.resolve(work, max_.actor, made.id, "again")


def test_roles_are_given_by_owner_and_admins_and_hold_at_once(person: Person, joins: Joins) -> None:
    kim = joins(person, "member", "Kim")
    [made] = stage.suggests(person, stage.mail())
    with kim.work() as work, pytest.raises(Forbidden, match="not_allowed"):
        decide.approve(work, kim.actor, made.id, 1)
    person.says("/team")
    person.taps("Roles")
    person.taps("Kim: member")
    person.taps("approver")
    assert "Kim is now: approver." in person.last
    with kim.work() as work:
        role = work.people.membership(kim.actor.user_id).role
        assert decide.approve(work, replace(kim.actor, role=role), made.id, 1).execution is not None
    with kim.work() as work, pytest.raises(Forbidden, match="role_not_yours"):
        give_role(work, replace(kim.actor, role="owner"), kim.actor.user_id, "owner")
    with person.work() as work, pytest.raises(Conflict, match="last_owner"):
        give_role(work, person.actor, person.actor.user_id, "member")
    with person.work() as work:
        give_role(work, person.actor, kim.actor.user_id, "admin")
        work.commit()
    with kim.work() as work, pytest.raises(Forbidden, match="role_not_yours"):
        give_role(work, replace(kim.actor, role="admin"), person.actor.user_id, "viewer")
    kim.says("/team")
    assert "Roles" not in kim.labels(), "the door still knows them as a member"


def test_who_has_left_is_neither_asked_nor_named_nor_counted(person: Person, joins: Joins) -> None:
    kim, max_ = joins(person, "approver", "Kim"), joins(person, "approver", "Max")
    _rule(person, own_request=False)
    with kim.work() as work:
        work.people.user(kim.actor.user_id).status = "deleted"
        work.commit()
    [made] = stage.suggests(person, stage.mail())
    assert "Who can decide: Max." in person.last
    with kim.work() as work, pytest.raises(Forbidden, match="not_allowed"):
        decide.approve(work, kim.actor, made.id, 1)
    with pytest.raises(Invalid, match="policy_unreachable"):
        _rule(person, own_request=False, quorum=2)
    max_.looks()
    assert max_.labels()[0] == "Approve"
