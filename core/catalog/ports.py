"""What the catalog needs of storage."""

from typing import Protocol
from uuid import UUID

from core.catalog.models import Agent, AgentVersion
from core.kernel.unit_of_work import UnitOfWork


class Agents(Protocol):
    """Agents and their versions. `get` and `version` raise NotFound `catalog.agent_unknown`, `catalog.version_unknown`."""

    def add(self, row: Agent | AgentVersion) -> None: ...

    def get(self, agent_id: UUID) -> Agent: ...

    def version(self, version_id: UUID) -> AgentVersion: ...

    def versions(self, agent_id: UUID) -> list[AgentVersion]:
        """Newest first."""
        ...

    def page(
        self,
        owner_id: UUID | None,
        after: UUID | None,
        limit: int,
        status: str | None = None,
        template: str | None = None,
    ) -> list[Agent]:
        """By id, newest first, those before `after`."""
        ...

    def touch(self, agent_id: UUID) -> None:
        """Sets `last_run_at` to now, without a new version."""
        ...


class CatalogWork(UnitOfWork, Protocol):
    @property
    def agents(self) -> Agents: ...
