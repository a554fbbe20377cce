"""Nothing that a person or a mail names can make us call into our own network."""

import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator

import pytest

from runners.forbidden_networks import forbidden
from runners.outbound_http import Outbound, OutboundRefused, OutboundUncertain, OutboundUnreachable
from tests.emulators.authority import Authority
from tests.emulators.website import HOST, Website, resolving, website

OURS = [
    *("0.0.0.0", "10.1.2.3", "100.64.0.1", "100.100.100.200", "127.0.0.1", "127.255.255.254", "168.63.129.16"),
    *("169.254.169.254", "172.16.0.1", "172.31.255.255", "192.0.0.192", "192.168.1.1", "198.18.0.1", "224.0.0.251"),
    *("239.255.255.250", "240.0.0.1", "255.255.255.255", "192.0.2.1", "198.51.100.1", "203.0.113.1", "192.88.99.1"),
    *("::", "::1", "::ffff:127.0.0.1", "::ffff:8.8.8.8", "::127.0.0.1", "64:ff9b::7f00:1", "64:ff9b:1::1", "100::1"),
    *("2001::1", "2001:db8::1", "2002:7f00:1::", "3fff::1", "fc00::1", "fd00:ec2::254", "fe80::1", "fe80::1%eth0"),
    *("fec0::1", "ff02::1", "5f00::1", "4000::1", "localhost", ""),
]
PUBLIC = ["8.8.8.8", "1.1.1.1", "100.63.255.255", "100.128.0.1", "172.15.0.1", "2606:4700::1111", "2a00:1450::1"]


@pytest.mark.parametrize("address", OURS)
def test_an_address_that_is_not_public_is_forbidden(address: str) -> None:
    assert forbidden(address)


@pytest.mark.parametrize("address", PUBLIC)
def test_a_public_address_is_not(address: str) -> None:
    assert not forbidden(address)


@pytest.mark.parametrize("scheme", ["http", "https"])
@pytest.mark.parametrize(
    "host",
    [
        *("127.0.0.1", "127.1", "2130706433", "0x7f000001", "0177.0.0.1", "0x7f.1", "0", "localhost", "localhost."),
        *("[::1]", "[::ffff:127.0.0.1]", "[::ffff:7f00:1]", "[64:ff9b::7f00:1]", "[2002:7f00:1::]", "[fe80::1]"),
        *("169.254.169.254", "[fd00:ec2::254]", "168.63.129.16", "100.100.100.200", "①②⑦.⓪.⓪.①", "127。0。0。1"),
    ],
)
def test_no_spelling_of_an_own_address_is_called(scheme: str, host: str) -> None:
    with pytest.raises((OutboundRefused, OutboundUnreachable)) as refused:
        Outbound(seconds=3).get(f"{scheme}://{host}/")
    assert refused.value.code in ("outbound.address_refused", "outbound.address_malformed", "outbound.name_unknown")


@pytest.mark.parametrize(
    "url",
    [
        *(
            "file:///etc/passwd",
            "gopher://x/",
            "ftp://example.org/",
            "javascript:alert(1)",
            "//example.org/",
            "",
            "http:///",
        ),
        *("http://user@example.org/", "http://user:pw@example.org/", "http://example.org@127.0.0.1/", "http://a b/"),
        *("http://example.org/\r\nX-Evil: 1", "http://exa\nmple.org/", "http://example.org/\x00", "http://\ud800/"),
        *("http://example.org:99999/", "http://[::1/", "http://example.org:0x50/"),
    ],
)
def test_an_address_that_is_not_plainly_http_is_refused(url: str) -> None:
    with pytest.raises(OutboundRefused):
        Outbound(seconds=3, resolver=_nobody_asks).get(url)


def test_one_click_is_https_only() -> None:
    with pytest.raises(OutboundRefused) as refused:
        Outbound(resolver=_nobody_asks).post_once("http://example.org/leave", b"", "text/plain")
    assert refused.value.code == "outbound.scheme_refused"


@pytest.mark.parametrize("port", [22, 25, 5432, 6379, 8080])
def test_a_port_that_is_not_of_the_web_is_refused(port: int) -> None:
    with pytest.raises(OutboundRefused) as refused:
        Outbound(resolver=resolving("8.8.8.8")).get(f"http://example.org:{port}/")
    assert refused.value.code == "outbound.port_refused"


