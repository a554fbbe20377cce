"""From hello to an agent with a schedule, as a person meets it."""

from collections.abc import Callable

from tests.bots.dialogs.person import Person


def test_a_new_person_is_greeted_and_settles_their_clock(arrives: Callable[..., Person]) -> None:
    person = arrives("UTC")
    person.extra = {"timezone": "America/New_York", "language": "en-US"}
    person.says("/start")
    assert "Hello Somebody" in person.last and "America/New_York" in person.last
    person.taps("Yes")
    assert "America/New_York" in person.last
    assert person.labels() == ["Try the Inbox agent on sample mail", "Connect my mail", "See all agents"]
    with person.work() as work:
        profile = work.people.profile(person.actor.user_id)
        assert (profile.timezone, profile.language, profile.settled_at is not None) == (
            "America/New_York",
            "en-US",
            True,
        )


def test_another_timezone_is_found_by_city_by_country_or_offered_again(person: Person) -> None:
    person.says("/start")
    person.taps("Another timezone")
    person.says("somewhere nice")
    assert "I do not know “somewhere nice”" in person.last
    person.says("Portugal")
    assert any(label.startswith("Lisbon · ") for label in person.labels())
    person.says("lisbon")
    assert "Europe/Lisbon" in person.last
    with person.work() as work:
        assert work.people.profile(person.actor.user_id).timezone == "Europe/Lisbon"


def test_from_new_over_sample_settings_and_consents_to_a_dry_run_and_a_schedule(person: Person) -> None:
    person.says("/new")
    assert "Inbox agent: Reads mail" in person.last
    person.taps("Inbox agent")
    assert "What it will never do" in person.last and "Sends anything without your tap." in person.last
    person.taps("Set it up")
    form = person.last_screen.form
    assert form is not None and [f.name for f in form.fields] == ["days", "signature"]
    person.fills(days="900")
    assert person.last_screen.form is not None
    assert person.last_screen.form.fields[0].error == "At most 365."
    person.fills(days="30", signature="Kim")
    assert "Where is your mail?" in person.last
    assert {"Sample mailbox", "Maildir folder", "E-mail account", "Mail file: upload"} <= set(person.labels())
    person.taps("Sample mailbox")
    assert "Checking" in person.last
    _checked(person)
    person.taps("Go on with Inbox agent")
    assert "Read your mail in the account you connect" in person.last
    with person.work() as work:
        assert work.agents.page(person.actor.user_id, None, 10) == []
    person.taps("Yes, I agree")
    assert "Inbox agent is ready" in person.last
    with person.work() as work:
        [agent] = work.agents.page(person.actor.user_id, None, 10)
        assert agent.config.behaviour == {"days": 30, "signature": "Kim"}
        assert work.connections.get(agent.config.tools["mail"]).integration == "sample"
        assert [one.key for one in work.preferences.consents(person.actor.user_id)] == ["data:mail"]
    person.taps("Show me what it would suggest")
    assert "Waiting to start" in person.last
    place = person.last_place
    person.taps("Show me what it would suggest")
    with person.work() as work:
        [run] = work.runs.page(None, 10)
        assert run.dry and run.agent_id == agent.id
    _dry_run_ends(person, run.id)
    shown = person.last
    assert "It would suggest 2 things: 1 reply and 1 event." in shown
    assert "Reply to ana@example.org: Re: Colours" in shown and "“Which green?” Ana · " in shown
    assert "Event: Kick-off, Tue, 24 Nov 2099, 10:00–11:00" in shown
    assert "Read: 12 mails" in shown and "broken.eml: This mail is broken and could not be read." in shown
    assert person.screens[place] == person.last_screen
    with person.work() as work:
        assert work.suggestions.count("pending") == 0
    person.taps("When it runs")
    assert person.labels()[0] == "Every weekday at 07:30"
    person.says("whenever you like")
    assert "I do not understand “whenever you like” as a schedule." in person.last
    person.says("every weekday at 8")
    assert "every weekday at 08:00, Europe/Berlin, next " in person.last
    person.taps("Next 5 times")
    assert len(person.last.splitlines()) == 7 and "08:00" in person.last
    with person.work() as work:
        [trigger] = work.triggers.of_agent(agent.id)
        assert (trigger.cron, trigger.timezone, trigger.status) == ("0 8 * * 1-5", "Europe/Berlin", "active")
    person.taps("Change it")
    person.taps("Only when I ask")
    with person.work() as work:
        assert work.triggers.of_agent(agent.id)[0].status == "paused"


