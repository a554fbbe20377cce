"""Programs and servers for the broker's tests: a Valkey of one's own, and a process with workers that reports what it carries out over a socket."""

import json
import os
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import dramatiq

from runners.broker import BellWorker, make_broker, make_worker
from storage.embedded.account import server_account
from storage.embedded.valkey import Valkey

ROOT = Path(__file__).parents[2]


@contextmanager
def own_valkey(folder: Path) -> Iterator[Valkey]:
    """A Valkey for one test alone, that it may stop, start and empty."""
    folder.mkdir(parents=True)
    account = server_account(folder)
    for place in (folder, folder / "log"):
        account.folder(place)
    valkey = Valkey(folder, account, durable=False)
    valkey.launch()
    valkey.wait_until_ready()
    try:
        yield valkey
    finally:
        valkey.stop()


@contextmanager
def worker_of(url: str, bell: str, work: Callable[..., None], threads: int = 4) -> Iterator[BellWorker]:
    """A worker in this process whose actor `bell` does `work`."""
    broker = make_broker(url)
    queue = bell.partition(".")[0]
    dramatiq.actor(actor_name=bell, queue_name=queue, broker=broker)(work)
    worker = make_worker(broker, queue, threads)
    worker.start()
    try:
        yield worker
    finally:
        worker.stop(5_000)
        broker.close()


class Child:
    """A process with a worker of its own, at the other end of its line. It says each message that it begins; `hold`: and works on it for ever."""

    def __init__(self, url: str, bell: str, hold: bool = False) -> None:
        door = socket.create_server(("127.0.0.1", 0))
        command = [sys.executable, "-m", __name__, url, bell, "hold" if hold else "", str(door.getsockname()[1])]
        self.process = subprocess.Popen(command, cwd=ROOT)
        door.settimeout(60)
        self._line, _ = door.accept()
        door.close()
        self._line.settimeout(60)
        self._words = self._line.makefile("r")
        assert self.hear() == "ready"

    def hear(self) -> Any:
        """What it says next."""
        return json.loads(self._words.readline())

    def kill(self) -> None:
        """Ends it like a crash."""
        self.process.kill()
        self.process.wait()
        self._words.close()
        self._line.close()


def main(url: str, bell: str, hold: str, port: str) -> None:
    """The child's side."""
    line = socket.create_connection(("127.0.0.1", int(port)))
    turn = threading.Lock()

    def tell(said: Any) -> None:
        with turn:
            line.sendall(json.dumps(said).encode() + b"\n")

    def work(workspace_id: str, user_id: str, id: str) -> None:
        tell(id)
        if hold:
            threading.Event().wait()

    with worker_of(url, bell, work, threads=2):
        tell("ready")
        line.recv(1)  # until the test is gone
        os._exit(0)


if __name__ == "__main__":
    main(*sys.argv[1:])
