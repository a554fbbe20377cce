"""The only way to an address that a person or a mail names: it must not lead into our own network (promise 28).

A name is resolved once, every address it has is checked, and the connection goes to a checked address, so that a second
answer of the name server changes nothing. No proxies, cookies, credentials or compression; at most three redirects."""

import re
import socket
import ssl
import time
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from queue import Empty, SimpleQueue
from threading import Thread
from typing import Any

import httpcore
import httpx

from core.connectors.gate import last_gate
from core.kernel.errors import Failure, Unavailable
from runners.forbidden_networks import forbidden

Resolver = Callable[[str, int], list[str]]
"""All addresses of a name, as texts. Raises OSError."""

_REDIRECTS = 3
_NAME = re.compile(r"[a-z0-9!#$%&'*+.^_`|~-]{1,100}")
_VALUE = re.compile(r"[\x20-\x7e]{0,8000}")
_OURS = frozenset(
    ("accept-encoding", "connection", "content-length", "cookie", "expect", "host", "keep-alive", "te", "trailer", "transfer-encoding", "upgrade", "via")
)  # fmt: skip
_PORTS = frozenset((80, 443))


class OutboundRefused(Failure):
    """Nothing was sent: the address is not one that we call."""


class OutboundUnreachable(Unavailable):
    """Nothing was sent: the other side could not be reached."""


class OutboundUncertain(Unavailable):
    """The request was on its way when the connection failed, so it may have had its effect."""


@dataclass(frozen=True)
class Answer:
    """What came back. `url` is where it came from in the end."""

    status: int
    headers: Mapping[str, str]
    body: bytes
    url: str


def resolve(host: str, port: int) -> list[str]:
    """Asks the system's resolver."""
    return [str(found[4][0]) for found in socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)]


class Outbound:
    """Fetches public addresses. One call takes at most `seconds` altogether.

    `allow` are (address, port) pairs that are reached although they are not public: a test server on loopback.
    `trust` is a TLS context for a private authority; certificates are verified in any case."""

    def __init__(
        self,
        *,
        seconds: float = 15.0,
        allow: Collection[tuple[str, int]] = (),
        trust: ssl.SSLContext | None = None,
        resolver: Resolver = resolve,
    ) -> None:
        self._seconds, self._allow, self._resolver = seconds, frozenset(allow), resolver
        if trust and not (trust.check_hostname and trust.verify_mode is ssl.CERT_REQUIRED):
            raise ValueError("a TLS context that does not verify")
        self._trust = trust

    def get(
        self,
        url: str,
        *,
        max_bytes: int = 2_000_000,
        headers: Mapping[str, str] | None = None,
        head: bool = False,
        seconds: float | None = None,
    ) -> Answer:
        """Fetches it (with `head`, only what it says about itself), following at most three redirects, each checked like the first and none from https
        to http. `headers` go to the origin of `url` and to no other. `seconds` may shorten the time for this call.
        Raises OutboundRefused, OutboundUnreachable or OutboundUncertain."""
        deadline = time.monotonic() + min(self._seconds, self._seconds if seconds is None else seconds)
        first = at = _checked(url, ("https", "http"))
        own = _own(headers or {})
        for _ in range(_REDIRECTS + 1):
            lines = _headers(at) | (own if _origin(at) == _origin(first) else {})
            answer = self._call("HEAD" if head else "GET", at, lines, b"", max_bytes, deadline)
            to = answer.headers.get("location")
            if answer.status not in (301, 302, 303, 307, 308) or to is None:
                return answer
            at = _checked(_joined(at, to), ("https",) if at.scheme == "https" else ("https", "http"))
        raise OutboundRefused("outbound.too_many_redirects", host=at.host)

    def send_once(
        self, method: str, url: str, body: bytes, headers: Mapping[str, str], *, max_bytes: int = 0
    ) -> Answer:
        """One request over https that may change something, and follows no redirect. Of the answer's body, at most `max_bytes` are read; 0: its status
        is what counts. Raises OutboundRefused, OutboundUnreachable or OutboundUncertain."""
        at = _checked(url, ("https",))
        lines = _headers(at) | _own(headers) | {"content-length": str(len(body))}
        return self._call(method, at, lines, body, max_bytes, time.monotonic() + self._seconds)

    def post_once(self, url: str, body: bytes, content_type: str) -> Answer:
        """One POST (RFC 8058, section 3.1); see `send_once`."""
        return self.send_once("POST", url, body, {"content-type": content_type})

    def _call(
        self, method: str, at: httpx.URL, headers: Mapping[str, str], body: bytes, max_bytes: int, deadline: float
    ) -> Answer:
        backend = _CheckedBackend(self._resolver, self._allow, deadline)
        target = httpcore.URL(scheme=at.raw_scheme, host=at.raw_host, port=at.port, target=at.raw_path)
        lines = [(name.encode(), value.encode("ascii")) for name, value in headers.items()]
        limits = dict.fromkeys(("connect", "read", "write", "pool"), self._seconds)
        try:
            with (
                httpcore.ConnectionPool(
                    ssl_context=self._trust or _public_authorities(), network_backend=backend
                ) as pool,
                pool.stream(
                    method, target, headers=lines, content=body or None, extensions={"timeout": limits}
                ) as answer,
            ):
                got = httpx.Headers(answer.headers)
                return Answer(answer.status, got, _body(answer, got, max_bytes, at.host) if max_bytes else b"", str(at))
        except (httpcore.NetworkError, httpcore.TimeoutException, httpcore.ProtocolError):
            if backend.written:
                raise OutboundUncertain("outbound.cut_off", host=at.host) from None
            code = "outbound.tls_failed" if backend.connected else "outbound.unreachable"
            raise OutboundUnreachable(code, host=at.host) from None


