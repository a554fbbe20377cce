"""A real HTTP server on loopback that speaks the OpenAI chat completions API, well or badly, as a test tells it."""

import json
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, ClassVar

Answer = Callable[[dict[str, Any]], tuple[int, bytes | Iterable[bytes]]]
"""Status and body; a body in pieces is sent piece after piece, without saying how long it is. A body beside a 3xx is where it leads."""


class Emulator:
    """What was asked, and how the next questions are answered. `url` is what a client is given as its base."""

    path: ClassVar[str] = "/v1/chat/completions"
    base: ClassVar[str] = "/v1"

    def __init__(self) -> None:
        self.requests: list[dict[str, Any]] = []
        self.headers: list[dict[str, str]] = []
        self.behave: Answer = says({"body": "hello"})
        self.extra_headers: dict[str, str] = {}
        self.released = threading.Event()
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}{self.base}"

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        emulator = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                asked = json.loads(self.rfile.read(int(self.headers["content-length"])))
                emulator.requests.append(asked)
                emulator.headers.append({name.lower(): value for name, value in self.headers.items()})
                if self.path.partition("?")[0] != emulator.path:
                    status, content = 404, b'{"error": {"message": "no such path"}}'
                else:
                    status, content = emulator.behave(asked)
                try:
                    self._send(status, content)
                except OSError:
                    self.close_connection = True  # the asker gave up

            def _send(self, status: int, content: bytes | Iterable[bytes]) -> None:
                self.send_response(status)
                if isinstance(content, bytes) and 300 <= status < 400:
                    self.send_header("location", content.decode())
                for name, value in {"content-type": "application/json", **emulator.extra_headers}.items():
                    self.send_header(name, value)
                if isinstance(content, bytes):
                    self.send_header("content-length", str(len(content)))
                self.end_headers()
                for piece in [content] if isinstance(content, bytes) else content:
                    self.wfile.write(piece)

            def log_message(self, format: str, *args: Any) -> None:
                """Quiet."""

        return Handler

    def start(self) -> None:
        threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()

    def stop(self) -> None:
        self.released.set()
        self._server.shutdown()
        self._server.server_close()


def says(arguments: Any, *, finish: str = "tool_calls", prompt: int = 120, completion: int = 30) -> Answer:
    """Answers by calling the tool that the request offers, with these arguments (text is passed on as it is)."""

    def answer(asked: dict[str, Any]) -> tuple[int, bytes]:
        tools = asked.get("tools") or []
        written = arguments if isinstance(arguments, str) else json.dumps(arguments)
        message: dict[str, Any] = {"role": "assistant", "content": None if tools else written}
        if tools:
            call = {"name": tools[0]["function"]["name"], "arguments": written}
            message["tool_calls"] = [{"id": "call_1", "type": "function", "function": call}]
        return 200, json.dumps(
            {
                "id": "chatcmpl-1",
                "object": "chat.completion",
                "created": 1_790_000_000,
                "model": asked["model"],
                "choices": [{"index": 0, "message": message, "finish_reason": finish, "logprobs": None}],
                "usage": {
                    "prompt_tokens": prompt,
                    "completion_tokens": completion,
                    "total_tokens": prompt + completion,
                },
            }
        ).encode()

    return answer


def fails(status: int, content: bytes = b'{"error": {"message": "broken", "type": "server_error"}}') -> Answer:
    """Answers with an error, or with garbage of any status."""
    return lambda asked: (status, content)


def writes(text: str, *, finish: str = "stop") -> Answer:
    """Answers with text although the request wants a tool called, as small models do."""

    def answer(asked: dict[str, Any]) -> tuple[int, bytes]:
        return says(text, finish=finish)({"model": asked["model"]})

    return answer


def in_turn(*answers: Answer) -> Answer:
    """Each of them once, one after the other; then the last one for good."""
    left = list(answers)

    def next_one(asked: Any) -> Any:
        return (left.pop(0) if len(left) > 1 else left[0])(asked)

    return next_one


@contextmanager
def emulated(kind: type[Emulator] = Emulator) -> Iterator[Emulator]:
    """A running emulator."""
    emulator = kind()
    emulator.start()
    try:
        yield emulator
    finally:
        emulator.stop()
