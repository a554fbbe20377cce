"""What was given up, as who leads a workspace meets it at every door."""

from tests.runners.world import mail
from tests.scenarios.doors import moments
from tests.scenarios.doors.marking import point
from tests.scenarios.doors.person import Person


@point("failed")
def test_what_was_given_up_says_why_and_is_tried_again_dropped_or_asked_about(person: Person) -> None:
    world = person.world
    person.command("failed")
    person.sees("Nothing was given up", labels=("Runs",))
    error = {"code": "connectors.folder_missing", "data": {"path": "/gone"}}
    moments.changed(
        world, lambda work: world.run(work, status="failed", error=error, started_at=work.now, finished_at=work.now)
    )
    refused, lost = world.suggest(mail("Re: Refused")), world.suggest(mail("Re: Lost"))
    for one in (refused, lost):
        world.approve(one, undo_seconds=600)
    moments.it_fails(world, refused, "connectors.recipient_refused", recipient="kim@example.net")
    moments.track_is_lost(world, lost)
    person.command("failed")
    page = person.sees("3 things were given up", "Nothing is repeated by itself")
    person.press("Run failed: Tiny", page)
    person.watches(page, "/gone", "goes on from the step that failed", labels=("Try again", "Drop", "Open the run"))
    person.press("Drop", page)
    person.watches(page, "Dropped. It stays as it is.", "2 things were given up")
    person.press("Not done: Mail to kim@example.net", page)
    person.watches(page, "The server refused a recipient", "for a new yes")
    person.press("Try again", page)
    person.watches(page, "It waits for a new yes.", "One thing was given up")
    assert moments.status(world, refused) == "pending"
    person.press("Nobody knows whether done: Mail to kim@example.net", page)
    person.watches(page, "is not repeated here", labels=("Open its card",), without=("Try again", "Drop"))
    person.press("Open its card", page)
    person.press("It was done", person.sees("Re: Lost", labels=("It was done", "Do it again")))
    person.command("failed")
    person.sees("Nothing was given up")
