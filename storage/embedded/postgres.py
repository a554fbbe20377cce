"""PostgreSQL from its wheel's programs, under our own supervision: made once, adopted or restarted ever after."""

import secrets
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from urllib.parse import quote

import psutil

from storage.embedded.account import Account
from storage.embedded.binaries import postgres_programs
from storage.embedded.errors import EmbeddedError
from storage.embedded.process import (
    alive,
    end,
    last_lines,
    run_as,
    server_environment,
    spawn,
    tie_to_parent,
    working_in,
)
from storage.embedded.sockets import socket_folder

PORT = 5432
SOCKET = f".s.PGSQL.{PORT}"
DATABASE = "nod"
START_SECONDS = 60.0
ORPHAN_SECONDS = 2.0
NO_SUCH_PID = 2**31 - 2
# The error settings keep values out of the log: no statements, no "Key (email)=(…) exists".
SETTINGS = {
    "listen_addresses": "",
    "port": str(PORT),
    "unix_socket_permissions": "0700",
    "max_connections": "100",
    "shared_buffers": "128MB",
    "max_wal_size": "512MB",
    "jit": "off",
    "timezone": "UTC",
    "log_timezone": "UTC",
    "log_checkpoints": "off",
    "log_error_verbosity": "terse",
    "log_min_error_statement": "panic",
    "cluster_name": "nod",
}
# Survives a killed process, not a power failure.
FAST_AND_FORGETFUL = {"fsync": "off", "full_page_writes": "off"}


