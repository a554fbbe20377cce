"""Connecting the outside: an account, a folder, an upload or the sample data."""

from collections.abc import Mapping
from typing import Any, Protocol
from uuid import UUID

from core.billing.ports import BillingWork
from core.billing.reserve import need_room
from core.connectors.kinds import checked_config, integration, integrations
from core.connectors.models import Connection
from core.connectors.ports import ConnectionsWork, Report
from core.kernel.actor import Actor
from core.kernel.errors import Conflict, Invalid
from core.kernel.events import Event
from core.kernel.ids import new_id


class ConnectWork(ConnectionsWork, BillingWork, Protocol):
    """What making a connection needs: connections, and the limit of how many there may be."""


def connect(work: ConnectWork, actor: Actor, slug: str, name: str, values: Mapping[str, Any]) -> Connection:
    """A new connection with its secrets sealed. It is tried by a runner afterwards: `connections.check`.
    Raises NotFound `connectors.integration_unknown`, Invalid `connectors.config_invalid`, LimitReached `billing.limit_reached`."""
    actor.need("write")
    manifest = integration(slug)
    config, secrets = checked_config(manifest, values)
    if slug not in (free := uncounted()):
        need_room(work, "connections", without=free)
    connection = Connection(
        id=new_id(), workspace_id=actor.workspace_id, user_id=actor.user_id, integration=slug, name=name or manifest.name,
        config=config, created_at=work.now, permissions=sorted({o.name for o in manifest.operations}),
    )  # fmt: skip
    work.connections.add(connection)
    if secrets:
        work.connections.keep_secrets(connection, secrets)
    work.record(
        Event(
            "connection.made",
            actor.workspace_id,
            actor.user_id,
            {"connection_id": str(connection.id), "integration": slug},
        )
    )
    work.ring("connections.check", connection.id)
    return connection


def uncounted() -> list[str]:
    """Integrations whose connections no limit counts: everybody has them from the start, or tries agents with them."""
    return [m.slug for m in integrations().values() if m.automatic or m.sample]


def stand_in(work: ConnectWork, actor: Actor, tool: str, sample: str | None) -> Connection:
    """The person's connection for a tool when they named none: an automatic one (own tasks, calendar folder), else the sample;
    made when it is not there yet. Raises Invalid `catalog.tool_missing`."""
    slugs = [m.slug for m in integrations().values() if m.tool == tool and (m.automatic or m.slug == sample)]
    if not slugs:
        raise Invalid("catalog.tool_missing", tool=tool)
    for connection in work.connections.of(actor.user_id, slugs):
        if connection.status == "active":
            return connection
    slug = sample if sample in slugs else slugs[0]
    return connect(work, actor, slug or slugs[0], "", {})


def renew_login(work: ConnectionsWork, actor: Actor, connection_id: UUID, values: Mapping[str, Any]) -> Connection:
    """New secrets (and settings) for a connection whose login expired."""
    actor.need("write")
    connection = work.connections.get(connection_id)
    if connection.status == "revoked":
        raise Conflict("connectors.connection_revoked")
    config, secrets = checked_config(integration(connection.integration), {**connection.config, **values})
    connection.config = config
    if secrets:
        work.connections.keep_secrets(connection, secrets)
    connection.status = "active"
    check_again(work, actor, connection.id)
    return connection


def check_again(work: ConnectionsWork, actor: Actor, connection_id: UUID) -> Connection:
    """Has the connection tried once more by a runner; until then nothing is known of it. Raises Conflict `connectors.connection_revoked`."""
    actor.need("write")
    connection = work.connections.get(connection_id)
    if connection.status == "revoked":
        raise Conflict("connectors.connection_revoked")
    connection.problem, connection.last_used_at = None, None
    work.ring("connections.check", connection.id)
    return connection


def disconnect(work: ConnectionsWork, actor: Actor, connection_id: UUID) -> Connection:
    """Ends a connection and its credential at once: nothing is read or done through it any more."""
    actor.need("write")
    connection = work.connections.get(connection_id)
    if connection.status != "revoked":
        connection.status = "revoked"
        work.connections.keep_secrets(connection, {})
        work.record(
            Event("connection.revoked", actor.workspace_id, actor.user_id, {"connection_id": str(connection_id)})
        )
    return connection


def found(work: ConnectionsWork, connection_id: UUID, report: Report) -> None:
    """A check of the connection went well."""
    connection = work.connections.get(connection_id)
    if connection.status != "revoked":
        connection.status, connection.account = "active", report.account
        connection.permissions, connection.facts = list(report.permissions), dict(report.facts)
        connection.last_used_at, connection.problem = work.now, None


def troubled(work: ConnectionsWork, connection_id: UUID, code: str, data: Mapping[str, Any]) -> None:
    """A check of the connection found something wrong that a new login would not mend (no such folder, no answer)."""
    work.connections.get(connection_id).problem = {"code": code, "data": dict(data)}


def login_refused(work: ConnectionsWork, connection_id: UUID) -> bool:
    """The provider no longer takes the credential. True when that is news."""
    connection = work.connections.get(connection_id)
    if connection.status != "active":
        return False
    connection.status = "expired"
    connection.problem = {"code": "connectors.login_refused", "data": {}}
    work.record(
        Event("connection.expired", connection.workspace_id, connection.user_id, {"connection_id": str(connection_id)})
    )
    return True
