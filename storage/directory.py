"""Who somebody is, before a workspace is known: the doors of the database, each asked in a transaction of its own."""

from typing import Any

from sqlalchemy import text

from core.identity.ports import Known
from storage.engine import Database
from storage.vault import NOWHERE


class SqlDirectory:
    """core.identity.ports.Directory."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def by_link(self, provider: str, tenant: str, subject: str) -> Known | None:
        return self._ask("directory_by_link", provider, tenant, subject)

    def by_session(self, sid_hash: str) -> Known | None:
        return self._ask("directory_by_session", sid_hash)

    def by_api_key(self, prefix: str) -> Known | None:
        return self._ask("directory_by_api_key", prefix)

    def by_link_code(self, code_hash: str) -> Known | None:
        return self._ask("directory_by_link_code", code_hash)

    def by_email(self, email: str) -> Known | None:
        return self._ask("directory_by_email", email.strip())

    def _ask(self, door: str, *words: str) -> Known | None:
        if any("\0" in word for word in words):
            return None
        named = {f"w{place}": word for place, word in enumerate(words)}
        question = text(f"SELECT * FROM nod.{door}({', '.join(':' + name for name in named)})")
        connection, _ = self._database.begin(NOWHERE, NOWHERE)
        with connection:
            row: Any = connection.execute(question, named).one_or_none()
        if row is None:
            return None
        return Known(row.id, row.user_id, row.workspace_id, row.role, tuple(row.scopes), row.secret_hash)
