"""The data keys of one transaction: found once, opened once, and what is sealed and opened with them."""

import json
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import bindparam, insert, select, update

from core.kernel.errors import NotFound
from storage.engine import Ask
from storage.prepared import Prepared
from storage.tables.identity import data_keys
from storage.values import dumps
from storage.vault import LocalKeys, PersonKeys, Place, erased, new_data_key, sealed_by

c = data_keys.c
_mine = (c.user_id == bindparam("whose"), c.destroyed_at.is_(None))
KEY = Prepared(select(c.wrapped, c.destroyed_at).where(c.user_id == bindparam("user_id")))
LOCK = Prepared(select(c.wrapped, c.key_version, c.master_key_id).where(*_mine).with_for_update())
MAKE = Prepared(insert(data_keys))
DESTROY = Prepared(update(data_keys).where(*_mine).values(wrapped=None, destroyed_at=bindparam("at")))
REPLACE = Prepared(
    update(data_keys)
    .where(c.user_id == bindparam("whose"))
    .values(wrapped=bindparam("by"), master_key_id=bindparam("master"), key_version=bindparam("counted"))
)


class Seals:
    """Seals and opens values of people whom the current workspace can see. `ask` asks in a transaction that is open."""

    def __init__(self, ask: Callable[[Ask], Sequence[Any]], keys: LocalKeys, workspace_id: UUID) -> None:
        self._ask = ask
        self._keeper = keys
        self._workspace_id = workspace_id
        self._found: dict[UUID, PersonKeys] = {}

    def make(self, user_id: UUID, now: datetime) -> None:
        """Gives a person a new data key."""
        wrapped = self._keeper.wrap(new_data_key(), user_id)
        key = {"wrapped": wrapped, "master_key_id": sealed_by(wrapped), "key_version": 1}
        self._ask(MAKE(user_id=user_id, **key, created_at=now, destroyed_at=None))

    def destroy(self, user_id: UUID, now: datetime) -> None:
        """Destroys a person's data key: what it sealed stays unreadable for ever. Only in a transaction of that person's own."""
        self._found.pop(user_id, None)
        self._ask(DESTROY(whose=user_id, at=now))

    def rewrap(self, user_id: UUID) -> bool:
        """Wraps a person's data key with the current master key; False when it was so already, or is destroyed."""
        for wrapped, version, master in self._ask(LOCK(whose=user_id)):
            if master != self._keeper.current:
                self._replace(user_id, self._keeper.unwrap(wrapped, user_id), version)
                return True
        return False

    def renew(self, user_id: UUID) -> bool:
        """Gives a person a further data key, which seals from now on; what the earlier ones sealed still opens. False when their keys are destroyed."""
        for wrapped, version, _ in self._ask(LOCK(whose=user_id)):
            self._replace(user_id, self._keeper.unwrap(wrapped, user_id) + new_data_key(), version + 1)
            self._found.pop(user_id, None)
            return True
        return False

    def key(self, user_id: UUID) -> PersonKeys:
        """The person's data keys. Raises NotFound `privacy.data_erased`, or `identity.user_unknown` when this workspace does not know them."""
        if user_id not in self._found:
            rows = self._ask(KEY(user_id=user_id))
            if not rows:
                raise NotFound("identity.user_unknown", user_id=str(user_id))
            wrapped, destroyed_at = rows[0]
            if wrapped is None or destroyed_at is not None:
                raise erased(user_id)
            self._found[user_id] = PersonKeys(self._keeper.unwrap(wrapped, user_id))
        return self._found[user_id]

    def _replace(self, user_id: UUID, keys: bytes, version: int) -> None:
        wrapped = self._keeper.wrap(keys, user_id)
        self._ask(REPLACE(whose=user_id, by=wrapped, master=sealed_by(wrapped), counted=version))

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
