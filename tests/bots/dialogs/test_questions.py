"""Questions that runs put to people: one answer, seen on every copy, and the truth for whoever comes late."""

from collections.abc import Callable
from datetime import timedelta

from core.workflows.ask import lapse, withdraw
from tests.bots.dialogs import flows, stage
from tests.bots.dialogs.person import Person


def test_a_tap_answers_and_every_copy_says_who_and_when(
    person: Person, by_telegram: Callable[[Person], Person]
) -> None:
    phone = by_telegram(person)
    question = flows.asked(person)
    phone.looks()
    for seen in (person, phone):
        assert "Offers asks" in seen.last and "Send the offer?" in seen.last and "total price: 240 €" in seen.last
        assert "it stops there" in seen.last
        assert seen.labels() == ["Yes, send it", "No", "Open the run"]
    late, place = phone.button("No")[1], phone.last_place
    person.taps("Yes, send it")
    phone.looks()
    assert person.toast == "Thank you: Yes, send it. It goes on."
    for seen in (person, phone):
        assert "by the web chat: Yes, send it" in seen.last and "You answered" in seen.last
        assert seen.labels() == ["Open the run"]
    phone.presses(late, place)
    assert "answered this already, " in phone.toast and phone.toast.endswith(": Yes, send it.")
    with person.work() as work:
        assert work.questions.get(question.id).answer == "yes"
        assert work.runs.get(question.run_id).status == "queued"


def test_a_question_without_an_answer_says_what_was_taken_instead(person: Person) -> None:
    question = flows.asked(person, default="no")
    assert "it takes “No”" in person.last
    place, button = person.button("Yes, send it")
    stage.changed(person, lambda work: lapse(work, question.id))
    assert "so it went on with “No”" in person.last and person.labels() == ["Open the run"]
    person.presses(button, place)
    assert "is over" in person.toast


def test_after_its_time_a_question_takes_no_answer_though_nobody_swept_it_yet(person: Person) -> None:
    question = flows.asked(person)

    def too_late(work: object) -> None:
        held = work.questions.lock(question.id)  # type: ignore[attr-defined]
        held.until = work.now - timedelta(seconds=1)  # type: ignore[attr-defined]

    place, button = person.button("Yes, send it")
    with person.work() as work:
        too_late(work)
        work.commit()
    person.presses(button, place)
    assert "is over" in person.toast and "The time for an answer was over" in person.last
    person.says("/inbox")
    assert "Question" not in " ".join(person.labels())


def test_a_question_that_is_no_longer_needed_says_so(person: Person) -> None:
    question = flows.asked(person)
    stage.changed(person, lambda work: withdraw(work, question.run_id))
    assert "No longer needed" in person.last


def test_an_open_question_waits_in_the_inbox_beside_the_suggestions(person: Person) -> None:
    flows.asked(person)
    stage.suggests(person, stage.mail())
    person.says("/inbox")
    assert "2 things wait for you" in person.last and "1 question" in person.last
    assert person.labels()[0] == "Question: Send the offer?"
    person.taps("Question: Send the offer?")
    assert "Offers asks" in person.last
    person.taps("Yes, send it")
    person.says("/inbox")
    assert "1 suggestion waits for you" in person.last
