"""How long history is kept, chosen in the chat: shorter after a second yes, longer at once, never longer than the plan."""

from collections.abc import Iterator

import pytest

from core.identity.models import PrivacySettings
from core.kernel.settings import settings
from tests.bots.dialogs.person import Person


@pytest.fixture
def tiers(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("NOD_LIMITS", "tiers")
    settings.cache_clear()
    yield
    settings.cache_clear()


def chosen(person: Person) -> PrivacySettings:
    with person.work() as work:
        return work.people.profile(person.actor.user_id).privacy_settings


def test_a_shorter_time_is_asked_twice_and_a_longer_one_is_not(person: Person) -> None:
    person.says("/settings")
    person.taps("Privacy")
    person.taps("History")
    assert "Your runs are kept for ever." in person.last
    assert person.labels() == ["7 days", "30 days", "90 days", "365 days", "Settings"]
    person.taps("30 days")
    assert "Keep history for 30 days only?" in person.last and "cannot be brought back" in person.last
    assert person.labels()[0] == "Leave it" and not chosen(person).auto_delete_enabled
    person.taps("Leave it")
    assert "kept for ever" in person.last and not chosen(person).auto_delete_enabled
    person.taps("30 days")
    person.taps("Keep 30 days")
    assert "Your runs are kept for 30 days." in person.last and "Older runs are removed" in person.last
    assert (chosen(person).auto_delete_enabled, chosen(person).data_retention_days) == (True, 30)
    person.taps("365 days")
    assert "Your runs are kept for 365 days." in person.last and chosen(person).data_retention_days == 365
    person.taps("For ever")
    assert "Your runs are kept for ever." in person.last and not chosen(person).auto_delete_enabled


@pytest.mark.usefixtures("tiers")
def test_nothing_is_offered_that_the_plan_does_not_keep(person: Person) -> None:
    person.says("/settings")
    person.taps("Privacy")
    person.taps("History")
    assert "Your runs are kept for 30 days." in person.last
    assert person.labels() == ["7 days", "Settings"]
    person.taps("7 days")
    person.taps("Keep 7 days")
    person.says("/usage")
    assert "History is kept: 7 days" in person.last
    person.says("/settings")
    person.taps("Privacy")
    person.taps("History")
    person.taps("As long as the plan does: 30 days")
    assert "Your runs are kept for 30 days." in person.last
