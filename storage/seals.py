"""The data keys of one transaction: found once, opened once, and what is sealed and opened with them."""

import json
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, bindparam, insert, select, update

from core.kernel.errors import NotFound
from storage.engine import ask
from storage.prepared import Prepared
from storage.tables.identity import data_keys
from storage.values import dumps
from storage.vault import LocalKeys, PersonKeys, Place, erased, new_data_key, sealed_by

c = data_keys.c
KEY = Prepared(select(c.wrapped, c.destroyed_at).where(c.user_id == bindparam("user_id")))


class Seals:
    """Seals and opens values of people whom the current workspace can see."""

    def __init__(self, connection: Connection, keys: LocalKeys, workspace_id: UUID) -> None:
        self._connection = connection
        self._keeper = keys
        self._workspace_id = workspace_id
        self._found: dict[UUID, PersonKeys] = {}

    def make(self, user_id: UUID, now: datetime) -> None:
        """Gives a person a new data key."""
        wrapped = self._keeper.wrap(new_data_key(), user_id)
        self._connection.execute(
            insert(data_keys).values(
                user_id=user_id,
                wrapped=wrapped,
                master_key_id=sealed_by(wrapped),
                key_version=1,
                created_at=now,
            )
        )

    def destroy(self, user_id: UUID, now: datetime) -> None:
        """Destroys a person's data key: what it sealed stays unreadable for ever. Only in a transaction of that person's own."""
        self._found.pop(user_id, None)
        self._connection.execute(
            update(data_keys)
            .where(data_keys.c.user_id == user_id, data_keys.c.destroyed_at.is_(None))
            .values(wrapped=None, destroyed_at=now)
        )

    def rewrap(self, user_id: UUID) -> bool:
        """Wraps a person's data key with the current master key; False when it was so already, or is destroyed."""
        row = self._connection.execute(
            select(c.wrapped)
            .where(c.user_id == user_id, c.master_key_id != self._keeper.current, c.destroyed_at.is_(None))
            .with_for_update()
        ).one_or_none()
        if row is None:
            return False
        wrapped = self._keeper.wrap(self._keeper.unwrap(row.wrapped, user_id), user_id)
        self._connection.execute(
            update(data_keys).where(c.user_id == user_id).values(wrapped=wrapped, master_key_id=sealed_by(wrapped))
        )
        return True

    def renew(self, user_id: UUID) -> bool:
        """Gives a person a further data key, which seals from now on; what the earlier ones sealed still opens. False when their keys are destroyed."""
        row = self._connection.execute(
            select(c.wrapped, c.key_version).where(c.user_id == user_id, c.destroyed_at.is_(None)).with_for_update()
        ).one_or_none()
        if row is None:
            return False
        wrapped = self._keeper.wrap(self._keeper.unwrap(row.wrapped, user_id) + new_data_key(), user_id)
        self._connection.execute(
            update(data_keys)
            .where(c.user_id == user_id)
            .values(wrapped=wrapped, master_key_id=sealed_by(wrapped), key_version=row.key_version + 1)
        )
        self._found.pop(user_id, None)
        return True

    def key(self, user_id: UUID) -> PersonKeys:
        """The person's data keys. Raises NotFound `privacy.data_erased`, or `identity.user_unknown` when this workspace does not know them."""
        if user_id not in self._found:
            (rows,) = ask(self._connection, KEY(user_id=user_id))
            if not rows:
                raise NotFound("identity.user_unknown", user_id=str(user_id))
            wrapped, destroyed_at = rows[0]
            if wrapped is None or destroyed_at is not None:
                raise erased(user_id)
            self._found[user_id] = PersonKeys(self._keeper.unwrap(wrapped, user_id))
        return self._found[user_id]

    def seal(self, user_id: UUID, table: str, row: UUID | str, column: str, content: bytes) -> bytes:
        """The content, sealed for its place."""
        return self.key(user_id).seal(content, Place(table, self._workspace_id, row, column))

    def open(self, user_id: UUID, table: str, row: UUID | str, column: str, sealed: bytes) -> bytes:
        """What was sealed for that place. Raises NotFound `privacy.data_erased`; SealBroken."""
        return self.key(user_id).open(sealed, Place(table, self._workspace_id, row, column))

    def seal_json(self, user_id: UUID, table: str, row: UUID | str, column: str, value: Any) -> bytes:
        """Like `seal`, of a JSON value."""
        return self.seal(user_id, table, row, column, dumps(value).encode())

    def open_json(self, user_id: UUID, table: str, row: UUID | str, column: str, sealed: bytes) -> Any:
        """Like `open`, of a JSON value."""
        return json.loads(self.open(user_id, table, row, column, sealed))
