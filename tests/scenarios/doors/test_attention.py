"""What Nod does with a person's attention: digests with ticks, quiet hours, contexts, undoing what was done, the day's brief; through every door."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

from core.identity.models import NotificationPreferences, QuietHours
from core.identity.settle import settle
from core.messaging.hold import release
from tests.runners.world import event, mail, task
from tests.scenarios.doors import moments
from tests.scenarios.doors.marking import point
from tests.scenarios.doors.person import Person
from tests.scenarios.doors.product import Product

At = Callable[..., Person]


@point("card.8.digest")
def test_what_is_alike_stands_in_the_digest_with_ticks_and_is_approved_at_once(person: Person) -> None:
    suggestions = moments.suggests(person.world, *(task(f"Thing {number}") for number in range(9)))
    digest = person.sees(
        "3 more suggestions", "Thing 6", "Thing 7", "Thing 8", labels=("Approve",), without=("Reject",)
    )
    person.press("✓ 2 ticked", digest)
    ticked = person.sees("Thing 6", "Thing 8", labels=("Approve 2",))
    person.press("Approve 2", ticked)
    person.sees("2 of 3 approved")
    stood = [moments.status(person.world, one) for one in suggestions[6:]]
    assert stood.count("approved") == 2 and stood[1] == "pending"


@point("card.8.quiet")
def test_quiet_hours_hold_what_nobody_asked_for_and_let_go_of_it_afterwards(person: Person) -> None:
    _quiet(person, True)
    person.world.suggest(mail())
    person.command("help")
    person.sees("What you can say")
    person.wait(lambda: moments.held(person.world, person.actor.link_id) or None)
    assert not any("Re: Offer" in one.words for one in person.messages)
    _quiet(person, False)
    person.card("Re: Offer")


def _quiet(person: Person, on: bool) -> None:
    now = datetime.now(UTC)
    start, end = ((now + timedelta(hours=hours)).strftime("%H:%M") for hours in (-2, 2))
    wishes = NotificationPreferences(quiet_hours=QuietHours(start=start, end=end, enabled=on))

    def wish(work: Any) -> None:
        settle(work, person.world.actor, timezone="Etc/UTC", notifications=wishes)
        release(work, person.world.actor.user_id)

    moments.changed(person.world, wish)


@point("card.6.context")
def test_a_card_is_put_off_until_one_is_at_work_and_comes_back_then(person: Person) -> None:
    suggestion = person.world.suggest(task())
    person.press("Snooze", person.card())
    person.press("When I'm at work")
    person.told("Put off until you are at work")
    assert moments.status(person.world, suggestion) == "snoozed"
    count = sum("Approve" in one.labels for one in person.messages)
    person.command("settings")
    person.press("Where I am", person.sees("Your settings"))
    person.press("I am at work", person.sees("Where are you just now?"))
    person.wait(lambda: True if sum("Approve" in one.labels for one in person.messages) > count else None)


@point("card.4.inverse")
def test_an_event_that_was_entered_is_taken_out_again_by_one_tap(person: Person) -> None:
    suggestion = person.world.suggest(event())
    card = person.press("Approve", person.card("Lunch"))
    person.watches(card, without=("Approve",))
    moments.undo_is_over(person.world, suggestion)
    person.watches(card, "In the calendar since", labels=("Undo: delete the event again",))
    person.press("Undo: delete the event again", card)
    moments.every_undo_is_over(person.world)
    person.watches(card, "Undone: it is out of the calendar again.", without=("Undo",))
    assert not list(
        (person.world.settings.data_dir / "connections" / str(person.world.tools["calendar"])).glob("**/*.ics")
    )


@point("brief")
def test_the_brief_says_what_waits_and_gives_a_tip_that_can_be_dropped(person: Person) -> None:
    person.world.suggest(task())
    person.card()
    person.command("brief")
    shown = person.sees("Your day", "Waits for you", "A tip:", labels=("Not for me",))
    before = shown.words
    person.press("Not for me", shown)
    person.wait(lambda: True if shown.words != before else None)


@point("settings.privacy")
def test_everything_is_taken_along_as_a_file_and_leaving_asks_for_the_address(person: Person) -> None:
    person.command("settings")
    page = person.press("Privacy", person.sees("Your settings"))
    person.press("Take everything along", person.sees("What is kept of you"))
    person.sees("Everything of yours, as one file")
    person.press("Delete my account", page)
    person.says("not my address")
    person.sees("nothing was deleted")
    with person.world.work() as work:
        assert work.people.user(person.world.actor.user_id).status == "active"


@point("language")
def test_whoever_is_new_is_greeted_in_the_language_of_their_client(door: str, at: At, product: Product) -> None:
    person = at(door, product.newcomer(), language="de")
    person.command("start")
    person.sees(product.german("start.what"))
