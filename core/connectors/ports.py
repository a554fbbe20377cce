"""What the connectors context needs of the outside: a client for one open connection."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any, Literal, Protocol
from uuid import UUID

from core.connectors.models import Connection, ConnectorExecution
from core.connectors.tasks import Tasks
from core.kernel.unit_of_work import UnitOfWork


@dataclass(frozen=True)
class Item:
    """Something that was read. `id` is stable for the same thing in the same connection (e.g. `INBOX/17/231`);
    `raw` is the original bytes (e.g. one RFC 5322 message); `meta` holds JSON values (folder, flags)."""

    id: str
    stream: str
    raw: bytes
    received_at: datetime | None
    meta: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Problem:
    """One item that could not be read; the rest goes on. `code` is an error code, never a sentence."""

    item_id: str
    code: str
    data: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Page:
    """Some items after a cursor. `cursor` is where to go on, JSON values only; `more` whether there is more now."""

    items: tuple[Item, ...]
    cursor: Mapping[str, Any]
    more: bool
    problems: tuple[Problem, ...] = ()


@dataclass(frozen=True)
class Report:
    """What a check of a connection found: the account as a person knows it (e.g. an address) and what it may do."""

    account: str
    permissions: tuple[str, ...]
    facts: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Receipt:
    """An effect that took place. `external_ref` finds it again at the provider (Message-ID, UID, path)."""

    external_ref: str
    facts: Mapping[str, Any] = field(default_factory=dict)


Finding = Receipt | Literal["absent", "unclear"]
"""Answer of a look-up: what was found, surely not there, or no way to tell."""


class EffectFailed(Exception):
    """The effect surely did not take place. `code` says why; `lasting` that trying again would not help, `after` in how many seconds it may, where the provider said."""

    def __init__(self, code: str, *, lasting: bool, after: float | None = None, **data: Any) -> None:
        super().__init__(code)
        self.code, self.lasting, self.after, self.data = code, lasting, after, data


class EffectUnknown(Exception):
    """Nobody can say whether the effect took place (silence after the last byte, a cut connection)."""

    def __init__(self, code: str, **data: Any) -> None:
        super().__init__(code)
        self.code, self.data = code, data


class LoginRefused(EffectFailed):
    """The credential is no longer accepted: the connection is expired until the person signs in again. Whatever was to be
    done was surely not done."""

    def __init__(self, code: str = "connectors.login_refused", **data: Any) -> None:
        super().__init__(code, lasting=True, **data)


@dataclass(frozen=True)
class Place:
    """Where a connector may keep files of its own (`folder`, private to one connection), the owner's address and
    timezone, and the time. Given by the runner; a connector reads no environment and no other path than its config's."""

    folder: Path
    now: datetime
    timezone: str
    owner_email: str


class Connector(Protocol):
    """A client for one connection; opened for one piece of work and closed after it. May block up to its time limit
    (30 s a call). Not thread-safe.

    A folder `runners/connectors/<slug>/client.py` offers
    `def connect(config: Mapping[str, Any], secrets: Mapping[str, str], place: Place) -> AbstractContextManager[Connector]`.
    Opening may raise LoginRefused or core.kernel.errors.Unavailable.
    """

    def check(self) -> Report:
        """Tries the connection without changing anything. Raises LoginRefused, Unavailable or Invalid."""
        ...

    def read(self, stream: str, cursor: Mapping[str, Any] | None, limit: int) -> Page:
        """At most `limit` items that came after `cursor` (None: from the beginning or the connector's window). Never changes
        the other side: no mail is marked as read. A broken item is a Problem, never an exception."""
        ...

    def perform(self, operation: str, key: str, input: Mapping[str, Any]) -> Receipt:
        """Does it. `key` is the execution's idempotency key, the same at each attempt. `input` is exactly what was approved. Calls
        `core.connectors.gate.last_gate` right before what cannot be taken back (`runners.outbound_http` does so by itself).
        Raises EffectFailed (surely not done; LoginRefused is one) or EffectUnknown; any other exception counts as unknown."""
        ...

    def stale(self, operation: str, key: str, input: Mapping[str, Any]) -> str | None:
        """Whether the world changed so that a yes of a moment ago may no longer be meant (the thread was answered): an error code, or None.
        Asked before the last gate; changes nothing."""
        ...

    def find(self, operation: str, key: str, input: Mapping[str, Any]) -> Finding:
        """Looks whether the effect of `key` took place. Changes nothing."""
        ...


class LocalConnector(Protocol):
    """A connector whose effects are rows of our own (class `local`): they are written in the transaction that records them.

    Its folder offers `LOCAL: LocalConnector` instead of operations of class keyed, searchable or blind.
    """

    def perform(self, work: Any, operation: str, key: str, input: Mapping[str, Any], owner_id: UUID) -> Receipt:
        """Adds the effect to the unit of work `work`, for `owner_id`; a second time with the same key changes nothing.
        Raises EffectFailed."""
        ...


__all__ = [
    "Connections",
    "ConnectionsWork",
    "Connector",
    "EffectFailed",
    "EffectUnknown",
    "Finding",
    "Item",
    "LocalConnector",
    "LoginRefused",
    "Page",
    "Place",
    "Problem",
    "Receipt",
    "Report",
]


class Connections(Protocol):
    """Connections and credentials of one workspace. Secrets are sealed on the way in and opened only by `secrets`."""

    def add(self, row: Connection | ConnectorExecution) -> None: ...

    def get(self, connection_id: UUID) -> Connection:
        """Raises NotFound `connectors.connection_unknown`."""
        ...

    def of(self, user_id: UUID, tool_integrations: Collection[str] | None = None) -> list[Connection]:
        """A person's connections that are not revoked, newest last; only those integrations when given."""
        ...

    def page(self, after: UUID | None, limit: int, status: str | None = None) -> list[Connection]: ...

    def keep_secrets(self, connection: Connection, secrets: Mapping[str, str]) -> None:
        """Seals them into a new Credential of this connection, revoking the earlier one."""
        ...

    def secrets(self, connection: Connection) -> dict[str, str]:
        """Opens them. {} when it has none. Raises Conflict `connectors.credential_revoked`."""
        ...

    def credential_active(self, connection: Connection) -> bool:
        """Whether it needs no credential or has one that was not revoked."""
        ...

    def advance(self, connection_id: UUID, reader: str, cursor: Mapping[str, Any]) -> None:
        """Keeps where `reader` (an agent id) reads on, without touching the other readers' cursors."""
        ...


class ConnectionsWork(UnitOfWork, Protocol):
    @property
    def connections(self) -> Connections: ...

    @property
    def tasks(self) -> Tasks: ...