class Postgres:
    """The PostgreSQL of one data folder. `launch` starts or adopts it, `wait_until_ready` returns once `nod` can be used.

    Without an account it can only be asked (`answers`, `url`), not started. `more` are settings beside and above SETTINGS, for a server
    that is started, not for one that is adopted.
    """

    name = "PostgreSQL"

    def __init__(
        self,
        data_dir: Path,
        account: Account | None = None,
        *,
        durable: bool = True,
        more: Mapping[str, str] | None = None,
    ) -> None:
        self._home = data_dir / "postgres"
        self._cluster = self._home / "data"
        self._password_file = self._home / "password"
        self._log = data_dir / "log" / "postgres.log"
        self._sockets = socket_folder(self._home / "run", self._cluster, SOCKET)
        self._account = account
        self._durable = durable
        self._more = dict(more or {})
        self._process: psutil.Process | None = None
        self._deadline = 0.0

    @property
    def url(self) -> str:
        """libpq URI of the superuser on the database `nod`; it holds the password."""
        return self._url(DATABASE)

    @property
    def alive(self) -> bool:
        """Whether its first process, the postmaster, runs."""
        return self._process is not None and alive(self._process)

    def launch(self) -> None:
        """Adopt the server that already works in our folder, or start one, made first if there is none. Raises EmbeddedError."""
        account = self._owner()
        self._deadline = time.monotonic() + START_SECONDS
        account.folder(self._home)
        self._sockets.prepare(account)
        if not self._cluster.exists():
            self._make(account)
        self._same_major_version(account)
        if (running := self._postmaster()) is not None and self._adoptable(running):
            self._process = running
            return
        self._wait_for_orphans()
        self._clear_stale_locks()
        self._start(account)

    def wait_until_ready(self) -> None:
        """Return once `nod` exists and takes our password. Raises EmbeddedError."""
        import psycopg

        while True:
            try:
                with psycopg.connect(self._url("postgres"), autocommit=True, connect_timeout=5) as admin:
                    if not admin.execute("SELECT 1 FROM pg_database WHERE datname = %s", [DATABASE]).fetchone():
                        admin.execute(f"CREATE DATABASE {DATABASE}")
                return
            except psycopg.OperationalError as problem:
                if "password authentication failed" in str(problem):
                    raise self._failed(
                        "it refuses the password in the data folder", f"Restore {self._password_file} from your backup."
                    ) from None
                if not self.alive:
                    raise self._failed(f"it ended while starting; its last words: {last_lines(self._log)}") from None
                if time.monotonic() > self._deadline:
                    raise self._failed(f"it did not answer within {START_SECONDS:.0f} s") from None
                time.sleep(0.01)

    def answers(self) -> bool:
        """Whether a server takes our password for `nod` on our socket."""
        import psycopg

        try:
            psycopg.connect(self.url, connect_timeout=2).close()
        except (psycopg.OperationalError, EmbeddedError):
            return False
        return True

    def ask_to_stop(self) -> None:
        """Ask it to end its sessions and itself (SIGINT, "fast shutdown"). Does not wait."""
        if self._process is not None and alive(self._process):
            self._process.send_signal(signal.SIGINT)

    def stop(self) -> None:
        """Return once it is gone. After 20 s without a checkpoint it leaves that to the next start (SIGQUIT)."""
        if self._process is not None:
            end(self._process, (signal.SIGINT, 20), (signal.SIGQUIT, 5), (signal.SIGKILL, 5))
            self._process = None

    def _url(self, database: str) -> str:
        try:
            password = self._password_file.read_text("ascii").strip()
        except OSError as missing:
            raise self._failed(
                f"its password cannot be read ({missing.strerror})", f"Restore {self._password_file} from your backup."
            ) from None
        folder = quote(str(self._sockets.path), safe="")
        return f"postgresql://postgres:{quote(password, safe='')}@/{database}?host={folder}&port={PORT}"

    def _owner(self) -> Account:
        assert self._account is not None, "asked to start a server without an account to run it"
        return self._account

    def _make(self, account: Account) -> None:
        """initdb beside its final place, so that an interrupted one is never taken for a whole one."""
        partial = self._home / "data.partial"
        if partial.exists():
            shutil.rmtree(partial)
        account.folder(partial)
        account.write(self._password_file, secrets.token_urlsafe(32))
        command = [str(postgres_programs(account) / "initdb"), "-D", _place(partial), "-U", "postgres"]
        command += ["--auth=scram-sha-256", "--pwfile=../password", "--encoding=UTF8", "--locale=C"]
        command += ["--locale-provider=builtin", "--builtin-locale=C.UTF-8", "--no-instructions"]
        command += [] if self._durable else ["--no-sync"]
        made = subprocess.run(  # noqa: S603
            command,
            cwd=partial,
            env=server_environment(),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
            preexec_fn=tie_to_parent(signal.SIGTERM),
            **run_as(account),
        )
        if made.returncode != 0:
            raise self._failed(f"initdb said: {made.stderr.strip() or made.stdout.strip()}")
        partial.rename(self._cluster)

    def _same_major_version(self, account: Account) -> None:
        program = postgres_programs(account) / "postgres"
        said = subprocess.run(  # noqa: S603
            [program, "--version"], env=server_environment(), capture_output=True, text=True, check=True
        )
        installed = said.stdout.split()[-1].split(".")[0]
        made_by = (self._cluster / "PG_VERSION").read_text("ascii").strip()
        if made_by != installed:
            raise self._failed(
                f"its data was written by version {made_by}, and version {installed} is installed",
                'See "Upgrade" in docs/operations.md: export with the old release, import with this one.',
            )

    def _postmaster(self) -> psutil.Process | None:
        """The server's first process. The others have its name and folder, but another command line."""
        return next((found for found in working_in(self._cluster, "postgres") if _is_first(found)), None)

    def _adoptable(self, process: psutil.Process) -> bool:
        """Whether it answers. One that is shutting down is waited for, one that hangs is ended."""
        while alive(process) and time.monotonic() < self._deadline:
            if self.answers():
                return True
            time.sleep(0.02)
        end(process, (signal.SIGINT, 10), (signal.SIGQUIT, 5), (signal.SIGKILL, 5))
        return False

    def _wait_for_orphans(self) -> None:
        """Sessions whose postmaster was killed end by themselves, and nobody else may write until then."""
        until = time.monotonic() + ORPHAN_SECONDS
        while orphans := working_in(self._cluster, "postgres"):
            if time.monotonic() > until:
                for orphan in orphans:
                    end(orphan, (signal.SIGQUIT, 2), (signal.SIGKILL, 5))
            time.sleep(0.02)

    def _clear_stale_locks(self) -> None:
        """Nobody works in our folder, whatever a pid file says: its pid may belong to another program by now.

        The pid is replaced and the file kept, for PostgreSQL itself checks the shared memory that is named in it.
        """
        lock = self._cluster / "postmaster.pid"
        if lock.exists():
            lines = lock.read_text("utf-8", "replace").splitlines(keepends=True)
            if len(lines) > 1:
                self._owner().write(lock, "".join([f"{NO_SUCH_PID}\n", *lines[1:]]))
            else:
                lock.unlink()
        for left in (self._sockets.path / SOCKET, self._sockets.path / f"{SOCKET}.lock"):
            left.unlink(missing_ok=True)

    def _start(self, account: Account) -> None:
        settings = SETTINGS | {"unix_socket_directories": self._sockets.seen_by_server}
        settings |= {} if self._durable else FAST_AND_FORGETFUL
        settings |= self._more
        command = [str(postgres_programs(account) / "postgres"), "-D", _place(self._cluster)]
        for key, value in settings.items():
            command += ["-c", f"{key}={value}"]
        self._process = spawn(command, folder=self._cluster, log=self._log, account=account, farewell=signal.SIGINT)

    def _failed(self, why: str, remedy: str | None = None) -> EmbeddedError:
        return EmbeddedError("PostgreSQL did not start.", why, remedy or f"See {self._log}.")


def _place(folder: Path) -> str:
    """The server's working folder by a name that works even where it may not enter the folders above (root's home)."""
    return "/proc/self/cwd" if sys.platform == "linux" else str(folder)


def _is_first(process: psutil.Process) -> bool:
    """Whether it is the postmaster; one that ends at this very moment is nothing any more."""
    try:
        return "-D" in process.cmdline()
    except psutil.Error:
        return False
