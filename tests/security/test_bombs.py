"""What is meant to break a parser is refused with a 4xx by every door of the web process, and leaves nothing (promise 30)."""

import gzip
import json
import socket
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import psycopg
import pytest

from core.kernel.ids import new_id
from storage.tables import metadata
from tests.bots.api.test_rest import Connect, connect, world
from tests.bots.web.conftest import Site, site
from tests.runners.world import World, mail
from tests.security.tenants import Tenant, everything_of

__all__ = ["connect", "site", "world"]
JSON = {"Content-Type": "application/json"}
YAML = {"Content-Type": "application/yaml"}
BODIES: dict[str, bytes] = {
    "nothing": b"",
    "half": b'{"name": "',
    "deep list": b"[" * 100_000,
    "deep object": b'{"a":' * 100_000 + b"1" + b"}" * 100_000,
    "deep and whole": b"[" * 50_000 + b"]" * 50_000,
    "not a number": b'{"name": NaN, "config": {"a": Infinity}}',
    "without bounds": b'{"name": "x", "config": {"a": 1e400}}',
    "a long number": b'{"name": ' + b"1" * 10_000 + b"}",
    "no character": b'{"template": "\\u0000", "name": "\\u0000"}',
    "half a character": b'{"template": "\\ud800", "name": "\\udfff"}',
    "no UTF-8": b'{"name": "\xff\xfe\xc0\xaf"}',
    "UTF-16": '{"none": "x"}'.encode("utf-16"),
    "twice": b'{"template": "no", "template": "neither"}',
    "a list": b"[1, 2, 3]",
    "packed": gzip.compress(b"0" * 20_000_000),
    "a billion laughs": b'a: &a ["x","x"]\nb: &b [*a,*a,*a,*a,*a,*a,*a,*a,*a]\nc: &c [*b,*b,*b,*b,*b,*b,*b,*b,*b]\n'
    + b"".join(b"%c: &%c [%s]\n" % (100 + n, 100 + n, b",".join([b"*%c" % (99 + n)] * 9)) for n in range(9)),
    "a tag": b"!!python/object/apply:os.system ['touch /tmp/nod-was-here']",
    "an entity": b'<?xml version="1.0"?><!DOCTYPE x [<!ENTITY e SYSTEM "file:///etc/passwd">]><x>&e;</x>',
}  # fmt: skip


@pytest.fixture
def address(site: Site) -> str:
    """REST, behind everything that stands before it in the web process."""
    return f"{site.url}/api"


@pytest.fixture
def client(connect: Connect) -> httpx.Client:
    return connect()


def _doors(world: World, client: httpx.Client) -> Iterator[tuple[str, str, dict[str, str]]]:
    agent = client.post("/v1/agents", json={"template": "inbox"}).json()["id"]
    hook = client.post("/v1/triggers", json={"type": "webhook", "agent_id": agent}).json()["id"]
    suggestion = world.suggest(mail()).id
    root = str(client.base_url).removesuffix("/").removesuffix("/api")
    for path in ("agents", f"agents/{agent}/versions", "skills", "packs", "workflows", "triggers", "schedules/preview", f"suggestions/{suggestion}/decision", "connections"):  # fmt: skip
        yield "POST", f"{root}/api/v1/{path}", JSON
    yield "POST", f"{root}/api/v1/apply", YAML
    yield "PATCH", f"{root}/api/v1/agents/{agent}", JSON
    yield "PUT", f"{root}/api/v1/policies/mail.send", JSON
    yield "POST", f"{root}/hooks/{hook}", JSON
    yield "POST", f"{root}/chat/say", {"Content-Type": "multipart/form-data; boundary=x", "Origin": root}
    yield "POST", f"{root}/chat/tap", {"Content-Type": "application/x-www-form-urlencoded", "Origin": root}


def test_no_body_breaks_a_door_and_none_leaves_anything(
    world: World, client: httpx.Client, owner_url: str, tmp_path: Path
) -> None:
    doors, mark = list(_doors(world, client)), Path("/tmp/nod-was-here")
    before = _rows(owner_url, world, client)
    for name, body in BODIES.items():
        for method, url, headers in doors:
            packed = {"Content-Encoding": "gzip"} if name == "packed" else {}
            answer = client.request(method, url, content=body, headers={**headers, **packed})
            assert 400 <= answer.status_code < 500 or _harmless(answer), (name, method, url, answer.status_code, answer.text[:200])  # fmt: skip
            assert "Traceback" not in answer.text and "RecursionError" not in answer.text
    assert not mark.exists()
    assert _rows(owner_url, world, client) == before
    assert client.get("/v1/agents").status_code == 200, "it lives"


