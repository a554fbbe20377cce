"""One transaction over everything: the unit of work that all use cases share."""

import json
from datetime import datetime
from types import TracebackType
from typing import Any, Self
from uuid import UUID

from sqlalchemy import insert
from sqlalchemy.orm import Session
from sqlalchemy.orm.exc import StaleDataError

from core.kernel.errors import Conflict
from core.kernel.events import Event
from storage.bell import Bell, Ring
from storage.engine import Database
from storage.failures import STALE
from storage.mapping import LOADED, find_silent_changes, remember_values
from storage.repositories.answered import SqlAnswered
from storage.repositories.approvals import SqlSuggestions
from storage.repositories.base import Transaction
from storage.repositories.catalog import SqlAgents
from storage.repositories.connectors import SqlConnections, SqlTasks
from storage.repositories.conversations import SqlConversations
from storage.repositories.executions import SqlExecutions
from storage.repositories.identity import SqlPeople
from storage.repositories.messaging import SqlMessages
from storage.repositories.orchestration import SqlRuns
from storage.repositories.preferences import SqlPreferences
from storage.repositories.workflows import SqlTriggers
from storage.seals import Seals
from storage.tables.messaging import events
from storage.vault import LocalKeys


class AggregateSession(Session):
    """A session whose stale writes are Conflicts, and that notices values changed in place."""

    def flush(self, objects: Any = None) -> None:
        """Writes what is new or changed. Raises Conflict `kernel.version_stale`."""
        new, dirty = list(self.new), list(self.dirty)
        for aggregate in dirty:
            find_silent_changes(aggregate)
        try:
            super().flush(objects)
        except StaleDataError:
            raise Conflict(STALE) from None
        for aggregate in (*new, *dirty):
            remember_values(aggregate)
        self.info.setdefault(LOADED, []).extend(new)

    def finish(self) -> None:
        """Like flush, also of values that were changed in place."""
        for aggregate in self.info.get(LOADED, ()):
            find_silent_changes(aggregate)
        self.flush()


class SqlUnitOfWork:
    """core.kernel.unit_of_work.UnitOfWork and every context's extension of it. Rolls back unless told to commit. For one thread, used once."""

    def __init__(self, database: Database, keys: LocalKeys, bell: Bell, workspace_id: UUID, user_id: UUID) -> None:
        self._database, self._keys, self._bell = database, keys, bell
        self._workspace_id, self._user_id = workspace_id, user_id
        self._events: list[Event] = []
        self._rings: dict[tuple[str, UUID], None] = {}

    def __enter__(self) -> Self:
        connection, self._now = self._database.begin(self._workspace_id, self._user_id)
        session = self._session = AggregateSession(
            bind=connection, expire_on_commit=False, join_transaction_mode="rollback_only"
        )
        seals = Seals(connection, self._keys, self._workspace_id)
        t = self._t = Transaction(connection, session, seals, self._now, self._workspace_id, self._user_id)
        self.people = SqlPeople(t)
        self.preferences = SqlPreferences(t)
        self.agents = SqlAgents(t)
        self.triggers = SqlTriggers(t)
        self.runs = SqlRuns(t)
        self.suggestions = SqlSuggestions(t)
        self.executions = SqlExecutions(t)
        self.connections = SqlConnections(t)
        self.tasks = SqlTasks(t)
        self.messages = SqlMessages(t)
        self.conversations = SqlConversations(t)
        self.answered = SqlAnswered(t)
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None) -> None:
        self._session.close()
        self._t.connection.close()

    @property
    def now(self) -> datetime:
        """The database's clock at the start of this transaction, in UTC."""
        return self._now

    @property
    def workspace_id(self) -> UUID:
        """The workspace that the signed context names."""
        return self._workspace_id

    @property
    def user_id(self) -> UUID:
        """The person that the signed context names."""
        return self._user_id

    def record(self, event: Event) -> None:
        """Stores the event with this transaction, sealed with its user's key."""
        self._events.append(event)

    def ring(self, bell: str, *ids: UUID) -> None:
        """After the commit, wakes whoever listens to `bell`; the same bell for the same row rings once."""
        self._rings.update(dict.fromkeys((bell, id) for id in ids))

    def commit(self) -> None:
        """Makes it durable, then rings. Raises Conflict `kernel.version_stale`, Invalid `kernel.rule_broken`, NotFound `privacy.data_erased`."""
        self._session.finish()
        if self._events:
            self._t.connection.execute(insert(events), [self._sealed(event) for event in self._events])
            self._events.clear()
        self._t.connection.commit()
        rings, self._rings = self._rings, {}
        places = self._t.places
        self._bell.wake_all(Ring(bell, self._workspace_id, self._user_id, id, places.get(id)) for bell, id in rings)

    def _sealed(self, event: Event) -> dict[str, Any]:
        payload = json.loads(json.dumps(dict(event.payload), default=str))
        return {
            "id": event.id,
            "workspace_id": event.workspace_id,
            "user_id": event.user_id,
            "kind": event.kind,
            "schema_version": event.schema_version,
            "payload": self._t.seals.seal_json(event.user_id, "events", event.id, "payload", payload),
            "occurred_at": self._now,
            "ingested_at": self._now,
        }
