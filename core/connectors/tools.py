"""Which tools of a connected server may be used, and which of these without asking: what a person ticks from what the server offers."""

from collections.abc import Collection
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from core.connectors.models import Connection
from core.connectors.ports import ConnectionsWork
from core.kernel.actor import Actor
from core.kernel.errors import Conflict, Invalid
from core.kernel.events import Event

USED, UNASKED = "tools", "read_tools"
"""The config properties that hold the ticks: which may be used (all, where it is missing), and which of these are called without asking."""


@dataclass(frozen=True)
class OfferedTool:
    """A tool as its server told of it at the last check: claims, not facts. `reads`: it says that it changes nothing."""

    name: str
    about: str
    reads: bool


def offered(connection: Connection) -> list[OfferedTool]:
    """What the server had when it was last looked at, in its order; nothing for what is no server of tools."""
    told: list[dict[str, Any]] = connection.facts.get("tools", [])
    return [OfferedTool(str(one["name"]), str(one.get("about", "")), one.get("reads") is True) for one in told]


def used(connection: Connection) -> list[str]:
    """The offered tools that may be used."""
    ticked = connection.config.get(USED)
    return [tool.name for tool in offered(connection) if ticked is None or tool.name in ticked]


def unasked(connection: Connection) -> list[str]:
    """Those of them that are called without asking."""
    ticked, may = connection.config.get(UNASKED, ()), set(used(connection))
    return [tool.name for tool in offered(connection) if tool.reads and tool.name in ticked and tool.name in may]


def choose_tools(
    work: ConnectionsWork, actor: Actor, connection_id: UUID, use: Collection[str], without_asking: Collection[str]
) -> Connection:
    """From now on only `use` may be used, and of these `without_asking` are called at once; whatever else is used becomes a suggestion first.
    A tool that the server adds later may not be used until it is ticked. What is not in `use` is not called without asking either.

    Raises Invalid `connectors.tool_not_offered`, `connectors.tool_may_write` (tool) for one that does not say that it only reads;
    Conflict `connectors.connection_revoked`; NotFound `connectors.connection_unknown`."""
    actor.need("write")
    connection = work.connections.get(connection_id)
    if connection.status == "revoked":
        raise Conflict("connectors.connection_revoked")
    there = {tool.name: tool for tool in offered(connection)}
    for name in (*use, *without_asking):
        if name not in there:
            raise Invalid("connectors.tool_not_offered", tool=name[:80])
    for name in without_asking:
        if not there[name].reads:
            raise Invalid("connectors.tool_may_write", tool=name[:80])
    ticked = [name for name in there if name in use]
    free = [name for name in ticked if name in without_asking]
    if connection.config.get(USED) != ticked or connection.config.get(UNASKED, []) != free:
        connection.config = {**connection.config, USED: ticked, UNASKED: free}
        told = {"connection_id": str(connection.id), "used": len(ticked), "unasked": len(free)}
        work.record(Event("connection.tools_chosen", actor.workspace_id, actor.user_id, told))
    return connection
