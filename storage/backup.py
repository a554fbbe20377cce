"""Takes a backup of a running system: one snapshot of the database, then the files beside it, which only ever grow by whole files. The master key is not in it."""

import os
import subprocess
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import psycopg
from psycopg.conninfo import conninfo_to_dict
from sqlalchemy import URL

from core.kernel.settings import Settings
from storage.addresses import owner_url
from storage.archive import DUMP, FILES, BackupProblem, writing
from storage.embedded.account import Account
from storage.embedded.binaries import postgres_programs

NOT_OURS = frozenset(("postgres", "valkey", "log", "lock", "master.key", "metrics"))
"""In the data folder, but either in the dump, or worth nothing elsewhere, or to be kept apart."""
NOT_DUMPED = ("nod.alembic_version", "nod.context_keys")
"""The version is put back last, in the transaction that makes a restored system safe to start; the key of the context is derived anew."""


@dataclass(frozen=True)
class Taken:
    """What a backup holds."""

    path: Path
    bytes: int
    files: int
    taken_at: datetime


def take_backup(settings: Settings, to: Path) -> Taken:
    """Writes a backup to `to`, which must not be there yet, while everything goes on. Raises BackupProblem."""
    if to.exists():
        raise BackupProblem(f"{to} is there already.", "A backup is never overwritten.", "Name another file.")
    to.parent.mkdir(parents=True, exist_ok=True)
    folder = settings.data_dir.absolute()
    with tempfile.TemporaryDirectory(prefix=".nod-backup-", dir=to.parent) as scratch:
        dump = Path(scratch) / DUMP
        facts = _facts(settings)
        run_program(settings, "pg_dump", "--format=custom", "--compress=gzip:1", "--schema=nod", "--lock-wait-timeout=30s",
            *(f"--exclude-table-data={table}" for table in NOT_DUMPED), f"--file={dump}")  # fmt: skip
        with writing(to) as archive:
            archive.add(DUMP, dump)
            files = [(path, f"{FILES}/{path.relative_to(folder).as_posix()}") for path in _files(folder)]
            for path, name in files:
                archive.add(name, path)
            archive.finish(facts)
    return Taken(to, to.stat().st_size, len(files), datetime.fromisoformat(facts["taken_at"]))


def run_program(settings: Settings, name: str, *arguments: str) -> None:
    """Runs a program of PostgreSQL's on the owner's database; the address is in its environment, never on its command line. Raises BackupProblem with its last words."""
    url = owner_url(settings)
    program = postgres_programs(Account(os.geteuid(), os.getegid())) / name
    done = subprocess.run(  # noqa: S603 - our own program with fixed words
        [program, "--no-password", *arguments],
        env={"PATH": os.environ.get("PATH", ""), "LC_ALL": "C", **_as_environment(url)},
        stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False,
    )  # fmt: skip
    if done.returncode:
        lines = [line for line in done.stderr.splitlines() if line.strip()]
        raise BackupProblem(
            f"{name} did not succeed.",
            f"It says: {lines[-1][:300] if lines else f'exit code {done.returncode}'}",
            "The role in NOD_DATABASE_URL must be the superuser, or have BYPASSRLS and own everything.",
        )


def owner(settings: Settings) -> psycopg.Connection[Any]:
    """A connection as the owner's role."""
    return psycopg.connect(_plain(owner_url(settings)))


def _facts(settings: Settings) -> dict[str, Any]:
    with owner(settings) as connection:
        row = connection.execute(
            "SELECT now(), current_setting('server_version_num')::int, to_regclass('nod.alembic_version')"
        ).fetchone()
        assert row is not None
        now, server, made = row
        found = connection.execute("SELECT version_num FROM nod.alembic_version").fetchone() if made else None
        if found is None:
            raise BackupProblem(
                "There is nothing to back up.", "The database holds no Nod.", "Check NOD_DATABASE_URL or NOD_DATA_DIR."
            )
        connection.execute("SET ROLE nod_owner")
        keys = [key for (key,) in connection.execute("SELECT nod.master_keys_in_use()")]
    return {
        "taken_at": now.astimezone(UTC).isoformat(), "revision": found[0], "server": server, "master_keys": sorted(keys),
    }  # fmt: skip


def _files(folder: Path) -> Iterator[Path]:
    for top in sorted(folder.iterdir()) if folder.exists() else ():
        if top.name in NOT_OURS or top.name.startswith("."):
            continue
        for path in [top] if top.is_file() else sorted(top.rglob("*")):
            if path.is_file() and not path.is_symlink():
                yield path


def _plain(url: URL) -> str:
    return url.set(drivername="postgresql").render_as_string(hide_password=False)


def _as_environment(url: URL) -> dict[str, str]:
    names = {"host": "PGHOST", "port": "PGPORT", "user": "PGUSER", "password": "PGPASSWORD", "dbname": "PGDATABASE", "sslmode": "PGSSLMODE", "sslrootcert": "PGSSLROOTCERT"}  # fmt: skip
    given = conninfo_to_dict(_plain(url))
    return {variable: str(given[name]) for name, variable in names.items() if given.get(name)}
