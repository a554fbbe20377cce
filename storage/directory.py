"""Who somebody is, before a workspace is known: the doors of the database, each asked in a transaction of its own."""

from typing import Any, LiteralString
from uuid import UUID

from core.identity.ports import Known
from core.kernel.due import DueItem
from storage.engine import Database
from storage.vault import NOWHERE

KNOWN = "SELECT id, user_id, workspace_id, role, scopes, secret_hash FROM "
WHERE = "SELECT id, workspace_id, user_id FROM "
BY_LINK = KNOWN + "nod.directory_by_link(%(provider)s, %(tenant)s, %(subject)s)"
LINKS_OF_ACCOUNT = KNOWN + "nod.links_of_account(%(provider)s, %(tenant)s, %(subject)s)"
BY_INVITATION = KNOWN + "nod.directory_by_invitation(%(code_hash)s)"
BY_SESSION = KNOWN + "nod.directory_by_session(%(sid)s)"
BY_API_KEY = KNOWN + "nod.directory_by_api_key(%(prefix)s)"
BY_LINK_CODE = KNOWN + "nod.directory_by_link_code(%(code_hash)s)"
BY_SIGN_IN = KNOWN + "nod.directory_by_sign_in(%(hash)s)"
BY_RETURN_CODE = KNOWN + "nod.directory_by_return_code(%(code_hash)s)"
WORKSPACES_OF = WHERE + "nod.workspaces_of(%(person)s)"
SHARED_WORKSPACES_OF = WHERE + "nod.shared_workspaces_of(%(person)s, %(most)s)"
BY_TRIGGER = WHERE + "nod.directory_by_trigger(%(id)s)"
BY_SLACK_TEAM = WHERE + "nod.directory_by_slack_team(%(team)s)"
BY_ROOM = WHERE + "nod.directory_by_room(%(provider)s, %(tenant)s, %(address)s)"
LINKS_OF_TENANT = WHERE + "nod.links_of_tenant(%(provider)s, %(tenant)s, %(after)s, %(most)s)"
BY_EMAIL = KNOWN + "nod.directory_by_email(%(email)s)"


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

    def _list(self, door: LiteralString, **given: Any) -> list[DueItem]:
        return [DueItem(*row) for row in self._database.at_once(NOWHERE, NOWHERE, door, given)]

    def _ask(self, door: LiteralString, **words: str) -> Known | None:
        found = self._all(door, **words)
        return found[0] if found else None

    def _all(self, door: LiteralString, **words: str) -> list[Known]:
        if not all(_askable(word) for word in words.values()):
            return []
        found = self._database.at_once(NOWHERE, NOWHERE, door, words)
        return [
            Known(id, user_id, workspace_id, role, tuple(scopes), secret)
            for id, user_id, workspace_id, role, scopes, secret in found
        ]


def _askable(word: str) -> bool:
    """Whether PostgreSQL can hold it at all; nobody is called by what it cannot."""
    return "\0" not in word and not any("\ud800" <= letter <= "\udfff" for letter in word)
