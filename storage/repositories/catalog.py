"""Agents and their versions."""

from collections.abc import Sequence
from datetime import timedelta
from uuid import UUID

from sqlalchemy import func, or_, select, update

from core.catalog.models import Agent, AgentConfig, AgentVersion
from core.catalog.ports import Startable
from core.kernel.errors import NotFound
from storage.engine import Ask
from storage.repositories.base import Repository
from storage.tables.catalog import agent_versions as versions
from storage.tables.catalog import agents

TOUCHED_AT_MOST = timedelta(seconds=10)
STARTABLE = """
    SELECT a.id, a.owner_id, a.name, a.status, a.template, a.config, a.latest_version_id, coalesce(v.light, false)
    FROM nod.agents a LEFT JOIN nod.agent_versions v ON v.workspace_id = a.workspace_id AND v.agent_id = a.id AND v.id = a.latest_version_id
    WHERE a.id = ANY (%(ids)s)"""


class SqlAgents(Repository):
    """core.catalog.ports.Agents."""

    def add(self, row: Agent | AgentVersion) -> None:
        if isinstance(row, Agent):
            self._t.session.add(row)
        else:
            self._keep(row, versions)

    def get(self, agent_id: UUID) -> Agent:
        return self._get(Agent, agent_id, "catalog.agent_unknown")

    def version(self, version_id: UUID) -> AgentVersion:
        found = self._row(AgentVersion, versions, versions.c.id == version_id)
        if found is None:
            raise NotFound("catalog.version_unknown", id=str(version_id))
        return found

    def some_versions(self, version_ids: Sequence[UUID]) -> list[AgentVersion]:
        return self._rows(AgentVersion, versions, versions.c.id.in_(version_ids), order=versions.c.id)

    def versions(self, agent_id: UUID) -> list[AgentVersion]:
        return self._rows(AgentVersion, versions, versions.c.agent_id == agent_id, order=versions.c.id.desc())

    def page(
        self,
        owner_id: UUID | None,
        after: UUID | None,
        limit: int,
        status: str | None = None,
        template: str | None = None,
    ) -> list[Agent]:
        return self._page(Agent, after, limit, owner_id=owner_id, status=status, template=template)

    def startable(self, agent_ids: Sequence[UUID]) -> dict[UUID, Startable]:
        # A question of psycopg's, so that it travels with the beginning of a transaction that is opened to start a run.
        rows = self._t.ask(Ask(STARTABLE, lambda: {"ids": list(agent_ids)}))
        return {
            id: Startable(id, owner, name, status, template, AgentConfig.model_validate(config), newest, light)
            for id, owner, name, status, template, config, newest, light in rows
        }

    def using_skill(self, skill: str, after: UUID | None, limit: int) -> list[Agent]:
        # By a function, because a policy would keep the index of skills out of it (migration 0019).
        with_it = select(func.nod.versions_with_skill(skill))
        found = select(Agent).where(agents.c.latest_version_id.in_(with_it)).order_by(agents.c.id.desc()).limit(limit)
        return list(self._t.session.scalars(found if after is None else found.where(agents.c.id < after)))

    def touch(self, agent_id: UUID) -> None:
        # Not for every run: all runs of an agent would wait for each other on its row.
        c = agents.c
        stale = or_(c.last_run_at.is_(None), c.last_run_at < self._t.now - TOUCHED_AT_MOST, c.failures > 0)
        self._t.flush()
        self._t.connection.execute(
            update(agents).where(c.id == agent_id, stale).values(last_run_at=self._t.now, failures=0)
        )

    def failed(self, agent_id: UUID) -> int:
        self._t.flush()
        once_more = update(agents).where(agents.c.id == agent_id).values(failures=agents.c.failures + 1)
        return self._t.connection.execute(once_more.returning(agents.c.failures)).scalar_one()
