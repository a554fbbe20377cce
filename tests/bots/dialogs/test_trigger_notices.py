"""What triggers tell their owners, and the buttons under it."""

from typing import Any

import pytest

from core.catalog.models import Agent
from core.kernel.ids import new_id
from core.orchestration.models import Run
from core.workflows.failing import IN_A_ROW, run_failed
from tests.bots.dialogs import stage
from tests.bots.dialogs.person import Person


def test_an_agent_that_failed_again_and_again_is_asked_about_with_resume_and_details(person: Person) -> None:
    agent = stage.agent(person)
    run = stage.changed(person, lambda work: _failed(work, agent))
    for _ in range(IN_A_ROW):
        stage.changed(person, lambda work: run_failed(work, run))
    assert "Inbox agent failed 5 times in a row, so I put it on hold" in person.last
    assert person.labels() == ["Resume", "Details"]
    person.taps("Resume")
    with person.work() as work:
        assert work.agents.get(agent.id).status == "active"


@pytest.mark.parametrize(
    ("code", "data", "words"),
    [
        ("trigger.stopped", {"name": "Inbox"}, "The schedule of Inbox cannot be carried out any more."),
        ("trigger.missed", {"name": "Inbox", "since": "2026-11-22T08:00:00+00:00"}, "Inbox was due from"),
        (
            "trigger.caught_up_many",
            {"n": 7, "names": ["A", "B"]},
            "7 schedules were due while nothing ran here: A and B",
        ),
        ("trigger.refused_many", {"n": 2, "names": ["A", "B"]}, "2 schedules were due, but could not start: A and B"),
        (
            "trigger.held_up",
            {"name": "Inbox", "since": "2026-11-22T08:00:00+00:00"},
            "Inbox has not started again since",
        ),
    ],
)
def test_what_a_schedule_has_to_say_is_said_in_words(
    person: Person, code: str, data: dict[str, object], words: str
) -> None:
    from core.messaging.post import notify

    stage.changed(person, lambda work: notify(work, person.actor.user_id, code, data))
    assert words in person.last


def _failed(work: Any, agent: Agent) -> Run:
    run = Run(
        id=new_id(), workspace_id=agent.workspace_id, user_id=agent.owner_id, agent_id=agent.id, agent_version_id=agent.latest_version_id,
        trigger_type="manual", queued_at=work.now, created_at=work.now, due_at=work.now, status="failed",
        error={"code": "orchestration.model_failed", "data": {}},
    )  # fmt: skip
    work.runs.add(run)
    return run