@pytest.mark.parametrize("addresses", [["8.8.8.8", "127.0.0.1"], ["2606:4700::1111", "::1"], ["8.8.8.8", "fd00::1"]])
def test_a_name_with_one_own_address_among_public_ones_is_refused(addresses: list[str]) -> None:
    with pytest.raises(OutboundRefused):
        Outbound(resolver=resolving(*addresses)).get("http://example.org/")


def test_a_name_is_resolved_once_so_that_a_second_answer_changes_nothing(web: Website) -> None:
    answers = [["127.0.0.1"], ["127.0.0.2"]]
    outbound = web.outbound(resolver=lambda host, port: answers.pop(0))
    assert outbound.get(web.url("/")).status == 200
    assert answers == [["127.0.0.2"]]


def test_a_name_that_leads_nowhere_is_unreachable() -> None:
    def unknown(host: str, port: int) -> list[str]:
        raise socket.gaierror(-2, "unknown")

    for resolver in (unknown, resolving()):
        with pytest.raises(OutboundUnreachable) as away:
            Outbound(resolver=resolver).get("http://nowhere.example/")
        assert away.value.code == "outbound.name_unknown"


def test_a_name_server_that_does_not_answer_is_given_up(web: Website) -> None:
    stop = threading.Event()

    def silent(host: str, port: int) -> list[str]:
        stop.wait(30)
        return []

    began = time.monotonic()
    with pytest.raises(OutboundUnreachable):
        Outbound(seconds=0.3, resolver=silent).get("http://slow.example/")
    stop.set()
    assert time.monotonic() - began < 5


def test_a_page_is_fetched_with_the_right_host_and_certificate(web: Website) -> None:
    answer = web.outbound().get(web.url("/page?a=1"))
    assert (answer.status, answer.body) == (200, b"hello")
    method, path, headers, _ = web.calls[0]
    assert (method, path) == ("GET", "/page?a=1")
    assert headers["host"] == f"{HOST}:{web.port}"
    assert headers.keys() == {"host", "accept", "accept-encoding", "user-agent", "connection"}


def test_a_certificate_for_another_name_is_not_trusted(web: Website) -> None:
    with pytest.raises(OutboundUnreachable) as away:
        web.outbound().get(f"https://other.example:{web.port}/")
    assert away.value.code == "outbound.tls_failed"
    assert web.calls == []


def test_a_certificate_of_an_unknown_authority_is_not_trusted(web: Website) -> None:
    outbound = Outbound(allow={("127.0.0.1", web.port)}, resolver=resolving("127.0.0.1"))
    with pytest.raises(OutboundUnreachable):
        outbound.get(web.url("/"))


def test_verification_cannot_be_switched_off() -> None:
    lax = ssl.create_default_context()
    lax.check_hostname = False
    with pytest.raises(ValueError):
        Outbound(trust=lax)


