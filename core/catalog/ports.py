"""What the catalog needs of storage."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol
from uuid import UUID

from core.catalog.models import Agent, AgentConfig, AgentVersion, OwnSkill, SkillVersion
from core.kernel.unit_of_work import UnitOfWork


@dataclass(frozen=True)
class Startable:
    """What starting a run has to know of an agent; `light` says that its newest version only computes."""

    id: UUID
    owner_id: UUID
    name: str
    status: str
    template: str
    config: AgentConfig
    latest_version_id: UUID | None
    light: bool


class Agents(Protocol):
    """Agents and their versions. `get` and `version` raise NotFound `catalog.agent_unknown`, `catalog.version_unknown`."""

    def add(self, row: Agent | AgentVersion) -> None: ...

    def get(self, agent_id: UUID) -> Agent: ...

    def version(self, version_id: UUID) -> AgentVersion: ...

    def some_versions(self, version_ids: Sequence[UUID]) -> list[AgentVersion]:
        """Those of them that there are, in no order."""
        ...

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

    def startable(self, agent_ids: Sequence[UUID]) -> dict[UUID, Startable]:
        """What starting a run has to know of those of them that there are."""
        ...

    def using_skill(self, skill: str, after: UUID | None, limit: int) -> list[Agent]:
        """Agents whose newest version uses the skill of that name; by id, newest first, those before `after`."""
        ...

    def touch(self, agent_id: UUID) -> None:
        """A run of it went well: `last_run_at` is now, give or take some seconds, and no failures are counted any more. Without a new version."""
        ...

    def failed(self, agent_id: UUID) -> int:
        """Counts one more failure in a row, without a new version; answers how many there are."""
        ...


class CatalogWork(UnitOfWork, Protocol):
    @property
    def agents(self) -> Agents: ...


class OwnSkills(Protocol):
    """Skills that people made, and their versions. `get` and `version` raise NotFound `catalog.skill_unknown`, `catalog.skill_version_unknown`."""

    def add(self, row: OwnSkill | SkillVersion) -> None: ...

    def get(self, skill_id: UUID) -> OwnSkill: ...

    def by_name(self, name: str) -> OwnSkill | None: ...

    def version(self, skill_id: UUID, number: int) -> SkillVersion: ...

    def versions(self, skill_id: UUID) -> list[SkillVersion]:
        """Newest first."""
        ...

    def page(
        self, after: UUID | None, limit: int, status: str | None = None, type: str | None = None
    ) -> list[OwnSkill]:
        """By id, newest first, those before `after`."""
        ...


class SkillsWork(UnitOfWork, Protocol):
    @property
    def skills(self) -> OwnSkills: ...