@cache
def _public_authorities() -> ssl.SSLContext:
    # Loading them takes longer than most calls, and most connectors never call.
    return ssl.create_default_context()


def _headers(url: httpx.URL) -> dict[str, str]:
    return {
        "host": url.netloc.decode("ascii"),
        "accept": "*/*",
        "accept-encoding": "identity",
        "user-agent": "Nod",
        "connection": "close",
    }


def _own(headers: Mapping[str, str]) -> dict[str, str]:
    """Header fields of the caller's, none of which may change what kind of request it is or where it goes."""
    own = {name.lower(): value.strip() for name, value in headers.items()}
    for name, value in own.items():
        if not _NAME.fullmatch(name) or not _VALUE.fullmatch(value):
            raise OutboundRefused("outbound.header_malformed")
        if name in _OURS or name.startswith(("proxy-", "sec-")):
            raise OutboundRefused("outbound.header_refused", name=name)
    return own


def _origin(url: httpx.URL) -> tuple[str, str, int | None]:
    return url.scheme, url.host, url.port


def _checked(url: str | httpx.URL, schemes: tuple[str, ...]) -> httpx.URL:
    if isinstance(url, str) and any(
        c.isspace() or ord(c) < 33 or ord(c) == 127 or 0xD800 <= ord(c) < 0xE000 for c in url
    ):
        raise OutboundRefused("outbound.address_malformed")
    try:
        parsed = httpx.URL(url)
        host = parsed.host
    except (httpx.InvalidURL, ValueError):
        raise OutboundRefused("outbound.address_malformed") from None
    if parsed.scheme not in schemes:
        raise OutboundRefused("outbound.scheme_refused", scheme=parsed.scheme, allowed=list(schemes))
    if parsed.userinfo or not host:
        raise OutboundRefused("outbound.address_malformed")
    return parsed


def _joined(at: httpx.URL, to: str) -> httpx.URL:
    try:
        return at.join(to)
    except (httpx.InvalidURL, ValueError):
        raise OutboundRefused("outbound.address_malformed") from None


