"""Suggestions in shared chats: which agents ask there, how much of it is shown, and putting each suggestion there too."""

from collections.abc import Sequence
from typing import Literal, Protocol
from uuid import UUID

from core.approvals.models import Suggestion
from core.approvals.ports import ApprovalsWork
from core.catalog.ports import CatalogWork
from core.kernel.actor import Actor
from core.kernel.errors import Conflict, Forbidden
from core.kernel.events import Event
from core.kernel.ids import new_id
from core.messaging.models import Delivery, Room, RoomAgent
from core.messaging.ports import MessagingWork
from core.messaging.post import refresh
from core.messaging.rooms import RoomsWork, may_manage, show_in_room

REDRAWN = 100
"""So many of an agent's waiting suggestions are drawn anew when what a room may see of them changes."""


class AskInRoomsWork(RoomsWork, ApprovalsWork, CatalogWork, Protocol):
    """What choosing needs."""


def let_ask(
    work: AskInRoomsWork, actor: Actor, room_id: UUID, agent_id: UUID, shown: Literal["stub", "open"] = "stub"
) -> RoomAgent:
    """From now on the agent's suggestions are also asked about in the room; what waits there already shows as much as is chosen now. Only the agent's owner says so: its suggestions
    are about what is theirs. Raises Forbidden `approvals.agent_not_yours`, Conflict `messaging.room_left`, NotFound."""
    actor.need("write")
    room, agent = work.rooms.get(room_id), work.agents.get(agent_id)
    if agent.owner_id != actor.user_id:
        raise Forbidden("approvals.agent_not_yours", agent=agent.name)
    if room.left_at is not None:
        raise Conflict("messaging.room_left", name=room.name)
    chosen = _chosen(work, room_id, agent_id)
    if chosen is None:
        chosen = RoomAgent(
            id=new_id(), workspace_id=room.workspace_id, room_id=room.id, agent_id=agent.id, chosen_by=actor.user_id,
            created_at=work.now, shown=shown,
        )  # fmt: skip
        work.rooms.add(chosen)
    else:
        chosen.shown, chosen.chosen_by = shown, actor.user_id
    told = {"room_id": str(room.id), "agent_id": str(agent.id), "shown": shown}
    work.record(Event("room.agent_asks", room.workspace_id, actor.user_id, told))
    _redraw(work, agent.id)
    return chosen


def silence(work: AskInRoomsWork, actor: Actor, room_id: UUID, agent_id: UUID) -> None:
    """The agent does not ask there any more; what stands there becomes a stub. Its owner, who connected the room, owner and admins may say so. A second time changes nothing.
    Raises Forbidden `messaging.room_not_yours`, NotFound."""
    actor.need("write")
    room, agent = work.rooms.get(room_id), work.agents.get(agent_id)
    if agent.owner_id != actor.user_id and not may_manage(actor, room):
        raise Forbidden("messaging.room_not_yours", name=room.name)
    chosen = _chosen(work, room_id, agent_id)
    if chosen is None:
        return
    work.rooms.drop(chosen)
    told = {"room_id": str(room.id), "agent_id": str(agent.id)}
    work.record(Event("room.agent_silenced", room.workspace_id, actor.user_id, told))
    _redraw(work, agent.id)


def ask_in_rooms(
    work: MessagingWork, suggestion: Suggestion, rooms: Sequence[tuple[Room, RoomAgent]] | None = None
) -> list[Delivery]:
    """Puts the suggestion into each room where its agent asks (`rooms`, where that is known already); how much of it is shown there is found out whenever it is drawn."""
    return [
        show_in_room(
            work, room, suggestion.user_id, "suggestion", suggestion.id, agent_id=suggestion.agent_id,
            trace=suggestion.trace,
        )
        for room, _ in (work.rooms.of_agent(suggestion.agent_id) if rooms is None else rooms)
    ]  # fmt: skip


def is_open(work: MessagingWork, room_id: UUID, agent_id: UUID) -> bool:
    """Whether the agent's suggestions are shown whole in the room."""
    chosen = _chosen(work, room_id, agent_id)
    return chosen is not None and chosen.shown == "open"


def _chosen(work: MessagingWork, room_id: UUID, agent_id: UUID) -> RoomAgent | None:
    return next((one for one in work.rooms.agents(room_id) if one.agent_id == agent_id), None)


def _redraw(work: AskInRoomsWork, agent_id: UUID) -> None:
    for status in ("pending", "snoozed"):
        for suggestion in work.suggestions.page(None, REDRAWN, status=status, agent_id=agent_id):
            refresh(work, "suggestion", suggestion.id)
