"""Skills that people made, and their versions."""

from uuid import UUID

from sqlalchemy import insert, select

from core.catalog.models import OwnSkill, SkillVersion
from core.kernel.errors import NotFound
from storage.repositories.base import Repository
from storage.rows import from_row, to_row
from storage.tables.catalog import skill_versions as versions
from storage.tables.catalog import skills


class SqlSkills(Repository):
    """core.catalog.ports.OwnSkills."""

    def add(self, row: OwnSkill | SkillVersion) -> None:
        if isinstance(row, OwnSkill):
            self._t.session.add(row)
        else:
            self._t.connection.execute(insert(versions), to_row(row))

    def get(self, skill_id: UUID) -> OwnSkill:
        return self._get(OwnSkill, skill_id, "catalog.skill_unknown")

    def by_name(self, name: str) -> OwnSkill | None:
        return self._first(OwnSkill, skills.c.name == name)

    def version(self, skill_id: UUID, number: int) -> SkillVersion:
        row = self._t.connection.execute(
            select(versions).where(versions.c.skill_id == skill_id, versions.c.number == number)
        ).one_or_none()
        if row is None:
            raise NotFound("catalog.skill_version_unknown", id=str(skill_id), number=number)
        return from_row(SkillVersion, row)

    def versions(self, skill_id: UUID) -> list[SkillVersion]:
        rows = self._t.connection.execute(
            select(versions).where(versions.c.skill_id == skill_id).order_by(versions.c.number.desc())
        )
        return [from_row(SkillVersion, row) for row in rows]

    def page(
        self, after: UUID | None, limit: int, status: str | None = None, type: str | None = None
    ) -> list[OwnSkill]:
        return self._page(OwnSkill, after, limit, status=status, type=type)
