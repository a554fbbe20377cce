"""A person's connections to the outside, their credentials, and what was read and done through them."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal
from uuid import UUID


@dataclass
class Credential:
    """A secret of one connection, sealed. `meta` says what a person may see of it (account name, expiry)."""

    id: UUID
    workspace_id: UUID
    user_id: UUID
    integration: str
    name: str
    ciphertext: bytes
    key_id: str
    created_at: datetime
    meta: dict[str, Any] = field(default_factory=dict)
    last_refreshed_at: datetime | None = None
    revoked_at: datetime | None = None
    version: int = 1


@dataclass
class Connection:
    """A connected account or folder. `integration` is the slug of a connector's manifest, `config` its settings without secrets,
    `sync_cursor` where each agent reads on: agent id → cursor, `problem` what the last check found wrong: `{code, data}`, `facts` what the last one that went well
    told besides (ports.Report.facts), such as the tools of a server."""

    id: UUID
    workspace_id: UUID
    user_id: UUID
    integration: str
    name: str
    config: dict[str, Any]
    created_at: datetime
    credential_id: UUID | None = None
    account: str = ""
    status: Literal["active", "expired", "revoked"] = "active"
    permissions: list[str] = field(default_factory=list)
    last_used_at: datetime | None = None
    problem: dict[str, Any] | None = None
    sync_cursor: dict[str, Any] = field(default_factory=dict)
    facts: dict[str, Any] = field(default_factory=dict)
    version: int = 1


@dataclass
class DataSnapshot:
    """What an agent remembers of a thing that it read. `body_ref` is a hash in the content store."""

    id: UUID
    workspace_id: UUID
    connection_id: UUID
    agent_id: UUID
    data_type: str
    external_id: str
    metadata: dict[str, Any]
    snapshot_at: datetime
    expires_at: datetime
    body_ref: str | None = None


@dataclass(frozen=True)
class ConnectorExecution:
    """One call of a connection, for the record; append-only. `result` has counts and codes, never content."""

    id: UUID
    workspace_id: UUID
    connection_id: UUID
    operation: str
    status: Literal["success", "failed", "partial"]
    executed_at: datetime
    result: dict[str, Any]
