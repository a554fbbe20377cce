"""A server of tools that speaks the Model Context Protocol (streamable HTTP). What its tools do is only known to it, so everything that
the person did not tick as reading waits for a yes."""

import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from threading import Lock
from typing import Any

from pydantic import Field

from core.connectors.operations import Input
from core.connectors.ports import EffectFailed, EffectUnknown, Finding, LoginRefused, Page, Place, Receipt, Report
from core.kernel.errors import Failure, Invalid, NotFound
from runners.connectors.approved import approved, unknown_operation
from runners.connectors.files import read_file, write_new
from runners.connectors.mcp.server import Answered, CallRefused, Offer, Session, one_line, session
from runners.connectors.mcp.transport import surely_unsent
from runners.mail.compose import key_hash
from runners.outbound_http import Outbound

LONGEST_ABOUT = 120
"""Characters of a tool's description in what a check tells."""


class McpCall(Input):
    """`mcp.call`: one call of a tool. `arguments` is the JSON that a person read; `definition` says which version of the tool was meant."""

    tool: str = Field(min_length=1, max_length=200)
    arguments: str = Field(max_length=100_000)
    definition: str = Field(pattern=r"^[0-9a-f]{16}$")


class McpConnection:
    """A server, which of its tools may be used (`tools` None: all), and which of these without asking. The session is opened when it is first needed: what is on our own
    record can be told while the server is away."""

    def __init__(
        self,
        open_session: Callable[[], Session],
        tools: frozenset[str] | None,
        read_tools: frozenset[str],
        place: Place,
    ) -> None:
        self._open, self._tools, self._read_tools, self._place = open_session, tools, read_tools, place
        self._opening = Lock()
        self._opened: Session | None = None

    @property
    def _session(self) -> Session:
        with self._opening:
            if self._opened is None:
                self._opened = self._open()
            return self._opened

    @property
    def account(self) -> str:
        """The server as a person knows it."""
        return self._session.name

    def check(self) -> Report:
        """See Connector.check. Lists the tools."""
        told = [
            {"name": offer.name, "about": one_line(offer.description, LONGEST_ABOUT), "reads": offer.says_it_only_reads}
            for offer in self._session.offers().values()
        ]
        return Report(self._session.name, ("read", "write"), {"tools": told})

    def offer(self, name: str) -> Offer:
        """A tool of that name that may be used. Raises NotFound `mcp.tool_unknown`, `mcp.tool_not_ticked`, and what listing raises."""
        found = self._session.offers().get(name)
        if found is None:
            raise NotFound("mcp.tool_unknown", tool=name, server=self._session.name)
        if self._tools is not None and name not in self._tools:
            raise NotFound("mcp.tool_not_ticked", tool=name, server=self._session.name)
        return found

    def reads(self, offer: Offer) -> bool:
        """Whether it may be called without asking: the server says that it only reads, and the person ticked it."""
        return offer.says_it_only_reads and offer.name in self._read_tools

    def ask(self, offer: Offer, arguments: Mapping[str, Any]) -> Answered:
        """Calls a tool that only reads. Raises Invalid `mcp.tool_writes` for any other one, and what a call raises."""
        if not self.reads(offer):
            raise Invalid("mcp.tool_writes", tool=offer.name)
        return self._session.call(offer.name, arguments)

    def read(self, stream: str, cursor: Mapping[str, Any] | None, limit: int) -> Page:
        """See Connector.read. There is nothing to read on from."""
        raise Invalid("connectors.stream_unknown", stream=stream)

    def perform(self, operation: str, key: str, input: Mapping[str, Any]) -> Receipt:
        """See Connector.perform. A call whose answer is on record is not made again; a tool that changed since the yes is not called."""
        wanted, arguments = self._wanted(operation, input)
        if (kept := self._kept(key)) is not None:
            return kept
        try:
            offer = self.offer(wanted.tool)
        except LoginRefused:
            raise
        except Failure as failed:
            raise EffectFailed(failed.code, lasting=isinstance(failed, NotFound), **failed.data) from None
        if offer.definition != wanted.definition:
            raise EffectFailed("mcp.tool_changed", lasting=True, tool=offer.name)
        return self._keep(key, self._called(offer, arguments))

    def stale(self, operation: str, key: str, input: Mapping[str, Any]) -> str | None:
        """See Connector.stale. A tool that changed meanwhile is refused when it is called."""
        return None

    def find(self, operation: str, key: str, input: Mapping[str, Any]) -> Finding:
        """See Connector.find. The protocol has no way to ask what became of a call; only our own record can tell."""
        self._wanted(operation, input)
        return self._kept(key) or "unclear"

    def _wanted(self, operation: str, input: Mapping[str, Any]) -> tuple[McpCall, dict[str, Any]]:
        if operation != "mcp.call":
            raise unknown_operation(operation)
        wanted = approved(McpCall, input)
        try:
            arguments = json.loads(wanted.arguments)
        except (ValueError, RecursionError):
            arguments = None
        if not isinstance(arguments, dict):
            raise EffectFailed("connectors.input_invalid", lasting=True, fields=["arguments"])
        return wanted, arguments

    def _called(self, offer: Offer, arguments: Mapping[str, Any]) -> Answered:
        try:
            answer = self._session.call(offer.name, arguments)
        except LoginRefused:
            raise
        except Failure as failed:
            if isinstance(failed, CallRefused) or surely_unsent(failed):
                raise EffectFailed(failed.code, lasting=isinstance(failed, CallRefused), **failed.data) from None
            raise EffectUnknown(failed.code, **failed.data) from None
        if answer.failed:
            # It may have done half of it before it failed.
            raise EffectUnknown("mcp.tool_failed", tool=offer.name, said=one_line(answer.text))
        return answer

    def _keep(self, key: str, answer: Answered) -> Receipt:
        receipt = Receipt(key_hash(key), {"answer": one_line(answer.text)})
        self._record(key).parent.mkdir(parents=True, exist_ok=True)
        write_new(self._record(key), json.dumps(dict(receipt.facts)).encode())
        return receipt

    def _kept(self, key: str) -> Receipt | None:
        try:
            return Receipt(key_hash(key), json.loads(read_file(self._record(key), 100_000)))
        except (OSError, ValueError):
            return None

    def _record(self, key: str) -> Any:
        return self._place.folder / "calls" / f"{key_hash(key)}.json"


@contextmanager
def connect(
    config: Mapping[str, Any], secrets: Mapping[str, str], place: Place, outbound: Outbound | None = None
) -> Iterator[McpConnection]:
    """Offers a session that opens at its first use, which raises LoginRefused, OutboundRefused or Unavailable."""
    tools, read_tools = config.get("tools"), frozenset(config["read_tools"])
    way_out = outbound or Outbound(seconds=30.0)
    with ExitStack() as stack:

        def opened() -> Session:
            return stack.enter_context(session(config["url"], secrets.get("token", ""), way_out))

        yield McpConnection(opened, None if tools is None else frozenset(tools), read_tools, place)
