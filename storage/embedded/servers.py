"""PostgreSQL and Valkey of one data folder, started, watched and stopped together."""

import fcntl
import os
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from storage.embedded.account import server_account
from storage.embedded.errors import AlreadyRunning, EmbeddedError
from storage.embedded.postgres import Postgres
from storage.embedded.valkey import Valkey

OTHER_STARTS_SECONDS = 30.0


@dataclass(frozen=True)
class Embedded:
    """Where the servers of a data folder are. `database_url` holds the superuser's password."""

    database_url: str
    redis_url: str


def _silent(line: str) -> None:
    pass


class EmbeddedServers:
    """Both servers of `data_dir`. One process at a time may hold them; what it finds running it adopts.

    `start` and `check` must be called from a thread that lives as long as the servers shall: on Linux the kernel
    stops them when that thread ends. `durable=False` trades safety for speed and is for tests; `postgres` are further settings of
    PostgreSQL, for measuring. `report` gets a line for each server that became ready.
    """

    def __init__(
        self,
        data_dir: Path,
        *,
        durable: bool = True,
        postgres: Mapping[str, str] | None = None,
        report: Callable[[str], None] = _silent,
    ) -> None:
        self._data_dir = data_dir.resolve()
        self._durable = durable
        self._more = postgres
        self._report = report
        self._lock: int | None = None
        self._servers: tuple[Postgres, Valkey] | None = None

    def __enter__(self) -> Embedded:
        return self.start()

    def __exit__(self, *_: object) -> None:
        self.stop()

    def start(self) -> Embedded:
        """Both servers, answering. Raises AlreadyRunning when another process holds the folder, EmbeddedError otherwise."""
        began = time.monotonic()
        self.claim()
        try:
            account = server_account(self._data_dir)
            postgres = Postgres(self._data_dir, account, durable=self._durable, more=self._more)
            valkey = Valkey(self._data_dir, account, durable=self._durable)
            self._servers = postgres, valkey
            valkey.launch()
            postgres.launch()
            for server in (postgres, valkey):
                server.wait_until_ready()
                self._report(f"{server.name} is ready ({time.monotonic() - began:.1f} s)")
            return Embedded(postgres.url, valkey.url)
        except BaseException:
            self.stop()
            raise

    def check(self) -> None:
        """Start again what died. Raises EmbeddedError when that fails."""
        for server in self._servers or ():
            if not server.alive:
                began = time.monotonic()
                server.launch()
                server.wait_until_ready()
                self._report(f"{server.name} had ended and is back ({time.monotonic() - began:.1f} s)")

    def stop(self) -> None:
        """Both servers ended in order, the folder free for others. Does nothing when nothing was started."""
        for server in self._servers or ():
            server.ask_to_stop()
        for server in self._servers or ():
            server.stop()
        self._servers = None
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None

    def claim(self) -> None:
        """Hold the folder without starting anything yet. Raises AlreadyRunning when another process holds it, EmbeddedError otherwise."""
        if self._lock is not None:
            return
        try:
            self._data_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
            (self._data_dir / "log").mkdir(mode=0o700, exist_ok=True)
            lock = os.open(self._data_dir / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except OSError as refused:
            raise EmbeddedError(
                f"The data folder {self._data_dir} cannot be used.",
                f"{refused.strerror}.",
                "Set NOD_DATA_DIR to a folder that this user may write to.",
            ) from refused
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            holder = os.pread(lock, 20, 0).decode("ascii", "replace").strip() or "unknown"
            os.close(lock)
            raise AlreadyRunning(
                f"Nod already runs on {self._data_dir}.",
                f"Process {holder} holds the folder.",
                f"Stop it (kill {holder}), or set NOD_DATA_DIR to another folder.",
            ) from None
        os.ftruncate(lock, 0)
        os.pwrite(lock, str(os.getpid()).encode("ascii"), 0)
        self._lock = lock


def find_running(data_dir: Path) -> Embedded | None:
    """The servers of `data_dir`, if someone runs them and both answer."""
    folder = data_dir.resolve()
    postgres, valkey = Postgres(folder), Valkey(folder)
    return Embedded(postgres.url, valkey.url) if valkey.answers() and postgres.answers() else None


@contextmanager
def opened(data_dir: Path) -> Iterator[Embedded]:
    """The servers of `data_dir` for one command: those that run, else started for as long as this lasts. Raises EmbeddedError."""
    until = time.monotonic() + OTHER_STARTS_SECONDS
    while (running := find_running(data_dir)) is None:
        servers = EmbeddedServers(data_dir)
        try:
            started = servers.start()
        except AlreadyRunning:
            if time.monotonic() > until:
                raise
            time.sleep(0.1)
            continue
        try:
            yield started
        finally:
            servers.stop()
        return
    yield running
