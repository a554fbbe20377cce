"""One transaction over everything: the unit of work that all use cases share."""

from datetime import datetime
from types import TracebackType
from typing import Any, Self
from uuid import UUID

from sqlalchemy.orm import Session
from sqlalchemy.orm.exc import StaleDataError

from core.kernel.errors import Conflict
from core.kernel.events import Event
from storage.bell import Bell, Ring
from storage.engine import Database, commit
from storage.failures import STALE
from storage.mapping import LOADED, find_silent_changes, remember_values
from storage.repositories.answered import SqlAnswered
from storage.repositories.approvals import SqlSuggestions
from storage.repositories.base import Repository, Transaction
from storage.repositories.billing import SqlBilling
from storage.repositories.catalog import SqlAgents
from storage.repositories.connectors import SqlConnections, SqlTasks
from storage.repositories.conversations import SqlConversations
from storage.repositories.events import SqlEvents
from storage.repositories.executions import SqlExecutions
from storage.repositories.identity import SqlPeople
from storage.repositories.messaging import SqlMessages
from storage.repositories.orchestration import SqlRuns
from storage.repositories.preferences import SqlPreferences
from storage.repositories.skills import SqlSkills
from storage.repositories.triggers import SqlTriggers
from storage.repositories.workflows import SqlPacks, SqlQuestions, SqlWorkflowExecutions, SqlWorkflows
from storage.seals import Seals
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


REPOSITORIES: dict[str, type[Repository]] = {
    "people": SqlPeople,
    "preferences": SqlPreferences,
    "agents": SqlAgents,
    "skills": SqlSkills,
    "packs": SqlPacks,
    "workflows": SqlWorkflows,
    "workflow_executions": SqlWorkflowExecutions,
    "questions": SqlQuestions,
    "triggers": SqlTriggers,
    "runs": SqlRuns,
    "billing": SqlBilling,
    "suggestions": SqlSuggestions,
    "executions": SqlExecutions,
    "connections": SqlConnections,
    "tasks": SqlTasks,
    "events": SqlEvents,
    "messages": SqlMessages,
    "conversations": SqlConversations,
    "answered": SqlAnswered,
}


class SqlUnitOfWork:
    """core.kernel.unit_of_work.UnitOfWork and every context's extension of it. Rolls back unless told to commit. For one thread, used once."""

    people: SqlPeople
    preferences: SqlPreferences
    agents: SqlAgents
    skills: SqlSkills
    packs: SqlPacks
    workflows: SqlWorkflows
    workflow_executions: SqlWorkflowExecutions
    questions: SqlQuestions
    triggers: SqlTriggers
    runs: SqlRuns
    billing: SqlBilling
    suggestions: SqlSuggestions
    executions: SqlExecutions
    connections: SqlConnections
    tasks: SqlTasks
    events: SqlEvents
    messages: SqlMessages
    conversations: SqlConversations
    answered: SqlAnswered

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
        self._t = Transaction(connection, session, seals, self._now, self._workspace_id, self._user_id)
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None) -> None:
        self._session.close()
        self._t.connection.close()

    def __getattr__(self, name: str) -> Any:
        # A repository is made when it is first asked for: most transactions use a few of them.
        try:
            made = REPOSITORIES[name](self._t)
        except KeyError:
            raise AttributeError(name) from None
        setattr(self, name, made)
        return made

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
            self.events.append(self._events, lambda trigger_id: self.ring("triggers.matched", trigger_id))
            self._events = []
        commit(self._t.connection, self._t.late)
        self._t.late = []
        rings, self._rings = self._rings, {}
        places = self._t.places
        self._bell.wake_all(Ring(bell, self._workspace_id, self._user_id, id, places.get(id)) for bell, id in rings)
