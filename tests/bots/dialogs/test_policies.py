"""Rules on approvals: each is said in words before it holds, holds for the next decision, and none can do without a yes."""

from collections.abc import Callable
from dataclasses import replace

import pytest

from core.approvals import decide
from core.approvals.policy import DEFAULT, PolicySpec, operations, put_policy, remove_policy
from core.kernel.actor import Role
from core.kernel.errors import Failure, Forbidden, Invalid, NotFound
from tests.bots.dialogs import stage
from tests.bots.dialogs.person import Person

Joins = Callable[..., Person]


def _open(person: Person, *labels: str) -> None:
    person.says("/settings")
    person.taps("Rules for approvals")
    for label in labels:
        person.taps(label)


def _put(person: Person, operation: str, **said: object) -> None:
    with person.work() as work:
        put_policy(work, person.actor, operation, PolicySpec.model_validate(said))
        work.commit()


def test_what_holds_without_any_rule_is_said_in_words(person: Person) -> None:
    _open(person)
    assert "Nothing is done without a yes, and no rule can change that." in person.last
    assert (
        "Everything without a rule of its own: It is done only after your yes. After the yes it can be taken back"
        in person.last
    )
    person.taps("Everything without a rule")
    assert "It is done only after your yes." in person.last
    assert "Without a decision it lapses after 7 days, and nothing is done." in person.last
    assert "A reminder comes 24 hours before that." in person.last
    assert person.labels() == ["Change it", "Back"]


def test_a_rule_is_shown_in_words_before_it_holds_and_holds_for_the_next_yes(person: Person) -> None:
    agent = stage.agent(person)
    _open(person, "Add a rule", "Sending mail")
    assert person.last_screen.form is not None
    assert [field.name for field in person.last_screen.form.fields] == ["undo", "amount", "expiry", "reminder"]
    person.fills(undo="300", expiry="86400", reminder="none")
    assert "From now on: Sending mail" in person.last
    assert "After the yes it can be taken back for 5 minutes." in person.last and "No reminder comes" in person.last
    with person.work() as work:
        assert work.suggestions.policies() == []
    person.taps("Yes, from now on")
    assert "It holds from now on." in person.last
    [made] = stage.suggests(person, stage.mail(), by=agent)
    assert made.expires_at is not None and (made.expires_at - made.created_at).days == 1
    person.taps("Approve")
    with person.work() as work:
        execution = work.executions.of(made.id)
        assert 299 <= (execution.due_at - execution.created_at).total_seconds() <= 300
    [other] = stage.suggests(person, stage.task(), by=agent)
    assert other.expires_at is not None and (other.expires_at - other.created_at).days == 7


def test_a_rule_that_was_changed_starts_from_what_it_said(person: Person) -> None:
    _put(person, "mail.send", undo_seconds=42, expiry_seconds=2 * 86_400, reminder_seconds=None)
    _open(person, "Sending mail", "Change it")
    assert person.last_screen.form is not None
    assert [field.value for field in person.last_screen.form.fields] == ["42", 500, "172800", "none"]
    person.fills(undo="0")
    assert "done at once and cannot be taken back" in person.last and "lapses after 2 days" in person.last
    person.says("hm, maybe")
    assert "From now on: Sending mail" in person.last
    person.taps("Yes, from now on")
    with person.work() as work:
        [kept] = work.suggestions.policies()
        assert (kept.undo_seconds, kept.expiry_seconds, kept.reminder_seconds) == (0, 172_800, None)


def test_what_is_cancelled_changes_nothing(person: Person) -> None:
    _open(person, "Everything without a rule", "Change it")
    person.fills(undo="0")
    yes = person.button("Yes, from now on")
    person.taps("Cancel")
    person.presses(yes[1], yes[0])
    assert "Nothing was changed" in person.toast
    with person.work() as work:
        assert work.suggestions.policies() == []


def test_before_a_rule_is_removed_it_is_said_what_holds_without_it(person: Person) -> None:
    _put(person, DEFAULT, undo_seconds=60)
    _put(person, "mail.send", undo_seconds=300)
    _open(person, "Sending mail", "Remove the rule")
    assert "Without the rule: Sending mail" in person.last and "taken back for 60 seconds" in person.last.replace(
        "1 minute", "60 seconds"
    )
    person.taps("Remove it")
    assert "The rule is gone: Sending mail." in person.last and "Sending mail" not in person.labels()
    with person.work() as work:
        assert work.suggestions.policy("mail.send").undo_seconds == 60


