"""What starts an agent: schedules in words, events from a list, addresses with a secret that is shown once."""

import hmac
from collections.abc import Callable
from hashlib import sha256

import pytest

from core.workflows.hook import receive
from core.workflows.match import start_by_hand
from core.workflows.models import Trigger
from core.workflows.trigger import TriggerSpec, make_trigger
from tests.bots.dialogs import flows
from tests.bots.dialogs.person import Person


def _at(person: Person) -> str:
    [agent] = flows.agents(person, "Reader")
    person.says("/agents")
    person.taps("Reader")
    person.taps("What starts it")
    return str(agent.id)


def _triggers(person: Person) -> list[Trigger]:
    with person.work() as work:
        return work.triggers.page(None, 10)


def test_a_schedule_is_echoed_with_its_next_times_before_it_holds(person: Person) -> None:
    _at(person)
    assert "Nothing starts it by itself yet" in person.last
    person.taps("Add a schedule")
    person.says("when the moon is full")
    assert _triggers(person) == [] and "When shall it run?" in person.last
    person.says("every other day")
    assert "a schedule cannot say it" in person.last
    person.says("every weekday at 8")
    assert "I understood: every weekday at 08:00, Europe/Berlin." in person.last
    assert person.last.count(", 08:00\n") == 5 and _triggers(person) == []
    person.taps("Yes, that is right")
    [made] = _triggers(person)
    assert (made.cron, made.timezone, made.status) == ("0 8 * * 1-5", "Europe/Berlin", "active")
    assert "If a time was missed: make up for it once" in person.last and person.last.count(", 08:00\n") == 5
    person.taps("‹ All that starts it")
    assert person.labels()[0].startswith("every weekday at 08:00, Europe/Berlin, next ")


def test_times_are_those_of_the_person_not_of_the_schedule(person: Person) -> None:
    _at(person)
    person.taps("Add a schedule")
    person.says("every day at 8")
    person.taps("Yes, that is right")
    with person.work() as work:
        work.people.profile(person.actor.user_id).timezone = "Asia/Tokyo"
        work.commit()
    person.taps("‹ All that starts it")
    person.taps("every day at")
    assert "08:00, Europe/Berlin" in person.last
    assert person.last.count(", 16:00\n") + person.last.count(", 15:00\n") == 5


def test_a_trigger_is_paused_resumed_and_told_what_to_do_when_late(person: Person) -> None:
    _at(person)
    person.taps("Add a schedule")
    person.says("every day at 8")
    person.taps("Yes, that is right")
    person.taps("Pause")
    assert _triggers(person)[0].status == "paused" and "On hold" in person.last and "next" not in person.last
    person.taps("Resume")
    assert _triggers(person)[0].next_fire_at is not None
    person.taps("When it is late")
    person.fills(misfire="all", overlap="queue")
    [now] = _triggers(person)
    assert (now.misfire_policy, now.overlap) == ("all", "queue")
    assert "make up for each, 24 at most" in person.last and "wait for it, then start" in person.last


def test_a_trigger_is_removed_after_a_second_yes_and_its_runs_stay(person: Person) -> None:
    _at(person)
    person.taps("Add a schedule")
    person.says("every day at 8")
    person.taps("Yes, that is right")
    trigger = _triggers(person)[0]
    with person.work() as work:
        run = start_by_hand(work, person.actor, trigger.id)
        work.commit()
    person.taps("Remove")
    assert "every day at 08:00" in person.last and "The runs that it started stay." in person.last
    assert _triggers(person) != [], "nothing has been done yet"
    person.taps("Keep it")
    assert "It starts" in person.last and _triggers(person) != []
    person.taps("Remove")
    place, yes = person.button("Remove it")
    person.presses(yes, place)
    assert _triggers(person) == []
    assert person.toast == "Removed. It starts nothing any more." and "every day at" not in person.last
    person.presses(yes, place)
    assert "no longer here" in (person.toast or person.last)
    with person.work() as work:
        assert work.runs.get(run.id).trigger_id == trigger.id


