"""Where effects land: a server that counts them by key, keeps every call, and fails in the ways that providers do."""

import json
import random
import threading
import time
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import MappingProxyType
from typing import Any, Literal

Mode = Literal["ok", "500", "503", "429", "401", "partial", "hang", "drop_after_accept", "close_mid_body", "garbage"]
TAKES: dict[Mode, float] = {
    "ok": 1,
    "500": 0.5,
    "503": 0,
    "429": 0,
    "401": 0,
    "partial": 1,
    "hang": 0.5,
    "drop_after_accept": 1,
    "close_mid_body": 1,
    "garbage": 1,
}
"""How likely it is that the effect takes place all the same."""
HANGS_SECONDS = 8.0
RETRY_SECONDS = 12


@dataclass(frozen=True)
class Call:
    """One request that was understood, and whether an effect took place because of it."""

    key: str
    text: str
    kind: str
    mode: Mode
    took: bool
    at: float


@dataclass
class Sink:
    """A running sink. `modes` are what it may do, drawn by `chance` for each call; `effects` counts by text what took place."""

    port: int
    chance: random.Random
    modes: tuple[Mode, ...] = ("ok",)
    calls: list[Call] = field(default_factory=list)
    effects: Counter[str] = field(default_factory=Counter)
    keys: dict[str, str] = field(default_factory=dict)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def asked(self, said: dict[str, Any]) -> Mode:
        """Counts a call; answers how to answer it."""
        key, text, kind = str(said["key"]), str(said["text"]), str(said["class"])
        with self.lock:
            mode = self.chance.choice(self.modes)
            took = self.chance.random() < TAKES[mode]
            # A provider that honours keys does what it has done already no second time.
            if took and not (kind == "keyed" and key in self.keys):
                self.effects[text] += 1
                self.keys[key] = text
            self.calls.append(Call(key, text, kind, mode, took, time.monotonic()))
        return mode


@contextmanager
def sink(seed: int) -> Iterator[Sink]:
    """Starts one, and stops it in the end."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            said = json.loads(self.rfile.read(int(self.headers.get("Content-Length", 0))))
            match running.asked(said):
                case "ok":
                    self._answer(200, {"ref": f"sink:{said['key'][:40]}"})
                case "500":
                    self._answer(500, {"error": "broken"})
                case "503":
                    self._answer(503, {"error": "later"})
                case "429":
                    self._answer(429, {"error": "later"}, {"Retry-After": str(RETRY_SECONDS)})
                case "401":
                    self._answer(401, {"error": "who are you?"})
                case "partial":
                    self._answer(207, {"ref": f"sink:{said['key'][:40]}", "left_out": 1})
                case "garbage":
                    self._answer(200, "<html>")
                case "hang":
                    over.wait(HANGS_SECONDS)
                    self.close_connection = True
                case "drop_after_accept":
                    self.close_connection = True
                case "close_mid_body":
                    self.send_response(200)
                    self.send_header("Content-Length", "1000")
                    self.end_headers()
                    self.wfile.write(b'{"ref": "sin')
                    self.close_connection = True

        def do_GET(self) -> None:
            key = self.path.partition("?")[2]
            with running.lock:
                known = key in running.keys
            self._answer(200, {"ref": f"sink:{key[:40]}" if known else None})

        def _answer(self, status: int, body: Any, headers: Mapping[str, str] = MappingProxyType({})) -> None:
            content = json.dumps(body).encode()
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, format: str, *args: Any) -> None:
            """Quiet."""

    class Server(ThreadingHTTPServer):
        daemon_threads = True
        request_queue_size = 128

        def handle_error(self, request: Any, client_address: Any) -> None:
            """A client that was killed is what the rig wants."""

    over = threading.Event()
    server = Server(("127.0.0.1", 0), Handler)
    running = Sink(server.server_address[1], random.Random(seed))
    thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    try:
        yield running
    finally:
        over.set()
        server.shutdown()
        server.server_close()
        thread.join()
