"""Somebody's page of the chat, at several web processes: what one of them could not take is sent again to another, as the same input."""

import random
import threading
import time
from collections.abc import Sequence
from http import HTTPStatus

import httpx
from core.identity.prove import open_session
from core.kernel.ids import new_id
from storage import Storage

from bench.world import Person

PATIENCE = 60


class Page:
    """`seconds`: how long each input took, whoever took it; `failed`: what nobody took."""

    def __init__(self, storage: Storage, person: Person, addresses: Sequence[str]) -> None:
        self.person, self._addresses = person, list(addresses)
        random.Random(person.user_id.int).shuffle(self._addresses)
        with storage.work(person.workspace_id, person.user_id) as work:
            secret = open_session(work, person.user_id)
            work.commit()
        self._cookies = {f"nod_{address.rpartition(':')[2]}": secret for address in addresses}
        self._turn = threading.Lock()
        self.seconds: list[float] = []
        self.failed: list[str] = []

    def says(self, text: str) -> None:
        """Until it was taken; at most a minute."""
        sent, began = {"text": text, "once": new_id().hex}, time.monotonic()
        with self._turn:
            while time.monotonic() < began + PATIENCE:
                if self._post(self._addresses[0], sent):
                    self.seconds.append(time.monotonic() - began)
                    return
                self._addresses.append(self._addresses.pop(0))
                time.sleep(0.05)
        self.failed.append(text)

    def answers(self) -> int:
        """How many messages of Nod's the page shows now."""
        for address in self._addresses:
            try:
                with self._client(address) as client:
                    return client.get("/", headers={"Accept": "text/html"}).text.count('<article class="line out')
            except httpx.TransportError:
                continue
        raise RuntimeError("no web process answers")

    def _post(self, address: str, sent: dict[str, str]) -> bool:
        try:
            with self._client(address) as client:
                return client.post("/chat/say", data=sent).status_code == HTTPStatus.OK
        except httpx.TransportError:
            return False

    def _client(self, address: str) -> httpx.Client:
        return httpx.Client(
            base_url=address, cookies=self._cookies, headers={"Origin": address, "Accept": "application/json"}, timeout=PATIENCE
        )  # fmt: skip
