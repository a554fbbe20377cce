"""Messages and deliveries of one workspace."""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import Row, Text, Uuid, bindparam, case, func, insert, literal_column, or_, select, union_all
from sqlalchemy import null as sql_null

from core.kernel.errors import NotFound
from core.messaging.models import Delivery, Message, Shown
from storage.engine import Ask
from storage.foresight import MESSAGE, of_delivery, of_person
from storage.loading import Loading
from storage.prepared import Prepared
from storage.repositories.base import LEASE_ENDS, Repository, clock, taking
from storage.rows import from_row, to_row
from storage.tables.messaging import deliveries, messages

PAYLOAD = ("messages", "payload")
ADD = Prepared(insert(messages))
c = deliveries.c
_held = (c.id == bindparam("id"), c.fence == bindparam("held"), c.lease_until.is_not(None))
_waits = (c.wanted > c.shown, c.due_at <= clock(), or_(c.lease_until.is_(None), c.lease_until <= clock()))
CLAIM = taking(
    Delivery,
    c.id == bindparam("id"),
    c.status != "failed",
    *_waits,
    status="sending",
    fence=c.fence + 1,
    attempts=c.attempts + 1,
    lease_until=LEASE_ENDS,
    dispatched_at=clock(),
)
SETTLE = taking(
    Delivery,
    *_held,
    shown=bindparam("seen"),
    status=case((c.wanted > bindparam("seen"), "pending"), else_="delivered"),
    attempts=0,
    lease_until=None,
    first_shown_at=func.coalesce(c.first_shown_at, clock()),
    delivered_at=clock(),
    failure_reason=None,
    remote_ref=func.coalesce(bindparam("ref", type_=Text), c.remote_ref),
    message_id=func.coalesce(bindparam("message", type_=Uuid), c.message_id),
)
POSTPONE = taking(
    Delivery,
    *_held,
    status="pending",
    due_at=bindparam("until"),
    failure_reason=bindparam("reason"),
    attempts=c.attempts - bindparam("untried"),
    lease_until=None,
)
GIVE_UP = taking(Delivery, *_held, status="failed", failure_reason=bindparam("reason"), lease_until=None)
AGAIN = taking(
    Delivery,
    c.id == bindparam("id"),
    c.status == "failed",
    c.wanted > c.shown,
    status="pending",
    due_at=clock(),
    attempts=0,
    failure_reason=None,
)
RELEASE = taking(
    Delivery,
    c.link_id == bindparam("link"),
    c.wanted > c.shown,
    c.status == "pending",
    c.failure_reason == bindparam("reason"),
    due_at=clock(),
    failure_reason=None,
)
TURN_INTO = taking(
    Delivery, *_held, subject_kind=bindparam("kind"), subject_id=bindparam("subject"), priority=bindparam("rank")
)
NEWER = Prepared(
    select(c.id)
    .where(c.subject_id == bindparam("subject"), c.subject_kind == bindparam("kind"), c.link_id == bindparam("link"))
    .where(c.id > bindparam("id"), c.shown > 0).limit(literal_column("1"))
)  # fmt: skip
CARDS = Prepared(
    select(func.count())
    .where(c.link_id == bindparam("link"), c.agent_id == bindparam("agent"), c.first_shown_at > bindparam("since"))
    .where(c.subject_kind == "suggestion", c.priority == 1)
)
KNOWN = "SELECT 1 FROM nod.messages WHERE id = %(id)s"
SHOWN = Prepared(
    select(deliveries.c.subject_kind, deliveries.c.subject_id, deliveries.c.room_id).where(
        deliveries.c.id == bindparam("id")
    )
)
BY_REF = Prepared(
    select(deliveries.c.id)
    .where(deliveries.c.link_id == bindparam("link_id"), deliveries.c.remote_ref == bindparam("ref"))
    .order_by(deliveries.c.id.desc()).limit(literal_column("1"))
)  # fmt: skip
IN_ROOM_BY_REF = Prepared(
    select(deliveries.c.id)
    .where(deliveries.c.room_id == bindparam("room_id"), deliveries.c.remote_ref == bindparam("ref"))
    .order_by(deliveries.c.id.desc()).limit(literal_column("1"))
)  # fmt: skip
# A batch shows its suggestions: what changes one of them changes it.
REFRESH = """
    UPDATE nod.deliveries SET wanted = wanted + 1, version = version + 1, status = CASE WHEN status = 'sending' THEN 'sending' ELSE 'pending' END
    WHERE subject_id = ANY (%(id)s::uuid || ARRAY(SELECT batch_id FROM nod.suggestion_batch_items WHERE suggestion_id = %(id)s::uuid))
        AND subject_kind = ANY (%(kinds)s::text[]) AND status <> 'failed'
    RETURNING id, channel, link_id
"""
# Whatever a chat that takes nothing ends with (bots.kit.outbound.Blocked).
REVIVE = """
    UPDATE nod.deliveries d SET status = 'pending', wanted = wanted + 1, version = version + 1, attempts = 0, failure_reason = NULL, due_at = clock_timestamp()
    WHERE link_id = %(id)s AND status = 'failed' AND failure_reason = ANY (%(reasons)s::text[]) AND subject_kind = 'suggestion'
        AND (remote_ref IS NOT NULL OR EXISTS (SELECT FROM nod.suggestions s WHERE s.id = d.subject_id AND s.status = 'pending'))
    RETURNING id, channel
"""
BLOCKED = ["messaging.blocked", "slack.not_installed"]
UPROOT = """
    UPDATE nod.deliveries d SET remote_ref = NULL, version = d.version + 1, wanted = d.wanted + (s.id IS NOT NULL)::int,
        status = CASE WHEN s.id IS NOT NULL AND d.status = 'delivered' THEN 'pending' ELSE d.status END
    FROM nod.deliveries o LEFT JOIN nod.suggestions s ON o.subject_kind = 'suggestion' AND s.id = o.subject_id AND s.status IN ('pending', 'snoozed')
    WHERE o.id = d.id AND d.room_id = %(id)s AND d.remote_ref IS NOT NULL AND d.status <> 'failed'
    RETURNING d.id, d.channel, d.wanted > d.shown
"""


