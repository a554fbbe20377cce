"""Where a person is: put off until work, back when it begins, by hand or by the hours of the week; on vacation nothing comes but what is urgent."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import psycopg
import pytest

from core.approvals import presence
from core.identity.settle import settle
from core.kernel.settings import Settings
from core.messaging.hold import URGENT, scope
from core.preferences import learn
from core.preferences.choose import prefer
from tests.bots.dialogs import stage
from tests.bots.dialogs.person import Person


def _due(person: Person, settings: Settings) -> None:
    """Time comes for whatever switches by itself, as the sweep does it."""
    assert settings.database_url is not None
    with psycopg.connect(settings.database_url.get_secret_value()) as owner:
        owner.execute("UPDATE nod.user_contexts SET changes_at = now() - interval '1 s' WHERE changes_at IS NOT NULL")
    for item in person.parts.storage.due.due("contexts", 10):
        stage.changed(person, lambda work, id=item.id: presence.turn(work, id))


def test_put_off_until_work_it_comes_back_when_work_begins(person: Person) -> None:
    [made] = stage.suggests(person, stage.mail())
    person.taps("Snooze")
    person.taps("When I'm at work")
    assert person.toast.startswith("Put off until you are at work; at the latest ") and "give it hours" in person.last
    assert stage.of(person, made.id).status == "snoozed"
    person.screens.clear()
    person.says("/settings")
    person.taps("Where I am")
    person.taps("I am at work")
    assert "What waited for it comes now" in "".join(map(str, person.screens.values()))
    assert "Approve" in person.labels() and stage.of(person, made.id).status == "pending"


def test_it_comes_back_before_it_expires_even_if_work_never_begins(person: Person) -> None:
    expires = datetime.now(UTC) + timedelta(hours=30)
    [made] = stage.suggests(person, stage.mail(expires_at=expires.isoformat()))
    with person.work() as work:
        presence.put_off_until(work, person.actor, made.id, "work")
        work.commit()
    until = stage.of(person, made.id).snoozed_until
    assert until is not None and datetime.now(UTC) < until < expires - timedelta(hours=10)


def test_a_context_follows_the_hours_of_the_week_and_what_the_person_says_holds_until_the_next_change(
    person: Person, settings: Settings
) -> None:
    with person.work() as work:
        settle(work, person.actor, timezone="Etc/UTC")
        work.commit()
    now = datetime.now(UTC)
    person.says("/settings")
    person.taps("Where I am")
    person.taps("at work: hours")
    person.taps("Set hours")
    assert "Which hours?" in person.last
    person.says("sometimes")
    assert "I do not understand the hours" in person.last
    person.says(f"every day {now - timedelta(hours=2):%H}:00 to {now + timedelta(hours=2):%H}:00")
    assert "every day" in person.last and "on · " in person.last and "until " in person.last
    person.taps("No longer at work")
    assert "Off: at work." in person.last
    [made] = stage.suggests(person, stage.mail())
    person.taps("Snooze")
    person.taps("When I'm at work")
    _due(person, settings)
    assert stage.of(person, made.id).status == "pending", "the hours have it again"


def test_a_context_of_ones_own_until_a_time_and_removed(person: Person, settings: Settings) -> None:
    person.says("/settings")
    person.taps("Where I am")
    person.taps("Another one")
    person.says("in the  studio")
    person.taps("On until")
    person.says("in 3 hours")
    assert "on · until " in person.last
    _due(person, settings)
    [made] = stage.suggests(person, stage.mail())
    person.taps("Snooze")
    person.taps("When: in the studio")
    assert stage.of(person, made.id).status == "snoozed"
    person.says("/settings")
    person.taps("Where I am")
    person.taps("in the studio: hours")
    person.taps("Remove")
    assert stage.of(person, made.id).status == "pending"


def test_a_vacation_holds_all_but_the_urgent_and_lets_go_at_its_end(person: Person, settings: Settings) -> None:
    urgent, other = stage.agent(person), stage.agent(person)
    with person.work() as work:
        prefer(work, person.actor, scope(urgent.id), URGENT, True)
        presence.switch(work, person.actor, "vacation", True, work.now + timedelta(days=7))
        work.commit()
    stage.suggests(person, stage.mail(subject="can wait"), by=other, trigger="scheduled")
    assert not person.screens
    stage.suggests(person, stage.mail(subject="urgent"), by=urgent, trigger="scheduled")
    stage.suggests(person, stage.mail(subject="asked"), by=other)
    shown = str(list(person.screens.values()))
    assert "urgent" in shown and "asked" in shown and "can wait" not in shown
    _due(person, settings)
    assert "can wait" in str(list(person.screens.values()))


def test_a_habit_is_offered_first_shown_kept_or_dropped_and_never_beats_what_was_said(person: Person) -> None:
    for n in range(3):
        stage.suggests(person, stage.mail(subject=f"mail {n}"))
        person.taps("Snooze")
        assert not person.labels()[0].endswith("(as usual)")
        person.taps("Tomorrow")
    stage.suggests(person, stage.mail())
    person.taps("Snooze")
    assert person.labels()[0].startswith("Tomorrow") and person.labels()[0].endswith("(as usual)")
    person.says("/settings")
    person.taps("What I noticed")
    assert "tomorrow morning, so I offer that first. (3 times in a row)" in person.last
    person.taps("Keep it so")
    assert "(you said so)" in person.last
    with person.work() as work:
        learn.chose(work, person.actor, learn.USUAL_SNOOZE, "monday")
        assert learn.usual(work, person.actor.user_id, learn.USUAL_SNOOZE) == "tomorrow"
    person.taps("Forget it")
    assert "Nothing so far" in person.last


@pytest.mark.parametrize("timezone", ["Asia/Tokyo"])
def test_hours_follow_the_person_to_another_timezone(arrives: Callable[..., Person], timezone: str) -> None:
    person = arrives("Etc/UTC")
    with person.work() as work:
        before = presence.set_hours(work, person.actor, "work", "weekdays 9 to 17").changes_at
        work.commit()
    person.says("/settings")
    person.taps("Timezone")
    person.says("Tokyo")
    with person.work() as work:
        assert work.preferences.contexts(person.actor.user_id)[0].changes_at < before
        presence.turn(work, work.preferences.contexts(person.actor.user_id)[0].id)
        hour = work.preferences.contexts(person.actor.user_id)[0].changes_at
        assert hour is not None
        assert hour.astimezone(UTC).hour in (0, 8)
