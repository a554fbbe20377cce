"""What platforms handed over, kept sealed until it was handled. Stands outside of every workspace."""

import json
from collections.abc import Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import func, or_, select, text, update
from sqlalchemy.dialects.postgresql import insert

from core.kernel.ids import new_id
from core.messaging.models import InboundEvent
from storage.engine import Database
from storage.repositories.base import clock, from_now
from storage.rows import from_row
from storage.tables.messaging import inbound_events as inbound
from storage.values import dumps
from storage.vault import NOWHERE, LocalKeys, SealBroken, sealed_by

FORGET = text("""
    DELETE FROM nod.inbound_events WHERE id = ANY (ARRAY(SELECT id FROM nod.inbound_events
        WHERE status = 'done' AND id < nod.first_id(now() - interval '30 days') OR status = 'failed' AND id < nod.first_id(now() - interval '90 days')
        ORDER BY id LIMIT :most))
""")


class SqlInbox:
    """core.messaging.ports.Inbox."""

    def __init__(self, database: Database, keys: LocalKeys) -> None:
        self._database = database
        self._keys = keys

    def store(self, channel: str, external_id: str, payload: dict[str, Any]) -> UUID | None:
        return self._store(channel, [(external_id, payload)]).get(external_id)

    def store_all(self, channel: str, events: Sequence[tuple[str, dict[str, Any]]]) -> set[str]:
        return set(self._store(channel, events))

    def _store(self, channel: str, events: Sequence[tuple[str, dict[str, Any]]]) -> dict[str, UUID]:
        """The ids of those that were not known, by their external id."""
        rows: list[dict[str, Any]] = []
        for external_id, payload in events:
            id = new_id()
            sealed = self._keys.seal_inbound(dumps(payload).encode(), id)
            rows.append(
                {"id": id, "channel": channel, "external_id": external_id, "payload": sealed, "status": "pending", "fence": 0, "attempts": 0}
            )  # fmt: skip
        connection, now = self._database.begin(NOWHERE, NOWHERE)
        with connection:
            stored = connection.execute(
                insert(inbound)
                .values([{**row, "received_at": now} for row in rows])
                .on_conflict_do_nothing(index_elements=("channel", "external_id"))
                .returning(inbound.c.external_id, inbound.c.id)
            ).all()
            connection.commit()
        return {row.external_id: row.id for row in stored}

    def claim(self, channel: str, lease_seconds: float, limit: int) -> list[InboundEvent]:
        c = inbound.c
        free = or_(c.status == "pending", c.lease_until <= func.now())
        oldest = (
            select(c.id)
            .where(c.channel == channel, c.status.in_(("pending", "processing")), free)
            .order_by(c.id)
            .limit(limit)
            .with_for_update(skip_locked=True)
            # A plain subquery may be run once a row, and would take more than `limit`.
            .cte("oldest")
            .prefix_with("MATERIALIZED")
        )
        connection, _ = self._database.begin(NOWHERE, NOWHERE)
        with connection:
            rows = connection.execute(
                update(inbound)
                .where(c.id == oldest.c.id)
                .values(
                    status="processing",
                    fence=c.fence + 1,
                    attempts=c.attempts + 1,
                    lease_until=from_now(lease_seconds),
                )
                .returning(inbound)
            ).all()
            connection.commit()
        return [
            from_row(InboundEvent, row, payload=json.loads(self._keys.open_inbound(row.payload, row.id)))
            for row in sorted(rows, key=lambda row: row.id)
        ]

    def done(self, event: InboundEvent) -> bool:
        return self._settle(event, status="done", payload=None, error=None)

    def failed(self, event: InboundEvent, error: str, retry: bool) -> bool:
        return self._settle(event, status="pending" if retry else "failed", error=error)

    def set_aside(self, limit: int) -> list[InboundEvent]:
        """See core.messaging.ports.Inbox."""
        c = inbound.c
        connection, _ = self._database.begin(NOWHERE, NOWHERE)
        with connection:
            rows = connection.execute(
                select(inbound).where(c.status == "failed").order_by(c.id.desc()).limit(limit)
            ).all()
        return [from_row(InboundEvent, row, payload=self._opened(row)) for row in rows if row.payload is not None]

    def try_again(self, event_id: UUID) -> bool:
        """See core.messaging.ports.Inbox."""
        c = inbound.c
        connection, _ = self._database.begin(NOWHERE, NOWHERE)
        with connection:
            again = connection.execute(
                update(inbound)
                .where(c.id == event_id, c.status == "failed", c.payload.is_not(None))
                .values(status="pending", attempts=0, error=None, lease_until=None)
            )
            connection.commit()
        return again.rowcount == 1

    def drop(self, event_id: UUID) -> bool:
        """See core.messaging.ports.Inbox."""
        c = inbound.c
        connection, _ = self._database.begin(NOWHERE, NOWHERE)
        with connection:
            dropped = connection.execute(
                update(inbound).where(c.id == event_id, c.status == "failed").values(status="done", payload=None)
            )
            connection.commit()
        return dropped.rowcount == 1

    def forget(self, limit: int) -> int:
        """See core.messaging.ports.Inbox."""
        connection, _ = self._database.begin(NOWHERE, NOWHERE)
        with connection:
            gone = connection.execute(FORGET, {"most": limit}).rowcount
            connection.commit()
        return gone

    def reseal(self, batch: int = 500) -> int:
        """Seals with the current master key what an older one sealed and was not handled yet, or never could be; answers how many."""
        c, changed, after = inbound.c, 0, NOWHERE
        while True:
            connection, _ = self._database.begin(NOWHERE, NOWHERE)
            with connection:
                rows = connection.execute(
                    select(c.id, c.payload)
                    .where(c.id > after, c.payload.is_not(None))
                    .order_by(c.id)
                    .limit(batch)
                    .with_for_update()
                ).all()
                for row in rows:
                    if sealed_by(row.payload) != self._keys.current:
                        again = self._keys.seal_inbound(self._keys.open_inbound(row.payload, row.id), row.id)
                        connection.execute(update(inbound).where(c.id == row.id).values(payload=again))
                        changed += 1
                connection.commit()
            if len(rows) < batch:
                return changed
            after = rows[-1].id

    def _opened(self, row: Any) -> dict[str, Any]:
        """Empty where it does not open any more: it can be seen all the same."""
        try:
            return json.loads(self._keys.open_inbound(row.payload, row.id))
        except SealBroken:
            return {}

    def _settle(self, event: InboundEvent, **values: Any) -> bool:
        c = inbound.c
        connection, _ = self._database.begin(NOWHERE, NOWHERE)
        with connection:
            settled = connection.execute(
                update(inbound)
                .where(c.id == event.id, c.fence == event.fence, c.status == "processing", c.lease_until > clock())
                .values(lease_until=None, **values)
            )
            connection.commit()
        return settled.rowcount == 1
