"""Triggers."""

from uuid import UUID

from sqlalchemy import func, select

from core.workflows.models import Trigger
from storage.repositories.base import Repository
from storage.tables.workflows import triggers


class SqlTriggers(Repository):
    """core.workflows.ports.Triggers."""

    def add(self, trigger: Trigger) -> None:
        self._t.session.add(trigger)

    def get(self, trigger_id: UUID) -> Trigger:
        return self._get(Trigger, trigger_id, "workflows.trigger_unknown")

    def of_agent(self, agent_id: UUID) -> list[Trigger]:
        return self._all(Trigger, triggers.c.agent_id == agent_id, order=(triggers.c.id,))

    def claim(self, trigger_id: UUID) -> Trigger | None:
        c = triggers.c
        due = (
            select(Trigger)
            .where(c.id == trigger_id, c.status == "active", c.next_fire_at <= func.now())
            .with_for_update(skip_locked=True)
            .execution_options(populate_existing=True)
        )
        return self._t.session.scalars(due).one_or_none()
