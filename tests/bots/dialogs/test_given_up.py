"""What was given up, as those who lead a workspace see it: everything, in words, of their own workspace alone; tried again or dropped where that can do no harm."""

import asyncio
from collections.abc import Callable
from typing import Any
from uuid import UUID

from bots.kit.arrivals import Arrivals
from bots.kit.giving_up import noted_for
from bots.kit.turn import Turn
from core.approvals.decide import approve
from core.approvals.models import ApprovalPolicy, Suggestion
from core.kernel.ids import new_id
from core.messaging.hold import IN_DIGEST
from core.messaging.models import InboundEvent
from core.messaging.post import announce
from core.orchestration.models import Run
from core.workflows.given_up import given_up
from tests.bots.dialogs import stage
from tests.bots.dialogs.person import Person, words_of

Join = Callable[..., Person]


async def _gives_up(person: Person) -> None:
    """A door's own loop meets an event that it cannot handle."""
    parts = person.parts
    turn = Turn(None, "test")

    async def handle(event: object) -> str:
        raise ValueError("the text of a mail, which is nobody's business")

    loop, over = asyncio.get_running_loop(), asyncio.Event()
    noted = noted_for(parts, lambda payload: person.actor if payload.get("known") else None)

    def note(event: InboundEvent, reason: str) -> None:
        noted(event, reason)
        loop.call_soon_threadsafe(over.set)

    arrivals = Arrivals(
        parts, turn, handle, channel="telegram", lane=lambda payload: 0, order=lambda event: event.id, pause=lambda trouble, tries: None,
        note=note,
    )  # fmt: skip
    keeping, running = asyncio.create_task(turn.keep()), asyncio.create_task(arrivals.run())
    await over.wait()
    arrivals.stop()
    await running
    turn.stop()
    await keeping


def an_event_is_given_up(person: Person, known: bool = True) -> UUID:
    """Its id."""
    id = person.parts.storage.inbox.store("telegram", str(new_id()), {"known": known})
    assert id is not None
    asyncio.run(asyncio.wait_for(_gives_up(person), 30))
    return id


def a_run_fails(person: Person) -> UUID:
    """Its id."""
    chosen = stage.agent(person)

    def fail(work: Any) -> UUID:
        run = Run(
            id=new_id(), workspace_id=person.actor.workspace_id, user_id=person.actor.user_id, agent_id=chosen.id,
            agent_version_id=chosen.latest_version_id, trigger_type="manual", queued_at=work.now, created_at=work.now, due_at=work.now,
            started_at=work.now, finished_at=work.now, status="failed",
            error={"code": "connectors.folder_missing", "data": {"path": "/gone"}},
        )  # fmt: skip
        work.runs.add(run)
        return run.id

    return stage.changed(person, fail)


def a_delivery_is_given_up(person: Person, suggestion_id: UUID) -> UUID:
    """Its id."""

    def fail(work: Any) -> UUID:
        [made] = announce(work, person.actor.user_id, "suggestion", suggestion_id)
        claimed = work.messages.claim(made.id, 60)
        assert work.messages.give_up(claimed, "messaging.blocked")
        return made.id

    return stage.changed(person, fail)


def a_card_is_in_a_digest(person: Person, suggestion_id: UUID) -> None:
    """It is not sent on its own, and nobody misses it."""

    def leave_out(work: Any) -> None:
        [made] = announce(work, person.actor.user_id, "suggestion", suggestion_id)
        assert work.messages.give_up(work.messages.claim(made.id, 60), IN_DIGEST)

    stage.changed(person, leave_out)


def approved(person: Person, *suggestions: Suggestion) -> None:
    """They are about to be done."""
    for one in suggestions:
        stage.changed(person, lambda work, one=one: approve(work, person.actor, one.id, 1))


def _listed(person: Person) -> set[tuple[str, UUID]]:
    with person.work() as work:
        return {(one.kind, one.id) for one in given_up(work, person.actor)}


def _status(person: Person, id: UUID) -> str:
    with person.work() as work:
        return work.messages.delivery(id).status