def test_who_removes_a_webhook_is_told_that_its_address_stops(person: Person) -> None:
    _at(person)
    person.taps("Add a webhook")
    person.fills(source="standard")
    person.taps("I have copied it")
    person.taps("Remove")
    assert "Its address and its secret stop working at once." in person.last


def test_an_event_is_chosen_from_a_list_and_a_wrong_filter_is_said_beside_the_form(person: Person) -> None:
    _at(person)
    person.taps("Add an event")
    person.fills(event_kind="run.failed", filter="mail.subject == 'x'")
    assert _triggers(person) == []
    assert person.last_screen.form is not None
    assert any("The filter asks for mail" in field.error for field in person.last_screen.form.fields)
    person.fills(event_kind="run.failed", filter="event.payload.code != ''")
    [made] = _triggers(person)
    assert (made.event_kind, made.filter) == ("run.failed", "event.payload.code != ''")
    assert "It starts when a run fails." in person.last and "Only if: event.payload.code != ''" in person.last


def test_a_webhook_shows_its_secret_once_and_what_was_sent_to_it(person: Person) -> None:
    _at(person)
    person.taps("Add a webhook")
    person.fills(source="standard")
    [made] = _triggers(person)
    assert f"/hooks/{made.id}" in person.last and "openssl dgst -sha256 -hmac" in person.last
    secret = next(line.removeprefix("Secret: ") for line in person.last.split("\n") if line.startswith("Secret: "))
    body = b'{"hello": "Nod"}'
    signature = hmac.new(secret.encode(), body, sha256).hexdigest()
    with person.work() as work:
        headers = {"content-type": "application/json", "x-hub-signature-256": f"sha256={signature}"}
        assert receive(work, made.id, headers, body).outcome == "started"
        work.commit()
    person.taps("I have copied it")
    assert ": started" in person.last and secret not in person.last and "Its last run" in person.labels()
    person.taps("New secret")
    assert "works for one day more" in person.last and "Secret: whsec_" in person.last and secret not in person.last


def test_a_secret_is_never_shown_in_a_chat_of_another_platform(
    person: Person, by_telegram: Callable[[Person], Person]
) -> None:
    phone = by_telegram(person)
    _at(phone)
    phone.taps("Add a webhook")
    assert "only on the web page" in phone.toast and _triggers(phone) == []


@pytest.mark.parametrize(
    ("said", "understood"),
    [
        ("first Monday of the month", "on the first Monday of every month at 08:00"),
        ("last Friday of the month at 17:30", "on the last Friday of every month at 17:30"),
        ("last day of the month at 18:00", "on the last day of every month at 18:00"),
        ("every 2 hours between 9 and 17", "every 2 hours from 09:00 to 17:00"),
        ("every hour between 9 and 17 on weekdays", "every hour from 09:00 to 17:00 on weekdays"),
        ("5 4 1,15 2 *", "by the cron line 5 4 1,15 2 *"),
    ],
)
def test_what_was_understood_is_said_in_words_not_in_cron(person: Person, said: str, understood: str) -> None:
    _at(person)
    person.taps("Add a schedule")
    person.says(said)
    assert f"I understood: {understood}, Europe/Berlin." in person.last


def test_words_that_begin_with_a_phrase_start_what_was_set_up_for_it(person: Person) -> None:
    [agent] = flows.agents(person, "Reader")
    with person.work() as work:
        made = make_trigger(work, person.actor, TriggerSpec(type="chat", phrase="weekly report"), agent_id=agent.id)
        work.commit()
    person.says("/weekly report of March, please")
    with person.work() as work:
        [run] = work.runs.page(None, 10)
    assert (run.trigger_type, run.trigger_id, run.input["message"]["rest"]) == (
        "chat",
        made.trigger.id,
        "of March, please",
    )
    assert "Reader" in person.last
    person.says("something else")
    with person.work() as work:
        assert len(work.runs.page(None, 10)) == 1
