"""The day's brief, and the tone in which main sentences are said."""

from datetime import UTC, datetime, timedelta

from core.approvals import decide
from core.identity.settle import settle
from core.kernel.errors import Unavailable
from core.orchestration import finish
from core.orchestration.start import start
from tests.bots.dialogs import stage
from tests.bots.dialogs.person import Person


def _hears(person: Person, tone: str) -> None:
    with person.work() as work:
        settle(work, person.actor, tone=tone)  # pyright: ignore[reportArgumentType]
        work.commit()


def test_the_brief_of_an_empty_day_teaches_and_its_tip_can_be_dropped(person: Person) -> None:
    told = person.says("/brief")
    assert "Your day, " in told and "Nothing waits for you." in told and "A tip: see an agent at work" in told
    assert "Try it" in person.labels()
    person.taps("Not for me")
    assert "A tip: see an agent" not in person.last and "A tip: " in person.last
    for _ in range(8):
        if "A tip: " not in person.last:
            break
        person.taps("Not for me")
    assert "A tip: " not in person.last and person.labels() == ["What ran", "My agents"]


def test_the_brief_says_what_ran_what_waits_what_expires_and_what_is_due(person: Person) -> None:
    agent = stage.agent(person)
    soon = (datetime.now(UTC) + timedelta(minutes=1)).isoformat()
    made = stage.suggests(person, stage.mail(expires_at=soon), stage.event(), stage.task(due="2020-01-01"), by=agent)
    stage.changed(person, lambda work: decide.approve(work, person.actor, made[2].id, 1))
    with person.work() as work:
        from core.connectors.tasks import Task
        from core.kernel.ids import new_id

        work.tasks.add(
            Task(
                new_id(),
                person.actor.workspace_id,
                person.actor.user_id,
                "Pay the rent",
                "",
                work.now.date() - timedelta(days=1),
                None,
                None,
                None,
                "k",
                work.now,
            )
        )
        failed = start(work, person.actor, agent.id, "chat", {})
        work.commit()
    with person.work() as work:
        held = work.runs.claim(failed.id, 30)
        finish.fail(work, failed.id, held.fence, Unavailable("kernel.database_away"), again=False)
        work.commit()
    person.looks()
    told = person.says("/brief")
    assert "Waits for you: 1 reply and 1 event" in told and f"Ran since yesterday: {agent.name}" in told
    assert f"Failed: {agent.name}" in told and "1 task is due today:\nPay the rent" in told
    assert "Open inbox" in person.labels()


def test_a_tone_is_heard_in_the_main_sentences_and_nowhere_is_one_missing(person: Person) -> None:
    assert "Nothing waits for you" in person.says("/inbox")
    _hears(person, "direct")
    assert "Inbox empty" in person.says("/inbox")
    assert "Nothing to cancel." in person.says("/cancel")
    stage.suggests(person, stage.mail())
    person.taps("Approve")
    assert person.toast.startswith("Sending in ")
    _hears(person, "motivational")
    stage.suggests(person, stage.mail())
    person.taps("Approve")
    assert person.toast.startswith("Approved, one less to think about.")
    assert "There was nothing to cancel" in person.says("/cancel"), "what has no sentence in a tone is said as always"
    person.says("/settings")
    person.taps("Change these")
    person.fills(tone="gentle")
    assert "Tone: gentle" in person.last
    stage.suggests(person, stage.mail())
    person.taps("Approve")
    assert person.toast.startswith("Approved, sending in ")
