"""What a card shows: exactly what will happen, why, and nothing that outside text made of it."""

from collections.abc import Callable
from datetime import timedelta

import pytest

from bots.kit.screen import Change
from core.approvals.decide import approve, edit
from core.approvals.policy import PolicySpec, put_policy
from core.connectors import kinds
from core.connectors.manifest import OperationManifest
from core.kernel.errors import Conflict
from tests.bots.dialogs import stage
from tests.bots.dialogs.person import Person, words_of

WHY = {"code": "suggestion.why.question", "data": {"sender": "Ana Lima", "date": "2025-11-20T09:12:00+00:00"}}


def test_a_mail_shows_every_recipient_its_whole_text_and_why(person: Person) -> None:
    [made] = stage.suggests(person, stage.mail(why=WHY))
    shown = person.last
    for line in (
        "Inbox agent · Reply to ana@example.org: Re: Offer for March",
        "To: ana@example.org",
        "Cc: office@example.org",
        "From: kim@sample.example",
        "Through: Sample mailbox",
        "Subject: Re: Offer for March",
        "“Hi Ana,\n\nyes, Tuesday works for me.\n\nKim”",
        "Why: Ana Lima asked you something (Thu, 20 Nov 2025, 10:12) and waits for an answer.",
        "“can you confirm by Tuesday?” Ana Lima · ",
        "Words from outside had a say in this: ana@example.org",
    ):
        assert line in shown
    assert "Priority high · expires " in shown
    assert person.labels() == ["Approve", "Edit", "Snooze", "Reject", "Details"]
    assert made.status == "pending"


def test_an_event_shows_its_weekday_in_the_persons_timezone_and_its_own(person: Person) -> None:
    stage.suggests(
        person,
        stage.event(
            timezone="America/New_York",
            location="Room 4",
            organizer="boss@example.org",
            recurrence="FREQ=WEEKLY;BYDAY=TU",
        ),
    )
    assert "When: Mon, 2 Mar 2099, 10:00–11:00 (there: Mon, 2 Mar 2099, 04:00, America/New York)" in person.last
    assert "Where: Room 4" in person.last and "Organiser: boss@example.org" in person.last
    assert "Repeats: every week on Tuesday" in person.last and "Goes into: Calendar folder" in person.last


def test_whole_days_show_their_last_day_not_the_day_after(person: Person) -> None:
    agent = stage.agent(person)
    stage.suggests(person, stage.event(start="2099-03-02", end="2099-03-03"), by=agent)
    assert "When: Mon, 2 Mar 2099, all day" in person.last
    stage.suggests(person, stage.event(start="2099-03-02", end="2099-03-05"), by=agent)
    assert "When: Mon, 2 Mar 2099 to Wed, 4 Mar 2099, all day" in person.last


def test_a_bill_shows_amount_due_day_payee_and_reference(person: Person) -> None:
    stage.suggests(person, stage.task())
    for line in (
        "Task: Pay invoice 7",
        "Due: Thu, 5 Mar 2099",
        "Amount: €240.00",
        "Pay to: Druckerei Klee",
        "Reference: R-7",
        "Goes into: Task list",
    ):
        assert line in person.last


def test_leaving_a_list_names_the_host_that_is_called(person: Person) -> None:
    agent = stage.agent(person)
    stage.suggests(person, stage.unsubscribe(), by=agent)
    assert "How: One call to lists.example.com, as the list offers it" in person.last
    stage.suggests(
        person, stage.unsubscribe(one_click=None, mailto="leave@lists.example.com", list_name="Letters"), by=agent
    )
    assert "How: A mail to leave@lists.example.com, subject “unsubscribe”" in person.last


def test_an_operation_outside_the_vocabulary_is_shown_by_its_schemas_titles(person: Person, monkeypatch) -> None:
    schema = {
        "type": "object",
        "properties": {"colour": {"type": "string", "title": "Colour of the lamp"}, "level": {"type": "integer"}},
    }
    known = kinds.integrations()
    lamp = OperationManifest(name="lamp.set", access="write", effect="blind", input_schema=schema, risky=True)
    odd = known["sample"].model_copy(update={"operations": (*known["sample"].operations, lamp)})
    monkeypatch.setattr(kinds, "integrations", lambda: {**known, "sample": odd})
    proposal = {
        **stage.mail(),
        "operation": "lamp.set",
        "type": "other",
        "kind": "lamp",
        "input": {"colour": "red", "level": 3},
    }
    [made] = stage.suggests(person, proposal)
    assert "Colour of the lamp: red" in person.last and "level: 3" in person.last and "Does: lamp.set" in person.last
    person.taps("Approve")
    assert "This cannot be taken back" in person.last and stage.of(person, made.id).status == "pending"
    person.taps("Yes, do it")
    assert stage.of(person, made.id).status == "approved"


NEW = {"code": "suggestion.why.question", "data": {**WHY["data"], "first_contact": True}}