def test_two_people_have_to_say_yes_where_a_rule_says_so(person: Person, joins: Joins) -> None:
    kim = joins(person, "approver")
    _open(person, "Add a rule", "Sending mail")
    person.fills(quorum="2", roles=["owner", "approver"], own_request="on")
    assert "the yes of 2 people in one of these roles: owner and approver." in person.last
    person.taps("Yes, from now on")
    [made] = stage.suggests(person, stage.mail())
    person.taps("Approve")
    assert stage.of(person, made.id).status == "pending"
    kim.looks()
    kim.taps("Approve")
    assert stage.of(person, made.id).status == "approved"


def test_who_may_not_approve_their_own_is_told_who_can(person: Person, joins: Joins) -> None:
    kim = joins(person, "member")
    _put(person, DEFAULT, allowed_roles=["owner", "member"], own_request=False)
    [made] = stage.suggests(person, stage.mail())
    assert "Who can decide: Somebody." in person.last and person.labels() == ["Edit", "Snooze", "Reject", "Details"]
    with person.work() as work, pytest.raises(Forbidden, match="own_request"):
        decide.approve(work, person.actor, made.id, 1)
    kim.looks()
    kim.taps("Approve")
    assert stage.of(person, made.id).status == "approved"


@pytest.mark.parametrize(
    ("said", "code"),
    [
        ({"quorum": 2}, "approvals.policy_unreachable"),
        ({"own_request": False}, "approvals.policy_unreachable"),
        ({"allowed_roles": ["admin"]}, "approvals.policy_unreachable"),
        ({"allowed_roles": ["owner", "viewer"]}, "approvals.policy_role_unable"),
        ({"expiry_seconds": 3_600, "reminder_seconds": 3_600}, "approvals.policy_reminder_late"),
    ],
)
def test_a_rule_that_nobody_could_meet_is_refused(person: Person, said: dict[str, object], code: str) -> None:
    with pytest.raises(Invalid) as refused:
        _put(person, "mail.send", **said)
    assert refused.value.code == code


@pytest.mark.parametrize("said", [{"quorum": 0}, {"allowed_roles": []}, {"auto": True}, {"undo_seconds": -1}])
def test_no_rule_does_without_a_yes(said: dict[str, object]) -> None:
    with pytest.raises(ValueError):
        PolicySpec.model_validate(said)


def test_a_rule_is_about_what_changes_something_outside(person: Person) -> None:
    assert "mail.send" in operations() and "mail.read" not in operations()
    with pytest.raises(Invalid, match="policy_operation_unknown"):
        _put(person, "mail.read")


@pytest.mark.parametrize("role", ["approver", "member", "viewer"])
def test_only_owner_and_admins_change_rules(person: Person, role: Role) -> None:
    _put(person, "mail.send", undo_seconds=60)
    lower = replace(person.actor, role=role)
    for attempt in (
        lambda work: put_policy(work, lower, "mail.send", PolicySpec()),
        lambda work: remove_policy(work, lower, "mail.send"),
    ):
        with person.work() as work, pytest.raises(Forbidden):
            attempt(work)


def test_who_may_not_say_yes_makes_no_rules_about_it(person: Person) -> None:
    program = replace(person.actor, scopes=frozenset(("read", "write")))
    with person.work() as work, pytest.raises(Forbidden, match="scope_missing"):
        put_policy(work, program, "mail.send", PolicySpec())


def test_a_rule_that_is_not_there_cannot_be_removed(person: Person) -> None:
    with person.work() as work, pytest.raises(NotFound, match="policy_unknown"):
        remove_policy(work, person.actor, "mail.send")


def test_who_else_can_decide_is_told_to_who_cannot(person: Person, joins: Joins) -> None:
    joins(person, "admin")
    _put(person, DEFAULT, allowed_roles=["admin"])
    [made] = stage.suggests(person, stage.mail())
    with person.work() as work, pytest.raises(Failure):
        decide.approve(work, person.actor, made.id, 1)
    assert "Who can decide: Somebody." in person.last and person.labels() == ["Details"]
