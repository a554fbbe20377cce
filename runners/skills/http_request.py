"""Calls a web address: reads it at once; whatever may change something becomes a proposal, which a person decides."""

import json
import re
import time
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, ClassVar, Literal
from urllib.parse import urlencode, urlsplit, urlunsplit

from pydantic import BaseModel, ConfigDict, Field, JsonValue

from core.kernel.errors import Conflict, Failure, Invalid, Unavailable
from core.orchestration.ports import Proposal, SkillContext, Words

if TYPE_CHECKING:  # the HTTP libraries are loaded where something is called: many workers never do
    from runners.connectors.http.client import HttpClient
    from runners.outbound_http import Answer, Outbound

INLINE = 250_000
"""Bytes of an answer that stand in the step's outputs; larger ones go to the content store."""
_KEPT = ("content-type", "content-language", "etag", "last-modified", "link", "location", "retry-after")
_CHARSET = re.compile(
    r"charset=\"?(utf-8|utf-16|us-ascii|iso-8859-\d{1,2}|windows-125\d|shift_jis|euc-jp|euc-kr|gbk|gb18030|big5|koi8-r)\b",
    re.IGNORECASE,
)
"""Python knows decoders that take for ever; these do not."""
_LATER = frozenset((408, 425, 429, 500, 502, 503, 504))


class Input(BaseModel):
    """GET and HEAD are carried out, all other methods proposed. `connection` is the role of a connected web service, whose secret goes along to its own hosts;
    a request that changes something needs one. `json_body` or `text`, not both. `expect`: the statuses that count as success, none: 200 to 299.

    For a proposal: `reason` is shown on its card, `influenced_by` names outside text that had a say, `dedupe_key` lets it be suggested once ever (left out: once a run)."""

    model_config = ConfigDict(extra="forbid")

    method: Literal["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"] = "GET"
    url: str = Field(min_length=1, max_length=4000)
    headers: dict[str, str] = Field(default={}, max_length=30)
    query: dict[str, str | int | float | bool | list[str]] = Field(default={}, max_length=100)
    json_body: JsonValue = None
    text: str | None = Field(default=None, max_length=100_000)
    connection: str | None = Field(default=None, max_length=100)
    expect: list[int] = Field(default=[], max_length=50)
    max_bytes: int = Field(default=1_000_000, ge=1, le=10_000_000)
    timeout: float = Field(default=15, gt=0, le=60, allow_inf_nan=False)
    reason: str | None = Field(default=None, max_length=500)
    priority: Literal["low", "medium", "high"] = "medium"
    influenced_by: list[str] = Field(default=[], max_length=20)
    dedupe_key: str | None = Field(default=None, min_length=1, max_length=200)


class Output(BaseModel):
    """What came back: outside text. `json_body` where it is JSON, else `text` where it is text; `blob` names it in the content store where it is larger than 250,000 bytes or neither.
    Of a request that changes something there are only `proposals`, for the graph's own."""

    status: int | None = None
    url: str = ""
    headers: dict[str, str] = {}
    json_body: Any = None
    text: str | None = None
    blob: str | None = None
    proposals: list[Proposal] = []


class HttpRequest:
    name: ClassVar[str] = "http_request"
    quick: ClassVar[bool] = False
    Input = Input
    Output = Output

    def __init__(self, outbound: "Outbound | None" = None) -> None:
        self._outbound = outbound

    def run(self, context: SkillContext, inputs: Input) -> Output:
        """Raises Invalid `orchestration.http_request_wrong` (data: why), `orchestration.tool_missing`, `connectors.host_refused`; the errors of Outbound.get; for a
        status that was not expected Unavailable `orchestration.http_unavailable` (it may pass) or Conflict `orchestration.http_status_unexpected`; Conflict for an
        answer that is larger than wanted."""
        url = _whole(inputs.url, inputs.query)
        client = _client(context, inputs.connection)
        if inputs.method in ("GET", "HEAD"):
            return self._read(context, inputs, url, client)
        return Output(url=url, proposals=[_proposed(context, inputs, url, client)])

    def _read(self, context: SkillContext, inputs: Input, url: str, client: "HttpClient | None") -> Output:
        from runners.outbound_http import Outbound, OutboundUncertain

        if inputs.text is not None or inputs.json_body is not None:
            raise Invalid("orchestration.http_request_wrong", why="body")
        head = inputs.method == "HEAD"
        seconds = _seconds(context, inputs.timeout)
        try:
            if client is None:
                outbound = self._outbound or Outbound(seconds=60)
                answer = outbound.get(
                    url, max_bytes=inputs.max_bytes, headers=inputs.headers, head=head, seconds=seconds
                )
            else:
                answer = client.fetch(
                    url, headers=inputs.headers, head=head, max_bytes=inputs.max_bytes, seconds=seconds
                )
        except OutboundUncertain as broken:
            if broken.code in ("outbound.answer_too_large", "outbound.encoding_refused"):
                raise Conflict(broken.code, **broken.data) from None  # the same again would end the same
            raise
        _check(answer, inputs.expect)
        return _output(context, answer)