def at_once(person: Person, **said: object) -> None:
    """A mail goes out with the yes, and cannot be taken back."""
    with person.work() as work:
        put_policy(work, person.actor, "mail.send", PolicySpec.model_validate({"undo_seconds": 0, **said}))
        work.commit()


def test_a_first_mail_to_somebody_that_cannot_be_taken_back_is_asked_twice(person: Person) -> None:
    at_once(person)
    [made] = stage.suggests(person, stage.mail(why=NEW))
    person.taps("Approve")
    assert "Really? Reply to ana@example.org" in person.last and "you have not written to before" in person.last
    assert "To: ana@example.org" in person.last and stage.of(person, made.id).status == "pending"
    person.taps("Yes, do it")
    assert stage.of(person, made.id).status == "approved"


@pytest.mark.parametrize(("why", "undo"), [(NEW, None), (WHY, 0)], ids=["held for a while", "to somebody known"])
def test_what_can_be_taken_back_or_is_not_risky_is_asked_once(person: Person, why: dict, undo: int | None) -> None:
    at_once(person, undo_seconds=undo)
    [made] = stage.suggests(person, stage.mail(why=why))
    person.taps("Approve")
    assert stage.of(person, made.id).status == "approved"


def test_an_address_that_was_put_in_by_hand_is_asked_twice(person: Person) -> None:
    at_once(person)
    [made] = stage.suggests(person, stage.mail(why=WHY))
    with person.work() as work:
        edit(work, person.actor, made.id, 1, {"to": ["new@example.com"]})
        work.commit()
    with person.work() as work, pytest.raises(Conflict, match=r"approvals\.not_sure"):
        approve(work, person.actor, made.id, 2)
    with person.work() as work:
        assert approve(work, person.actor, made.id, 2, sure=True).execution is not None


def test_an_amount_over_the_limit_is_asked_twice_where_nothing_takes_it_back(person: Person, monkeypatch) -> None:
    known = kinds.integrations()
    schema = {"type": "object", "properties": {"amount": {"type": "number", "title": "Amount"}}}
    pay = OperationManifest(name="lamp.pay", access="write", effect="blind", input_schema=schema)
    odd = known["sample"].model_copy(update={"operations": (*known["sample"].operations, pay)})
    monkeypatch.setattr(kinds, "integrations", lambda: {**known, "sample": odd})
    asked = {**stage.mail(), "operation": "lamp.pay", "type": "other", "kind": "lamp"}
    little, much = stage.suggests(
        person,
        {**asked, "input": {"amount": 500}, "dedupe_key": "little"},
        {**asked, "input": {"amount": 500.01}, "dedupe_key": "much"},
    )
    with person.work() as work:
        approve(work, person.actor, little.id, 1)
        with pytest.raises(Conflict) as refused:
            approve(work, person.actor, much.id, 1)
        assert refused.value.data == {"reasons": ["amount"]}


def test_text_from_outside_cannot_turn_the_card_around(person: Person) -> None:
    stage.suggests(person, stage.mail(body="Pay \u202eereht\u202c now\u200b\u0007", subject="a\u2066b"))
    assert "“Pay ereht now\ufffd”" in person.last and "Subject: ab" in person.last


def test_a_text_too_long_for_the_chat_is_read_in_parts_before_it_can_be_approved(
    person: Person, by_telegram: Callable[[Person], Person]
) -> None:
    phone = by_telegram(person)
    body = "\n\n".join(f"Paragraph {number}: " + "words and more words " * 20 for number in range(1, 16))
    [made] = stage.suggests(person, stage.mail(body=body))
    phone.looks()
    assert "Approve" in person.labels(), "the web page shows all of it at once"
    assert phone.labels()[0].startswith("Read all (") and "Approve" not in phone.labels()
    assert "Part 1 of " in phone.last
    phone.taps("Read all")
    assert phone.labels()[0] == "Approve"
    parts = int(phone.last.split("Part ")[1].split(" of ")[1].split("\n")[0])
    said = [
        next(b.text for b in screen.blocks if b.kind == "quote") for screen in list(phone.screens.values())[-parts:]
    ]
    assert "".join(said) == body.strip() or "".join(said) == body
    phone.taps("Approve")
    assert stage.of(person, made.id).status == "approved"


def test_an_edit_after_reading_has_to_be_read_again(person: Person, by_telegram: Callable[[Person], Person]) -> None:
    phone = by_telegram(person)
    [made] = stage.suggests(person, stage.mail(body="long " * 1000))
    phone.looks()
    phone.taps("Read all")
    assert phone.labels()[0] == "Approve"
    person.taps("Edit")
    person.fills(body="longer " * 1000)
    phone.looks()
    assert phone.labels()[0].startswith("Read all (")
    assert stage.of(person, made.id).revision == 2


