"""A web address is read at once, within limits; whatever may change something is only proposed."""

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from core.connectors.kinds import checked_input
from core.kernel.errors import Conflict, Failure, Invalid, Unavailable
from core.orchestration.ports import SkillContext, Tool
from runners.connectors.http.client import KEYED, PLAIN, HttpClient
from runners.outbound_http import OutboundRefused
from runners.skills.http_request import HttpRequest, Input, Output
from tests.contract.connectors.rigs import place
from tests.emulators.authority import Authority
from tests.emulators.website import HOST, Website, website
from tests.unit.skills.letters import NOW
from tests.unit.skills.mailbox import Contents, context

SECRET = "Bearer canary-secret"


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("authority"), HOST)


@pytest.fixture
def web(authority: Authority) -> Iterator[Website]:
    with website(authority) as running:
        yield running


def _told(web: Website, folder: Path, **config: Any) -> SkillContext:
    told = context(now=NOW, blobs=Contents())
    given = {"hosts": HOST, "header": "Authorization", "honours_key": False, **config}
    client = HttpClient(given, {"secret": SECRET}, place(folder), web.outbound())
    told.tools = {"shop": Tool(UUID(int=9), "http", HOST, client, None)}
    told.node, told.index = "call", 2
    return told


def _run(web: Website, told: SkillContext | None = None, **inputs: Any) -> Output:
    return HttpRequest(web.outbound()).run(told or context(now=NOW, blobs=Contents()), Input(**inputs))


def test_an_address_is_read(web: Website) -> None:
    web.answers["/list?a=1&b=x+y&c=1&c=2&d=true"] = (
        200, {"Content-Type": "application/json", "Set-Cookie": "s=1", "ETag": '"7"'}, b'{"n": [1]}',
    )  # fmt: skip
    query: Any = {"b": "x y", "c": ["1", "2"], "d": True}
    output = _run(web, url=web.url("/list?a=1"), query=query, headers={"X-Mine": "1"})
    assert (output.status, output.json_body, output.text, output.blob) == (200, {"n": [1]}, None, None)
    assert output.headers == {"content-type": "application/json", "etag": '"7"'}
    assert web.calls[0][2]["x-mine"] == "1"


@pytest.mark.parametrize("body", [b"[" * 5000, b'{"a": NaN}', b'{"a": 1e400}', b"{"])
def test_what_only_looks_like_json_stays_text(web: Website, body: bytes) -> None:
    web.answers["/x"] = (200, {"Content-Type": "application/json"}, body)
    output = _run(web, url=web.url("/x"))
    assert (output.json_body, output.text) == (None, body.decode())


def test_a_text_is_read_in_the_encoding_that_it_names(web: Website) -> None:
    web.answers["/x"] = (200, {"Content-Type": "text/html; charset=ISO-8859-15"}, "5 €".encode("iso-8859-15"))
    assert _run(web, url=web.url("/x")).text == "5 €"


@pytest.mark.parametrize("body", [b"\xff\xfe\x00", b"x" * 250_001])
def test_what_is_large_or_no_text_goes_to_the_content_store(web: Website, body: bytes) -> None:
    web.answers["/x"] = (200, {}, body)
    told = context(now=NOW, blobs=Contents())
    output = _run(web, told, url=web.url("/x"))
    assert output.text is None and output.blob is not None
    assert told.blobs.get(output.blob) == body


def test_only_the_head_can_be_asked_for(web: Website) -> None:
    output = _run(web, url=web.url("/page"), method="HEAD")
    assert (output.status, output.text, web.calls[0][0]) == (200, "", "HEAD")


@pytest.mark.parametrize(
    ("status", "expect", "raised"),
    [(404, [], Conflict), (404, [404], None), (200, [404], Conflict), (503, [], Unavailable), (429, [], Unavailable)],
)
def test_a_status_that_was_not_expected_is_a_failure(web: Website, status: int, expect: list[int], raised: Any) -> None:
    web.answers["/x"] = (status, {}, b"")
    if raised is None:
        assert _run(web, url=web.url("/x"), expect=expect).status == status
        return
    with pytest.raises(raised) as caught:
        _run(web, url=web.url("/x"), expect=expect)
    assert caught.value.data == {"host": HOST, "status": status}


def test_a_large_answer_and_a_slow_one_are_cut(web: Website) -> None:
    with pytest.raises(Conflict) as caught:
        _run(web, url=web.url("/page"), max_bytes=4)
    assert caught.value.code == "outbound.answer_too_large"
    began = time.monotonic()
    with pytest.raises(Failure):
        HttpRequest(web.outbound(seconds=20)).run(context(now=NOW), Input(url=web.url("/drip"), timeout=0.5))
    assert time.monotonic() - began < 4