def _body(answer: httpcore.Response, headers: httpx.Headers, max_bytes: int, host: str) -> bytes:
    if headers.get("content-encoding", "identity").lower() != "identity":
        # It was not asked for, and unpacking it is how a small answer becomes a huge one.
        raise OutboundUncertain("outbound.encoding_refused", host=host)
    body = bytearray()
    for chunk in answer.iter_stream():
        body += chunk
        if len(body) > max_bytes:
            raise OutboundUncertain("outbound.answer_too_large", host=host, limit=max_bytes)
    return bytes(body)


class _CheckedBackend(httpcore.NetworkBackend):
    """Connects to checked addresses only, and lets nothing go on past the deadline."""

    def __init__(self, resolver: Resolver, allow: frozenset[tuple[str, int]], deadline: float) -> None:
        self._resolver, self._allow, self._deadline = resolver, allow, deadline
        self._plain = httpcore.SyncBackend()
        self.connected = False
        self.written = False

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore.NetworkStream:
        if port not in _PORTS and all(port != allowed for _, allowed in self._allow):
            raise OutboundRefused("outbound.port_refused", host=host, port=port)
        addresses = self._resolved(host, port)
        for address in addresses:
            if (address, port) not in self._allow and (port not in _PORTS or forbidden(address)):
                raise OutboundRefused("outbound.address_refused", host=host)
        failed: Exception = httpcore.ConnectError()
        for address in addresses:
            try:
                stream = self._plain.connect_tcp(address, port, remaining(self._deadline), None, socket_options)
            except (httpcore.ConnectError, httpcore.ConnectTimeout) as problem:
                failed = problem
                continue
            if (address, port) not in self._allow and _is_ourselves(stream):
                stream.close()
                raise OutboundRefused("outbound.address_refused", host=host)
            self.connected = True
            return _TimedStream(stream, self)
        raise failed

    @property
    def deadline(self) -> float:
        return self._deadline

    def _resolved(self, host: str, port: int) -> list[str]:
        # In a thread: the system's resolver knows no time limit. A daemon, so that it never delays our own end.
        answers: SimpleQueue[list[str]] = SimpleQueue()
        Thread(target=self._ask, args=(host, port, answers), name="resolve", daemon=True).start()
        try:
            found = answers.get(timeout=remaining(self._deadline))
        except Empty:
            found = []
        if not found:
            raise OutboundUnreachable("outbound.name_unknown", host=host)
        return list(dict.fromkeys(found))

    def _ask(self, host: str, port: int, answers: "SimpleQueue[list[str]]") -> None:
        try:
            answers.put(self._resolver(host, port))
        except (OSError, ValueError, OverflowError):
            answers.put([])


class _TimedStream(httpcore.NetworkStream):
    def __init__(self, inner: httpcore.NetworkStream, backend: _CheckedBackend) -> None:
        self._inner, self._backend = inner, backend

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        return self._inner.read(max_bytes, remaining(self._backend.deadline))

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        last_gate()
        self._backend.written = True
        self._inner.write(buffer, remaining(self._backend.deadline))

    def close(self) -> None:
        self._inner.close()

    def start_tls(
        self, ssl_context: ssl.SSLContext, server_hostname: str | None = None, timeout: float | None = None
    ) -> httpcore.NetworkStream:
        inner = self._inner.start_tls(ssl_context, server_hostname, remaining(self._backend.deadline))
        return _TimedStream(inner, self._backend)

    def get_extra_info(self, info: str) -> Any:
        return self._inner.get_extra_info(info)


def remaining(deadline: float) -> float:
    """Seconds until the deadline. Raises httpcore's ReadTimeout after it."""
    left = deadline - time.monotonic()
    if left <= 0:
        raise httpcore.ReadTimeout()
    return left


def _is_ourselves(stream: httpcore.NetworkStream) -> bool:
    return stream.get_extra_info("client_addr")[0] == stream.get_extra_info("server_addr")[0]
