"""The suggestion card: edited, put off, refused, and what time does to it, through every door."""

from collections.abc import Callable
from typing import Any

from core.approvals.policy import PolicySpec, put_policy
from tests.emulators.openai import says
from tests.runners.world import mail, task
from tests.scenarios.doors import moments
from tests.scenarios.doors.marking import point
from tests.scenarios.doors.person import Person, Seen
from tests.scenarios.doors.product import Product

At = Callable[..., Person]


@point("card.5.reply")
def test_an_answer_to_the_card_makes_a_new_version_that_needs_its_own_tap(person: Person) -> None:
    suggestion = person.world.suggest(mail())
    card = person.card()
    person.says("Thursday would be better.", answering=card)
    newer = person.sees("Edited", "Thursday would be better.", "Yes, gladly.", labels=("Approve",))
    assert moments.approvals(person.world, suggestion)[-1].decision == "edit"
    person.press("Approve", newer)
    person.watches(newer, "Approved by you")
    assert moments.approvals(person.world, suggestion)[-1].revision == 2


@point("card.5.form")
def test_a_card_is_edited_field_by_field(person: Person) -> None:
    suggestion = person.world.suggest(mail())
    person.press("Edit", person.card())
    person.fills({"Subject": "Re: The offer of March"})
    newer = person.sees("Edited", "Re: The offer of March", labels=("Approve",))
    assert "kim@example.net" in newer.words
    with person.world.work() as work:
        revision = work.suggestions.revision(suggestion.id, 2)
    assert revision.author == "user" and revision.action.input["body"].startswith("Yes, gladly.")


@point("card.5.words")
def test_free_words_ask_the_agent_for_a_new_version_that_needs_its_own_tap(person: Person, product: Product) -> None:
    with product.thinking() as model:
        suggestion = person.world.suggest(mail())
        model.behave = says({"body": "Thursday suits me.\n\nMia"})
        person.press("Say what to change", person.card())
        person.fills({"What to change": "make it shorter, offer Thursday"})
        newer = person.sees("The agent rewrote it", "Yes, gladly.", "Thursday suits me.", labels=("Approve",))
    assert "kim@example.net" in newer.words and not moments.approvals(person.world, suggestion)
    with person.world.work() as work:
        assert work.suggestions.revision(suggestion.id, 2).author == "agent"
    person.press("Approve", newer)
    person.watches(newer, "Approved by you")
    assert moments.approvals(person.world, suggestion)[-1].revision == 2


@point("card.6.reject")
def test_a_no_takes_one_tap_and_why_comes_after_it(person: Person) -> None:
    suggestion = person.world.suggest(task())
    card = person.press("Reject", person.card())
    person.watches(card, "Rejected by you", labels=("Not needed", "It is wrong", "I did it myself"))
    person.press("I did it myself", card)
    person.watches(card, "Reason: I did it myself")
    person.says("It was paid on Monday.", answering=card)
    person.watches(card, "Reason: It was paid on Monday.")
    assert moments.status(person.world, suggestion) == "rejected"


@point("card.6.snooze")
def test_a_snoozed_card_comes_back_as_a_new_message(person: Person) -> None:
    suggestion = person.world.suggest(task())
    card = person.press("Snooze", person.card())
    person.press("Tomorrow")
    person.sees("It comes back as a new message")
    person.watches(card, "Snoozed. It comes back", without=("Approve",))
    moments.is_due(person.world, suggestion, snoozed_until=-1)
    person.wait(lambda: True if len(_cards(person)) == 2 else None)
    assert person.messages[-1].words == _cards(person)[-1].words != ""


@point("card.6.words")
def test_a_card_is_put_off_until_a_time_in_words(person: Person) -> None:
    suggestion = person.world.suggest(task())
    person.press("Snooze", person.card())
    person.sees(labels=("1 hour", "Tomorrow", "Cancel"))
    person.says("the day after tomorrow at 7:30")
    person.sees("It comes back as a new message", "07:30")
    assert moments.status(person.world, suggestion) == "snoozed"


@point("card.7.reminder")
def test_a_reminder_comes_once_before_the_end(person: Person) -> None:
    suggestion = person.world.suggest(task())
    first = person.card()
    moments.is_due(person.world, suggestion, expires_at=3600)
    moments.is_due(person.world, suggestion, expires_at=3500)
    person.wait(lambda: True if len(_cards(person)) == 2 else None)
    person.press("Reject", _cards(person)[-1])
    person.watches(first, "Rejected by you")
    person.wait(lambda: True if sum("Rejected by you" in one.words for one in person.messages) == 2 else None)


def _cards(person: Person) -> list[Seen]:
    return [one for one in person.messages if "Approve" in one.labels]


@point("card.7.expiry")
def test_what_expired_says_what_was_not_done_and_can_be_asked_again(person: Person) -> None:
    suggestion = person.world.suggest(mail())
    card = person.card()
    moments.is_due(person.world, suggestion, expires_at=-1)
    person.watches(card, "Expired", "Nothing was sent", labels=("Ask me again",))
    person.press("Ask me again", card)
    person.sees("Re: Offer", labels=("Approve",))
    assert moments.status(person.world, suggestion) == "pending"


@point("card.8.brake")
def test_more_than_six_cards_an_hour_become_a_digest(person: Person) -> None:
    suggestions = moments.suggests(person.world, *(task(f"Thing {number}") for number in range(8)))
    digest = person.sees("2 more suggestions", labels=("Show next 2", "Open inbox"))
    assert len(_cards(person)) == 6
    person.press("Show", digest)
    for number in (6, 7):
        person.card(f"Thing {number}")
    assert {moments.status(person.world, one) for one in suggestions} == {"pending"}


@point("card.9.quorum")
def test_a_rule_of_two_needs_two(person: Person, at: At, product: Product) -> None:
    world = person.world
    colleague = at("web", product.colleague(world, "approver"))
    moments.changed(world, lambda work: put_policy(work, world.actor, "task.create", PolicySpec(quorum=2)))
    suggestion = world.suggest(task())
    card = person.press("Approve", person.card())
    person.told("ne more")
    assert moments.status(world, suggestion) == "pending"
    colleague.command("inbox")
    colleague.press("Task: Pay the dentist")
    colleague.press("Approve", colleague.card())
    person.watches(card, "Approved by", without=("Approve",))
    assert moments.status(world, suggestion) == "approved"


@point("card.9.self")
def test_a_rule_may_keep_the_one_who_asked_from_deciding(person: Person, product: Product) -> None:
    world = person.world
    product.colleague(world, "approver")
    suggestion = world.suggest(task())
    card = person.card()
    moments.changed(world, lambda work: put_policy(work, world.actor, "task.create", PolicySpec(own_request=False)))
    person.press("Approve", card)
    person.told("omebody else")
    assert moments.status(world, suggestion) == "pending"


@point("card.9.roles")
def test_who_may_not_decide_is_refused_in_words(person: Person, product: Product) -> None:
    world = person.world
    product.colleague(world, "owner")

    def demoted(work: Any) -> None:
        work.people.membership(world.actor.user_id).role = "member"

    suggestion = world.suggest(task())
    card = person.card()
    moments.changed(world, demoted)
    person.press("Approve", card)
    person.told("not for you to decide", "Only these people can")
    assert moments.status(world, suggestion) == "pending" and moments.approvals(world, suggestion) == []
