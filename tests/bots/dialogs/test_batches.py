"""A digest with ticks: what is alike is read whole, unticked one by one, approved with one tap, and taken back with one."""

from uuid import UUID

import pytest

from bots.kit.dialog import Tap
from bots.kit.dispatch import Dispatch
from core.approvals import batch, decide
from core.approvals.models import Suggestion
from core.kernel.errors import Forbidden, Invalid
from tests.bots.dialogs import stage
from tests.bots.dialogs.person import Person, words_of

SIX = 6
"""Cards that come one by one before the digest."""


def _digested(person: Person, *extra: dict[str, object]) -> list[Suggestion]:
    """Four mails in the digest of an agent whose six cards of the hour are gone."""
    agent = stage.agent(person)
    stage.suggests(
        person, *[stage.mail(subject=f"card {n}", priority="medium") for n in range(SIX)], by=agent, trigger="scheduled"
    )
    person.screens.clear()
    mails = [
        stage.mail(subject=f"digest {n}", to=[f"p{n}@example.org"], body=f"Text {n}", priority="medium")
        for n in range(4)
    ]
    made = stage.suggests(person, *mails, *extra, by=agent, trigger="scheduled")  # fmt: skip
    person.looks()
    return made


def _status(person: Person, *made: Suggestion) -> list[str]:
    return [stage.of(person, one.id).status for one in made]


def test_a_digest_shows_what_is_alike_whole_and_one_tap_approves_what_is_ticked(person: Person) -> None:
    made = _digested(person, stage.task())
    shown = person.last
    for n in range(4):
        assert f"To: p{n}@example.org" in shown and f"“Text {n}”" in shown
    assert "Besides: 1 task" in shown and "Pay invoice" not in shown
    mails = made[:4]
    person.taps("✓ 2 ticked")
    assert "○ 2 not ticked" in " ".join(person.labels()) and "Approve 3" in person.labels()
    person.taps("Approve 3")
    assert person.toast == "3 approved."
    by_subject = {stage.of(person, one.id).status: one for one in mails}
    assert sorted(_status(person, *mails)) == ["approved", "approved", "approved", "pending"] and set(by_subject) == {
        "approved",
        "pending",
    }
    assert (
        "3 of 4 approved" in person.last
        and "not ticked; it still waits" in person.last
        and "Take all 3 back" in person.labels()
    )
    with person.work() as work:
        hashes = {a.payload_sha256 for one in mails for a in work.suggestions.approvals(one.id)}
        assert len(hashes) == 3
    assert stage.of(person, made[4].id).status == "pending"  # fmt: skip


def test_what_changed_meanwhile_is_left_out_and_said(person: Person) -> None:
    made = _digested(person)
    place = person.last_place
    _, yes = person.button("Approve 4")
    stage.changed(person, lambda work: decide.edit(work, person.actor, made[0].id, 1, {"body": "Other words"}))
    stage.changed(person, lambda work: decide.reject(work, person.actor, made[1].id, 1))
    person.presses(yes, place)
    assert person.toast.startswith("2 approved. 2 were not: they changed meanwhile.")
    told = words_of(person.screens[place])
    assert "2 of 4 approved" in told and "it was edited meanwhile" in told and "Rejected" in told
    assert _status(person, *made) == ["pending", "rejected", "approved", "approved"]
    with person.work() as work:
        assert not [a for a in work.suggestions.approvals(made[0].id) if a.decision == "approve"]


def test_a_batch_is_taken_back_with_one_tap_while_it_is_held(person: Person) -> None:
    made = _digested(person)
    person.taps("Approve 4")
    place = person.last_place
    stage.carried_out(person, made[0].id)
    assert "Sent" in words_of(person.screens[place]), "the message is kept true"
    person.taps("Take all 3 back")
    assert person.toast.startswith("3 taken back.") and "1 was on its way already" in person.toast
    assert _status(person, *made) == ["approved", "pending", "pending", "pending"]
    assert "Approve 3" in person.labels(place)
    person.taps("Approve 3")
    assert _status(person, *made) == ["approved"] * 4


def test_from_the_inbox_several_go_at_once_too(person: Person) -> None:
    made = stage.suggests(person, *[stage.task(title=f"Task {n}") for n in range(3)], stage.mail())
    person.says("/inbox")
    person.taps("Several at once")
    assert "3 suggestions of one kind" in person.last and "Task 2" in person.last
    person.taps("Approve 3")
    assert _status(person, *made) == ["approved", "approved", "approved", "pending"]
    person.says("/inbox")
    assert "Several at once" not in person.labels()


def test_a_second_tap_and_a_stale_one_change_nothing(person: Person) -> None:
    made = _digested(person)
    place, yes = person.button("Approve 4")
    person.presses(yes, place)
    person.presses(yes, place)
    assert "changed since" in person.toast or "decided already" in person.toast
    with person.work() as work:
        assert all(len(work.suggestions.approvals(one.id)) == 1 for one in made)


def test_a_button_that_stood_under_other_suggestions_approves_nothing(person: Person) -> None:
    agent_of = _digested(person)
    place, yes = person.button("Approve 4")
    by = stage.changed(person, lambda work: work.agents.get(agent_of[0].agent_id))
    stage.suggests(person, stage.mail(subject="one more", priority="medium"), by=by, trigger="scheduled")
    person.looks()
    assert "Approve 5" in person.labels(place)
    person.presses(yes, place)
    assert "Nothing was approved" in person.toast
    assert set(_status(person, *agent_of)) == {"pending"}
    dispatch = Dispatch(person.parts).answer(person.actor, Tap(yes.action, yes.args), None, {})
    assert dispatch.alert and set(_status(person, *agent_of)) == {"pending"}


def test_only_what_is_alike_and_harmless_goes_together(person: Person) -> None:
    agent = stage.agent(person)
    first = stage.mail(why={"code": "test.why", "data": {"first_contact": True}}, priority="medium")
    mail, other, task, stranger = stage.suggests(person, stage.mail(), stage.mail(), stage.task(), first, by=agent)
    with person.work() as work:
        for shown, code in (
            ([mail, task], "approvals.batch_mixed"),
            ([mail, stranger], "approvals.batch_alone"),
            ([], "approvals.batch_empty"),
            ([mail, mail], "approvals.batch_mixed"),
            ([mail] * 8, "approvals.batch_too_large"),
        ):
            with pytest.raises(Invalid) as refused:
                batch.begin_batch(work, person.actor, [(one.id, 1) for one in shown])
            assert refused.value.code == code
        made = batch.begin_batch(work, person.actor, [(mail.id, 1), (other.id, 1)])
        somebody_else = type(person.actor)(UUID(int=1), person.actor.workspace_id, "owner", "web")
        with pytest.raises(Forbidden):
            batch.approve_batch(work, somebody_else, made.id)  # fmt: skip


def test_a_chat_with_little_room_gets_only_what_can_be_read_whole(
    person: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    from bots.dialogs import ticks

    monkeypatch.setitem(ticks.ROOM, "web", 1200)
    _digested(person)
    shown = person.last
    assert "Approve 3" in person.labels() or "Approve 2" in person.labels()
    assert "Besides: " in shown and len(shown) < 2400
