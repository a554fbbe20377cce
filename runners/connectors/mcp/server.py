"""One open session with an MCP server: what tools it offers, and calling one. All that comes back is a stranger's text."""

import hashlib
import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

import anyio
import httpx2
import mcp_types as types
from anyio.from_thread import BlockingPortal, start_blocking_portal
from mcp.client.client import Client
from mcp.client.streamable_http import streamable_http_client
from mcp.shared.exceptions import MCPError

from core.connectors.ports import LoginRefused
from core.kernel.errors import Failure, Invalid, Unavailable
from runners.connectors.mcp.transport import GuardedTransport
from runners.outbound_http import Outbound

SECONDS = 30.0
"""Longest wait for one answer."""
MOST_TOOLS, MOST_PAGES = 500, 20
LONGEST_NAME = 200


@dataclass(frozen=True)
class Offer:
    """A tool as its server describes it: claims, not facts. `definition` changes whenever the description does."""

    name: str
    title: str
    description: str
    says_it_only_reads: bool
    definition: str


@dataclass(frozen=True)
class Answered:
    """What a tool gave back. `failed` is the tool's own word for it."""

    text: str
    structured: Any
    failed: bool


class CallRefused(Invalid):
    """The server refused the call before the tool ran."""


@dataclass
class Session:
    """An open session. Calls block, up to 30 s each, and may come from several threads."""

    host: str
    _portal: BlockingPortal = field(repr=False)
    _client: Client = field(repr=False)
    _transport: GuardedTransport = field(repr=False)
    _offers: dict[str, Offer] | None = field(default=None, repr=False)

    @property
    def name(self) -> str:
        """What the server calls itself, else its host; one line."""
        told = self._client.server_info
        named = one_line(told.title or told.name, 80) if told else ""
        return f"{named} · {self.host}" if named else self.host

    def offers(self) -> Mapping[str, Offer]:
        """The tools by name, at most 500; those with an impossible name are left out. Raises LoginRefused or Unavailable."""
        if self._offers is None:
            self._offers = {}
            for tool in self._do(self._listed):
                if 0 < len(tool.name) <= LONGEST_NAME and tool.name.isprintable():
                    self._offers.setdefault(tool.name, _offer(tool))
        return self._offers

    def call(self, name: str, arguments: Mapping[str, Any]) -> Answered:
        """Calls a tool once. Raises CallRefused when it surely did not run, LoginRefused, a Failure of the way out (see `surely_unsent`),
        or Unavailable `mcp.no_answer` when nobody can tell."""
        request = types.CallToolRequest(params=types.CallToolRequestParams(name=name, arguments=dict(arguments)))

        async def call() -> types.CallToolResult:
            # Not the client's own `call_tool`: it checks the answer against a schema of the server's, which may be made to take for ever.
            return await self._client.session.send_request(
                request, types.CallToolResult, request_read_timeout_seconds=SECONDS
            )

        result = self._do(call)
        if result.result_type != "complete":
            raise Unavailable("mcp.asks_back", tool=name)
        texts = [part.text for part in result.content if isinstance(part, types.TextContent)]
        return Answered("\n".join(texts), result.structured_content, result.is_error)

    async def _listed(self) -> list[types.Tool]:
        tools: list[types.Tool] = []
        cursor = None
        for _ in range(MOST_PAGES):
            page = await self._client.session.list_tools(params=types.PaginatedRequestParams(cursor=cursor))
            tools += page.tools
            cursor = page.next_cursor
            if cursor is None or len(tools) >= MOST_TOOLS:
                break
        return tools[:MOST_TOOLS]

    def _do(self, work: Any) -> Any:
        self._transport.trouble, self._transport.status = None, 0
        try:
            return self._portal.call(_within_time, work)
        except Exception as broken:
            raise _told(broken, self._transport, self.host) from None


@contextmanager
def session(url: str, token: str, outbound: Outbound) -> Iterator[Session]:
    """Opens one. Raises LoginRefused, OutboundRefused, or Unavailable."""
    host = urlsplit(url).hostname or ""
    transport = GuardedTransport(outbound, token)
    http = httpx2.AsyncClient(transport=transport, timeout=SECONDS, follow_redirects=False, trust_env=False)
    client = Client(
        streamable_http_client(url, http_client=http), read_timeout_seconds=SECONDS, cache=None,
        client_info=types.Implementation(name="Nod", version="1"),
    )  # fmt: skip
    with start_blocking_portal() as portal:
        try:
            opened = portal.wrap_async_context_manager(client)
            opened.__enter__()
        except Exception as broken:
            raise _told(broken, transport, host) from None
        try:
            yield Session(host, portal, client, transport)
        finally:
            # What was done is done: a session that does not end well ends by itself.
            with suppress(Exception):
                opened.__exit__(None, None, None)


async def _within_time(work: Any) -> Any:
    with anyio.fail_after(SECONDS):
        return await work()


def _told(broken: Exception, transport: GuardedTransport, host: str) -> Exception:
    """The failure in our words, whatever it was wrapped into."""
    if transport.trouble is not None:
        return transport.trouble
    if transport.status in (401, 403):
        return LoginRefused()
    if isinstance(broken, Failure):
        return broken
    # Other codes also stand for answers that were lost.
    if isinstance(broken, MCPError) and broken.code in (types.METHOD_NOT_FOUND, types.INVALID_PARAMS):
        return CallRefused("mcp.call_refused", host=host, said=one_line(str(broken)))
    return Unavailable("mcp.no_answer", host=host)


def one_line(text: str, most: int = 200) -> str:
    """The beginning of a stranger's text as one line that shows all it has."""
    printable = "".join(c if c.isprintable() else " " for c in text[: most * 4])
    return " ".join(printable.split())[:most]


def _offer(tool: types.Tool) -> Offer:
    written = json.dumps(tool.model_dump(mode="json", exclude={"meta", "icons"}), sort_keys=True, default=str)
    return Offer(
        name=tool.name,
        title=one_line(tool.title or (tool.annotations and tool.annotations.title) or tool.name),
        description=one_line(tool.description or "", 1000),
        says_it_only_reads=bool(tool.annotations and tool.annotations.read_only_hint is True),
        definition=hashlib.sha256(written.encode("utf-8", "surrogatepass")).hexdigest()[:16],
    )
