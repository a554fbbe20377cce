"""Connections with their sealed credentials, and the own task list."""

import json
from collections.abc import Collection, Mapping
from typing import Any
from uuid import UUID

from sqlalchemy import Text, bindparam, cast, func, insert, type_coerce
from sqlalchemy.dialects.postgresql import JSONB

from core.connectors.models import Connection, ConnectorExecution, Credential
from core.connectors.tasks import Task
from core.kernel.errors import Conflict
from core.kernel.ids import new_id
from storage.repositories.base import Repository, taking
from storage.rows import to_row
from storage.tables.connectors import connections, connector_executions, tasks

CIPHERTEXT = ("credentials", "ciphertext")
ADVANCE = taking(
    Connection,
    connections.c.id == bindparam("id"),
    fresh=False,
    sync_cursor=type_coerce(connections.c.sync_cursor, JSONB).concat(
        func.jsonb_build_object(bindparam("reader", type_=Text), cast(bindparam("cursor", type_=Text), JSONB))
    ),
)


class SqlConnections(Repository):
    """core.connectors.ports.Connections."""

    def add(self, row: Connection | ConnectorExecution) -> None:
        if isinstance(row, Connection):
            self._t.session.add(row)
        else:
            self._t.connection.execute(insert(connector_executions), to_row(row))

    def get(self, connection_id: UUID) -> Connection:
        return self._get(Connection, connection_id, "connectors.connection_unknown")

    def of(self, user_id: UUID, tool_integrations: Collection[str] | None = None) -> list[Connection]:
        c = connections.c
        where = [c.user_id == user_id, c.status != "revoked"]
        if tool_integrations is not None:
            where.append(c.integration.in_(tool_integrations))
        return self._all(Connection, *where, order=(c.id,))

    def page(self, after: UUID | None, limit: int, status: str | None = None) -> list[Connection]:
        return self._page(Connection, after, limit, status=status)

    def keep_secrets(self, connection: Connection, secrets: Mapping[str, str]) -> None:
        earlier = self._credential(connection)
        if earlier is not None and earlier.revoked_at is None:
            earlier.revoked_at, earlier.ciphertext = self._t.now, b""
        if not secrets:
            return
        table, column = CIPHERTEXT
        id = new_id()
        credential = Credential(
            id=id,
            workspace_id=connection.workspace_id,
            user_id=connection.user_id,
            integration=connection.integration,
            name=connection.name,
            ciphertext=self._t.seals.seal_json(connection.user_id, table, id, column, dict(secrets)),
            key_id=self._t.seals.key(connection.user_id).id,
            created_at=self._t.now,
        )
        self._t.session.add(credential)
        connection.credential_id = id

    def secrets(self, connection: Connection) -> dict[str, str]:
        credential = self._credential(connection)
        if credential is None:
            return {}
        if credential.revoked_at is not None:
            raise Conflict("connectors.credential_revoked", connection=connection.name)
        table, column = CIPHERTEXT
        return self._t.seals.open_json(credential.user_id, table, credential.id, column, credential.ciphertext)

    def credential_active(self, connection: Connection) -> bool:
        credential = self._credential(connection)
        return credential is None or credential.revoked_at is None

    def advance(self, connection_id: UUID, reader: str, cursor: Mapping[str, Any]) -> None:
        self._take(ADVANCE, id=connection_id, reader=reader, cursor=json.dumps(dict(cursor)))

    def _credential(self, connection: Connection) -> Credential | None:
        if connection.credential_id is None:
            return None
        return self._get(Credential, connection.credential_id, "connectors.credential_unknown")


class SqlTasks(Repository):
    """core.connectors.tasks.Tasks."""

    def add(self, task: Task) -> None:
        self._add(task)

    def made_by(self, key: str) -> Task | None:
        return self._one(Task, made_by=key)

    def remove(self, task: Task) -> None:
        self._t.session.delete(task)

    def open(self, owner_id: UUID, limit: int = 100) -> list[Task]:
        c = tasks.c
        order = (c.due.asc().nulls_last(), c.id)
        return self._all(Task, c.owner_id == owner_id, c.done_at.is_(None), order=order, limit=limit)
