"""What taps on a card do: each is answered with the truth, and every copy of the card tells the same."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from bots.kit.screen import Countdown
from core.approvals import decide, execute, wake
from core.connectors.connect import login_refused
from core.kernel.errors import Forbidden
from core.orchestration.start import start
from core.workflows import halt
from core.workflows.flows import make_workflow
from core.workflows.packs import make_pack
from tests.bots.dialogs import flows, stage
from tests.bots.dialogs.person import Person, words_of


def test_approve_is_held_counts_down_and_ends_as_sent_on_every_copy(
    person: Person, by_telegram: Callable[[Person], Person]
) -> None:
    phone = by_telegram(person)
    [made] = stage.suggests(person, stage.mail())
    phone.looks()
    person.taps("Approve")
    assert person.toast == "Approved, sending in 10 s."
    assert "Approved by you, " in person.last and person.labels() == ["Undo", "Details"]
    [countdown] = [block for block in person.last_screen.blocks if isinstance(block, Countdown)]
    with person.work() as work:
        execution = work.executions.of(made.id)
        assert (execution.status, execution.due_at) == ("held", countdown.until)
        assert countdown.at(work.now).startswith("It goes out in ")
    phone.looks()
    assert phone.labels() == ["Undo", "Details"]
    stage.carried_out(person, made.id)
    phone.looks()
    for copy in (person, phone):
        assert "Sent " in copy.last and "Reference: <sent-1@nod>" in copy.last and "Undo" not in copy.labels()


def test_undo_takes_it_back_and_it_waits_again(person: Person) -> None:
    [made] = stage.suggests(person, stage.mail())
    person.taps("Approve")
    person.taps("Undo")
    assert person.toast == "Undone. Nothing was sent."
    assert person.labels()[0] == "Approve" and stage.of(person, made.id).status == "pending"
    with person.work() as work:
        assert work.executions.of(made.id).status == "withdrawn"
    person.taps("Approve")
    place, undo = person.button("Undo")
    stage.carried_out(person, made.id)
    person.presses(undo, place)
    assert person.toast == "Too late to undo: it is done." and stage.of(person, made.id).status == "approved"


def test_a_second_tap_says_who_decided_and_when(person: Person) -> None:
    [made] = stage.suggests(person, stage.mail())
    place, approve = person.button("Approve")
    _, reject = person.button("Reject")
    person.taps("Approve")
    person.presses(approve, place)
    assert person.toast.startswith("Already approved by Somebody, ")
    person.presses(reject, place)
    assert person.toast.startswith("Already approved by Somebody, ") and stage.of(person, made.id).status == "approved"
    with person.work() as work:
        assert len(work.suggestions.approvals(made.id)) == 1


def test_reject_is_one_tap_and_reasons_come_afterwards(person: Person) -> None:
    [made] = stage.suggests(person, stage.mail())
    place, approve = person.button("Approve")
    person.taps("Reject")
    assert person.toast == "Rejected. Nothing was sent."
    assert "Rejected by you, " in person.last and "Wrong tone" in person.labels()
    person.taps("Wrong tone")
    assert "Wrong tone" in person.toast
    person.says("She asked for something else.", reply_to=place)
    assert "She asked for something else." in person.last
    person.presses(approve, place)
    assert person.toast.startswith("Already rejected by Somebody, ") and stage.of(person, made.id).status == "rejected"


def test_snooze_by_a_tap_comes_back_by_itself_as_a_new_message(person: Person) -> None:
    [made] = stage.suggests(person, stage.mail())
    card = person.last_place
    person.taps("Snooze")
    assert "1 hour" in person.labels() and any(label.startswith("Tomorrow ") for label in person.labels())
    person.taps("Tomorrow")
    assert "It comes back as a new message." in person.last
    assert "Snoozed. It comes back " in words_of(person.screens[card])
    assert stage.of(person, made.id).status == "snoozed"
    before = len(person.screens)

    def morning(work: Any) -> None:
        work.suggestions.get(made.id).snoozed_until = work.now - timedelta(seconds=1)

    stage.changed(person, morning)
    stage.changed(person, lambda work: wake.wake(work, made.id))
    assert len(person.screens) == before + 1 and person.labels()[0] == "Approve"


def test_why_not_is_shown_on_every_copy_and_in_the_details(
    person: Person, by_telegram: Callable[[Person], Person]
) -> None:
    elsewhere = by_telegram(person)
    stage.suggests(person, stage.mail())
    elsewhere.looks()
    place = person.last_place
    person.taps("Reject")
    elsewhere.looks()
    assert "Wrong tone" in elsewhere.labels()
    elsewhere.taps("Wrong tone")
    person.looks()
    for card in (person.screens[place], elsewhere.last_screen):
        assert "Reason: Wrong tone" in words_of(card)
        assert card.buttons[0][0].label == "Details"
    person.says("Too long, and not to Ana.", reply_to=place)
    elsewhere.looks()
    assert "Reason: Too long, and not to Ana." in words_of(person.screens[place])
    assert "Reason: Too long, and not to Ana." in elsewhere.last
    person.taps("Details", on=place)
    assert "Reason: Too long, and not to Ana." in person.last


def test_only_who_may_decide_says_why_not(person: Person) -> None:
    from dataclasses import replace

    [made] = stage.suggests(person, stage.mail())
    person.taps("Reject")
    with person.work() as work, pytest.raises(Forbidden, match="not_allowed"):
        decide.give_reason(work, replace(person.actor, role="member"), made.id, "wrong")


def test_snooze_in_words_and_back_at_once(person: Person) -> None:
    [made] = stage.suggests(person, stage.mail())
    person.taps("Snooze")
    person.says("when pigs fly")
    assert "I do not understand that time." in person.last
    person.says("in 3 days")
    assert "Snoozed until " in person.last
    with person.work() as work:
        left = work.suggestions.get(made.id).snoozed_until - work.now
        assert timedelta(days=2) < left < timedelta(days=4)
    person.taps("Bring it back now")
    assert person.toast == "It is back." and stage.of(person, made.id).status == "pending"


def test_snoozing_past_the_expiry_is_refused_in_words(person: Person) -> None:
    with person.work() as work:
        soon = (work.now + timedelta(hours=3)).isoformat()
    [made] = stage.suggests(person, stage.mail(expires_at=soon))
    person.taps("Snooze")
    assert "It expires " in person.last and not any(label.startswith("Tomorrow") for label in person.labels())
    person.says("in 3 days")
    assert "before that time" in person.last and stage.of(person, made.id).status == "pending"


def test_an_expired_card_says_that_nothing_was_sent_and_can_be_asked_again(person: Person) -> None:
    [made] = stage.suggests(person, stage.mail())
    place, approve = person.button("Approve")

    def late(work: Any) -> None:
        work.suggestions.get(made.id).expires_at = work.now - timedelta(minutes=5)

    stage.changed(person, late)
    person.presses(approve, place)
    assert person.toast.startswith("It expired ") and stage.of(person, made.id).status == "pending"
    stage.changed(person, lambda work: wake.wake(work, made.id))
    assert "Expired " in person.last and "Nothing was sent." in person.last and "Approve" not in person.labels()
    person.taps("Ask me again")
    assert person.labels()[0] == "Approve" and "Asked again. Nothing in it has changed." in person.last
    person.taps("Approve")
    assert stage.of(person, made.id).status == "approved" and stage.of(person, made.id).revision == 2


def test_a_failed_action_says_what_was_not_done_and_offers_what_helps(person: Person) -> None:
    [made] = stage.suggests(person, stage.mail())
    person.taps("Approve")
    with person.work() as work:
        login_refused(work, work.executions.of(made.id).connection_id)
        work.commit()
    stage.changed(person, lambda work: None)
    with person.work() as work:
        execution = work.executions.of(made.id)
        execution.due_at = work.now
        work.commit()
    with person.work() as work:
        claimed = execute.claim(work, execution.id)
        work.commit()
    with person.work() as work:
        assert execute.arm(work, claimed) is None  # type: ignore[arg-type]
        work.commit()
    person.looks()
    assert "Not sent. The connection Sample mailbox cannot be used now." in person.last
    assert {"Reconnect", "Ask me again"} <= set(person.labels())
    person.taps("Ask me again")
    assert stage.of(person, made.id).status == "pending" and stage.of(person, made.id).revision == 2
    person.taps("Approve")
    assert (
        "The connection Sample mailbox cannot be used now." in person.toast
        and stage.of(person, made.id).status == "pending"
    )
    assert "The server no longer takes the login." in person.last and "Connections" in person.labels()


def test_an_unknown_outcome_is_said_and_decided_by_the_person(person: Person) -> None:
    agent = stage.agent(person)
    for choice, status, told in (
        ("It was done", "succeeded", "Sent "),
        ("Do it again", "ready", "Sending"),
        ("Drop it", "failed", "You let it go."),
    ):
        [made] = stage.suggests(person, stage.mail(), by=agent)
        person.taps("Approve")
        stage.lost_track(person, made.id)
        assert (
            "I cannot tell whether it was sent. The server took everything, but did not say whether it accepted it."
            in person.last
        )
        assert "I look it up again " in person.last
        person.taps(choice)
        with person.work() as work:
            assert work.executions.of(made.id).status == status
        assert told in person.last


def test_a_world_that_changed_is_said_and_asked_anew(person: Person) -> None:
    [made] = stage.suggests(person, stage.mail())
    person.taps("Approve")
    with person.work() as work:
        execution = work.executions.of(made.id)
        execution.due_at = work.now
        work.commit()
    with person.work() as work:
        claimed = execute.claim(work, execution.id)
        work.commit()
    stage.changed(person, lambda work: execute.ask_anew(work, claimed, "connectors.event_outdated", {}))  # type: ignore[arg-type]
    assert (
        "You had said yes, but meanwhile things changed: The calendar holds a newer version of this event already."
        in person.last
    )
    assert person.labels()[0] == "Approve" and stage.of(person, made.id).revision == 2


def test_a_newer_version_withdraws_the_older_card(person: Person) -> None:
    agent = stage.agent(person)
    [older] = stage.suggests(person, stage.mail(dedupe_key="invite:1:a"), by=agent)
    place, approve = person.button("Approve")
    stage.suggests(person, stage.mail(dedupe_key="invite:1:b", supersedes="invite:1:"), by=agent)
    assert "a newer suggestion took its place" in words_of(person.screens[place])
    person.presses(approve, place)
    assert "a newer suggestion took its place" in person.toast and stage.of(person, older.id).status == "withdrawn"


def test_a_stranger_with_the_id_gets_an_unknown_one(person: Person, arrives: Callable[..., Person]) -> None:
    [made] = stage.suggests(person, stage.mail())
    _, approve = person.button("Approve")
    stranger = arrives()
    stranger.presses(approve, None)
    assert stranger.toast == "This suggestion is no longer here." and stage.of(person, made.id).status == "pending"


def test_a_viewer_may_look_but_not_decide(person: Person) -> None:
    from dataclasses import replace

    [made] = stage.suggests(person, stage.mail())
    place, approve = person.button("Approve")
    person.actor = replace(person.actor, role="viewer")
    person.presses(approve, place)
    assert (
        person.toast == "As a viewer you can look, but not change anything."
        and stage.of(person, made.id).status == "pending"
    )


def test_stop_pauses_all_agents_takes_back_what_is_held_and_resumes_only_those(person: Person) -> None:
    agent, resting = stage.agent(person), stage.agent(person)
    person.says("/agents")
    with person.work() as work:
        work.agents.get(resting.id).status = "paused"
        work.commit()
    [made] = stage.suggests(person, stage.mail(), by=agent)
    person.taps("Approve")
    person.says("/stop")
    assert "is paused. Nothing new runs." in person.last and "1 approved action was taken back" in person.last
    with person.work() as work:
        assert work.agents.get(agent.id).status == "paused"
        assert work.executions.of(made.id).status == "withdrawn"
    person.taps("Resume all")
    with person.work() as work:
        assert (work.agents.get(agent.id).status, work.agents.get(resting.id).status) == ("active", "paused")


def test_stop_pauses_packs_and_workflows_and_stops_runs_that_are_on_their_way(person: Person, monkeypatch) -> None:
    monkeypatch.setattr(halt, "PAGE", 1)
    agent = stage.agent(person)
    more = [flows.does(person, start, agent.id, "manual", {}) for _ in range(2)]
    flow = flows.does(person, make_workflow, flows.contracts(), "Offers", "sequential", flows.ASKING)
    pack = flows.does(person, make_pack, "Morning", [agent.id])
    run = flows.does(person, start, agent.id, "manual", {})
    person.says("/stop")
    assert "2 packs and workflows are paused: " in person.last and "3 runs were stopped." in person.last
    with person.work() as work:
        assert (work.packs.get(pack.id).status, work.workflows.get(flow.id).status) == ("paused", "paused")
        assert {work.runs.get(one.id).status for one in (run, *more)} == {"cancelled"}
    person.taps("Resume all")
    assert "3 of them run again: " in person.last
    with person.work() as work:
        assert (work.packs.get(pack.id).status, work.workflows.get(flow.id).status) == ("active", "active")
        assert work.runs.get(run.id).status == "cancelled"


def test_many_suggestions_become_six_cards_and_a_digest_that_shows_the_rest(person: Person) -> None:
    agent = stage.agent(person)
    stage.suggests(
        person, *[stage.mail(priority="medium") for _ in range(10)], *[stage.task() for _ in range(4)], by=agent
    )
    cards = [screen for screen in person.screens.values() if screen.buttons and screen.buttons[0][0].label == "Approve"]
    assert len(cards) == 6
    assert "8 more suggestions from Inbox agent wait" in person.last and "Besides: 4 tasks" in person.last
    person.taps("Show next 5")
    person.looks()
    cards = [screen for screen in person.screens.values() if screen.buttons and screen.buttons[0][0].label == "Approve"]
    assert len(cards) == 11 and "3 more suggestions from Inbox agent wait" in person.last
    person.taps("Show next 3")
    cards = [screen for screen in person.screens.values() if screen.buttons and screen.buttons[0][0].label == "Approve"]
    assert len(cards) == 14


def test_the_inbox_counts_lists_and_opens(person: Person) -> None:
    person.says("/inbox")
    assert "Nothing waits for you" in person.last and person.labels() == ["All agents"]
    agent = stage.agent(person)
    person.says("/inbox")
    assert "it comes to this chat as a card" in person.last
    stage.suggests(
        person, *[stage.mail(subject=f"Re: {n}", priority="medium") for n in range(7)], stage.task(), by=agent
    )
    person.says("/inbox")
    place = person.last_place
    assert "8 suggestions wait for you" in person.last and "7 replies and 1 task" in person.last
    assert person.labels()[-4:] == ["1/2", "›", "Several at once", "My agents"]
    person.taps("›")
    assert person.last_place == place and "2/2" in person.labels()
    person.taps("Task: Pay invoice 7", on=place)
    assert "Pay to: Druckerei Klee" in person.last and person.last_place != place
