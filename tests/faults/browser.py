"""Somebody at the chat page, behind a proxy that knows which web processes listen. Does what the page's script does, and notes what a person would see of trouble."""

import html
import re
import time
from collections.abc import Sequence
from typing import Any
from uuid import uuid4

import httpx

from core.identity.prove import open_session
from tests.runners.world import World

ADDRESS = "https://nod.example.org"
COOKIE = "__Host-nod"
PRIMARY = re.compile(r'<button class="primary"[^>]*name="token" value="([^"]+)"')
DELIVERY = re.compile(r'name="delivery" value="([^"]+)"')
PATIENCE_SECONDS = 60.0


class Browser:
    """A signed-in browser of one person. `seen` is what they saw of trouble."""

    def __init__(self, world: World, ports: Sequence[int]) -> None:
        with world.work() as work:
            secret = open_session(work, world.actor.user_id)
            work.commit()
        self._ports = ports
        self._headers = {
            "Host": ADDRESS.partition("//")[2],
            "Origin": ADDRESS,
            "X-Forwarded-Proto": "https",
            "Cookie": f"{COOKIE}={secret}",
            "Accept": "application/json",
        }
        self.seen: list[str] = []

    def tap(self, text: str) -> None:
        """Waits for the card that says so, and presses its first button."""
        over = time.monotonic() + PATIENCE_SECONDS
        while (card := self._card(text)) is None:
            assert time.monotonic() < over, f"no card says {text}"
            time.sleep(0.1)
        given = {"token": PRIMARY.findall(card)[0], "delivery": DELIVERY.findall(card)[0], "once": uuid4().hex}
        answer = self._ask("POST", "/chat/tap", given)
        if answer is None or answer.get("alert"):
            self.seen.append(f"tap on {text}: {answer and answer['toast']}")

    def look(self) -> None:
        """Loads the page."""
        self._ask("GET", "/")

    def listen(self, over: Any) -> None:
        """Holds the live stream open, and opens it again when it ends, as a browser does."""
        while not over.is_set():
            try:
                with httpx.stream(
                    "GET", self._address("/chat/stream"), headers=self._headers, timeout=httpx.Timeout(10, read=0.5)
                ) as heard:
                    if heard.status_code != 200:
                        self.seen.append(f"stream: {heard.status_code}")
                    for _ in heard.iter_lines():
                        if over.is_set():
                            return
            except httpx.HTTPError:
                time.sleep(0.1)

    def _card(self, text: str) -> str | None:
        lines = (self._ask("GET", "/chat/lines") or {}).get("lines", [])
        said = html.escape(text)
        return next((one["html"] for one in lines if said in one["html"] and PRIMARY.search(one["html"])), None)

    def _ask(self, method: str, path: str, data: dict[str, str] | None = None) -> dict[str, Any] | None:
        """The answer. What did not get through is sent once more after half a second; what a person would see of trouble is noted."""
        trouble = ""
        for pause in (0.5, 0.0):
            try:
                answer = httpx.request(method, self._address(path), headers=self._headers, data=data, timeout=30)
            except httpx.HTTPError as cut:
                trouble = f"{method} {path}: {type(cut).__name__}"
                time.sleep(pause)
                continue
            if answer.status_code != 200:
                self.seen.append(f"{method} {path}: {answer.status_code}")
            return answer.json() if "json" in answer.headers.get("content-type", "") else None
        self.seen.append(trouble)
        return None

    def _address(self, path: str) -> str:
        """Of a process that answers, as a proxy picks it."""
        for port in self._ports:
            try:
                if httpx.get(f"http://127.0.0.1:{port}/healthz", timeout=5).status_code == 200:
                    return f"http://127.0.0.1:{port}{path}"
            except httpx.HTTPError:
                continue
        return f"http://127.0.0.1:{self._ports[0]}{path}"
