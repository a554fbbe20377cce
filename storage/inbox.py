"""What platforms handed over, kept sealed until it was handled. Stands outside of every workspace."""

import json
from collections.abc import Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import func, select, text, update

from core.kernel.ids import new_id
from core.messaging.models import FATAL_DEATHS, SUSPICIOUS_DEATHS, InboundEvent
from storage.engine import Database
from storage.rows import from_row
from storage.tables.messaging import inbound_events as inbound
from storage.values import dumps
from storage.vault import NOWHERE, LocalKeys, SealBroken, sealed_by

STORE = """
    INSERT INTO nod.inbound_events (id, channel, external_id, payload, received_at, status, fence, attempts, deaths)
    SELECT n.id, %(channel)s, n.external_id, n.payload, now(), 'pending', 0, 0, 0
    FROM unnest(%(ids)s::uuid[], %(external_ids)s::text[], %(payloads)s::bytea[]) AS n (id, external_id, payload)
    ON CONFLICT (channel, external_id) DO NOTHING RETURNING external_id, id
"""
# MATERIALIZED: a plain subquery may be run once a row, and would take more than `most`.
# Taken from another process whose lease is over: that one died with it in hand or in line. Who was there at several deaths is taken by itself, when nothing else is tried.
CLAIM = """
    WITH oldest AS MATERIALIZED (
        SELECT id, mine, deaths + (left_behind AND NOT mine AND deaths < %(suspicious)s)::integer AS deaths FROM (
            SELECT id, deaths, status = 'processing' AS left_behind, status = 'processing' AND claimed_by IS NOT DISTINCT FROM %(me)s AS mine FROM nod.inbound_events
            WHERE channel = %(channel)s AND status IN ('pending', 'processing') AND (status = 'pending' OR lease_until <= now())
            ORDER BY id LIMIT %(most)s FOR UPDATE SKIP LOCKED
        ) found
    ), suspect AS (
        SELECT id FROM oldest WHERE deaths >= %(suspicious)s AND NOT mine ORDER BY id LIMIT 1
    )
    UPDATE nod.inbound_events e SET status = 'processing', fence = fence + 1, attempts = attempts + 1, deaths = oldest.deaths, claimed_by = %(me)s,
        lease_until = clock_timestamp() + make_interval(secs => %(lease)s)
    FROM oldest LEFT JOIN suspect ON true WHERE e.id = oldest.id AND (suspect.id IS NULL OR %(alone)s AND suspect.id = e.id)
    RETURNING e.id, external_id, payload, received_at, status, fence, lease_until, attempts, e.deaths, error
"""
DONE = """
    UPDATE nod.inbound_events e SET status = 'done', error = NULL, lease_until = NULL, payload = NULL
    FROM unnest(%(ids)s::uuid[], %(fences)s::bigint[]) AS n (id, fence)
    WHERE e.id = n.id AND e.fence = n.fence AND status = 'processing' AND lease_until > clock_timestamp() RETURNING e.id
"""
SUSPECTED = """
    UPDATE nod.inbound_events SET deaths = CASE WHEN %(lives)s THEN 0 ELSE deaths + 1 END
    WHERE id = %(id)s AND fence = %(fence)s AND status = 'processing'
"""
FAILED = """
    UPDATE nod.inbound_events SET status = %(status)s, error = %(error)s, lease_until = NULL,
        deaths = CASE %(status)s WHEN 'pending' THEN 0 ELSE deaths END
    WHERE id = %(id)s AND fence = %(fence)s AND status = 'processing' AND lease_until > clock_timestamp() RETURNING id
"""
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
        self._me = new_id()

    def store(self, channel: str, external_id: str, payload: dict[str, Any]) -> UUID | None:
        return self._store(channel, [(external_id, payload)]).get(external_id)

    def store_all(self, channel: str, events: Sequence[tuple[str, dict[str, Any]]]) -> set[str]:
        return set(self._store(channel, events))

    def _store(self, channel: str, events: Sequence[tuple[str, dict[str, Any]]]) -> dict[str, UUID]:
        """The ids of those that were not known, by their external id."""
        ids = [new_id() for _ in events]
        given = {
            "channel": channel,
            "ids": ids,
            "external_ids": [external_id for external_id, _ in events],
            "payloads": [
                self._keys.seal_inbound(dumps(payload).encode(), id)
                for id, (_, payload) in zip(ids, events, strict=True)
            ],
        }
        return dict(self._database.at_once(NOWHERE, NOWHERE, STORE, given))

    def claim(self, channel: str, lease_seconds: float, limit: int, *, alone: bool = True) -> list[InboundEvent]:
        given = {
            "channel": channel, "lease": lease_seconds, "most": limit, "me": self._me, "alone": alone, "suspicious": SUSPICIOUS_DEATHS,
        }  # fmt: skip
        claimed = []
        for id, external_id, sealed, *more in sorted(self._database.at_once(NOWHERE, NOWHERE, CLAIM, given)):
            payload = json.loads(self._keys.open_inbound(sealed, id))
            claimed.append(InboundEvent(id, channel, external_id, payload, *more))
        return claimed

    def done(self, events: Sequence[InboundEvent]) -> set[UUID]:
        given = {"ids": [one.id for one in events], "fences": [one.fence for one in events]}
        return {id for (id,) in self._database.at_once(NOWHERE, NOWHERE, DONE, given)}

    def suspected(self, event: InboundEvent, *, lives: bool) -> None:
        given = {"id": event.id, "fence": event.fence, "lives": lives}
        self._database.at_once(NOWHERE, NOWHERE, SUSPECTED, given)

    def failed(self, event: InboundEvent, error: str, retry: bool) -> bool:
        status = "pending" if retry else "failed"
        given = {"id": event.id, "fence": event.fence, "status": status, "error": error}
        return bool(self._database.at_once(NOWHERE, NOWHERE, FAILED, given))

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
                .values(
                    status="pending",
                    attempts=0,
                    # What was deadly is so five times no more, but once.
                    deaths=func.least(c.deaths, FATAL_DEATHS - 1),
                    error=None,
                    lease_until=None,
                )
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
