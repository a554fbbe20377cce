"""Shared chats of one workspace."""

from uuid import UUID

from sqlalchemy import select

from core.messaging.models import Room, RoomAgent
from storage.repositories.base import Repository
from storage.tables.messaging import room_agents, rooms


class SqlRooms(Repository):
    """core.messaging.ports.Rooms."""

    def add(self, row: Room | RoomAgent) -> None:
        self._t.session.add(row)

    def get(self, room_id: UUID) -> Room:
        return self._get(Room, room_id, "messaging.room_unknown")

    def at(self, provider: str, tenant: str, address: str) -> Room | None:
        c = rooms.c
        there = (c.provider == provider, c.provider_tenant == tenant, c.address == address)
        return next(iter(self._all(Room, *there, c.left_at.is_(None), limit=1)), None)

    def all(self) -> list[Room]:
        return self._all(Room, rooms.c.left_at.is_(None), order=(rooms.c.id,))

    def agents(self, room_id: UUID) -> list[RoomAgent]:
        return self._those(RoomAgent, room_id=room_id)

    def of_agent(self, agent_id: UUID) -> list[tuple[Room, RoomAgent]]:
        c = room_agents.c
        asked = (
            select(Room, RoomAgent)
            .join(room_agents, c.room_id == rooms.c.id)
            .where(c.agent_id == agent_id, rooms.c.left_at.is_(None))
            .order_by(rooms.c.id)
        )
        return [(room, chosen) for room, chosen in self._t.session.execute(asked)]

    def drop(self, chosen: RoomAgent) -> None:
        self._t.session.delete(chosen)
