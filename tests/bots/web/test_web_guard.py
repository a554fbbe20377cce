"""The door keeps out who does not belong: strangers, other hosts' names, other pages' posts, and too much."""

from contextlib import suppress

import httpx
import pytest

from tests.bots.web.conftest import TOKEN, Site


def test_a_stranger_is_told_how_to_get_in_and_nothing_else(site: Site) -> None:
    answer = site.client().get("/")
    assert answer.status_code == 401
    assert "Nod is ready:" in answer.text
    assert TOKEN not in answer.text
    assert "you@localhost" not in answer.text


def test_the_printed_address_signs_in_and_leaves_the_token_behind(site: Site) -> None:
    answer = site.client().get("/", params={"token": TOKEN})
    assert (answer.status_code, answer.headers["location"]) == (303, "/")
    cookie = answer.headers["set-cookie"].lower()
    assert "httponly" in cookie
    assert "samesite=strict" in cookie
    assert TOKEN not in cookie
    page = site.signed_in().get("/")
    assert page.status_code == 200
    assert 'role="log"' in page.text


@pytest.mark.parametrize("token", ["", "wrong", TOKEN[:-1], TOKEN + "x", "\u202e"])
def test_another_token_does_not(site: Site, token: str) -> None:
    answer = site.client().get("/", params={"token": token})
    assert answer.status_code == 403
    assert "set-cookie" not in answer.headers


def test_a_session_that_was_made_up_is_none(site: Site) -> None:
    client = site.client()
    client.cookies.set("nod_8080", "made-up")
    assert client.get("/").status_code == 401
    for path in ("/chat/stream", "/chat/lines"):
        assert client.get(path).status_code == 401
    assert client.post("/chat/say", data={"text": "hi"}, headers={"Accept": "application/json"}).status_code == 401


def test_a_name_that_is_not_ours_is_refused_also_when_it_resolves_to_us(site: Site) -> None:
    port = site.url.rsplit(":", 1)[1]
    signed_in = site.signed_in()
    for name in (
        "evil.example",
        f"evil.example:{port}",
        "127.0.0.1.evil.example",
        "",
        "localhost.evil.example",
        "[::1",
    ):
        assert signed_in.get("/", headers={"Host": name}).status_code in (400, 421), name
    for name in (f"127.0.0.1:{port}", f"localhost:{port}", f"[::1]:{port}", "LOCALHOST"):
        assert signed_in.get("/", headers={"Host": name}).status_code == 200, name


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "https://evil.example"},
        {"Origin": "http://127.0.0.1:1"},
        {"Origin": "null"},
        {"Origin": "null", "Sec-Fetch-Site": "cross-site"},
        {"Origin": "null", "Sec-Fetch-Site": "same-site"},
        {"Origin": "http://127.0.0.1.evil.example"},
    ],
)
def test_a_post_of_another_page_is_refused(site: Site, headers: dict[str, str]) -> None:
    assert site.signed_in().post("/chat/say", data={"text": "/probe_say x"}, headers=headers).status_code == 403


def test_a_post_without_an_origin_is_refused_unless_the_browser_vouches_for_it(site: Site) -> None:
    client = site.signed_in()
    del client.headers["Origin"]
    assert client.post("/chat/say", data={"text": "hi"}).status_code == 403
    assert client.post("/chat/say", data={"text": "hi"}, headers={"Sec-Fetch-Site": "same-origin"}).status_code == 303


@pytest.mark.parametrize("path", ["/", "/static/chat.js", "/static/none", "/nowhere", "/healthz", "/api/openapi.json"])
def test_every_answer_forbids_what_a_page_must_not_do(site: Site, path: str) -> None:
    headers = site.signed_in().get(path).headers
    policy = headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "script-src 'self'" in policy
    assert "unsafe" not in policy
    assert "frame-ancestors 'none'" in policy
    assert headers["x-frame-options"] == "DENY"
    assert headers["referrer-policy"] == "no-referrer"
    assert headers["x-content-type-options"] == "nosniff"


def test_the_page_asks_nobody_else_for_anything(site: Site) -> None:
    page = site.signed_in().get("/").text
    assert "http://" not in page.replace("http://www.w3.org/", "")
    assert "https://" not in page
    assert "style=" not in page
    assert "onclick" not in page


def test_too_much_is_refused_declared_or_not(site: Site) -> None:
    client = site.signed_in()
    assert client.post("/chat/tap", content=b"x" * 70_000).status_code == 413

    def endless() -> object:
        while True:
            yield b"x" * 10_000

    for kind in ("application/x-www-form-urlencoded", "text/plain"):
        # An answer, or a connection that was closed before all of it was sent.
        with suppress(httpx.WriteError, httpx.ReadError, httpx.RemoteProtocolError):
            answer = client.post("/chat/tap", content=endless(), headers={"Content-Type": kind})  # pyright: ignore[reportArgumentType]
            assert answer.headers["connection"] == "close"
    assert client.get("/healthz").text == "ok\n"


@pytest.mark.parametrize("body", [b"", b"\xff\xfe", b"a=%ff&b", b"x" * 1000, b"--x\r\n"])
@pytest.mark.parametrize(
    "kind",
    ["multipart/form-data; boundary=x", "multipart/form-data", "application/x-www-form-urlencoded", "text/plain"],
)
def test_a_broken_form_is_never_a_failure_of_ours(site: Site, body: bytes, kind: str) -> None:
    client = site.signed_in()
    for path in ("/chat/say", "/chat/tap", "/chat/form"):
        assert client.post(path, content=body, headers={"Content-Type": kind}).status_code < 500


def test_a_forged_button_does_nothing_and_says_so(site: Site) -> None:
    client = site.signed_in()
    answer = client.post(
        "/chat/tap", data={"token": "made-up", "delivery": "x"}, headers={"Accept": "application/json"}
    )
    assert answer.json()["code"] == "messaging.button_forged"
    assert "nothing was done" in answer.json()["toast"]


def test_health_says_what_holds(site: Site) -> None:
    client = site.client()
    assert client.get("/healthz").status_code == 200
    assert client.get("/readyz").json() == {"ready": True, "checks": {"database": True, "broker": True}}
    assert client.get("/metrics").text == "nod_up 1\n"
    assert client.get("/healthz", headers={"Host": "web.internal"}).status_code == 200


def test_a_drawing_may_do_nothing_even_when_it_is_opened_by_itself(site: Site) -> None:
    client = site.signed_in()
    actor = site.actor(client)
    drawing = b"<svg xmlns='http://www.w3.org/2000/svg'><script>alert(1)</script></svg>"
    blob = site.parts.storage.blobs(actor.workspace_id, actor.user_id).put(drawing)
    shown = client.get(f"/chat/picture/{blob}")
    assert (shown.status_code, shown.headers["content-type"], shown.content) == (200, "image/svg+xml", drawing)
    rules = shown.headers["content-security-policy"]
    assert rules.startswith("sandbox; default-src 'none'") and "script" not in rules
    page = site.parts.storage.blobs(actor.workspace_id, actor.user_id).put(b"<html><script>alert(1)</script></html>")
    assert client.get(f"/chat/picture/{page}").status_code == 404
