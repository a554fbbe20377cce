"""Who somebody is, before a workspace is known: the doors of the database, each asked in a transaction of its own."""

from typing import Any
from uuid import UUID

from sqlalchemy import TextClause, text

from core.identity.ports import Known
from core.kernel.due import DueItem
from storage.engine import Database
from storage.vault import NOWHERE

BY_LINK = text("SELECT * FROM nod.directory_by_link(:provider, :tenant, :subject)")
LINKS_OF_ACCOUNT = text("SELECT * FROM nod.links_of_account(:provider, :tenant, :subject)")
BY_INVITATION = text("SELECT * FROM nod.directory_by_invitation(:code_hash)")
BY_SESSION = text("SELECT * FROM nod.directory_by_session(:sid)")
BY_API_KEY = text("SELECT * FROM nod.directory_by_api_key(:prefix)")
BY_LINK_CODE = text("SELECT * FROM nod.directory_by_link_code(:code_hash)")
BY_SIGN_IN = text("SELECT * FROM nod.directory_by_sign_in(:hash)")
BY_RETURN_CODE = text("SELECT * FROM nod.directory_by_return_code(:code_hash)")
WORKSPACES_OF = text("SELECT * FROM nod.workspaces_of(:person)")
SHARED_WORKSPACES_OF = text("SELECT * FROM nod.shared_workspaces_of(:person, :most)")
BY_TRIGGER = text("SELECT * FROM nod.directory_by_trigger(:id)")
BY_SLACK_TEAM = text("SELECT * FROM nod.directory_by_slack_team(:team)")
BY_ROOM = text("SELECT * FROM nod.directory_by_room(:provider, :tenant, :address)")
LINKS_OF_TENANT = text("SELECT * FROM nod.links_of_tenant(:provider, :tenant, :after, :most)")
BY_EMAIL = text("SELECT * FROM nod.directory_by_email(:email)")


class SqlDirectory:
    """core.identity.ports.Directory."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def by_link(self, provider: str, tenant: str, subject: str) -> Known | None:
        return self._ask(BY_LINK, provider=provider, tenant=tenant, subject=subject)

    def links_of_account(self, provider: str, tenant: str, subject: str) -> list[Known]:
        return self._all(LINKS_OF_ACCOUNT, provider=provider, tenant=tenant, subject=subject)

    def by_invitation(self, code_hash: str) -> Known | None:
        return self._ask(BY_INVITATION, code_hash=code_hash)

    def by_session(self, sid_hash: str) -> Known | None:
        return self._ask(BY_SESSION, sid=sid_hash)

    def by_api_key(self, prefix: str) -> Known | None:
        return self._ask(BY_API_KEY, prefix=prefix)

    def by_link_code(self, code_hash: str) -> Known | None:
        return self._ask(BY_LINK_CODE, code_hash=code_hash)

    def by_sign_in(self, secret_hash: str) -> Known | None:
        return self._ask(BY_SIGN_IN, hash=secret_hash)

    def by_email(self, email: str) -> Known | None:
        return self._ask(BY_EMAIL, email=email.strip())

    def by_trigger(self, trigger_id: UUID) -> DueItem | None:
        return next(iter(self._list(BY_TRIGGER, id=trigger_id)), None)

    def by_slack_team(self, team_id: str) -> DueItem | None:
        return next(iter(self._list(BY_SLACK_TEAM, team=team_id)), None) if _askable(team_id) else None

    def by_room(self, provider: str, tenant: str, address: str) -> DueItem | None:
        asked = {"provider": provider, "tenant": tenant, "address": address}
        return next(iter(self._list(BY_ROOM, **asked)), None) if all(map(_askable, asked.values())) else None

    def links_of_tenant(self, provider: str, tenant: str, after: UUID, limit: int) -> list[DueItem]:
        return self._list(LINKS_OF_TENANT, provider=provider, tenant=tenant, after=after, most=limit)

    def by_return_code(self, code_hash: str) -> Known | None:
        return self._ask(BY_RETURN_CODE, code_hash=code_hash)

    def workspaces_of(self, user_id: UUID) -> list[UUID]:
        return [item.workspace_id for item in self._list(WORKSPACES_OF, person=user_id)]

    def shares(self, user_id: UUID) -> bool:
        return bool(self._list(SHARED_WORKSPACES_OF, person=user_id, most=1))

    def _list(self, door: TextClause, **given: Any) -> list[DueItem]:
        connection, _ = self._database.begin(NOWHERE, NOWHERE)
        with connection:
            rows: Any = connection.execute(door, given).all()
        return [DueItem(row.id, row.workspace_id, row.user_id) for row in rows]

    def _ask(self, door: TextClause, **words: str) -> Known | None:
        found = self._all(door, **words)
        return found[0] if found else None

    def _all(self, door: TextClause, **words: str) -> list[Known]:
        if not all(_askable(word) for word in words.values()):
            return []
        connection, _ = self._database.begin(NOWHERE, NOWHERE)
        with connection:
            rows: Any = connection.execute(door, words).all()
        return [Known(r.id, r.user_id, r.workspace_id, r.role, tuple(r.scopes), r.secret_hash) for r in rows]


def _askable(word: str) -> bool:
    """Whether PostgreSQL can hold it at all; nobody is called by what it cannot."""
    return "\0" not in word and not any("\ud800" <= letter <= "\udfff" for letter in word)
