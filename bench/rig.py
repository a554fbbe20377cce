"""PostgreSQL and Valkey of the benchmark's own, in a temporary folder, as durable as the product's; and a fresh database for each measurement."""

import base64
import contextlib
import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import psutil
import psycopg
import redis
from core.kernel.settings import Settings, settings
from psycopg import sql
from sqlalchemy import make_url
from storage.embedded import EmbeddedServers
from storage.embedded.account import server_account
from storage.embedded.binaries import postgres_programs
from storage.embedded.process import working_in
from storage.migrate import migrate

from bench.progress import say

EXTRA = {"shared_preload_libraries": "pg_stat_statements"}
BROKERS = {"bench_bare": 1}
MASTER_KEY = base64.b64encode(b"a master key only for the bench!").decode()


@dataclass(frozen=True)
class Rig:
    """The servers. `folder` is the data folder of every process; `programs` holds pgbench."""

    folder: Path
    server: str
    redis_url: str
    programs: Path

    def settings(self, database: str) -> Settings:
        """Settings of a process on that database."""
        return Settings(
            database_url=self.url(database),
            redis_url=self.broker(database),
            data_dir=self.folder,
            master_key=MASTER_KEY,
            _env_file=None,  # pyright: ignore[reportCallIssue]
        )

    def broker(self, database: str) -> str:
        """Where the processes on that database meet: those of another one hear none of it."""
        return f"{self.redis_url.partition('?')[0]}?db={BROKERS.get(database, 0)}"

    def url(self, database: str) -> str:
        """The superuser's address of a database."""
        return make_url(self.server).set(database=database).render_as_string(hide_password=False)

    def owner(self, database: str) -> psycopg.Connection:
        """A superuser's connection, in autocommit mode."""
        return psycopg.connect(self.url(database), autocommit=True)

    def fresh(self, database: str, template: str) -> None:
        """Makes `database` a copy of `template`, and empties Valkey."""
        self.drop(database)
        with self.owner("postgres") as server:
            server.execute(sql.SQL("CREATE DATABASE {} TEMPLATE {} STRATEGY file_copy").format(
                sql.Identifier(database), sql.Identifier(template)))  # fmt: skip
        with redis.Redis.from_url(self.redis_url) as broker:
            broker.flushall()

    def drop(self, database: str) -> None:
        """Removes it."""
        with self.owner("postgres") as server:
            server.execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(database)))

    def exists(self, database: str) -> bool:
        """Whether it was made already."""
        with self.owner("postgres") as server:
            found = server.execute("SELECT 1 FROM pg_database WHERE datname = %s", [database]).fetchone()
        return found is not None

    def calm(self) -> None:
        """Writes what PostgreSQL still holds back, so that no measurement pays for the one before."""
        with self.owner("postgres") as server:
            server.execute("CHECKPOINT")

    def postgres_seconds(self) -> float:
        """The processor time that PostgreSQL has used, also in sessions that ended."""
        used = 0.0
        for process in working_in(self.folder / "postgres" / "data", "postgres"):
            with contextlib.suppress(psutil.NoSuchProcess):
                used += sum(process.cpu_times()[: 4 if "-D" in process.cmdline() else 2])
        return used

    def environment(self, database: str) -> dict[str, str]:
        """What a process of the product needs to run on `database`."""
        return {
            **{name: value for name, value in os.environ.items() if not name.startswith(("NOD_", "OTEL_"))},
            "NOD_DATABASE_URL": self.url(database),
            "NOD_REDIS_URL": self.broker(database),
            "NOD_DATA_DIR": str(self.folder),
            "NOD_MASTER_KEY": MASTER_KEY,
            "NOD_TEST": "1",
            "PYTHONUNBUFFERED": "1",
        }


EMPTY = "bench_empty"


@contextmanager
def open_rig() -> Iterator[Rig]:
    """Starts the servers (fsync and synchronous_commit on) and makes a migrated database; stops them and removes everything at the end."""
    folder = Path(tempfile.mkdtemp(prefix="nod-bench-"))
    folder.chmod(0o755)
    servers = EmbeddedServers(folder, postgres=EXTRA)
    try:
        embedded = servers.start()
        programs = postgres_programs(server_account(folder))
        rig = Rig(folder, embedded.database_url, embedded.redis_url, programs)
        _be_here(rig)
        with rig.owner("postgres") as server:
            server.execute("ALTER SYSTEM SET pg_stat_statements.track = 'none'")
            server.execute("SELECT pg_reload_conf()")
            server.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(EMPTY)))
        migrate(rig.settings(EMPTY))
        with rig.owner(EMPTY) as owner:
            owner.execute("CREATE EXTENSION pg_stat_statements SCHEMA public")
            version, safe = owner.execute("SHOW server_version").fetchone(), owner.execute("SHOW fsync").fetchone()
        say(f"PostgreSQL {version and version[0]} with fsync {safe and safe[0]} in {folder}")
        yield rig
    finally:
        servers.stop()
        shutil.rmtree(folder, ignore_errors=True)


def _be_here(rig: Rig) -> None:
    """The templates of an installation are those of its data folder: this process uses the rig's."""
    os.environ["NOD_DATA_DIR"] = str(rig.folder)
    settings.cache_clear()


def pgbench(rig: Rig, database: str, *arguments: str, **environment: str) -> str:
    """What pgbench printed. Raises RuntimeError with its words when it failed."""
    url = make_url(rig.url(database))
    done = subprocess.run(
        [str(rig.programs / "pgbench"), "--no-vacuum", *arguments],
        env={
            "PATH": os.defpath,
            "PGHOST": str(url.query["host"]),
            "PGPORT": str(url.query["port"]),
            "PGUSER": str(url.username),
            "PGPASSWORD": str(url.password),
            "PGDATABASE": database,
            **environment,
        },
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode != 0:
        raise RuntimeError(done.stderr.strip() or done.stdout.strip())
    return done.stdout
