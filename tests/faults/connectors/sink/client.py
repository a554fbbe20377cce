"""Speaks to the sink over HTTP as a connector speaks to a provider, and judges answers as strictly."""

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from http.client import HTTPConnection, HTTPException
from typing import Any

from core.connectors.gate import last_gate
from core.connectors.ports import EffectFailed, EffectUnknown, Finding, LoginRefused, Page, Place, Receipt, Report
from core.kernel.faults import fault

SECONDS = 4.0


class SinkClient:
    """One connection to the sink."""

    def __init__(self, port: int) -> None:
        self._port = port

    def check(self) -> Report:
        """See Connector.check."""
        return Report("sink", ("write",))

    def read(self, stream: str, cursor: Mapping[str, Any] | None, limit: int) -> Page:
        """See Connector.read. There is nothing to read."""
        return Page((), {}, False)

    def perform(self, operation: str, key: str, input: Mapping[str, Any]) -> Receipt:
        """See Connector.perform."""
        body = json.dumps({"class": operation.partition(".")[2], "key": key, "text": input["text"]})
        line = HTTPConnection("127.0.0.1", self._port, timeout=SECONDS)
        try:
            try:
                line.connect()
            except OSError as away:
                raise EffectFailed("outbound.unreachable", lasting=False, host="sink") from away
            fault("in_call")
            last_gate()
            try:
                line.request("POST", "/do", body)
                answer = line.getresponse()
                said = answer.read()
            except (OSError, HTTPException) as cut:
                raise EffectUnknown("outbound.cut", host="sink") from cut
        finally:
            line.close()
        if answer.status == 401:
            raise LoginRefused
        if answer.status in (429, 503):
            after = float(answer.getheader("Retry-After") or 0)
            raise EffectFailed("connectors.http_refused", lasting=False, after=after, host="sink", status=answer.status)
        if answer.status == 207:
            raise EffectUnknown("connectors.http_unclear", host="sink", status=answer.status)
        try:
            return Receipt(str(json.loads(said)["ref"]))
        except (ValueError, KeyError, TypeError) as garbage:
            raise EffectUnknown("connectors.http_unclear", host="sink", status=answer.status) from garbage

    def stale(self, operation: str, key: str, input: Mapping[str, Any]) -> str | None:
        """See Connector.stale."""
        return None

    def find(self, operation: str, key: str, input: Mapping[str, Any]) -> Finding:
        """See Connector.find. What is blind cannot be looked up."""
        if operation == "sink.blind":
            return "unclear"
        line = HTTPConnection("127.0.0.1", self._port, timeout=SECONDS)
        try:
            line.request("GET", f"/found?{key}")
            found = json.loads(line.getresponse().read())["ref"]
        except (OSError, HTTPException, ValueError, KeyError, TypeError):
            return "unclear"
        finally:
            line.close()
        return Receipt(found) if found else "absent"


@contextmanager
def connect(config: Mapping[str, Any], secrets: Mapping[str, str], place: Place) -> Iterator[SinkClient]:
    """Opens nothing yet."""
    yield SinkClient(config["port"])