@dataclass(frozen=True)
class ChatLine:
    """core.messaging.ports.Line."""

    message: Message
    delivery: Delivery | None


class SqlMessages(Repository):
    """core.messaging.ports.Messages."""

    def add(self, message: Message) -> None:
        table, column = PAYLOAD
        payload = self._t.seals.seal_json(message.user_id, table, message.id, column, message.payload)
        self._t.tell(ADD(**to_row(message, payload=payload)))

    def get(self, message_id: UUID) -> Message:
        for row in MESSAGE.named(self._t.ask(MESSAGE(id=message_id))):
            return self._opened(row)
        raise NotFound("messaging.message_unknown", id=str(message_id))

    def known(self, message_id: UUID) -> bool:
        self._t.foresee(*of_person(self._t.user_id))
        return bool(self._t.ask(Ask(KNOWN, lambda: {"id": message_id})))

    def deliver(self, delivery: Delivery) -> None:
        self._add(delivery)
        self._place(delivery)

    def delivery(self, delivery_id: UUID) -> Delivery:
        # Locked: doors claim and settle deliveries all the time, and what is written here must not be stale.
        found = self._lock(Delivery, delivery_id, "messaging.delivery_unknown")
        self._place(found)
        return found

    def shown(self, delivery_id: UUID) -> Shown:
        for row in self._t.ask(SHOWN(id=delivery_id)):
            return Shown(*row)
        raise NotFound("messaging.delivery_unknown", id=str(delivery_id))

    def by_ref(self, link_id: UUID, remote_ref: str) -> UUID | None:
        return next((found for (found,) in self._t.ask(BY_REF(link_id=link_id, ref=remote_ref))), None)

    def in_room_by_ref(self, room_id: UUID, remote_ref: str) -> UUID | None:
        return next((found for (found,) in self._t.ask(IN_ROOM_BY_REF(room_id=room_id, ref=remote_ref))), None)

    def in_thread(self, link_id: UUID, thread: str) -> int:
        wanted = select(func.count()).where(c.link_id == link_id, c.thread == thread)
        return int(self._t.connection.scalar(wanted) or 0)

    def refresh(self, subject_kind: str, subject_id: UUID) -> list[tuple[UUID, str]]:
        kinds = ["suggestion", "batch"] if subject_kind == "suggestion" else [subject_kind]
        copies = self._t.ask(Ask(REFRESH, lambda: {"id": subject_id, "kinds": kinds}))
        session = self._t.session
        for delivery_id, _, link_id in copies:
            if link_id is not None:
                self._t.places[delivery_id] = link_id
            held = session.identity_map.get(session.identity_key(Delivery, delivery_id))
            if held is not None:
                session.refresh(held)
        return [(delivery_id, channel) for delivery_id, channel, _ in copies]

    def due(self, link_id: UUID, limit: int) -> list[UUID]:
        due = (c.link_id == link_id, c.wanted > c.shown, c.status != "failed", c.due_at <= clock())
        return list(self._t.connection.scalars(select(c.id).where(*due).order_by(c.id).limit(limit)))

    def claim(self, delivery_id: UUID, lease_seconds: float) -> Delivery | None:
        self._t.foresee(*of_person(self._t.user_id))
        claimed = self._take(CLAIM, id=delivery_id, lease=timedelta(seconds=lease_seconds))
        if claimed is not None:
            self._t.foresee(*of_delivery(claimed))
        return claimed

    def settle(self, delivery: Delivery, shown: int, remote_ref: str | None, message_id: UUID | None) -> bool:
        return self._let_go(SETTLE, delivery, seen=shown, ref=remote_ref, message=message_id)

    def postpone(self, delivery: Delivery, until: datetime, reason: str, *, tried: bool = True) -> bool:
        return self._let_go(POSTPONE, delivery, until=until, reason=reason, untried=0 if tried else 1)

    def give_up(self, delivery: Delivery, reason: str) -> bool:
        return self._let_go(GIVE_UP, delivery, reason=reason)

    def again(self, delivery_id: UUID) -> Delivery | None:
        freed = self._take(AGAIN, id=delivery_id)
        if freed is not None:
            self._place(freed)
        return freed

    def release(self, link_id: UUID, reason: str) -> list[UUID]:
        freed = self._t.load(RELEASE, link=link_id, reason=reason)
        for one in freed:
            self._place(one)
        return [one.id for one in freed]

    def revive(self, link_id: UUID) -> list[tuple[UUID, str]]:
        found = self._t.ask(Ask(REVIVE, lambda: {"id": link_id, "reasons": BLOCKED}))
        for delivery_id, _ in found:
            self._t.places[delivery_id] = link_id
        return [(delivery_id, channel) for delivery_id, channel in found]

    def uproot(self, room_id: UUID) -> list[tuple[UUID, str]]:
        found = self._t.ask(Ask(UPROOT, lambda: {"id": room_id}))
        return [(delivery_id, channel) for delivery_id, channel, due in found if due]

    def turn_into(self, delivery: Delivery, subject_kind: str, subject_id: UUID, priority: int) -> Delivery | None:
        return self._take(
            TURN_INTO, id=delivery.id, held=delivery.fence, kind=subject_kind, subject=subject_id, rank=priority
        )

    def cards(self, link_id: UUID, agent_id: UUID, since: datetime) -> int:
        ((number,),) = self._t.ask(CARDS(link=link_id, agent=agent_id, since=since))
        return int(number)

    def digest(self, link_id: UUID, agent_id: UUID, since: datetime) -> Delivery | None:
        where = (c.link_id == link_id, c.subject_id == agent_id, c.subject_kind == "digest", c.status != "failed")
        lately = or_(c.first_shown_at > since, c.shown == 0)
        for found in self._all(Delivery, *where, lately, order=(c.id.desc(),), limit=1):
            return self.delivery(found.id)
        return None

    def newer_copy(self, delivery: Delivery) -> bool:
        same = {"subject": delivery.subject_id, "kind": delivery.subject_kind, "link": delivery.link_id}
        return bool(self._t.ask(NEWER(id=delivery.id, **same)))

    def opened(self, link_id: UUID, subject_kind: str, subject_ids: Collection[UUID]) -> set[UUID]:
        there = (
            c.link_id == link_id,
            c.subject_kind == subject_kind,
            c.subject_id.in_(subject_ids),
            c.status != "failed",
        )
        return set(self._t.connection.scalars(select(c.subject_id).where(*there, or_(c.shown > 0, c.priority == 0))))

    def spoken_last(self, link_ids: Collection[UUID]) -> UUID | None:
        c, last = messages.c, {}
        for link_id in link_ids:
            newest = select(c.id).where(c.link_id == link_id, c.direction == "in").order_by(c.id.desc()).limit(1)
            if (found := self._t.connection.scalar(newest)) is not None:
                last[found] = link_id
        return last[max(last)] if last else None

    def rooms_of(self, delivery_ids: Collection[UUID]) -> dict[UUID, UUID]:
        there = select(c.id, c.room_id).where(c.id.in_(delivery_ids), c.room_id.is_not(None))
        return {row.id: row.room_id for row in self._t.connection.execute(there)}

    def transcript(self, link_id: UUID, before: UUID | None, limit: int) -> list[ChatLine]:
        places = _places(link_id).subquery()
        query = select(places).order_by(places.c.place.desc()).limit(limit)
        if before is not None:
            query = query.where(places.c.place < before)
        rows = self._t.session.execute(query).all()
        return self._lines(reversed(rows))

    def changed(self, link_id: UUID, after: UUID | None) -> list[ChatLine]:
        places = _places(link_id).subquery()
        query = select(places).order_by(places.c.message_id)
        if after is not None:
            query = query.where(places.c.message_id > after)
        return self._lines(self._t.session.execute(query).all())

    def _place(self, delivery: Delivery) -> None:
        if delivery.link_id is not None:
            self._t.places[delivery.id] = delivery.link_id

    def _let_go(self, how: Loading[Delivery], delivery: Delivery, **given: Any) -> bool:
        return self._take(how, id=delivery.id, held=delivery.fence, **given) is not None

    def _lines(self, places: Iterable[Row[Any]]) -> list[ChatLine]:
        wanted = list(places)
        said = self._messages([row.message_id for row in wanted])
        shown = self._all(Delivery, deliveries.c.id.in_([row.delivery_id for row in wanted if row.delivery_id]))
        by_id = {delivery.id: delivery for delivery in shown}
        return [ChatLine(said[row.message_id], by_id.get(row.delivery_id)) for row in wanted]

    def _messages(self, ids: list[UUID]) -> dict[UUID, Message]:
        rows = self._t.connection.execute(select(messages).where(messages.c.id.in_(ids)))
        return {row.id: self._opened(row._mapping) for row in rows}

    def _opened(self, row: Mapping[Any, Any]) -> Message:
        table, column = PAYLOAD
        payload = self._t.seals.open_json(row["user_id"], table, row["id"], column, row["payload"])
        return from_row(Message, row, payload=payload)


def _places(link_id: UUID) -> Any:
    """Where something stands in a chat: (place, message_id, delivery_id). A delivery's place is when it was made, whatever it shows by now."""
    said = select(messages.c.id.label("place"), messages.c.id.label("message_id"), sql_null().label("delivery_id"))
    shown = select(deliveries.c.id, deliveries.c.message_id, deliveries.c.id)
    return union_all(
        said.where(messages.c.link_id == link_id, messages.c.direction == "in"),
        shown.where(deliveries.c.link_id == link_id, deliveries.c.message_id.is_not(None)),
    )