def _whole(url: str, query: Mapping[str, Any]) -> str:
    if not query:
        return url
    try:
        parts = urlsplit(url)
    except ValueError:
        raise Invalid("orchestration.http_request_wrong", why="url") from None
    plain = {name: json.dumps(value) if isinstance(value, bool) else value for name, value in query.items()}
    return urlunsplit(parts._replace(query="&".join(filter(None, (parts.query, urlencode(plain, doseq=True))))))


def _client(context: SkillContext, role: str | None) -> "HttpClient | None":
    if role is None:
        return None
    from runners.connectors.http.client import HttpClient

    tool = context.tools.get(role)
    if tool is None or not isinstance(tool.client, HttpClient):
        raise Invalid("orchestration.tool_missing", tool=role)
    return tool.client


def _seconds(context: SkillContext, timeout: float) -> float:
    left = timeout if context.deadline is None else min(timeout, context.deadline - time.monotonic())
    return max(left, 0.001)


def _check(answer: "Answer", expect: list[int]) -> None:
    if answer.status in expect or (not expect and 200 <= answer.status < 300):
        return
    kind, code = (
        (Unavailable, "orchestration.http_unavailable")
        if answer.status in _LATER
        else (Conflict, "orchestration.http_status_unexpected")
    )
    raise kind(code, host=urlsplit(answer.url).hostname or "", status=answer.status)


def _output(context: SkillContext, answer: "Answer") -> Output:
    headers = {name: answer.headers[name] for name in _KEPT if name in answer.headers}
    found, text = None, None
    if len(answer.body) <= INLINE:
        text = _decoded(answer.body, headers.get("content-type", ""))
        if text is not None and "json" in headers.get("content-type", ""):
            found = _json(text)
    # Null is an answer too: then the text says so.
    blob = context.blobs.put(answer.body) if answer.body and text is None else None
    return Output(
        status=answer.status, url=answer.url, headers=headers, json_body=found, text=text if found is None else None, blob=blob
    )  # fmt: skip


def _decoded(body: bytes, kind: str) -> str | None:
    said = _CHARSET.search(kind)
    try:
        return body.decode(said[1] if said else "utf-8")
    except (UnicodeDecodeError, LookupError):
        return None


def _json(text: str) -> Any:
    """The JSON value; None for what only looks like it: NaN, numbers without bounds, nesting without end."""
    try:
        found = json.loads(text)
        json.dumps(found, allow_nan=False)
    except (ValueError, RecursionError):
        return None
    return found


def _proposed(context: SkillContext, inputs: Input, url: str, client: "HttpClient | None") -> Proposal:
    if client is None or inputs.connection is None:
        raise Invalid("orchestration.http_request_wrong", why="connection")
    if inputs.text is not None and inputs.json_body is not None:
        raise Invalid("orchestration.http_request_wrong", why="body")
    if inputs.expect:
        raise Invalid("orchestration.http_request_wrong", why="expect")
    client.allow(url)
    fields = {name.lower(): value for name, value in inputs.headers.items()}
    if any(character in "\r\n" for name, value in fields.items() for character in name + value):
        # A value from outside must not become a field of its own.
        raise Invalid("orchestration.http_request_wrong", why="headers")
    kind = fields.pop("content-type", "")
    request: dict[str, Any] = {"method": inputs.method, "url": url}
    if inputs.json_body is not None:
        request |= {
            "content_type": kind or "application/json",
            "body": json.dumps(inputs.json_body, ensure_ascii=False),
        }
    elif inputs.text is not None:
        request |= {"content_type": kind or "text/plain; charset=utf-8", "body": inputs.text}
    if fields:
        request["headers"] = "".join(f"{name}: {value}\n" for name, value in fields.items())
    data = {"host": urlsplit(url).hostname or "", "reason": inputs.reason or ""}
    return Proposal(
        type="http",
        kind="http",
        priority=inputs.priority,
        operation=client.operation,
        tool=inputs.connection,
        input=_checked(request),
        why=Words(code="suggestion.why.request_reason" if inputs.reason else "suggestion.why.request", data=data),
        dedupe_key=f"http:{inputs.dedupe_key or f'{context.run_id}:{context.node}:{context.index}'}",
        influenced_by=tuple(inputs.influenced_by),
    )


def _checked(request: Mapping[str, Any]) -> dict[str, Any]:
    """Refused here, where the step can say so, rather than when the run ends."""
    from core.connectors.kinds import checked_input

    try:
        return checked_input("http", "http.request", request)
    except Failure as wrong:
        raise Invalid("orchestration.http_request_wrong", why=str(wrong.data.get("field", ""))) from None
