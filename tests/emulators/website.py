"""An https server on loopback that stands for a site on the internet, and keeps what it is asked."""

import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from runners.outbound_http import Outbound
from tests.emulators.authority import Authority

HOST = "shop.example"


@dataclass
class Website:
    """A running site. `answers` are status, fields and body by path, else 200 with `hello`; `/cut` hangs up after the request,
    `/drip` never ends its answer."""

    port: int
    trust: ssl.SSLContext
    calls: list[tuple[str, str, dict[str, str], bytes]] = field(default_factory=list)
    answers: dict[str, tuple[int, dict[str, str], bytes]] = field(default_factory=dict)

    def url(self, path: str) -> str:
        return f"https://{HOST}:{self.port}{path}"

    def outbound(self, **changes: Any) -> Outbound:
        given: dict[str, Any] = {
            "allow": {("127.0.0.1", self.port)},
            "trust": self.trust,
            "resolver": resolving("127.0.0.1"),
            "seconds": 5.0,
        }
        return Outbound(**(given | changes))


@contextmanager
def website(authority: Authority) -> Iterator[Website]:
    """Starts one whose certificate names HOST, and stops it in the end."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            running.calls.append((self.command, self.path, {k.lower(): v for k, v in self.headers.items()}, body))
            if self.path == "/cut":
                self.connection.shutdown(socket.SHUT_RDWR)
                return
            status, headers, content = running.answers.get(self.path, (200, {}, b"hello"))
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(content) if self.path != "/drip" else 100))
            self.end_headers()
            if self.command == "HEAD":
                return
            try:
                if self.path == "/drip":
                    while not stopped.wait(0.2):
                        self.wfile.write(b"x")
                self.wfile.write(content)
            except OSError:
                self.close_connection = True

        do_POST = do_PUT = do_PATCH = do_DELETE = do_HEAD = do_GET

        def log_message(self, format: str, *args: Any) -> None:
            """Tests are quiet."""

    class Server(ThreadingHTTPServer):
        daemon_threads = True

        def handle_error(self, request: Any, client_address: Any) -> None:
            """A client that hangs up is what some tests want."""

    stopped = threading.Event()
    server = Server(("127.0.0.1", 0), Handler)
    server.socket = authority.server_context().wrap_socket(server.socket, server_side=True)
    running = Website(server.server_address[1], authority.client_context())
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    try:
        yield running
    finally:
        stopped.set()
        server.shutdown()
        server.server_close()
        thread.join()


def resolving(*addresses: str) -> Callable[[str, int], list[str]]:
    """A resolver that knows one answer."""
    return lambda host, port: list(addresses)