def test_proxy_variables_change_nothing(web: Website, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "http_proxy", "https_proxy", "all_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    assert web.outbound().get(web.url("/")).status == 200


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_redirect_is_followed_and_checked_like_the_first_address(web: Website, status: int) -> None:
    web.answers["/moved"] = (status, {"Location": "/page"}, b"")
    assert web.outbound().get(web.url("/moved")).body == b"hello"
    for to in (
        "https://10.0.0.1/",
        "http://169.254.169.254/",
        f"http://shop.example:{web.port}/",
        "file:///etc/passwd",
    ):
        web.answers["/moved"] = (status, {"Location": to}, b"")
        with pytest.raises(OutboundRefused):
            web.outbound(resolver=_by_name(web)).get(web.url("/moved"))


def test_more_than_three_redirects_are_refused(web: Website) -> None:
    for n in range(5):
        web.answers[f"/{n}"] = (302, {"Location": f"/{n + 1}" if n < 4 else "/page"}, b"")
    with pytest.raises(OutboundRefused) as refused:
        web.outbound().get(web.url("/0"))
    assert refused.value.code == "outbound.too_many_redirects"
    assert len(web.calls) == 4


def test_cookies_are_not_carried_along(web: Website) -> None:
    web.answers["/moved"] = (302, {"Location": "/page", "Set-Cookie": "a=1"}, b"")
    web.outbound().get(web.url("/moved"))
    assert all("cookie" not in headers for _, _, headers, _ in web.calls)


def test_own_header_fields_go_to_the_first_origin_only(web: Website) -> None:
    web.answers["/moved"] = (302, {"Location": "/page"}, b"")
    web.answers["/away"] = (302, {"Location": f"https://localhost:{web.port}/page"}, b"")
    fields = {"Authorization": "canary", "X-Mine": "canary"}
    web.outbound().get(web.url("/moved"), headers=fields)
    assert [headers.get("authorization") for _, _, headers, _ in web.calls] == ["canary", "canary"]
    web.calls.clear()
    web.outbound().get(web.url("/away"), headers=fields)
    assert [path for _, path, _, _ in web.calls] == ["/away", "/page"]
    assert "canary" not in repr(web.calls[1])


@pytest.mark.parametrize(
    "fields",
    [
        {"X-A": "1\r\nX-Evil: 1"},
        {"X-A\r\nX-Evil": "1"},
        {"X A": "1"},
        {"": "1"},
        {"X-A": "ü"},
        {"X-A": "\0"},
        {"Host": "internal"},
        {"Content-Length": "0"},
        {"transfer-encoding": "chunked"},
        {"Accept-Encoding": "gzip"},
        {"Proxy-Authorization": "x"},
        {"Cookie": "a=1"},
    ],
)
def test_a_header_field_that_changes_the_request_is_refused(web: Website, fields: dict[str, str]) -> None:
    for call in (
        lambda: web.outbound().get(web.url("/"), headers=fields),
        lambda: web.outbound().send_once("PUT", web.url("/"), b"", fields),
    ):
        with pytest.raises(OutboundRefused) as refused:
            call()
        assert refused.value.code in ("outbound.header_malformed", "outbound.header_refused")
    assert web.calls == []


def test_only_what_a_page_says_about_itself_can_be_asked_for(web: Website) -> None:
    answer = web.outbound().get(web.url("/page"), head=True)
    assert (answer.status, answer.body, answer.headers["content-length"]) == (200, b"", "5")
    assert web.calls[0][0] == "HEAD"


def test_what_may_change_something_goes_over_https_only() -> None:
    with pytest.raises(OutboundRefused) as refused:
        Outbound(resolver=_nobody_asks).send_once("DELETE", "http://example.org/", b"", {})
    assert refused.value.code == "outbound.scheme_refused"


def test_a_post_is_sent_once_and_follows_nothing(web: Website) -> None:
    web.answers["/leave"] = (307, {"Location": "/page"}, b"")
    answer = web.outbound().post_once(
        web.url("/leave"), b"List-Unsubscribe=One-Click", "application/x-www-form-urlencoded"
    )
    assert answer.status == 307
    [(method, _, headers, body)] = web.calls
    assert (method, body) == ("POST", b"List-Unsubscribe=One-Click")
    assert headers["content-type"] == "application/x-www-form-urlencoded"


def test_an_answer_that_is_too_large_packed_or_slow_is_cut_off(web: Website) -> None:
    web.answers["/large"] = (200, {}, b"x" * 3_000_000)
    web.answers["/bomb"] = (200, {"Content-Encoding": "gzip"}, b"\x1f\x8b" + b"\0" * 100)
    for path in ("/large", "/bomb", "/drip"):
        began = time.monotonic()
        with pytest.raises(OutboundUncertain):
            web.outbound(seconds=1.0).get(web.url(path))
        assert time.monotonic() - began < 5


def test_a_connection_that_is_cut_after_the_request_is_uncertain(web: Website) -> None:
    with pytest.raises(OutboundUncertain) as cut:
        web.outbound().post_once(web.url("/cut"), b"x", "text/plain")
    assert cut.value.code == "outbound.cut_off"
    assert len(web.calls) == 1


def test_a_server_that_is_down_is_unreachable() -> None:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    outbound = Outbound(allow={("127.0.0.1", port)}, resolver=resolving("127.0.0.1"))
    with pytest.raises(OutboundUnreachable):
        outbound.post_once(f"https://shop.example:{port}/", b"x", "text/plain")


def test_only_the_very_address_and_port_that_a_test_allows_is_reached(web: Website) -> None:
    for pair in ({("127.0.0.1", web.port + 1)}, {("127.0.0.2", web.port)}):
        with pytest.raises(OutboundRefused):
            web.outbound(allow=pair).get(web.url("/"))


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("authority"), HOST)


@pytest.fixture
def web(authority: Authority) -> Iterator[Website]:
    with website(authority) as running:
        yield running


def _by_name(web: Website) -> Callable[[str, int], list[str]]:
    return lambda host, port: ["127.0.0.1"] if host == HOST else [host]


def _nobody_asks(host: str, port: int) -> list[str]:
    raise AssertionError(f"{host} was resolved")
