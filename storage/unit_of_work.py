"""One transaction over everything: the unit of work that all use cases share."""

from collections.abc import Callable, Mapping
from datetime import datetime
from types import TracebackType
from typing import Any, Self
from uuid import UUID

from core.kernel.events import Event
from storage.bell import Bell, Ring
from storage.engine import Database
from storage.repositories.answered import SqlAnswered
from storage.repositories.approvals import SqlSuggestions
from storage.repositories.base import Repository
from storage.repositories.billing import SqlBilling
from storage.repositories.catalog import SqlAgents
from storage.repositories.connectors import SqlConnections, SqlTasks
from storage.repositories.conversations import SqlConversations
from storage.repositories.delegations import SqlDelegations
from storage.repositories.events import SqlEvents
from storage.repositories.executions import SqlExecutions
from storage.repositories.given_up import SqlGivenUp
from storage.repositories.identity import SqlPeople
from storage.repositories.messaging import SqlMessages
from storage.repositories.orchestration import SqlRuns
from storage.repositories.preferences import SqlPreferences
from storage.repositories.privacy import SqlPrivacy
from storage.repositories.rewrites import SqlRewrites
from storage.repositories.rooms import SqlRooms
from storage.repositories.skills import SqlSkills
from storage.repositories.triggers import SqlTriggers
from storage.repositories.workflows import SqlPacks, SqlQuestions, SqlWorkflowExecutions, SqlWorkflows
from storage.transaction import Transaction
from storage.vault import LocalKeys

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
    "rewrites": SqlRewrites,
    "delegations": SqlDelegations,
    "executions": SqlExecutions,
    "connections": SqlConnections,
    "tasks": SqlTasks,
    "events": SqlEvents,
    "messages": SqlMessages,
    "rooms": SqlRooms,
    "conversations": SqlConversations,
    "given_up": SqlGivenUp,
    "answered": SqlAnswered,
    "privacy": SqlPrivacy,
}


class SqlUnitOfWork:
    """core.kernel.unit_of_work.UnitOfWork and every context's extension of it. Rolls back unless told to commit. For one thread, used once.
    The transaction begins with the first question or change."""

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
    rewrites: SqlRewrites
    delegations: SqlDelegations
    executions: SqlExecutions
    connections: SqlConnections
    tasks: SqlTasks
    events: SqlEvents
    messages: SqlMessages
    rooms: SqlRooms
    conversations: SqlConversations
    given_up: SqlGivenUp
    answered: SqlAnswered
    privacy: SqlPrivacy

    def __init__(self, database: Database, keys: LocalKeys, bell: Bell, workspace_id: UUID, user_id: UUID) -> None:
        self._t, self._bell = Transaction(database, keys, workspace_id, user_id), bell
        self._events: list[Event] = []
        self._rings: dict[tuple[str, UUID], Mapping[str, str] | None] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None) -> None:
        self._t.close()

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
        return self._t.now

    @property
    def workspace_id(self) -> UUID:
        """The workspace that the signed context names."""
        return self._t.workspace_id

    @property
    def user_id(self) -> UUID:
        """The person that the signed context names."""
        return self._t.user_id

    def record(self, event: Event) -> None:
        """Stores the event with this transaction, sealed with its user's key."""
        self._events.append(event)

    def ring(self, bell: str, *ids: UUID, told: Mapping[str, str] | None = None) -> None:
        """After the commit, wakes whoever listens to `bell`; the same bell for the same row rings once."""
        self._rings.update(dict.fromkeys(((bell, id) for id in ids), told))

    def commit(self) -> None:
        """Makes it durable, then rings. Raises Conflict `kernel.version_stale`, Invalid `kernel.rule_broken`, NotFound `privacy.data_erased`."""
        if self._events:
            self.events.append(self._events, lambda trigger_id: self.ring("triggers.matched", trigger_id))
            self._events = []
        prepared: list[Callable[[], None]] = []
        self._t.commit(lambda: prepared.append(self._bell.prepared(self._taken())))
        for ring in prepared:
            ring()
        # The commit itself may have found who is to be woken.
        self._bell.wake_all(self._taken())

    def _taken(self) -> list[Ring]:
        rings, self._rings = self._rings, {}
        places = self._t.places
        return [
            Ring(bell, self.workspace_id, self.user_id, id, places.get(id), told=told)
            for (bell, id), told in rings.items()
        ]
