"""A person's own settings, consents, links and keys."""

from datetime import timedelta

import pytest

from core.approvals import decide
from core.identity.prove import by_key, who_made
from core.kernel.errors import Unauthenticated
from tests.bots.dialogs import stage
from tests.bots.dialogs.person import Person, words_of


def test_settings_are_shown_and_changed_in_one_form(person: Person) -> None:
    person.says("/settings")
    assert (
        "What I call you: Somebody" in person.last
        and "Timezone: Europe/Berlin, " in person.last
        and "Quiet hours: off" in person.last
    )
    person.taps("Change these")
    person.fills(quiet="on", quiet_start="25:00")
    assert person.last_screen.form is not None
    assert next(f.error for f in person.last_screen.form.fields if f.name == "quiet_start")
    person.fills(
        preferred_name="Kim", tone="direct", frequency="daily", quiet="on", quiet_start="21:30", quiet_end="06:00"
    )
    assert (
        "Saved." in person.last
        and "What I call you: Kim" in person.last
        and "Quiet hours: 21:30 to 06:00" in person.last
        and "Messages: together, every day at 06:00" in person.last
    )
    with person.work() as work:
        profile = work.people.profile(person.actor.user_id)
        assert (profile.tone, profile.notification_preferences.frequency) == ("direct", "daily")
        assert profile.notification_preferences.quiet_hours.enabled
    person.says("/start")
    assert "Hello Kim" in person.last


@pytest.mark.parametrize(
    ("language", "tone", "heard"),
    [
        ("de", "direct", "Eingang leer"),
        ("de", "motivational", "Dein Eingang ist leer. Sehr schön!"),
        ("es", "direct", "Sin pendientes"),
        ("es", "motivational", "No te queda nada pendiente. ¡Muy bien!"),
    ],
)
def test_a_tone_is_heard_in_german_and_spanish_too(person: Person, language: str, tone: str, heard: str) -> None:
    person.says("/start")
    person.taps("Yes")
    person.says("/settings")
    person.taps("Change")
    person.fills(language=language, tone=tone)
    assert heard in person.says("/inbox")


def test_the_timezone_is_changed_from_the_settings(person: Person) -> None:
    person.says("/start")
    person.taps("Yes")
    person.says("/settings")
    person.taps("Timezone")
    person.says("tokyo")
    assert "Asia/Tokyo" in person.last
    person.taps("Settings")
    assert "Timezone: Asia/Tokyo, " in person.last


def test_a_consent_is_taken_back_and_given_again(person: Person) -> None:
    stage.agent(person)
    person.says("/settings")
    person.taps("Consents")
    assert "Read your mail in the account you connect" in person.last
    person.taps("Take back: reading mail")
    with person.work() as work:
        assert not work.preferences.consent(person.actor.user_id, "data:mail").active
    person.taps("Agree again")
    with person.work() as work:
        assert work.preferences.consent(person.actor.user_id, "data:mail").active
    person.taps("Take back")
    person.taps("Settings")
    person.taps("Consents")
    assert "You have agreed to nothing so far" in person.last


def test_a_consent_that_is_taken_back_withdraws_what_waits_and_what_is_held_and_can_be_asked_again(
    person: Person,
) -> None:
    agent = stage.agent(person)
    waits, held, snoozed = stage.suggests(person, stage.mail(), stage.event(), stage.task(), by=agent)
    stage.changed(person, lambda work: decide.approve(work, person.actor, held.id, 1))
    stage.changed(person, lambda work: decide.snooze(work, person.actor, snoozed.id, work.now + timedelta(hours=1)))
    place = next(place for place, screen in person.screens.items() if "Re: Offer for March" in words_of(screen))
    person.says("/settings")
    person.taps("Consents")
    assert "(since " in person.last and f"Used by {agent.name}." in person.last
    person.taps("Take back: reading mail")
    assert (
        f"Stopped with it: {agent.name}." in person.last and "3 suggestions that waited were withdrawn" in person.last
    )
    assert [stage.of(person, one.id).status for one in (waits, held, snoozed)] == ["withdrawn"] * 3
    with person.work() as work:
        assert work.executions.of(held.id).status == "withdrawn"
    assert "you took back what its agent needs" in words_of(person.screens[place])
    person.taps("Agree again")
    assert stage.of(person, waits.id).status == "withdrawn"
    person.taps("Ask me again", on=place)
    assert stage.of(person, waits.id).status == "pending"


def test_a_link_code_names_its_account_and_stands_for_the_person(person: Person) -> None:
    person.says("/settings")
    person.taps("Link another chat")
    with person.work() as work:
        email = work.people.user(person.actor.user_id).email
    assert f"It links that chat to your account {email}" in person.last
    code = next(line for line in person.last.splitlines() if len(line) == 9 and line[4] == "-")
    assert who_made(person.parts.storage.directory, code).user_id == person.actor.user_id


def test_an_api_key_is_shown_once_works_and_is_revoked(person: Person) -> None:
    person.says("/settings")
    person.taps("API keys")
    assert "You have no API key" in person.last
    person.taps("New key")
    person.fills(name="", scopes=[])
    assert person.last_screen.form is not None
    person.fills(name="Backup script", scopes=["read", "approve"])
    secret = next(line for line in person.last.splitlines() if line.startswith("nod_"))
    assert by_key(person.parts.storage.directory, secret).scopes == {"read", "approve"}
    person.taps("I have copied it")
    assert secret not in person.last and "Backup script · nod_" in person.last and "never used" in person.last
    person.taps("Revoke Backup script")
    try:
        by_key(person.parts.storage.directory, secret)
    except Unauthenticated:
        return
    raise AssertionError("a revoked key still works")
