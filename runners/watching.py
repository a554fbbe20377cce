"""Looks into mailboxes and calendars for triggers that wait for what is in them: new mail, an event that is soon. What is found becomes an event of the workspace."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from email.parser import BytesHeaderParser
from email.policy import default as modern
from typing import Any
from uuid import UUID

import structlog

from core.connectors.kinds import integration
from core.connectors.ports import Connector, Item
from core.kernel.errors import Failure, NotFound
from core.kernel.events import Event
from core.workflows.models import Trigger
from core.workflows.trigger import WATCHED
from runners.engine.tools import Access, access, opened
from runners.wiring import storage

READER = "events"
PAGE = 100
MOST_PAGES = 500
MOST_EVENTS = 100
SOON = timedelta(minutes=15)
MOST_TEXT = 300
log = structlog.get_logger()
Cursor = Mapping[str, Any] | None


@dataclass(frozen=True)
class Seen:
    """What a look found: the payloads of events, and where the next one goes on."""

    payloads: list[dict[str, Any]]
    cursor: Mapping[str, Any]


def look(workspace_id: UUID, user_id: UUID, trigger_id: UUID) -> None:
    """Looks into the connections of a trigger's owner. Of several triggers that wait for the same, the oldest looks for all. A connection that cannot be opened waits for the next
    look; the first look at one only remembers what is there already."""
    with storage().work(workspace_id, user_id) as work:
        try:
            trigger = work.triggers.get(trigger_id)
        except NotFound:
            # Removed since its time came.
            return
        kind = trigger.event_kind or ""
        if kind not in WATCHED or trigger.status != "active" or not _looks_for_all(work, trigger):
            return
        given = [
            access(work, connection.id)
            for connection in work.connections.of(trigger.owner_id)
            if connection.status == "active" and integration(connection.integration).tool == WATCHED[kind]
        ]
        now = work.now
    for each in given:
        try:
            with opened(each) as client:
                seen = _LOOKS[kind](client, each, now)
        except Failure as why:
            log.warning("watching.failed", connection=str(each.connection.id), error=why.code)
            continue
        _keep(workspace_id, trigger, each, kind, seen)


def _looks_for_all(work: Any, trigger: Trigger) -> bool:
    listening = work.triggers.page(None, 1000, type="event", status="active")
    same = [t.id for t in listening if t.owner_id == trigger.owner_id and t.event_kind == trigger.event_kind]
    return min(same, default=trigger.id) == trigger.id


def _keep(workspace_id: UUID, trigger: Trigger, given: Access, kind: str, seen: Seen) -> None:
    """Records what is new, and where to go on; nothing when another look was quicker, or the trigger was removed meanwhile."""
    with storage().work(workspace_id, trigger.owner_id) as work:
        try:
            work.triggers.lock(trigger.id)
        except NotFound:
            return
        connection = work.connections.get(given.connection.id)
        if _cursor(connection.sync_cursor, kind) != _cursor(given.connection.sync_cursor, kind):
            return
        for payload in seen.payloads[:MOST_EVENTS]:
            about = {"connection_id": str(connection.id), **payload}
            work.record(Event(kind, workspace_id, trigger.owner_id, about))
        work.connections.advance(connection.id, f"{READER}:{kind}", seen.cursor)
        work.commit()


def _cursor(cursors: Mapping[str, Any], kind: str) -> Cursor:
    return cursors.get(f"{READER}:{kind}")


def _new_mail(client: Connector, given: Access, now: datetime) -> Seen:
    before = cursor = _cursor(given.connection.sync_cursor, "mail.received")
    payloads = []
    for _ in range(MOST_PAGES):
        page = client.read("mail", cursor, PAGE)
        cursor = page.cursor
        if before is not None:
            payloads += [_mail(item) for item in page.items]
        if not page.more or len(payloads) >= MOST_EVENTS:
            break
    return Seen(payloads, cursor or {})


def _mail(item: Item) -> dict[str, Any]:
    """What a filter may want to know of a mail, without reading it."""
    headers: dict[str, Any] = {}
    try:
        parsed = BytesHeaderParser(policy=modern).parsebytes(item.raw)
        headers = {name: str(parsed.get(name, "")) for name in ("from", "to", "subject")}
    except Exception:
        # The parser raises whatever a broken header makes it raise.
        log.info("watching.mail_unreadable", item=item.id)
    received = item.received_at.isoformat() if item.received_at else None
    shown = {name: _clean(headers.get(name, "")) for name in ("from", "to", "subject")}
    return {"item_id": item.id, "received_at": received, **shown}


def _clean(text: str) -> str:
    return text.encode("utf-8", "replace").decode().replace("\0", "")[:MOST_TEXT]


def _soon(client: Connector, given: Access, now: datetime) -> Seen:
    from runners.upcoming import upcoming

    told = dict(_cursor(given.connection.sync_cursor, "calendar.soon") or {})
    found = {event.key: event for item in _all(client) for event in upcoming(item.raw, given.timezone, now, now + SOON)}
    payloads = [
        {"item_id": event.uid, "title": _clean(event.title), "start": event.start.isoformat()}
        for key, event in sorted(found.items())
        if key not in told
    ]
    still = {key: at for key, at in told.items() if datetime.fromisoformat(at) > now - SOON}
    return Seen(payloads, still | {key: event.start.isoformat() for key, event in found.items()})


def _all(client: Connector) -> Iterator[Item]:
    cursor: Cursor = None
    for _ in range(MOST_PAGES):
        page = client.read("calendar", cursor, PAGE)
        yield from page.items
        cursor = page.cursor
        if not page.more:
            return


_LOOKS = {"mail.received": _new_mail, "calendar.soon": _soon}
