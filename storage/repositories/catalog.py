"""Agents and their versions."""

from uuid import UUID

from sqlalchemy import insert, select, update

from core.catalog.models import Agent, AgentVersion
from core.kernel.errors import NotFound
from storage.repositories.base import Repository
from storage.rows import from_row, to_row
from storage.tables.catalog import agent_versions as versions
from storage.tables.catalog import agents


class SqlAgents(Repository):
    """core.catalog.ports.Agents."""

    def add(self, row: Agent | AgentVersion) -> None:
        if isinstance(row, Agent):
            self._t.session.add(row)
        else:
            self._t.connection.execute(insert(versions), to_row(row))

    def get(self, agent_id: UUID) -> Agent:
        return self._get(Agent, agent_id, "catalog.agent_unknown")

    def version(self, version_id: UUID) -> AgentVersion:
        row = self._t.connection.execute(select(versions).where(versions.c.id == version_id)).one_or_none()
        if row is None:
            raise NotFound("catalog.version_unknown", id=str(version_id))
        return from_row(AgentVersion, row)

    def versions(self, agent_id: UUID) -> list[AgentVersion]:
        rows = self._t.connection.execute(
            select(versions).where(versions.c.agent_id == agent_id).order_by(versions.c.id.desc())
        )
        return [from_row(AgentVersion, row) for row in rows]

    def page(
        self,
        owner_id: UUID | None,
        after: UUID | None,
        limit: int,
        status: str | None = None,
        template: str | None = None,
    ) -> list[Agent]:
        return self._page(Agent, after, limit, owner_id=owner_id, status=status, template=template)

    def touch(self, agent_id: UUID) -> None:
        self._t.session.flush()
        self._t.connection.execute(update(agents).where(agents.c.id == agent_id).values(last_run_at=self._t.now))
