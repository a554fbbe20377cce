"""Calls of a web service with a secret that goes to its own hosts only. What changes something is done as approved, once."""

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any, Literal
from urllib.parse import urlsplit

import httpx
from pydantic import Field, SecretStr

from core.connectors.operations import Input
from core.connectors.ports import EffectFailed, EffectUnknown, Finding, LoginRefused, Page, Place, Receipt, Report
from core.kernel.errors import Invalid
from runners.connectors.approved import approved, unknown_operation
from runners.connectors.http.done import Done
from runners.mail.compose import key_hash
from runners.outbound_http import Answer, Outbound, OutboundRefused, OutboundUncertain, OutboundUnreachable

PLAIN, KEYED = "http.request", "http.request_keyed"
PARTLY = 207
"""Some of it was done and some was not (RFC 4918, section 13): a person has to look."""
_NOT_DONE_YET = frozenset((408, 425, 429, 503))


class HttpRequest(Input):
    """One request, as a person approves it. `headers` has a field a line (`Name: value`)."""

    method: Literal["POST", "PUT", "PATCH", "DELETE"]
    url: str = Field(max_length=4000, pattern=r"^https://[^\s]+$")
    content_type: str = Field(default="", max_length=200, pattern=r"^[\x20-\x7e]*$")
    headers: str = Field(default="", max_length=8000)
    body: str = Field(default="", max_length=100_000)

    def fields(self) -> dict[str, str]:
        """The header fields, with the kind of text."""
        lines = [line.partition(":") for line in self.headers.splitlines() if line.strip()]
        kind = {"content-type": self.content_type} if self.content_type else {}
        return {name.strip().lower(): value.strip() for name, _, value in lines} | kind


class HttpClient:
    """One connection of a web service."""

    def __init__(self, config: Mapping[str, Any], secrets: Mapping[str, str], place: Place, outbound: Outbound) -> None:
        self._hosts = tuple(host.lower() for host in re.split(r"[\s,]+", config["hosts"]) if host)
        self._header, self._secret = config["header"].lower(), SecretStr(secrets.get("secret", ""))
        self.operation = KEYED if config["honours_key"] else PLAIN
        self._done, self._outbound = Done(place.folder / "done", place.now), outbound

    def __repr__(self) -> str:
        return f"HttpClient({', '.join(self._hosts)})"

    def allow(self, url: str) -> None:
        """Raises Invalid `connectors.host_refused` (data: host) for an address that this connection is not for."""
        # The parser that the call itself uses: two of them might see two hosts.
        try:
            parsed = httpx.URL(url)
            host, whole = parsed.raw_host.decode("ascii"), parsed.scheme == "https" and not parsed.userinfo
        except (httpx.InvalidURL, ValueError):
            host, whole = "", False
        if host not in self._hosts or not whole:
            raise Invalid("connectors.host_refused", host=host[:253])

    def fetch(self, url: str, *, headers: Mapping[str, str], head: bool, max_bytes: int, seconds: float) -> Answer:
        """Reads an address with the secret, which follows no redirect to another origin. Raises Invalid `connectors.host_refused`, and what
        Outbound.get raises."""
        self.allow(url)
        own = {name.lower(): value for name, value in headers.items()}
        return self._outbound.get(url, max_bytes=max_bytes, headers=own | self._signed(), head=head, seconds=seconds)

    def check(self) -> Report:
        """See Connector.check. Which call would be harmless, nobody knows: so nothing is called."""
        return Report(", ".join(self._hosts), ("read", "write"))

    def read(self, stream: str, cursor: Mapping[str, Any] | None, limit: int) -> Page:
        """See Connector.read. There is no stream."""
        raise Invalid("connectors.stream_unknown", stream=stream)

    def perform(self, operation: str, key: str, input: Mapping[str, Any]) -> Receipt:
        """See Connector.perform. What was recorded as done is not done again."""
        if operation not in (PLAIN, KEYED):
            raise unknown_operation(operation)
        wanted = approved(HttpRequest, input)
        earlier = self._done.of(key)
        if earlier is not None:
            return earlier
        if operation == KEYED != self.operation:
            raise EffectFailed("connectors.key_not_honoured", lasting=True)
        try:
            self.allow(wanted.url)
            answer = self._outbound.send_once(
                wanted.method, wanted.url, wanted.body.encode(), self._fields(wanted, operation, key)
            )
        except (Invalid, OutboundRefused) as refused:
            raise EffectFailed(refused.code, lasting=True, **refused.data) from None
        except OutboundUnreachable as away:
            raise EffectFailed(away.code, lasting=False, **away.data) from None
        except OutboundUncertain as cut:
            raise EffectUnknown(cut.code, **cut.data) from None
        receipt = _judged(answer, operation, key, signed=bool(self._secret.get_secret_value()))
        # The effect took place: that it could not be noted must not make it look otherwise.
        with suppress(OSError):
            self._done.note(key, receipt)
        return receipt

    def stale(self, operation: str, key: str, input: Mapping[str, Any]) -> str | None:
        """See Connector.stale. Nobody can tell."""
        return None

    def find(self, operation: str, key: str, input: Mapping[str, Any]) -> Finding:
        """See Connector.find: only what this machine has noted."""
        if operation not in (PLAIN, KEYED):
            raise unknown_operation(operation)
        return self._done.of(key) or "unclear"

    def _signed(self) -> dict[str, str]:
        secret = self._secret.get_secret_value()
        return {self._header: secret} if secret else {}

    def _fields(self, wanted: HttpRequest, operation: str, key: str) -> dict[str, str]:
        once = {"idempotency-key": key_hash(key)} if operation == KEYED else {}
        return wanted.fields() | self._signed() | once


def _judged(answer: Answer, operation: str, key: str, *, signed: bool) -> Receipt:
    """What a status means for the effect (RFC 9110, section 15). Raises EffectFailed, EffectUnknown."""
    status, host = answer.status, urlsplit(answer.url).hostname or ""
    said: dict[str, Any] = {"host": host, "status": status}
    if status == PARTLY:
        raise EffectUnknown("connectors.http_unclear", **said)
    if 200 <= status < 300 or status == 303:
        return Receipt(f"{host}#{key_hash(key)[:16]}", said)
    if status == 401 and signed:
        raise LoginRefused
    if status in _NOT_DONE_YET:
        raise EffectFailed("connectors.http_refused", lasting=False, after=seconds_to_wait(answer), **said)
    if 400 <= status < 500 and not (status == 409 and operation == KEYED):
        raise EffectFailed("connectors.http_refused", lasting=True, **said)
    # A redirect or an error of the server may come before or after the effect; a conflict of the key: the first request is still at work.
    raise EffectUnknown("connectors.http_unclear", **said)


def seconds_to_wait(answer: Answer) -> float | None:
    """What Retry-After says, in seconds or as a date (RFC 9110, section 10.2.3); None when it says nothing that makes sense."""
    said = answer.headers.get("retry-after", "").strip()
    if said.isascii() and said.isdigit():
        return float(said[:9])
    try:
        return max((parsedate_to_datetime(said) - datetime.now(UTC)).total_seconds(), 0.0)
    except (ValueError, TypeError):
        return None


@contextmanager
def connect(
    config: Mapping[str, Any], secrets: Mapping[str, str], place: Place, outbound: Outbound | None = None
) -> Iterator[HttpClient]:
    """Opens nothing: each call is a connection of its own."""
    yield HttpClient(config, secrets, place, outbound or Outbound(seconds=25))
