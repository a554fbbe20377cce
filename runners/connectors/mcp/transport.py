"""HTTP for the MCP client by the one guarded way out: every request goes to a checked public address, is bounded, and follows no redirect."""

from collections.abc import Mapping

import anyio.to_thread
import httpx2

from core.kernel.errors import Failure
from runners.outbound_http import Answer, Outbound, OutboundRefused, OutboundUnreachable

MAX_ANSWER = 2_000_000
"""Bytes of one answer."""
_PASSED = ("accept", "authorization", "content-type", "last-event-id")
"""Fields that go out, beside those of the protocol itself (`mcp-…`)."""


class GuardedTransport(httpx2.AsyncBaseTransport):
    """Sends what the MCP client wants to send. `trouble` is the last failure on the way, `status` what the server answered last."""

    def __init__(self, outbound: Outbound, token: str) -> None:
        self._outbound, self._token = outbound, token
        self.trouble: Failure | None = None
        self.status = 0

    def __repr__(self) -> str:
        return "GuardedTransport()"

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        """The whole answer at once: a stream of events ends with the answer to its request. A failure on the way becomes a 502 of our own, which
        the client hands on, and stays in `trouble`."""
        if request.method == "GET":
            # Events outside of a request are not wanted, and waiting for them would hold a connection.
            return httpx2.Response(405, request=request)
        body = await request.aread()
        try:
            answer = await anyio.to_thread.run_sync(
                self._ask, request.method, str(request.url), self._fields(request), body
            )
        except Failure as failed:
            self.trouble = failed
            return httpx2.Response(502, request=request)
        self.status = answer.status
        return httpx2.Response(answer.status, headers=_kept(answer.headers), content=answer.body, request=request)

    def _ask(self, method: str, url: str, fields: Mapping[str, str], body: bytes) -> Answer:
        return self._outbound.send_once(method, url, body, fields, max_bytes=MAX_ANSWER)

    def _fields(self, request: httpx2.Request) -> dict[str, str]:
        given = {name: value for name, value in request.headers.items() if name in _PASSED or name.startswith("mcp-")}
        return given | ({"authorization": f"Bearer {self._token}"} if self._token else {})


def surely_unsent(trouble: Failure) -> bool:
    """Whether a failure on the way means that the server got nothing."""
    return isinstance(trouble, OutboundRefused | OutboundUnreachable)


def _kept(headers: Mapping[str, str]) -> dict[str, str]:
    return {name: value for name, value in headers.items() if name in ("content-type", "mcp-session-id")}