def test_an_edit_shows_what_changed_and_needs_its_own_approve(person: Person) -> None:
    [made] = stage.suggests(person, stage.mail())
    place, old_approve = person.button("Approve")
    person.taps("Edit")
    assert [f.name for f in person.last_screen.form.fields] == ["to", "cc", "subject", "body"]  # type: ignore[union-attr]
    person.fills(to="ana@example.org, not an address")
    assert person.last_screen.form is not None
    assert person.last_screen.form.fields[0].error == "A mail address, for example name@example.org."
    person.fills(
        to="ana@example.org; ben@example.org",
        cc="",
        subject="Re: Offer for March",
        body="Hi Ana,\n\nyes, Wednesday works for me.\n\nKim",
    )
    [change] = [block for block in person.last_screen.blocks if isinstance(block, Change)]
    assert ("remove", "yes, Tuesday works for me.") in change.lines and (
        "add",
        "yes, Wednesday works for me.",
    ) in change.lines
    assert ("remove", "To: ana@example.org") in change.lines and (
        "add",
        "To: ana@example.org, ben@example.org",
    ) in change.lines
    assert ("remove", "Cc: office@example.org") in change.lines
    assert person.labels()[0] == "Approve"
    assert stage.of(person, made.id).revision == 2 and stage.of(person, made.id).status == "pending"
    person.presses(old_approve, place)
    assert "This was edited meanwhile" in person.toast and stage.of(person, made.id).status == "pending"
    person.taps("Approve")
    with person.work() as work:
        assert work.suggestions.revision(made.id, 2).action.input["to"] == ["ana@example.org", "ben@example.org"]
        assert [a.decision for a in work.suggestions.approvals(made.id)] == ["edit", "approve"]


def test_saving_an_edit_without_a_change_says_so(person: Person) -> None:
    [made] = stage.suggests(person, stage.mail())
    person.taps("Edit")
    person.fills()
    assert "Nothing was changed in it" in (
        person.last_screen.form.fields[0].error if person.last_screen.form else person.last
    )
    assert stage.of(person, made.id).revision == 1


def test_answering_a_mails_card_replaces_its_text(person: Person) -> None:
    [made] = stage.suggests(person, stage.mail())
    card = person.last_place
    person.says("Dear Ana,\nThursday, please.", reply_to=card)
    assert "+Thursday, please." in person.last and person.labels()[0] == "Approve"
    with person.work() as work:
        assert work.suggestions.revision(made.id, 2).action.input["body"] == "Dear Ana,\nThursday, please."


def test_an_event_is_edited_in_the_persons_own_time(person: Person) -> None:
    [made] = stage.suggests(person, stage.event())
    person.taps("Edit")
    person.fills(**{"from": "14:00", "until": "13:00"})
    assert person.last_screen.form is not None
    assert (
        next(f.error for f in person.last_screen.form.fields if f.name == "until")
        == "This has to be after the beginning."
    )
    person.fills(**{"from": "14:00", "until": "15:30", "location": "Room 5"})
    assert "When: Mon, 2 Mar 2099, 14:00–15:30" in person.last
    with person.work() as work:
        changed = work.suggestions.revision(made.id, 2).action.input
        assert (changed["start"], changed["location"]) == ("2099-03-02T14:00:00+01:00", "Room 5")


def test_whole_days_and_tasks_are_edited_too(person: Person) -> None:
    agent = stage.agent(person)
    [days] = stage.suggests(person, stage.event(start="2099-03-02", end="2099-03-03"), by=agent)
    person.taps("Edit")
    person.fills(last_day="2099-03-03")
    assert "When: Mon, 2 Mar 2099 to Tue, 3 Mar 2099, all day" in person.last
    [task] = stage.suggests(person, stage.task(), by=agent)
    person.taps("Edit")
    person.fills(due="", notes="by bank transfer")
    assert (
        "Due:" not in words_of(person.last_screen).split("This is what changed")[0]
        and "by bank transfer" in person.last
    )
    with person.work() as work:
        assert work.suggestions.revision(days.id, 2).action.input["end"] == "2099-03-04"
        assert "due" not in work.suggestions.revision(task.id, 2).action.input


def test_details_show_the_whole_chain(person: Person) -> None:
    [made] = stage.suggests(person, stage.mail())
    person.taps("Approve")
    stage.carried_out(person, made.id)
    person.taps("Details")
    with person.work() as work:
        digest = work.suggestions.revision(made.id, 1).payload_sha256[:12]
    for line in (
        "Agent: Inbox agent", "Run: from a chat", "1: by the agent, ", f"fingerprint {digest}",
        "Version 1 approved by you", "in the web chat", ": done", "Reference: <sent-1@nod>",
    ):  # fmt: skip
        assert line in person.last
    person.taps("Back to the card")
    assert "Sent " in person.last


def test_what_expires_shows_when_in_words(person: Person) -> None:
    with person.work() as work:
        now = work.now
    stage.suggests(person, stage.mail(expires_at=(now + timedelta(hours=1)).isoformat()))
    assert "Priority high · expires " in person.last
