"""What happened: appended, sealed with its user's key, and matched with the triggers that listen for its kind in the same statement."""

import json
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import select

from core.kernel.errors import NotFound
from core.kernel.events import Event
from storage.engine import Ask
from storage.repositories.base import Repository
from storage.tables.messaging import events

PLACE = ("events", "payload")
MATCH = """
    INSERT INTO nod.event_matches (workspace_id, trigger_id, event_id, user_id, created_at)
    SELECT h.workspace_id, t.id, h.id, t.owner_id, now()
    FROM happened h JOIN nod.triggers t ON t.workspace_id = h.workspace_id AND t.type = 'event' AND t.status = 'active'
        AND t.event_kind IN (h.kind, split_part(h.kind, '.', 1) || '.*', '*')
    RETURNING trigger_id"""
"""For each row of `happened` (id, workspace_id, kind), a row for every active trigger that listens."""
APPEND = (
    """
    WITH happened AS (
        INSERT INTO nod.events (id, workspace_id, user_id, kind, schema_version, payload, occurred_at, ingested_at)
        SELECT n.id, %(workspace)s, n.user_id, n.kind, n.schema_version, n.payload, %(at)s, %(at)s
        FROM unnest(%(ids)s::uuid[], %(users)s::uuid[], %(kinds)s::text[], %(versions)s::integer[], %(payloads)s::bytea[])
            AS n (id, user_id, kind, schema_version, payload)
        RETURNING id, workspace_id, kind
    )"""  # noqa: S608 - both are ours
    + MATCH
)


class SqlEvents(Repository):
    """core.messaging.ports.Events."""

    def append(self, happened: Sequence[Event], listening: Callable[[UUID], None]) -> None:
        """Keeps them, with the commit; then tells the triggers that listen for one of them."""
        given = {
            "workspace": self._t.workspace_id,
            "at": self._t.now,
            "ids": [event.id for event in happened],
            "users": [event.user_id for event in happened],
            "kinds": [event.kind for event in happened],
            "versions": [event.schema_version for event in happened],
            "payloads": [self._sealed(event) for event in happened],
        }

        def told(rows: Sequence[Any]) -> None:
            for (trigger_id,) in rows:
                listening(trigger_id)

        self._t.late.append(Ask(APPEND, lambda: given, told))

    def get(self, event_id: UUID) -> tuple[Event, datetime]:
        """The event, and when it happened. Raises NotFound `messaging.event_unknown`, `privacy.data_erased`."""
        row = self._t.connection.execute(select(events).where(events.c.id == event_id)).one_or_none()
        if row is None:
            raise NotFound("messaging.event_unknown", id=str(event_id))
        payload: dict[str, Any] = self._t.seals.open_json(row.user_id, PLACE[0], row.id, PLACE[1], row.payload)
        return Event(row.kind, row.workspace_id, row.user_id, payload, row.schema_version, row.id), row.occurred_at

    def _sealed(self, event: Event) -> bytes:
        payload = json.loads(json.dumps(dict(event.payload), default=str))
        return self._t.seals.seal_json(event.user_id, PLACE[0], event.id, PLACE[1], payload)
