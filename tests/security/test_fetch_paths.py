"""Every way on which a person, a mail or a model names an address: none leads to ourselves, and no new way comes unseen (promise 28)."""

import ast
import socket
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from core.connectors.operations import MailUnsubscribe
from core.connectors.ports import EffectFailed, EffectUnknown
from core.kernel.errors import Failure
from runners.connectors.http.client import HttpClient
from runners.connectors.unsubscribe import unsubscribe
from runners.outbound_http import Outbound, resolve
from runners.skills.http_request import HttpRequest, Input
from tests.contract.connectors.rigs import place
from tests.servers import ROOT
from tests.unit.skills.letters import NOW
from tests.unit.skills.mailbox import context
from tests.unit.skills.test_mcp import connected

ADDRESSES = [
    "http://127.0.0.1:{port}/", "http://127.1:{port}/", "http://2130706433:{port}/", "http://0x7f000001:{port}/", "http://0177.0.0.1:{port}/",
    "http://[::1]:{port}/", "http://[::ffff:127.0.0.1]:{port}/", "http://[64:ff9b::7f00:1]:{port}/", "http://localhost:{port}/", "http://localhost.:{port}/",
    "http://user@127.0.0.1:{port}/", "http://example.org@127.0.0.1:{port}/", "http://127.0.0.1:{port}#@example.org/", "http://①②⑦.⓪.⓪.①:{port}/",
    "https://127.0.0.1:{port}/", "https://169.254.169.254/latest/meta-data/", "http://169.254.169.254/", "https://[fd00:ec2::254]/", "http://0:{port}/",
    "file:///etc/passwd", "gopher://127.0.0.1:{port}/_x", "ftp://127.0.0.1:{port}/", "http://127.0.0.1:{port}/\r\nX: y", "//127.0.0.1:{port}/",
    "https://rebinding.example/", "http://rebinding.example/",
]  # fmt: skip
# Files that may open connections, and why that is no fetch path of its own. A new one fails the test below.
KNOWN = {
    "runners/outbound_http.py": "the only way to an address that somebody names",
    "runners/connectors/mcp/transport.py": "through Outbound",
    "runners/connectors/mcp/server.py": "through the transport above",
    "runners/connectors/http/client.py": "reads addresses with httpx, calls through Outbound",
    "runners/models/limits.py": "the operator names the model's address (NOD_MODEL_BASE_URL)",
    "runners/models/providers.py": "the operator names the model's address (NOD_MODEL_BASE_URL)",
    "runners/connectors/imap/sending.py": "the person's own mail server (docs/security.md, What remains)",
    "runners/connectors/imap/session.py": "the person's own mail server (docs/security.md, What remains)",
    "runners/connectors/imap/account.py": "the person's own mail server (docs/security.md, What remains)",
    "runners/up.py": "asks our own page whether it is ready",
    "runners/supervisor.py": "listens to its own processes",
}
OPENS = {"httpx", "httpx2", "httpcore", "requests", "aiohttp", "imaplib", "smtplib", "ftplib", "poplib", "telnetlib", "socket", "ssl", "urllib.request", "http.client", "websockets", "mcp", "openai", "anthropic", "pydantic_ai.mcp", "imap_tools"}  # fmt: skip


@pytest.fixture
def canary() -> Iterator[tuple[int, list[bytes]]]:
    """A listener on loopback that nobody may reach."""
    heard: list[bytes] = []
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.settimeout(0.2)
        over = threading.Event()

        def listen() -> None:
            while not over.is_set():
                try:
                    connection, _ = listener.accept()
                except TimeoutError:
                    continue
                heard.append(b"somebody came")
                connection.close()

        thread = threading.Thread(target=listen, daemon=True)
        thread.start()
        yield listener.getsockname()[1], heard
        over.set()
        thread.join(10)


class _Flipping:
    """A name server that says a public address first and our own from then on."""

    def __init__(self) -> None:
        self.asked = 0

    def __call__(self, host: str, port: int) -> list[str]:
        if host != "rebinding.example":
            return resolve(host, port)
        self.asked += 1
        return ["127.0.0.1"] if self.asked % 2 == 0 else ["192.0.2.1", "127.0.0.1"]


def _paths(outbound: Outbound, folder: Path) -> dict[str, Callable[[str], Any]]:
    """Each thing that calls what somebody named."""

    def by_connection(url: str) -> HttpClient:
        host = urlsplit(url).hostname or "none.example"
        return HttpClient(
            {"hosts": host, "header": "Authorization", "honours_key": False},
            {"secret": "Bearer x"},
            place(folder),
            outbound,
        )

    def by_mcp(url: str) -> Any:
        with connected(url, folder, outbound) as client:
            return client.check()

    left = MailUnsubscribe.model_construct(list_name="x", mailto=None)
    return {
        "get": outbound.get,
        "head": lambda url: outbound.get(url, head=True),
        "send": lambda url: outbound.send_once("POST", url, b"x", {}),
        "http_request": lambda url: HttpRequest(outbound).run(context(now=NOW), Input.model_construct(url=url)),
        "connection, reading": lambda url: by_connection(url).fetch(url, headers={}, head=False, max_bytes=10, seconds=5),
        "connection, acting": lambda url: by_connection(url).perform("http.request", "key", {"method": "POST", "url": url}),
        "unsubscribing": lambda url: unsubscribe(left.model_copy(update={"one_click": url}), "me@example.org", outbound, lambda sent: None),
        "mcp": by_mcp,
    }  # fmt: skip


def test_no_fetch_path_reaches_an_address_of_ours(canary: tuple[int, list[bytes]], tmp_path: Path) -> None:
    port, heard = canary
    for name, call in _paths(Outbound(seconds=5, resolver=_Flipping()), tmp_path).items():
        for address in ADDRESSES:
            with pytest.raises((Failure, EffectFailed, EffectUnknown)):
                call(address.replace("{port}", str(port)))
            assert heard == [], (name, address)


def test_a_name_that_turns_to_us_between_two_questions_is_asked_once(canary: tuple[int, list[bytes]]) -> None:
    port, heard = canary
    flipping = _Flipping()
    with pytest.raises(Failure):
        Outbound(seconds=5, resolver=flipping, allow=[("192.0.2.1", port)]).get(f"http://rebinding.example:{port}/")
    assert flipping.asked == 1 and heard == []


def test_every_way_to_the_outside_is_known() -> None:
    found = set()
    for room in ("runners", "core"):
        for file in (ROOT / room).rglob("*.py"):
            if OPENS & _imported(ast.parse(file.read_text("utf-8"))):
                found.add(file.relative_to(ROOT).as_posix())
    assert found <= set(KNOWN), (
        "a new file opens connections: let it go through runners/outbound_http.py, or say here why not"
    )


def _imported(tree: ast.AST) -> set[str]:
    names: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            names |= {node.module, *(f"{node.module}.{alias.name}" for alias in node.names)}
    return names | {name.split(".")[0] for name in names if name.split(".")[0] not in ("urllib", "http")}
