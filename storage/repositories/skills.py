"""Skills that people made, and their versions."""

from uuid import UUID

from core.catalog.models import OwnSkill, SkillVersion
from core.kernel.errors import NotFound
from storage.repositories.base import Repository
from storage.tables.catalog import skill_versions as versions


class SqlSkills(Repository):
    """core.catalog.ports.OwnSkills."""

    def add(self, row: OwnSkill | SkillVersion) -> None:
        if isinstance(row, OwnSkill):
            self._t.session.add(row)
        else:
            self._keep(row, versions)

    def get(self, skill_id: UUID) -> OwnSkill:
        return self._get(OwnSkill, skill_id, "catalog.skill_unknown")

    def by_name(self, name: str) -> OwnSkill | None:
        return self._one(OwnSkill, name=name)

    def version(self, skill_id: UUID, number: int) -> SkillVersion:
        found = self._row(SkillVersion, versions, versions.c.skill_id == skill_id, versions.c.number == number)
        if found is None:
            raise NotFound("catalog.skill_version_unknown", id=str(skill_id), number=number)
        return found

    def versions(self, skill_id: UUID) -> list[SkillVersion]:
        return self._rows(SkillVersion, versions, versions.c.skill_id == skill_id, order=versions.c.number.desc())

    def page(
        self, after: UUID | None, limit: int, status: str | None = None, type: str | None = None
    ) -> list[OwnSkill]:
        return self._page(OwnSkill, after, limit, status=status, type=type)
