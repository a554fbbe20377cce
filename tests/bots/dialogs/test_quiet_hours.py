"""What nobody asked for waits: for the end of quiet hours, for its hour, and, beyond six cards of an agent an hour, in a digest."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from uuid import UUID

import psycopg
import pytest

from bots.kit.outbound import Letters
from core.approvals import decide
from core.approvals.wake import wake
from core.identity.models import NotificationPreferences, QuietHours
from core.identity.settle import settle
from core.kernel.settings import Settings
from core.messaging import hold
from core.messaging.post import notify
from tests.bots.dialogs import stage
from tests.bots.dialogs.person import Person, words_of

LIMIT = {
    "which": "runs_per_day", "limit": 12, "used": 12, "tier": "free", "resets_at": "2099-01-01T00:00:00+00:00", "agent": "Inbox",
}  # fmt: skip
Passes = Callable[[Person, int], None]


@pytest.fixture(autouse=True)
def not_spread(monkeypatch: pytest.MonkeyPatch) -> None:
    """On the wall of these tests only whole hours pass, so nobody hears minutes later than the others."""
    monkeypatch.setattr(hold, "spread", lambda user_id: timedelta(0))


@pytest.fixture
def passes(settings: Settings) -> Passes:
    """Lets hours pass: the clock on the person's wall goes on, and all that lies behind them lies longer behind them."""
    gone: dict[UUID, int] = {}

    def pass_(person: Person, hours: int) -> None:
        user = person.actor.user_id
        gone[user] = gone.get(user, 0) + hours
        assert settings.database_url is not None
        with psycopg.connect(settings.database_url.get_secret_value()) as owner:
            owner.execute(
                "UPDATE nod.user_profiles SET timezone = %s WHERE user_id = %s", (f"Etc/GMT-{gone[user]}", user)
            )
            owner.execute(
                "UPDATE nod.deliveries SET due_at = due_at - %(h)s, created_at = created_at - %(h)s, first_shown_at = first_shown_at - %(h)s WHERE user_id = %(u)s",
                {"h": timedelta(hours=hours), "u": user},
            )
        person.looks()

    return pass_


def _wishes(person: Person, frequency: str = "immediate", quiet: tuple[int, int] | None = None) -> None:
    """Quiet from so many hours ago until so many hours from now, on a clock that shows UTC."""
    now = datetime.now(UTC)
    hours = QuietHours()
    if quiet is not None:
        start, end = ((now + timedelta(hours=n)).strftime("%H:%M") for n in (-quiet[0], quiet[1]))
        hours = QuietHours(start=start, end=end, enabled=True)
    wishes = NotificationPreferences(frequency=frequency, quiet_hours=hours)  # pyright: ignore[reportArgumentType]
    with person.work() as work:
        settle(work, person.actor, timezone="Etc/UTC", notifications=wishes)
        work.commit()


def _subjects(person: Person) -> list[str]:
    """The cards that stand in the chat, in order, by their subject lines."""
    cards = [s for s in person.screens.values() if not any(b.action == "batch.card" for row in s.buttons for b in row)]
    lines = (line for screen in cards for line in words_of(screen).splitlines())
    return [line.removeprefix("Subject: ") for line in lines if line.startswith("Subject: ")]


def _mails(*names: str, **more: object) -> list[dict[str, object]]:
    return [stage.mail(subject=name, priority="medium", **more) for name in names]


def test_cards_that_come_in_quiet_hours_arrive_together_and_in_order_when_they_are_over(
    person: Person, passes: Passes
) -> None:
    _wishes(person, quiet=(1, 2))
    agent = stage.agent(person)
    for name in ("first", "second", "third"):
        stage.suggests(person, *_mails(name), by=agent, trigger="scheduled")
    assert _subjects(person) == []
    passes(person, 1)
    assert _subjects(person) == []
    passes(person, 1)
    assert _subjects(person) == ["first", "second", "third"]


def test_what_a_person_just_asked_for_comes_in_quiet_hours_too(person: Person) -> None:
    _wishes(person, quiet=(1, 2))
    assert "Quiet hours: " in person.says("/settings")
    stage.suggests(person, *_mails("asked"))
    assert _subjects(person) == ["asked"]


def test_a_card_that_was_held_shows_what_became_of_it_meanwhile(person: Person, passes: Passes) -> None:
    _wishes(person, quiet=(1, 2))
    [made] = stage.suggests(person, *_mails("held"), trigger="scheduled")
    stage.changed(person, lambda work: decide.reject(work, person.actor, made.id, 1))
    assert _subjects(person) == []
    passes(person, 2)
    assert "Rejected" in person.last and "Approve" not in person.labels()


def test_a_card_that_stands_there_is_kept_true_in_quiet_hours(person: Person) -> None:
    [made] = stage.suggests(person, *_mails("there"), trigger="scheduled")
    _wishes(person, quiet=(1, 2))
    stage.changed(person, lambda work: decide.reject(work, person.actor, made.id, 1))
    assert "Rejected" in person.last


def test_a_held_card_that_was_opened_from_the_inbox_does_not_come_again(person: Person, passes: Passes) -> None:
    _wishes(person, quiet=(1, 2))
    stage.suggests(person, *_mails("seen", "unseen"), trigger="scheduled")
    person.says("/inbox")
    person.taps(
        "Reply to ana@example.org: seen" if "Reply to ana@example.org: seen" in person.labels() else person.labels()[0]
    )
    assert len(_subjects(person)) == 1
    passes(person, 2)
    assert sorted(_subjects(person)) == ["seen", "unseen"]