def test_paths_and_headers_that_mislead_are_refused(client: httpx.Client) -> None:
    some = new_id()
    for path in (
        "/v1/agents/..%2f..%2fetc%2fpasswd", "/v1/agents/%00", "/v1/agents/%ff", f"/v1/agents/{some}%0d%0aX-Evil:%201", "/v1/agents/" + "a" * 5_000,
        "/v1/schemas/..%2f..%2fpyproject", "/v1/templates/..%2finbox", "/v1/policies/" + "%F0%9F%92%A9" * 400, "/../../static/../bots/wiring.py",
        f"/v1/agents?cursor={'9' * 4_000}", "/v1/agents?limit=99999999999999999999999", "/v1/agents?limit=-1", "/v1/usage?from=0000-00-00",
    ):  # fmt: skip
        answer = client.get(path)
        assert 400 <= answer.status_code < 500, (path, answer.status_code)
        assert "x-evil" not in answer.headers
    for name, value in (
        ("Idempotency-Key", "x" * 300),
        ("Authorization", "Bearer " + "x" * 10_000),
        ("Authorization", "Bearer \xff"),
    ):
        answer = client.get("/v1/agents", headers={name: value.encode("latin-1")})  # type: ignore[dict-item]
        assert 400 <= answer.status_code < 500, name


def test_what_is_too_large_is_refused_before_it_is_read(site: Site, client: httpx.Client) -> None:
    for path, limit in (("/api/v1/agents", 30_000), ("/hooks/" + str(new_id()), 2_000_000), ("/chat/tap", 200_000)):
        with socket.create_connection(("127.0.0.1", site.server.servers[0].sockets[0].getsockname()[1]), 30) as raw:
            raw.sendall(
                f"POST {path} HTTP/1.1\r\nHost: {site.url[7:]}\r\nOrigin: {site.url}\r\nContent-Type: application/json\r\n"
                f"Content-Length: {limit * 100}\r\n\r\n".encode()
                + b"[" * 1_000
            )
            assert b"413" in raw.recv(200), f"{path}: nobody waited for the rest"


def test_who_says_nothing_or_says_it_slowly_keeps_nobody_waiting(site: Site, client: httpx.Client) -> None:
    port = site.server.servers[0].sockets[0].getsockname()[1]
    slow = [socket.create_connection(("127.0.0.1", port), 30) for _ in range(200)]
    try:
        for each in slow:
            each.sendall(b"POST /api/v1/agents HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 1000\r\nX-Slow: ")
        assert client.get("/v1/agents").status_code == 200
    finally:
        for each in slow:
            each.close()
    assert client.get("/v1/agents").status_code == 200


def test_a_bomb_inside_a_signed_or_unpacked_file_is_refused(client: httpx.Client) -> None:
    """Zip and image bombs come as files of mail; what a chat takes is tried in tests/bots/web/test_web_files.py and tests/unit/skills."""
    packed = zlib.compress(b"\0" * 50_000_000, 9)
    answer = client.post("/v1/apply", content=packed, headers={**YAML, "Content-Encoding": "deflate"})
    assert 400 <= answer.status_code < 500


def _harmless(answer: httpx.Response) -> bool:
    """A page's door says in words what was wrong, and looks the same as ever; a preview changes nothing."""
    where, sent = str(answer.url), answer.request.content
    return answer.status_code in (200, 303) and (
        "/chat/" in where or "/preview" in where or ("/apply" in where and not sent)
    )


def _rows(owner_url: str, world: World, client: httpx.Client) -> Any:
    with psycopg.connect(owner_url) as owner:
        inbound = owner.execute("SELECT count(*) FROM nod.inbound_events").fetchone()
    rows = everything_of(owner_url, Tenant(world, client))
    assert set(rows) <= {table.name for table in metadata.tables.values()}
    return json.dumps(
        [{name: len(found) for name, found in rows.items() if name not in ("messages", "deliveries")}, inbound]
    )
