"""Undoing what was done, as a person meets it: one button on the card, the truth while it goes on, and at the end on every copy."""

from tests.bots.dialogs import stage
from tests.bots.dialogs.person import Person, words_of


def test_an_event_is_deleted_again_by_one_tap_and_the_card_says_how_far_it_is(person: Person) -> None:
    [made] = stage.suggests(person, stage.event())
    place = person.last_place
    person.taps("Approve")
    assert "Undo: delete the event again" not in person.labels(place), "while it is held, the hold is the undo"
    stage.carried_out(person, made.id, "nod-1@nod")
    _, undo = person.button("Undo: delete the event again")
    person.presses(undo, place)
    assert person.toast == "Undoing it" and "Undoing it" in words_of(person.screens[place])
    person.presses(undo, place)
    assert person.toast == "It is being undone already."
    with person.work() as work:
        inverse = work.suggestions.undoing(work.executions.of(made.id).id)
        action = work.suggestions.revision(inverse.id, 1).action
    assert (action.operation, action.input["uid"], action.input["title"]) == (
        "calendar.delete",
        "nod-1@nod",
        "Kick-off",
    )
    stage.carried_out(person, inverse.id, "nod-1@nod")
    told = words_of(person.screens[place])
    assert (
        "Undone: it is out of the calendar again." in told
        and "Undone by you" in told
        and person.labels(place) == ["Details", "Open inbox"]
    )


def test_an_undoing_that_failed_says_so_and_can_be_tried_again(person: Person) -> None:
    [made] = stage.suggests(person, stage.task())
    place = person.last_place
    person.taps("Approve")
    stage.carried_out(person, made.id, "0190a6e0-0000-7000-8000-000000000001")
    person.taps("Undo: remove the task again")
    with person.work() as work:
        inverse = work.suggestions.undoing(work.executions.of(made.id).id)
    stage.failed(person, inverse.id, "connectors.task_not_ours", title="Pay invoice 7")
    assert "Undoing it did not work" in words_of(person.screens[place])
    person.taps("Undo: remove the task again")
    assert person.toast == "Undoing it"


def test_a_mail_that_went_out_has_no_undo(person: Person) -> None:
    [made] = stage.suggests(person, stage.mail())
    place = person.last_place
    person.taps("Approve")
    stage.carried_out(person, made.id)
    assert not [label for label in person.labels(place) if "Undo" in label]
