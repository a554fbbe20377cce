"""What doors share about rooms: which one a shared chat is, who taps there, and connecting one. Who speaks is the account that the platform verified, with a link of its own; a room
identifies nobody."""

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from bots.kit.dialog import Tap
from bots.kit.dispatch import Answer, Dispatch
from bots.kit.parts import Parts
from core.kernel.actor import Actor
from core.kernel.due import DueItem
from core.kernel.errors import Forbidden
from core.messaging.rooms import lost_room, moved_room


def room_at(parts: Parts, provider: str, tenant: str, address: str) -> DueItem | None:
    """The room of a shared chat: its id, workspace and who connected it; None where Nod was never connected, or left."""
    return parts.storage.directory.by_room(provider, tenant, address)


def tapped(parts: Parts, actor: Actor, room: DueItem, token: str, remote_ref: str | None) -> Tap:
    """What somebody pressed in the room. Raises Forbidden `messaging.room_elsewhere` for a member of another workspace; Invalid `messaging.button_forged`, `messaging.button_unknown`."""
    if actor.workspace_id != room.workspace_id:
        raise Forbidden("messaging.room_elsewhere")
    action, args = parts.tokens.unpack(token, room.id)
    return Tap(action, args, None if remote_ref is None else place_in(parts, room, remote_ref))


def place_in(parts: Parts, room: DueItem, remote_ref: str) -> UUID | None:
    """The delivery that a message of ours in the room stands for."""
    with parts.storage.work(room.workspace_id, room.user_id) as work:
        return work.messages.in_room_by_ref(room.id, remote_ref)


async def connect(
    parts: Parts, dispatch: Dispatch, actor: Actor, where: Mapping[str, str], once: UUID | None = None
) -> Answer:
    """A linked member asked for it in the shared chat `where` (provider, tenant, address, name). What there is to choose comes into their own chat; `toast` is for them alone.
    A chat that another workspace has is refused with the code `messaging.room_elsewhere`."""
    found = await parts.hop(room_at, parts, where["provider"], where.get("tenant", ""), where["address"])
    if found is not None and found.workspace_id != actor.workspace_id:
        return await dispatch.handle(actor, Tap("room.taken", ()), None, once)
    return await dispatch.handle(actor, Tap("room.here", ()), {"room": dict(where)}, once)


def lost(parts: Parts, room: DueItem) -> None:
    """The platform said that we are not in the room any more."""
    _change(parts, room, lambda work: lost_room(work, room.id))


def moved(parts: Parts, room: DueItem, address: str) -> None:
    """The platform said that the room has another address."""
    _change(parts, room, lambda work: moved_room(work, room.id, address))


def _change(parts: Parts, room: DueItem, change: Any) -> None:
    with parts.storage.work(room.workspace_id, room.user_id) as work:
        change(work)
        work.commit()
