"""Deliveries, transcripts, conversations, and what comes in."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any
from uuid import UUID

import psycopg
import pytest
from sqlalchemy import text

from core.kernel.actor import Actor
from core.kernel.ids import new_id
from core.messaging.models import Conversation
from core.messaging.post import announce, answer, hear, refresh, replace
from storage import Storage
from storage.inbox import SqlInbox
from storage.vault import NOWHERE
from tests.databases import somebody
from tests.storage.arrange import a_delivery, a_message


def _work(storage: Storage, actor: Actor) -> Any:
    return storage.work(actor.workspace_id, actor.user_id)


def test_a_delivery_is_shown_once_and_again_after_its_subject_changed(storage: Storage) -> None:
    actor = somebody(storage)
    made = a_delivery(storage, actor)
    with _work(storage, actor) as work:
        taken = work.messages.claim(made.id, 60)
        assert (taken.status, taken.fence, taken.attempts) == ("sending", 1, 1)
        assert work.messages.claim(made.id, 60) is None
        work.commit()
    with _work(storage, actor) as work:
        assert work.messages.settle(taken, taken.wanted, "ref-1", None)
        assert not work.messages.settle(taken, taken.wanted, "ref-1", None), "it was let go already"
        assert work.messages.claim(made.id, 60) is None
        work.commit()
    with _work(storage, actor) as work:
        shown = work.messages.delivery(work.messages.by_ref(actor.link_id, "ref-1"))
        assert (shown.status, shown.shown, shown.wanted, shown.attempts) == ("delivered", 1, 1, 0)
        refresh(work, made.subject_kind, made.subject_id)
        work.commit()
    with _work(storage, actor) as work:
        again = work.messages.claim(made.id, 60)
        assert (again.wanted, again.remote_ref, again.fence) == (2, "ref-1", 2)


def test_a_change_while_a_copy_is_being_sent_is_not_lost(storage: Storage) -> None:
    actor = somebody(storage)
    made = a_delivery(storage, actor)
    with _work(storage, actor) as work:
        taken = work.messages.claim(made.id, 60)
        work.commit()
    with _work(storage, actor) as work:
        work.messages.refresh(made.subject_kind, made.subject_id)
        work.commit()
    with _work(storage, actor) as work:
        assert work.messages.settle(taken, taken.wanted, "ref", None)
        assert work.messages.delivery(made.id).status == "pending"
        work.commit()
    assert [item.id for item in storage.due.due("deliveries", 10, "web")] == [made.id]


def test_a_door_that_lost_its_claim_settles_nothing(storage: Storage) -> None:
    actor = somebody(storage)
    made = a_delivery(storage, actor)
    with _work(storage, actor) as work:
        late = work.messages.claim(made.id, -1)
        work.commit()
    with _work(storage, actor) as work:
        assert work.messages.claim(made.id, 60) is not None
        work.commit()
    with _work(storage, actor) as work:
        late.fence = 1
        assert not work.messages.settle(late, 1, "x", None)
        assert not work.messages.postpone(late, work.now, "x")
        assert not work.messages.give_up(late, "x")


def test_a_postponed_delivery_waits_and_a_given_up_one_is_over(storage: Storage) -> None:
    actor = somebody(storage)
    made = a_delivery(storage, actor)
    with _work(storage, actor) as work:
        taken = work.messages.claim(made.id, 60)
        assert work.messages.postpone(taken, work.now + timedelta(minutes=1), "retry_after")
        assert work.messages.claim(made.id, 60) is None
        work.messages.delivery(made.id).due_at = work.now
        taken = work.messages.claim(made.id, 60)
        assert taken.failure_reason == "retry_after"
        assert work.messages.give_up(taken, "blocked")
        assert work.messages.refresh(made.subject_kind, made.subject_id) == []
        work.commit()
    assert storage.due.due("deliveries", 10, "web") == []


def test_a_place_that_is_said_anew_while_it_is_sent_does_not_fail_either_side(storage: Storage) -> None:
    actor = somebody(storage)
    with _work(storage, actor) as work:
        link = work.people.link(actor.link_id)
        first = answer(work, link, {"say": "one"})
        work.commit()
    with _work(storage, actor) as work:
        taken = work.messages.claim(first.id, 60)
        work.commit()
    with _work(storage, actor) as work:
        replace(work, link, first.id, {"say": "two"})
        work.commit()
    with _work(storage, actor) as work:
        assert work.messages.settle(taken, taken.wanted, "ref", None)
        work.commit()
    with _work(storage, actor) as work:
        again = work.messages.claim(first.id, 60)
        assert work.messages.get(again.subject_id).payload == {"say": "two"}


def test_a_door_that_claims_meanwhile_waits_instead_of_spoiling_a_change(storage: Storage, owner_url: str) -> None:
    actor = somebody(storage)
    with _work(storage, actor) as work:
        link = work.people.link(actor.link_id)
        first = answer(work, link, {"say": "one"})
        work.commit()

    def claim() -> int:
        with _work(storage, actor) as door:
            taken = door.messages.claim(first.id, 60)
            door.commit()
            return taken.wanted

    with ThreadPoolExecutor(1) as thread, _work(storage, actor) as work:
        replace(work, link, first.id, {"say": "two"})
        door = thread.submit(claim)
        with psycopg.connect(owner_url, autocommit=True) as owner:
            while not door.done() and owner.execute("SELECT 1 FROM pg_locks WHERE NOT granted").fetchone() is None:
                pass
        work.commit()
        assert door.result() == 2


def test_the_transcript_shows_each_place_once_with_what_it_last_showed(storage: Storage) -> None:
    actor = somebody(storage)
    with _work(storage, actor) as work:
        link = work.people.link(actor.link_id)
        asked = hear(work, link, {"text": "hello"})
        told = answer(work, link, {"say": "hi"})
        announce(work, actor.user_id, "run", new_id())
        work.commit()
    with _work(storage, actor) as work:
        newer = a_message(work, actor, "hi there", direction="out", delivery_id=told.id)
        work.messages.add(newer)
        taken = work.messages.claim(told.id, 60)
        assert work.messages.settle(taken, 1, "r", newer.id)
        later = hear(work, link, {"text": "thanks"})
        work.commit()
    with _work(storage, actor) as work:
        lines = work.messages.transcript(actor.link_id, None, 10)
        assert [line.message.id for line in lines] == [asked.id, newer.id, later.id]
        assert [line.delivery and line.delivery.id for line in lines] == [None, told.id, None]
        assert [line.message.id for line in work.messages.transcript(actor.link_id, None, 2)] == [newer.id, later.id]
        assert [line.message.id for line in work.messages.transcript(actor.link_id, told.id, 2)] == [asked.id]
        assert [line.message.id for line in work.messages.changed(actor.link_id, asked.id)] == [newer.id, later.id]
        assert [line.message.id for line in work.messages.changed(actor.link_id, newer.id)] == [later.id]
        assert work.messages.transcript(new_id(), None, 10) == []


def test_a_conversation_is_one_row_a_chat_and_ends(storage: Storage) -> None:
    actor = somebody(storage)
    assert actor.link_id is not None
    for step in ("name", "schedule"):
        with _work(storage, actor) as work:
            work.conversations.put(
                Conversation(
                    new_id(), actor.workspace_id, actor.user_id, actor.link_id, "new", step, {"step": step}, work.now,
                    work.now + timedelta(minutes=5),
                )
            )  # fmt: skip
            work.commit()
    with _work(storage, actor) as work:
        talk = work.conversations.current(actor.link_id)
        assert (talk.step, talk.state, talk.version) == ("schedule", {"step": "schedule"}, 2)
        work.conversations.end(actor.link_id)
        assert work.conversations.current(actor.link_id) is None
        work.commit()


def test_the_same_event_is_stored_once(storage: Storage) -> None:
    first = storage.inbox.store("telegram", "17", {"n": 1})
    assert first is not None
    assert storage.inbox.store("telegram", "17", {"n": 2}) is None
    assert storage.inbox.store("slack", "17", {"n": 3}) is not None
    taken = storage.inbox.claim("telegram", 60, 10)
    assert [(event.id, event.payload) for event in taken] == [(first, {"n": 1})]


def test_what_came_in_is_taken_in_order_once_and_dropped_when_done(storage: Storage) -> None:
    stored = [storage.inbox.store("telegram", str(n), {"n": n}) for n in range(5)]
    first, rest = storage.inbox.claim("telegram", 60, 2), storage.inbox.claim("telegram", 60, 10)
    assert [event.id for event in (*first, *rest)] == stored
    assert storage.inbox.claim("telegram", 60, 10) == []
    assert storage.inbox.done(first) == {event.id for event in first}
    assert not storage.inbox.done(first)
    assert storage.inbox.failed(rest[0], "broken", retry=True)
    assert storage.inbox.failed(rest[1], "hopeless", retry=False)
    again = storage.inbox.claim("telegram", 60, 10)
    assert [(event.id, event.fence, event.error) for event in again] == [(stored[2], 2, "broken")]
    connection, _ = storage._database.begin(NOWHERE, NOWHERE)
    with connection:
        kept = connection.execute(text("SELECT status, payload IS NULL FROM nod.inbound_events ORDER BY id")).all()
    assert [tuple(row) for row in kept][:2] == [("done", True)] * 2


def test_an_event_whose_holder_died_is_taken_again(storage: Storage) -> None:
    storage.inbox.store("telegram", "1", {})
    (dead,) = storage.inbox.claim("telegram", -1, 10)
    (heir,) = storage.inbox.claim("telegram", 60, 10)
    assert heir.fence == 2
    assert not storage.inbox.done([dead])
    assert storage.inbox.done([dead, heir]) == {heir.id}


def test_deaths_are_counted_and_who_was_there_at_two_is_tried_alone_before_what_came_later(storage: Storage) -> None:
    stored = [storage.inbox.store("telegram", str(n), {}) for n in range(3)]
    processes = [SqlInbox(storage._database, storage._keys) for _ in range(3)]

    def claimed(process: int, lease: float = -1, **more: bool) -> list[tuple[Any, int]]:
        return [(event.id, event.deaths) for event in processes[process].claim("telegram", lease, 2, **more)]

    assert claimed(0) == [(stored[0], 0), (stored[1], 0)]
    assert claimed(0) == [(stored[0], 0), (stored[1], 0)], "who is slow did not die"
    assert claimed(1) == [(stored[0], 1), (stored[1], 1)]
    assert claimed(2, alone=False) == [], "something else is being tried, and what comes later is not to come before"
    assert claimed(2) == [(stored[0], 2)]
    assert claimed(1) == [(stored[0], 2)], "that nobody is known to have begun with"
    (begun,) = processes[2].claim("telegram", -1, 2)
    processes[2].suspected(begun, lives=False)
    (again,) = processes[1].claim("telegram", 60, 2)
    assert (again.id, again.deaths) == (stored[0], 3)
    processes[2].suspected(begun, lives=True)
    with storage._database.begin(NOWHERE, NOWHERE)[0] as connection:
        assert connection.execute(text("SELECT max(deaths) FROM nod.inbound_events")).scalar() == 3, "no longer theirs"
    processes[1].suspected(again, lives=True)
    _leases_end(storage, stored[0])
    assert claimed(2, 60) == [(stored[1], 2)], "before what lives"
    assert claimed(2, 60) == [(stored[0], 1), (stored[2], 0)]
    _leases_end(storage, stored[1])
    assert claimed(2, 60, alone=False) == [(stored[1], 2)], "who has it already, and lives, is under no suspicion"
    _leases_end(storage, stored[1])
    (back,) = processes[2].claim("telegram", 60, 2)
    assert processes[2].failed(back, "handed back", retry=True)
    assert claimed(0) == [(stored[1], 0)]


def test_what_an_older_release_left_in_hand_is_taken_like_anything_else(storage: Storage) -> None:
    id = storage.inbox.store("telegram", "1", {})
    storage.inbox.claim("telegram", -1, 10)
    with storage._database.begin(NOWHERE, NOWHERE)[0] as connection:
        connection.execute(text("UPDATE nod.inbound_events SET claimed_by = NULL"))  # it knew of no such thing
        connection.commit()
    assert [(event.id, event.deaths) for event in storage.inbox.claim("telegram", 60, 10)] == [(id, 1)]


def _leases_end(storage: Storage, id: UUID | None) -> None:
    with storage._database.begin(NOWHERE, NOWHERE)[0] as connection:
        connection.execute(text("UPDATE nod.inbound_events SET lease_until = now() WHERE id = :id"), {"id": id})
        connection.commit()


@pytest.mark.parametrize("odd", [{"t": "\0"}, {"t": "\ud800"}, {"deep": [[[[]]]]}, {}])
def test_odd_events_are_kept(storage: Storage, odd: dict[str, Any]) -> None:
    assert storage.inbox.store("telegram", "1", odd) is not None
    assert len(storage.inbox.claim("telegram", 60, 1)) == 1