def test_trying_the_sample_takes_two_taps(person: Person) -> None:
    person.says("/start")
    person.taps("Yes")
    place, sample = person.button("Try the Inbox agent on sample mail")
    person.taps("Try the Inbox agent on sample mail")
    assert "Your mail: Sample mailbox" in person.last
    person.taps("Yes, I agree")
    assert "Inbox agent is ready" in person.last
    person.presses(sample, place)
    assert "You have it already, on the sample mail." in person.last
    with person.work() as work:
        assert len(work.agents.page(person.actor.user_id, None, 10)) == 1
    person.says("/start")
    assert "Nothing waits for you. Your agents carry on." in person.last


def test_a_set_up_that_lapsed_says_so_and_makes_nothing(person: Person) -> None:
    person.says("/new inbox")
    person.taps("Set it up")
    person.fills()
    _hours_pass(person)
    person.taps("Sample mailbox")
    _checked(person)
    assert "Go on with Inbox agent" not in person.labels()
    person.says("is anybody there?")
    assert "that was a while ago, so I let it go" in person.last
    with person.work() as work:
        assert work.agents.page(person.actor.user_id, None, 10) == []


def test_the_consent_button_of_a_lapsed_set_up_says_so(person: Person) -> None:
    person.says("/start")
    person.taps("Yes")
    person.taps("Try the Inbox agent")
    place, agree = person.button("Yes, I agree")
    person.says("/cancel")
    assert "I let that go" in person.last
    person.presses(agree, place)
    assert "Nothing was made" in words(person, place)
    with person.work() as work:
        assert work.agents.page(person.actor.user_id, None, 10) == []


def test_cancel_works_everywhere_and_says_when_there_is_nothing(person: Person) -> None:
    person.says("/cancel")
    assert "There was nothing to cancel" in person.last
    person.says("/new inbox")
    person.taps("Set it up")
    person.taps("Cancel")
    assert "I let that go" in person.last


def test_an_agent_that_asks_nothing_is_ready_after_its_page(person: Person) -> None:
    person.says("/new plain")
    person.taps("Set it up")
    person.taps("Yes, I agree")
    assert "Plain agent is ready" in person.last
    person.says("/new plain")
    person.taps("Set it up")
    person.taps("Yes, I agree")
    assert "Plain agent 2 is ready" in person.last


def test_words_that_nobody_waits_for_get_buttons_never_an_action(person: Person) -> None:
    person.says("setings")
    assert person.labels() == ["Settings"]
    person.says("please buy a horse")
    assert person.labels() == ["New agent", "Inbox", "Help"]


def words(person: Person, place: object) -> str:
    from tests.bots.dialogs.person import words_of

    return words_of(person.screens[place])  # type: ignore[index]


def _checked(person: Person) -> None:
    """What the runner does when it heard the bell."""
    from core.connectors.connect import found
    from core.connectors.ports import Report
    from core.messaging.post import refresh

    with person.work() as work:
        for connection in work.connections.of(person.actor.user_id):
            if connection.last_used_at is None:
                found(work, connection.id, Report("kim@sample.example", ("mail.read",)))
                refresh(work, "connection", connection.id)
        work.commit()
    person.looks()


def _hours_pass(person: Person) -> None:
    from datetime import timedelta

    with person.work() as work:
        conversation = work.conversations.current(person.actor.link_id)
        conversation.expires_at = work.now - timedelta(minutes=1)
        work.conversations.put(conversation)
        work.commit()


def _dry_run_ends(person: Person, run_id: object) -> None:
    from core.orchestration import finish

    with person.work() as work:
        run = work.runs.claim(run_id, 30)
        work.commit()
    source = {"from": "Ana", "date": "2026-11-20T09:00:00+00:00", "subject": "Colours"}
    output = {
        "read": 12,
        "proposals": [
            {
                "type": "email", "kind": "reply", "operation": "mail.send", "tool": "mail", "dedupe_key": "1",
                "input": {"sender": "k@x.org", "to": ["ana@example.org"], "subject": "Re: Colours", "body": "…"},
                "why": {"code": "why.question", "data": {}}, "evidence": [{"quote": "Which green?", "source": source}],
            },
            {
                "type": "calendar", "kind": "event", "operation": "calendar.create", "tool": "calendar", "dedupe_key": "2",
                "input": {"title": "Kick-off", "start": "2099-11-24T10:00:00+01:00", "end": "2099-11-24T11:00:00+01:00"},
                "why": {"code": "why.invitation", "data": {}},
            },
        ],
        "problems": [{"item_id": "broken.eml", "code": "connectors.mail_broken", "data": {}}],
    }  # fmt: skip
    with person.work() as work:
        finish.succeed(work, run_id, run.fence, output)  # type: ignore[arg-type]
        work.commit()
    person.looks()
