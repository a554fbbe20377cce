"""Shared chats: connected by a member from within, left again, and what is put into them. What a room shows nobody is held back from; who may decide is another matter
(core.approvals)."""

from typing import Any, Literal, Protocol
from uuid import UUID

from core.identity.ports import IdentityWork
from core.kernel.actor import Actor
from core.kernel.errors import Conflict, Forbidden
from core.kernel.events import Event
from core.kernel.ids import new_id
from core.messaging.models import Delivery, Message, Room
from core.messaging.ports import MessagingWork
from core.messaging.post import CARD, RECEIPT, notify

NAME = 120
"""Longest name that is kept, in characters."""


class RoomsWork(MessagingWork, IdentityWork, Protocol):
    """What rooms need."""


def connect_room(
    work: RoomsWork, actor: Actor, provider: Literal["telegram", "slack"], tenant: str, address: str, name: str
) -> Room:
    """The room is the workspace's from now on, and is written to in the language and timezone of whoever connects it; nobody asks there yet. A second time only renews its name.
    Raises Forbidden `identity.role_too_low`; Conflict `kernel.version_stale` at the commit when another workspace has it."""
    actor.need("write")
    shown = " ".join(name.split())[:NAME] or address
    room = work.rooms.at(provider, tenant, address)
    if room is not None:
        room.name = shown
        return room
    profile = work.people.profile(actor.user_id)
    room = Room(
        id=new_id(), workspace_id=actor.workspace_id, provider=provider, provider_tenant=tenant, address=address, name=shown,
        connected_by=actor.user_id, language=profile.language, timezone=profile.timezone, created_at=work.now,
    )  # fmt: skip
    work.rooms.add(room)
    work.record(Event("room.connected", room.workspace_id, actor.user_id, {"room_id": str(room.id), "name": shown}))
    return room


def leave_room(work: RoomsWork, actor: Actor, room_id: UUID) -> Room:
    """Nothing is sent there from now on, and what waited for it is dropped. Raises Forbidden `messaging.room_not_yours` for anybody but who connected it, owner and admins;
    Conflict `messaging.room_left`, NotFound `messaging.room_unknown`."""
    actor.need("write")
    room = work.rooms.get(room_id)
    if not may_manage(actor, room):
        raise Forbidden("messaging.room_not_yours", name=room.name)
    if room.left_at is not None:
        raise Conflict("messaging.room_left", name=room.name)
    _left(work, room, actor.user_id)
    return room


def lost_room(work: RoomsWork, room_id: UUID) -> None:
    """The platform does not let us write there any more (thrown out, channel deleted): as if it was left, and whoever connected it is told. A second time changes nothing."""
    room = work.rooms.get(room_id)
    if room.left_at is None:
        _left(work, room, room.connected_by)
        notify(work, room.connected_by, "room.lost", {"name": room.name})


def moved_room(work: RoomsWork, room_id: UUID, address: str) -> None:
    """It has another address from now on (a group that became a supergroup), where messages are numbered anew: what can still be decided is asked there once more. A second
    time changes nothing."""
    room = work.rooms.get(room_id)
    if room.address == address:
        return
    room.address = address
    for delivery_id, channel in work.messages.uproot(room_id):
        work.ring(f"deliveries.{channel}", delivery_id)


def renamed_room(work: RoomsWork, room_id: UUID, name: str) -> None:
    """The platform calls it something else from now on."""
    room = work.rooms.get(room_id)
    room.name = " ".join(name.split())[:NAME] or room.address


def may_manage(actor: Actor, room: Room) -> bool:
    """Whether they may leave the room and silence agents there."""
    return actor.user_id == room.connected_by or actor.role in ("owner", "admin")


def tell_room(work: MessagingWork, room: Room, code: str, data: dict[str, Any]) -> Delivery:
    """Says something in the room. `code` is a message id, `data` fills its gaps; every member of the chat reads it."""
    message = Message(
        id=new_id(), workspace_id=room.workspace_id, user_id=room.connected_by, direction="out", surface=room.provider,
        payload={"say": code, "data": data}, created_at=work.now,
    )  # fmt: skip
    work.messages.add(message)
    return _put(work, room, room.connected_by, "message", message.id, RECEIPT, message_id=message.id)


def show_in_room(
    work: MessagingWork, room: Room, user_id: UUID, subject_kind: Literal["suggestion"], subject_id: UUID, *, agent_id: UUID,
    trace: str | None = None,
) -> Delivery:  # fmt: skip
    """Puts a card about a subject of that person's into the room; what of it may be read there is up to its renderer."""
    return _put(work, room, user_id, subject_kind, subject_id, CARD, agent_id=agent_id, trace=trace)


def _put(
    work: MessagingWork, room: Room, user_id: UUID, kind: str, subject_id: UUID, priority: int, **more: Any
) -> Delivery:
    delivery = Delivery(
        id=new_id(), workspace_id=room.workspace_id, user_id=user_id, link_id=None, room_id=room.id, channel=room.provider,
        subject_kind=kind, subject_id=subject_id, created_at=work.now, due_at=work.now, priority=priority, **more,
    )  # fmt: skip
    work.messages.deliver(delivery)
    work.ring(f"deliveries.{delivery.channel}", delivery.id)
    return delivery


def _left(work: RoomsWork, room: Room, by: UUID) -> None:
    room.left_at = work.now
    work.record(Event("room.left", room.workspace_id, by, {"room_id": str(room.id), "name": room.name}))