def test_cards_of_an_urgent_agent_come_at_any_hour(person: Person) -> None:
    _wishes(person, quiet=(1, 2))
    agent, other = stage.agent(person), stage.agent(person)
    stage.suggests(person, *_mails("waits"), by=agent, trigger="scheduled")
    person.says("/agents")
    person.taps(agent.name)
    person.screens.clear()
    with person.work() as work:
        named = work.agents.get(agent.id).name
        work.agents.get(other.id).name = "The other one"
        work.commit()
    person.says("/agents")
    person.taps(named)
    assert "Its cards: wait while it is quiet" in person.last
    person.taps("Mark as urgent")
    assert "come at any hour" in words_of(next(s for s in person.screens.values() if "Its cards" in words_of(s)))
    assert _subjects(person) == ["waits"]
    stage.suggests(person, *_mails("now"), by=agent, trigger="scheduled")
    stage.suggests(person, *_mails("later"), by=other, trigger="scheduled")
    assert _subjects(person) == ["waits", "now"]
    person.taps("Not urgent")
    stage.suggests(person, *_mails("held again"), by=agent, trigger="scheduled")
    assert _subjects(person) == ["waits", "now"]


def test_changed_settings_let_go_what_is_held(person: Person) -> None:
    _wishes(person, quiet=(1, 2))
    stage.suggests(person, *_mails("held"), trigger="scheduled")
    assert _subjects(person) == []
    person.says("/settings")
    person.taps("Change these")
    person.fills(quiet="")
    assert _subjects(person) == ["held"]


def test_news_wait_while_it_is_quiet(person: Person, passes: Passes) -> None:
    _wishes(person, quiet=(1, 2))
    stage.changed(person, lambda work: notify(work, person.actor.user_id, "limit.reached", LIMIT))
    assert not person.screens
    passes(person, 2)
    assert "12" in person.last


def test_a_snooze_ends_when_the_person_said_and_a_reminder_waits(person: Person, passes: Passes) -> None:
    [put_off, reminded] = stage.suggests(person, *_mails("put off", "reminded"), trigger="scheduled")
    _wishes(person, quiet=(1, 2))
    person.screens.clear()
    with person.work() as work:
        decide.snooze(work, person.actor, put_off.id, work.now + timedelta(hours=1))
        work.suggestions.get(put_off.id).snoozed_until = work.now
        work.suggestions.get(reminded.id).expires_at = work.now + timedelta(hours=20)
        work.commit()
    person.looks()
    person.screens.clear()
    stage.changed(person, lambda work: wake(work, put_off.id))
    stage.changed(person, lambda work: wake(work, reminded.id))
    assert _subjects(person)[-1:] == ["put off"] and "reminded" not in _subjects(person)
    passes(person, 2)
    assert "reminded" in _subjects(person)


def test_hourly_cards_come_together_at_the_full_hour_and_daily_ones_once_a_day(
    arrives: Callable[..., Person], passes: Passes
) -> None:
    hourly, daily = arrives(), arrives()
    for person, frequency in ((hourly, "hourly"), (daily, "daily")):
        _wishes(person, frequency, (-3, 5))
        stage.suggests(person, *_mails("one"), trigger="scheduled")
        assert _subjects(person) == []
    passes(hourly, 1)
    passes(daily, 1)
    assert (_subjects(hourly), _subjects(daily)) == (["one"], [])
    passes(daily, 4)
    assert _subjects(daily) == ["one"]


def test_six_cards_an_hour_come_from_one_agent_and_the_rest_in_one_digest(person: Person, passes: Passes) -> None:
    agent, other = stage.agent(person), stage.agent(person)
    for run in range(3):
        stage.suggests(person, *_mails(*(f"{run}.{n}" for n in range(4))), by=agent, trigger="scheduled")
    assert len(_subjects(person)) == 6
    assert [words_of(s) for s in person.screens.values()][-1].startswith("6 more suggestions from Inbox agent wait")
    assert sum("more suggestion" in words_of(s) for s in person.screens.values()) == 1
    stage.suggests(person, *_mails("of the other"), by=other, trigger="scheduled")
    assert _subjects(person)[-1] == "of the other"
    passes(person, 1)
    stage.suggests(person, *_mails("an hour later"), by=agent, trigger="scheduled")
    assert _subjects(person)[-1] == "an hour later"


def test_the_brake_holds_also_for_what_arrives_together_after_quiet_hours(person: Person, passes: Passes) -> None:
    _wishes(person, quiet=(1, 2))
    agent = stage.agent(person)
    for run in range(3):
        stage.suggests(person, *_mails(*(f"{run}.{n}" for n in range(4))), by=agent, trigger="scheduled")
    passes(person, 2)
    assert len(_subjects(person)) == 6 and "6 more suggestions from Inbox agent wait" in person.last
    person.taps("Show next 5")
    person.looks()
    assert len(_subjects(person)) == 11 and "1 more suggestion from Inbox agent waits" in person.last


def test_a_card_whose_sending_was_cut_off_comes_whatever_came_meanwhile(person: Person, settings: Settings) -> None:
    agent = stage.agent(person)
    looks, person.looks = person.looks, lambda: None  # type: ignore[method-assign]
    stage.suggests(person, *_mails(*"abcdefgh"), by=agent, trigger="scheduled")
    first, *_ = person.parts.storage.due.due("deliveries", 500, person.actor.surface)
    assert Letters(person.parts).claim(first) is not None
    looks()
    assert len(_subjects(person)) == 6 and "a" not in _subjects(person)
    assert settings.database_url is not None
    with psycopg.connect(settings.database_url.get_secret_value()) as owner:
        owner.execute("UPDATE nod.deliveries SET lease_until = now() - interval '1 second' WHERE id = %s", (first.id,))
    looks()
    assert _subjects(person)[-1] == "a"
