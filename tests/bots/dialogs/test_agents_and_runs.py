"""Agents and their runs, as a person sees and steers them."""

from datetime import UTC, datetime
from typing import Any

from core.kernel.errors import Unavailable
from core.kernel.ids import new_id
from core.orchestration import finish
from core.orchestration.models import RunStep
from tests.bots.dialogs import stage
from tests.bots.dialogs.person import Person


def test_no_agents_teaches_the_first_step(person: Person) -> None:
    person.says("/agents")
    assert "You have no agent yet" in person.last and person.labels() == ["All agents"]
    person.says("/runs")
    assert "Nothing has run yet" in person.last and "My agents" in person.labels()


def test_two_taps_on_run_start_one_run(person: Person) -> None:
    agent = stage.agent(person)
    person.says("/agents")
    assert "Inbox agent: active · has not run yet" in person.last
    person.taps("Inbox agent")
    page = person.last_place
    person.taps("Run it now")
    assert person.toast == "Started."
    person.taps("Run it now", on=page)
    assert "already running" in person.toast
    with person.work() as work:
        assert len(work.runs.page(None, 10, agent_id=agent.id)) == 1


def test_pause_resume_and_new_settings_move_one_page(person: Person) -> None:
    agent = stage.agent(person)
    person.says("/agents")
    place = person.last_place
    person.taps("Inbox agent")
    person.taps("Pause")
    assert (
        "It reads nothing and does nothing until you resume it." in person.last and "Run it now" not in person.labels()
    )
    person.taps("Resume")
    assert person.last_place == place and "Run it now" in person.labels()
    person.taps("Settings")
    person.fills(days="21")
    assert "Saved as version 1.0.1" in person.last
    with person.work() as work:
        assert work.agents.get(agent.id).config.behaviour["days"] == 21


def test_an_agent_can_be_given_another_connection(person: Person) -> None:
    agent = stage.agent(person)
    person.says("/connect")
    person.taps("Add a connection")
    person.taps("Maildir folder")
    person.fills(folder="/srv/mail")
    person.says("/agents")
    person.taps("Inbox agent")
    person.taps("Connections")
    person.taps("Your mail: use Maildir folder /srv/mail")
    assert "It works with Maildir folder /srv/mail from now on." in person.last
    with person.work() as work:
        bound = work.agents.get(agent.id).config.tools["mail"]
        assert work.connections.get(bound).config["folder"] == "/srv/mail"


def test_a_run_shows_its_progress_in_one_message_then_what_came_of_it(person: Person) -> None:
    agent = stage.agent(person)
    person.says("/agents")
    person.taps("Inbox agent")
    person.taps("Run it now")
    place = person.last_place
    assert "Waiting to start" in person.last and person.labels() == ["Cancel"]
    with person.work() as work:
        [run] = work.runs.page(None, 10)
        work.commit()
    with person.work() as work:
        claimed = work.runs.claim(run.id, 30)
        now = datetime.now(UTC)
        step = RunStep(
            new_id(), run.workspace_id, run.id, "read", 0, "mail.read", "succeeded", {}, now, {}, None, {}, now
        )
        work.runs.put_step(step)
        work.commit()
    from core.messaging.post import refresh

    stage.changed(person, lambda work: refresh(work, "run", run.id))
    [progress] = [block for block in person.screens[place].blocks if block.kind == "progress"]
    assert (progress.done, progress.total) == (1, 2)
    output = {
        "proposals": [stage.mail(), {**stage.mail(), "input": {"to": []}}],
        "summary": {"read": 40, "fraud": 2, "left": 3},
        "problems": [
            {"item_id": "INBOX/1/7", "code": "orchestration.mail_damaged", "data": {"subject": "Photos"}},
            {"item_id": "INBOX/1/8", "code": "orchestration.mail_damaged", "data": {"subject": "More photos"}},
        ],
    }  # fmt: skip

    def well(work: Any) -> None:
        work.runs.hold(run.id, claimed.fence).tokens = 1_000
        finish.succeed(work, run.id, claimed.fence, output)

    stage.changed(person, well)
    person.says("/runs")
    person.taps("Inbox agent · done")
    for line in (
        "It suggests 1 thing: 1 reply.", "Read: 40 mails", "Left alone: 2 mails that look like fraud", "Left over: 3 more come with the next run",
        "Cost: 1,000 tokens, price not known", "3 things could not be used; the rest went on:",
        "Photos and More photos: This mail is damaged, and could not be read in full.", "A suggestion was left out. A field of it does not fit.",
    ):  # fmt: skip
        assert line in person.last, line
    person.taps("Steps")
    assert "read: done in " in person.last
    assert agent.id == run.agent_id


def test_a_failed_run_says_why_and_offers_to_run_again(person: Person) -> None:
    stage.agent(person)
    person.says("/agents")
    person.taps("Inbox agent")
    person.taps("Run it now")
    with person.work() as work:
        [run] = work.runs.page(None, 10)
        claimed = work.runs.claim(run.id, 30)
        work.commit()
    why = Unavailable("connectors.server_unreachable", host="imap.example.org")
    stage.changed(person, lambda work: finish.fail(work, run.id, claimed.fence, why, again=True))
    assert "It did not work yet: The server does not answer. I try again " in person.last
    with person.work() as work:
        again = work.runs.get(run.id)
        again.due_at = work.now
        work.commit()
    with person.work() as work:
        claimed = work.runs.claim(run.id, 30)
        work.commit()
    stage.changed(person, lambda work: finish.fail(work, run.id, claimed.fence, why, again=False))
    assert (
        "It failed. The server does not answer." in person.last
        and "Nothing was suggested and nothing was sent." in person.last
    )
    person.taps("Run again")
    with person.work() as work:
        assert len(work.runs.page(None, 10)) == 2


def test_a_waiting_run_is_cancelled_at_once_and_only_once(person: Person) -> None:
    stage.agent(person)
    person.says("/agents")
    person.taps("Inbox agent")
    person.taps("Run it now")
    place, cancel = person.button("Cancel")
    person.taps("Cancel")
    assert person.toast == "Cancelled. Nothing came of it." and "Cancelled " in person.last
    person.presses(cancel, place)
    assert "It is over already" in person.toast


def test_a_paused_agent_and_a_missing_consent_say_what_to_do(person: Person) -> None:
    from core.preferences.choose import revoke

    stage.agent(person)
    person.says("/agents")
    person.taps("Inbox agent")
    stage.changed(person, lambda work: revoke(work, person.actor, "data:mail"))
    person.taps("Run it now")
    assert person.toast.startswith("Your consent for it is missing or was taken back")
    page, run = person.button("Run it now")
    person.taps("Pause")
    person.presses(run, page)
    assert person.toast.startswith("Inbox agent is paused.")


def test_a_schedule_that_cannot_start_says_so_with_a_way_on(person: Person) -> None:
    from core.messaging.post import notify

    data = {"agent": "Inbox agent", "code": "preferences.consent_missing", "data": {"key": "data:mail"}}
    stage.changed(person, lambda work: notify(work, person.actor.user_id, "run.not_started", data))
    assert "Inbox agent was due, but could not start. Your consent for it is missing" in person.last
    assert person.labels() == ["My agents", "Settings"]


def test_long_lists_move_by_editing_one_message(person: Person) -> None:
    for _ in range(8):
        stage.agent(person, "plain")
    person.says("/agents")
    place = person.last_place
    assert person.labels()[6:8] == ["1/2", "›"]
    person.taps("›")
    assert person.last_place == place and person.labels()[2:4] == ["‹", "2/2"]
