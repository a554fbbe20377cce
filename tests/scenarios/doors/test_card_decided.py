"""The suggestion card: what it shows, and what a decision makes of it, through every door."""

from collections.abc import Callable
from email import message_from_bytes

from core.approvals.policy import PolicySpec, put_policy
from core.catalog.configure import pause_agent
from core.orchestration.ports import Words
from tests.runners.world import event, mail, task
from tests.scenarios.doors import moments
from tests.scenarios.doors.marking import DOORS, point
from tests.scenarios.doors.person import Person

At = Callable[..., Person]
CARD = ["Approve", "Edit", "Snooze", "Reject", "Details"]


@point("card.1")
def test_a_card_shows_exactly_what_will_happen_and_that_is_what_is_approved(person: Person) -> None:
    suggestion = person.world.suggest(mail())
    card = person.card("Re: Offer")
    for shown in ("kim@example.net", "me@example.org", "Yes, gladly.", "Can you?", "Priority", "expires"):
        assert shown in card.words
    assert card.labels == CARD
    person.press("Approve", card)
    person.watches(card, "Approved by")
    with person.world.work() as work:
        [approval] = work.suggestions.approvals(suggestion.id)
        assert approval.payload_sha256 == work.suggestions.revision(suggestion.id, 1).payload_sha256
        assert (approval.surface, approval.decision) == (person.door, "approve")


@point("card.1.long", web="The page has room: it shows all of it at once, with the buttons under it.")
def test_what_is_too_long_is_read_to_its_end_before_it_can_be_approved(person: Person) -> None:
    body = "\n\n".join(f"Paragraph {number} <&> " + "word " * 60 for number in range(1, 40))
    long = mail()
    suggestion = person.world.suggest(long.model_copy(update={"input": {**long.input, "body": body}}))
    card = person.sees("Re: Offer", labels=("Read all",))
    assert "Approve" not in card.labels and "Paragraph 39 " not in card.words
    person.press("Read all", card)
    last = person.sees("Paragraph 39 <&>", labels=("Approve",))
    person.press("Approve", last)
    person.told("pproved")
    assert moments.status(person.world, suggestion) == "approved"


@point("card.2")
def test_a_tap_is_answered_at_once_with_the_truth(person: Person) -> None:
    person.world.suggest(mail())
    card = person.press("Approve", person.card())
    person.told("pproved")
    person.watches(card, "Approved by you", "It goes out in", labels=("Undo",), without=("Approve",))


@point("card.2.late")
def test_a_second_tap_hears_who_decided_and_changes_nothing(person: Person) -> None:
    suggestion = person.world.suggest(task())
    card = person.card()
    approve, reject = person.keeps("Approve", card), person.keeps("Reject", card)
    approve()
    person.watches(card, without=("Approve",))
    approve()
    person.told("Already approved by")
    reject()
    person.told("Already approved by")
    assert len(moments.approvals(person.world, suggestion)) == 1


@point("card.2.edited")
def test_a_tap_on_an_older_version_hears_of_the_newer_one(person: Person) -> None:
    suggestion = person.world.suggest(mail())
    card = person.card()
    old = person.keeps("Approve", card)
    person.says("Thursday would be better.", answering=card)
    person.sees("Thursday would be better.", labels=("Approve",))
    old()
    person.told("newer card")
    assert moments.status(person.world, suggestion) == "pending"


@point("card.2.expired")
def test_a_tap_after_the_deadline_hears_that_nothing_was_done(person: Person) -> None:
    suggestion = person.world.suggest(mail())
    card = person.card()
    late = person.keeps("Approve", card)
    moments.is_due(person.world, suggestion, expires_at=-1)
    person.watches(card, "Expired", "Nothing was sent", without=("Approve",))
    late()
    person.told("xpired", "Nothing was")
    assert moments.approvals(person.world, suggestion) == []


@point("card.3")
def test_a_decision_stands_on_every_copy_at_every_door(person: Person, at: At) -> None:
    others = [at(door, person.world) for door in DOORS if door != person.door]
    person.world.suggest(task())
    copies = [(one, one.card("Pay the dentist")) for one in (person, *others)]
    person.press("Reject", copies[0][1])
    for one, card in copies:
        one.watches(card, "Rejected by you", "Nothing was done", without=("Approve", "Snooze"))


@point("card.3.sent")
def test_what_came_of_it_stands_on_the_card_with_the_reference(person: Person) -> None:
    suggestion = person.world.suggest(mail())
    card = person.press("Approve", person.card())
    person.watches(card, labels=("Undo",))
    moments.undo_is_over(person.world, suggestion)
    person.watches(card, "Approved by you", "Sent ", "Reference: ", without=("Undo", "Approve"))
    (file,) = person.world.maildir.glob(".Sent/cur/*")
    sent = message_from_bytes(file.read_bytes())
    assert sent["To"] == "kim@example.net" and str(sent["Message-ID"]).strip("<>") in card.words


@point("card.3.failed")
def test_a_failure_says_what_was_not_done_and_what_to_do(person: Person) -> None:
    suggestion = person.world.suggest(mail())
    card = person.press("Approve", person.card())
    person.watches(card, labels=("Undo",))
    moments.changed(person.world, lambda work: pause_agent(work, person.world.actor, person.world.agent_id))
    moments.undo_is_over(person.world, suggestion)
    person.watches(card, "Not sent.", "paused", labels=("Resume", "Ask me again"))
    assert not list(person.world.maildir.glob(".Sent/cur/*"))


@point("card.3.unknown")
def test_an_outcome_that_nobody_knows_is_put_to_the_person(person: Person) -> None:
    suggestion = person.world.suggest(mail())
    card = person.press("Approve", person.card())
    person.watches(card, labels=("Undo",))
    moments.track_is_lost(person.world, suggestion)
    person.watches(card, "I cannot tell whether it was sent", labels=("It was done", "Do it again", "Drop it"))
    person.press("Drop it", card)
    person.watches(card, "You let it go", without=("Do it again",))


@point("card.4")
def test_undo_in_time_takes_the_yes_back(person: Person) -> None:
    suggestion = person.world.suggest(mail())
    card = person.press("Approve", person.card())
    person.watches(card, "It goes out in", " s.", labels=("Undo",))
    person.press("Undo", card)
    person.watches(card, labels=("Approve",), without=("Undo",))
    assert person.world.execution(suggestion).status == "withdrawn"


@point("card.4.twice")
def test_a_first_mail_to_somebody_that_goes_out_at_once_is_asked_twice(person: Person) -> None:
    with person.world.work() as work:
        put_policy(work, person.world.actor, "mail.send", PolicySpec(undo_seconds=0))
        work.commit()
    first = mail()
    suggestion = person.world.suggest(
        first.model_copy(update={"why": Words(code=first.why.code, data={**first.why.data, "first_contact": True})})
    )
    person.press("Approve", person.card())
    asked = person.sees("Really?", "you have not written to before", "kim@example.net", labels=("Yes, do it", "Reject"))
    with person.world.work() as work:
        assert work.suggestions.get(suggestion.id).status == "pending"
    person.press("Yes, do it", asked)
    person.watches(asked, "Approved by", "Reference")


@point("card.3.sent")
def test_an_approved_event_is_in_the_calendar(person: Person) -> None:
    suggestion = person.world.suggest(event())
    card = person.press("Approve", person.card("Lunch", "2030"))
    person.watches(card, without=("Approve",))
    moments.undo_is_over(person.world, suggestion)
    person.watches(card, "In the calendar since")
