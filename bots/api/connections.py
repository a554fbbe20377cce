"""`/connections`: a person's connected accounts and folders. Secrets go in and never come out."""

from datetime import datetime
from typing import Any
from uuid import UUID

from fastapi import APIRouter, Response
from pydantic import BaseModel, ConfigDict, Field

from bots.api.caller import Calling
from bots.api.pages import Cursor, Limit, Page, after, page
from core.connectors.connect import connect, disconnect
from core.connectors.kinds import integration
from core.connectors.models import Connection
from core.connectors.tools import choose_tools, offered, unasked, used

router = APIRouter(tags=["connections"])


class ConnectionOut(BaseModel):
    """A connection, without its secrets. `problem` is what the last check found wrong."""

    id: UUID
    integration: str
    tool: str
    name: str
    account: str
    status: str
    permissions: list[str]
    config: dict[str, Any]
    problem: dict[str, Any] | None
    last_used_at: datetime | None
    created_at: datetime


class NewConnection(BaseModel):
    """A connection; `config` as the integration's JSON Schema says, secrets included."""

    model_config = ConfigDict(extra="forbid", hide_input_in_errors=True)

    integration: str
    name: str = Field("", max_length=200)
    config: dict[str, Any] = {}


class ToolOut(BaseModel):
    """A tool as its server tells of it: claims, not facts. `reads`: it says that it changes nothing. `used`: it may be used; `unasked`: without asking."""

    name: str
    about: str
    reads: bool
    used: bool
    unasked: bool


class Choice(BaseModel):
    """The names of the tools that may be used, and of those of them that only read and are called without asking. Whatever else is used becomes a suggestion first."""

    model_config = ConfigDict(extra="forbid")

    use: list[str] = Field(max_length=1000)
    unasked: list[str] = Field([], max_length=1000)


@router.get("/connections")
def list_connections(
    caller: Calling, limit: Limit = 50, cursor: Cursor = None, status: str | None = None
) -> Page[ConnectionOut]:
    """The workspace's connections."""
    with caller.reading() as work:
        return page(work.connections.page(after(cursor), limit + 1, status=status), limit, connection_out)


@router.post("/connections", status_code=201, response_model=ConnectionOut)
def make_connection(asked: NewConnection, caller: Calling) -> Response:
    """Makes a connection; it is tried right after, see `problem` and `account`."""

    def change(work: Any) -> ConnectionOut:
        return connection_out(connect(work, caller.actor, asked.integration, asked.name, asked.config))

    return caller.write(asked, 201, change, "connections.create")


@router.get("/connections/{connection_id}")
def get_connection(connection_id: UUID, caller: Calling) -> ConnectionOut:
    """One connection."""
    with caller.reading() as work:
        return connection_out(work.connections.get(connection_id))


@router.delete("/connections/{connection_id}", response_model=ConnectionOut)
def end_connection(connection_id: UUID, caller: Calling) -> Response:
    """Ends a connection and its credential at once."""
    return caller.write(
        None,
        200,
        lambda work: connection_out(disconnect(work, caller.actor, connection_id)),
        f"connections.end {connection_id}",
    )


@router.get("/connections/{connection_id}/tools")
def list_tools(connection_id: UUID, caller: Calling) -> Page[ToolOut]:
    """What a connected MCP server offered when it was last looked at; nothing for any other connection."""
    with caller.reading() as work:
        return _tools_out(work.connections.get(connection_id))


@router.put("/connections/{connection_id}/tools", response_model=Page[ToolOut])
def choose(connection_id: UUID, asked: Choice, caller: Calling) -> Response:
    """Says which tools may be used, and which of these without asking; the key needs the scopes `write` and `approve`. 422 for a tool that is not offered, or that is to be called
    without asking although it does not say that it only reads."""

    def change(work: Any) -> Page[ToolOut]:
        return _tools_out(choose_tools(work, caller.actor, connection_id, asked.use, asked.unasked))

    return caller.write(asked, 200, change, f"connections.tools {connection_id}", scope="approve")


def _tools_out(connection: Connection) -> Page[ToolOut]:
    may, free = set(used(connection)), set(unasked(connection))
    items = [
        ToolOut(name=tool.name, about=tool.about, reads=tool.reads, used=tool.name in may, unasked=tool.name in free)
        for tool in offered(connection)
    ]
    return Page(items=items, next=None)


def connection_out(connection: Connection) -> ConnectionOut:
    """The shape of a connection."""
    return ConnectionOut(
        id=connection.id,
        integration=connection.integration,
        tool=integration(connection.integration).tool,
        name=connection.name,
        account=connection.account,
        status=connection.status,
        permissions=connection.permissions,
        config=connection.config,
        problem=connection.problem,
        last_used_at=connection.last_used_at,
        created_at=connection.created_at,
    )