def test_the_deadline_of_the_step_holds(web: Website) -> None:
    told = context(now=NOW)
    told.deadline = time.monotonic() - 1
    with pytest.raises(Failure):
        HttpRequest().run(told, Input(url=web.url("/page")))


@pytest.mark.parametrize("url", ["http://127.0.0.1/", "http://169.254.169.254/latest", "https://[::1]/", "file:///etc/passwd", "http://2130706433/"])  # fmt: skip
def test_nothing_of_our_own_is_reached(url: str) -> None:
    with pytest.raises(OutboundRefused):
        HttpRequest().run(context(now=NOW), Input(url=url))


def test_a_connection_s_secret_goes_along_and_is_seen_nowhere(web: Website, tmp_path: Path) -> None:
    output = _run(web, _told(web, tmp_path), url=web.url("/page"), connection="shop")
    assert web.calls[0][2]["authorization"] == SECRET
    assert "canary" not in repr(output)


def test_a_connection_is_for_its_own_hosts(web: Website, tmp_path: Path) -> None:
    for method in ("GET", "POST"):
        with pytest.raises(Invalid) as caught:
            _run(web, _told(web, tmp_path), url="https://elsewhere.example/", connection="shop", method=method)
        assert caught.value.code == "connectors.host_refused"
    assert web.calls == []


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE"])
def test_what_may_change_something_is_proposed_and_not_done(web: Website, tmp_path: Path, method: str) -> None:
    told = _told(web, tmp_path)
    inputs: dict[str, Any] = {
        "url": web.url("/things"), "query": {"a": "1"}, "method": method, "connection": "shop", "json_body": {"on": True},
        "headers": {"X-Mine": "1"}, "reason": "The lamp is off.", "influenced_by": ["mail from a@x.example"], "priority": "high",
    }  # fmt: skip
    output = _run(web, told, **inputs)
    [proposal] = output.proposals
    assert (web.calls, output.status) == ([], None)
    assert (proposal.type, proposal.operation, proposal.tool, proposal.priority) == ("http", PLAIN, "shop", "high")
    assert proposal.input == {
        "method": method, "url": web.url("/things?a=1"), "content_type": "application/json", "body": '{"on": true}', "headers": "x-mine: 1\n",
    }  # fmt: skip
    assert proposal.why.data == {"host": HOST, "reason": "The lamp is off."}
    assert proposal.influenced_by == ("mail from a@x.example",)
    assert proposal.dedupe_key == f"http:{told.run_id}:call:2"
    assert checked_input("http", proposal.operation, proposal.input) == proposal.input
    assert "canary" not in repr(proposal)
    told.tools["shop"].client.perform(proposal.operation, "key", proposal.input)
    assert web.calls[0][0] == method


def test_a_service_that_honours_keys_is_asked_with_one(web: Website, tmp_path: Path) -> None:
    told = _told(web, tmp_path, honours_key=True)
    output = _run(web, told, url=web.url("/x"), method="POST", connection="shop", text="a", dedupe_key="order 7")
    assert (output.proposals[0].operation, output.proposals[0].dedupe_key) == (KEYED, "http:order 7")


@pytest.mark.parametrize(
    ("more", "why"),
    [
        ({"connection": None}, "connection"),
        ({"text": "a", "json_body": 1}, "body"),
        ({"expect": [200]}, "expect"),
        ({"headers": {"X-A": "1\r\nX-Evil: 1"}}, "headers"),
        ({"text": "a", "headers": {"Content-Type": "ü"}}, "content_type"),
        ({"method": "GET", "connection": None, "text": "a"}, "body"),
    ],
)
def test_a_request_that_cannot_be_is_refused_at_once(
    web: Website, tmp_path: Path, more: dict[str, Any], why: str
) -> None:
    given = {"url": web.url("/x"), "method": "POST", "connection": "shop", **more}
    with pytest.raises(Invalid) as caught:
        _run(web, _told(web, tmp_path), **given)
    assert caught.value.data == {"why": why}
    assert web.calls == []


def test_an_unknown_connection_is_named(web: Website) -> None:
    with pytest.raises(Invalid) as caught:
        _run(web, url=web.url("/x"), connection="nowhere")
    assert (caught.value.code, caught.value.data) == ("orchestration.tool_missing", {"tool": "nowhere"})