def test_everything_that_was_given_up_is_seen_in_words_and_seen_to(person: Person) -> None:
    inbox = person.parts.storage.inbox
    person.says("/failed")
    assert "Nothing was given up" in person.last
    event, dropped = an_event_is_given_up(person), an_event_is_given_up(person)
    failed, unknown = stage.suggests(person, stage.mail(subject="Re: One"), stage.mail(subject="Re: Two"))
    approved(person, failed, unknown)
    stage.failed(person, failed.id, "connectors.recipient_refused", recipient="kim@example.net")
    stage.lost_track(person, unknown.id)
    run = a_run_fails(person)
    delivery = a_delivery_is_given_up(person, failed.id)
    a_card_is_in_a_digest(person, unknown.id)
    person.says("/runs")
    person.taps("6 given up")
    assert "6 things were given up" in person.last
    person.taps("Run failed: ")
    assert "/gone" in person.last and "goes on from the step that failed" in person.last
    assert person.labels()[:2] == ["Try again", "Drop"]
    person.taps("Try again")
    assert person.toast == "It goes on from the step that failed."
    with person.work() as work:
        assert work.runs.get(run).status == "queued"
    person.taps("Not handled, from Telegram")
    assert "mail" not in person.last, "nothing of its content"
    person.taps("Try again")
    [again] = [one for one in inbox.claim("telegram", 10, 10) if one.id in (event, dropped)]
    person.taps("Not handled, from Telegram")
    person.taps("Drop")
    assert person.toast == "Dropped. It stays as it is."
    assert not inbox.try_again({event, dropped}.difference({again.id}).pop()), "what was dropped never comes again"
    person.taps("Did not arrive in ")
    assert "Try again” sends the message as it is true now" in person.last
    person.taps("Try again")
    assert _status(person, delivery) != "failed"
    person.says("/failed")
    person.taps("Not done: ")
    assert "for a new yes" in person.last
    person.taps("Try again")
    assert stage.of(person, failed.id).status == "pending" and stage.of(person, failed.id).revision == 2
    person.says("/failed")
    person.taps("Nobody knows whether done: ")
    assert "Its own card asks" in person.last and "Try again" not in person.labels() and "Drop" not in person.labels()
    person.taps("Open its card")
    assert {"It was done", "Do it again"} <= set(person.labels())
    person.taps("It was done")
    person.says("/failed")
    assert "Nothing was given up" in person.last


def test_what_was_seen_to_meanwhile_is_said_and_what_fails_again_is_there_again(person: Person) -> None:
    run = a_run_fails(person)
    person.says("/failed")
    person.taps("Run failed: ")
    page, again = person.button("Try again")
    person.taps("Drop")
    assert _listed(person) == set()
    person.presses(again, page)
    assert "somebody saw to it meanwhile" in words_of(person.screens[page])

    def fails_again(work: Any) -> None:
        row = work.runs.lock(run)
        row.status, row.finished_at = "failed", work.now

    stage.changed(person, fails_again)
    assert _listed(person) == {("run", run)}


def test_it_is_for_who_leads_the_workspace_and_for_nobody_elsewhere(person: Person, joins: Join, arrives: Join) -> None:
    run, event = a_run_fails(person), an_event_is_given_up(person)
    assert an_event_is_given_up(person, known=False) not in {id for _, id in _listed(person)}
    admin, member, stranger = joins(person, "admin"), joins(person, "member"), arrives()
    assert _listed(admin) == {("run", run), ("event", event)}
    member.says("/failed")
    assert "Only owners and admins" in member.last
    stranger.says("/failed")
    assert "Nothing was given up" in stranger.last
    admin.says("/failed")
    _, button = admin.button("Not handled")
    stranger.presses(button, stranger.last_place)
    assert "somebody saw to it meanwhile" in stranger.last, "another workspace's id is as unknown as any"
    member.presses(button.model_copy(update={"action": "given_up.drop"}), member.last_place)
    assert "Only owners and admins" in (member.toast or member.last)
    assert ("event", event) in _listed(person)


def test_an_admin_who_may_not_decide_sees_that_something_failed_and_not_what(person: Person, joins: Join) -> None:
    [failed] = stage.suggests(person, stage.mail(subject="Re: Private"))
    approved(person, failed)
    stage.failed(person, failed.id, "connectors.recipient_refused", recipient="kim@example.net")
    admin = joins(person, "admin")

    def owner_alone(work: Any) -> None:
        work.suggestions.add_policy(
            ApprovalPolicy(new_id(), person.actor.workspace_id, "*", work.now, allowed_roles=["owner"])
        )

    stage.changed(person, owner_alone)
    admin.says("/failed")
    admin.taps("Not done: something that")
    assert "Private" not in admin.last and "kim@example.net" not in admin.last
    assert "Only those who may decide" in admin.last and "Open its card" not in admin.labels()
    admin.taps("Try again")
    assert stage.of(person, failed.id).status == "approved", "who may not decide does not ask anew either"
