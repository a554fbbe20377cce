"""Rooms and delegations in the database: what holds whatever code asks."""

from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy.exc import ProgrammingError

from core.approvals.models import Delegation
from core.identity.models import Membership
from core.kernel.actor import Actor
from core.kernel.errors import Conflict, Failure, Invalid
from core.kernel.ids import new_id
from core.messaging.models import Delivery, Room
from core.messaging.rooms import connect_room, moved_room, tell_room
from storage import Storage
from tests.databases import somebody
from tests.storage.arrange import a_suggestion, an_approval, an_execution_of


def _work(storage: Storage, actor: Actor) -> Any:
    return storage.work(actor.workspace_id, actor.user_id)


def _joined(storage: Storage, actor: Actor) -> Actor:
    other = somebody(storage)
    with storage.work(actor.workspace_id, other.user_id) as work:
        work.people.add(
            Membership(
                id=new_id(), workspace_id=actor.workspace_id, user_id=other.user_id, role="member", created_at=work.now
            )
        )
        work.commit()
    return Actor(other.user_id, actor.workspace_id, "member", "web")


def _a_room(storage: Storage, actor: Actor, address: str = "-100") -> Room:
    with _work(storage, actor) as work:
        room = connect_room(work, actor, "telegram", "", address, "  The  family ")
        work.commit()
    return room


def test_a_room_belongs_to_one_workspace_and_is_found_by_its_address(storage: Storage) -> None:
    ana, eve = somebody(storage), somebody(storage)
    room = _a_room(storage, ana)
    assert room.name == "The family"
    found = storage.directory.by_room("telegram", "", "-100")
    assert found is not None and (found.id, found.workspace_id, found.user_id) == (
        room.id,
        ana.workspace_id,
        ana.user_id,
    )
    assert storage.directory.by_room("slack", "", "-100") is None
    with pytest.raises(Conflict, match="version_stale"):
        _a_room(storage, eve)
    with _work(storage, eve) as work, pytest.raises(Failure, match="room_unknown"):
        work.rooms.get(room.id)
    with _work(storage, ana) as work:
        moved_room(work, room.id, "-200")
        work.commit()
    assert storage.directory.by_room("telegram", "", "-100") is None
    with _work(storage, ana) as work:
        work.rooms.get(room.id).left_at = work.now
        work.commit()
    assert storage.directory.by_room("telegram", "", "-200") is None
    _a_room(storage, eve, "-200")


def test_a_delivery_is_in_one_place_and_a_room_shows_nothing_but_suggestions_and_messages(storage: Storage) -> None:
    ana = somebody(storage)
    room = _a_room(storage, ana)

    def delivers(**where: Any) -> None:
        with _work(storage, ana) as work:
            given = {
                "link_id": None,
                "channel": "telegram",
                "subject_kind": "suggestion",
                "subject_id": new_id(),
            } | where
            work.messages.deliver(
                Delivery(
                    id=new_id(), workspace_id=ana.workspace_id, user_id=ana.user_id, created_at=work.now,
                    due_at=work.now, **given,
                )
            )  # fmt: skip
            work.commit()

    for wrong in (
        {},
        {"link_id": ana.link_id, "room_id": room.id},
        {"room_id": room.id, "subject_kind": "run"},
        {"room_id": room.id, "subject_kind": "question"},
        {"room_id": new_id()},
    ):
        with pytest.raises(Invalid, match="rule_broken"):
            delivers(**wrong)
    delivers(room_id=room.id)
    with _work(storage, ana) as work:
        said = tell_room(work, room, "room.connected", {"name": "Ana"})
        work.commit()
    with _work(storage, ana) as work:
        claimed = work.messages.claim(said.id, 30)
        assert claimed is not None and work.messages.settle(claimed, 1, "17", None)
        assert work.messages.in_room_by_ref(room.id, "17") == said.id
        assert work.messages.rooms_of([said.id, new_id()]) == {said.id: room.id}


def test_decisions_are_handed_over_by_their_owner_and_ended_by_one_of_the_two(storage: Storage) -> None:
    ana = somebody(storage)
    kim, max_ = _joined(storage, ana), _joined(storage, ana)

    def hands(by: Actor, of: Actor, to: Actor) -> Delegation:
        with _work(storage, by) as work:
            made = Delegation(
                new_id(), ana.workspace_id, of.user_id, to.user_id, work.now + timedelta(days=1), work.now
            )
            work.delegations.add(made)
            work.commit()
        return made

    made = hands(ana, ana, kim)
    for by, of, to in ((kim, ana, kim), (max_, ana, max_), (ana, ana, ana), (ana, ana, somebody(storage))):
        with pytest.raises((Failure, ProgrammingError)):
            hands(by, of, to)
    with _work(storage, max_) as work, pytest.raises(Failure, match="delegation_unknown"):
        work.delegations.get(made.id)
    with _work(storage, kim) as work:
        work.delegations.get(made.id).revoked_at = work.now
        work.commit()
    with _work(storage, ana) as work:
        assert work.delegations.active() == []


def test_no_execution_without_a_yes_also_in_somebody_elses_place(storage: Storage) -> None:
    ana = somebody(storage)
    kim = _joined(storage, ana)
    _, shown = a_suggestion(storage, ana)

    def says(*, execute: bool = False, **fields: Any) -> None:
        with _work(storage, ana) as work:
            made = an_approval(work, ana, shown, **fields)
            work.suggestions.approve(made)
            if execute:
                work.executions.add(an_execution_of(work, made, shown.action.connection_id))
            work.commit()

    for wrong in (
        {"user_id": ana.user_id, "for_user_id": ana.user_id},
        {"user_id": kim.user_id, "for_user_id": new_id()},
    ):
        with pytest.raises(Invalid, match="rule_broken"):
            says(**wrong)
    with pytest.raises(Invalid, match="rule_broken"):
        says(execute=True, user_id=kim.user_id, decision="reject", for_user_id=ana.user_id)
    says(execute=True, user_id=kim.user_id, for_user_id=ana.user_id)


def test_where_somebody_spoke_last_is_known(storage: Storage) -> None:
    from tests.storage.arrange import a_message

    ana = somebody(storage)
    assert ana.link_id is not None
    with _work(storage, ana) as work:
        assert work.messages.spoken_last([ana.link_id, new_id()]) is None
        other = new_id()
        work.messages.add(a_message(work, ana, "first", link_id=other))
        work.messages.add(a_message(work, ana, "second"))
        work.messages.add(a_message(work, ana, "said to them", link_id=other, direction="out"))
        assert work.messages.spoken_last([ana.link_id, other]) == ana.link_id
        assert work.messages.spoken_last([other]) == other
