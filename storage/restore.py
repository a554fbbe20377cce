"""Puts a backup into an empty system, so that nothing which may have happened since is done again.

Until the last transaction the database has no version, and no process starts on it. That transaction brings the schema to this version and sets aside whatever
would act by itself (storage/aside.py)."""

import tempfile
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import psycopg
from sqlalchemy import NullPool, create_engine, text

from core.kernel.settings import Settings
from storage.addresses import app_password, owner_url
from storage.archive import BackupProblem, take_out, verified
from storage.aside import Aside, set_aside
from storage.backup import owner, run_program
from storage.master_key import key_file, master_keys
from storage.migrate import MIGRATIONS, head, install_context_key, upgrade
from storage.roles import ensure_roles
from storage.vault import LocalKeys


@dataclass(frozen=True)
class Restored:
    """From when the backup is, and what was set aside."""

    taken_at: datetime
    aside: Aside


def restore_backup(settings: Settings, path: Path) -> Restored:
    """Restores the archive into the database and the data folder of `settings`; both must be empty, but for what an earlier restore left unfinished.
    Raises BackupProblem; nothing was changed then, or a second call begins anew."""
    manifest = verified(path)
    _check(settings, manifest)
    keys = master_keys(settings)
    with tempfile.TemporaryDirectory(prefix=".nod-restore-", dir=_made(settings.data_dir)) as scratch:
        dump = Path(scratch) / "database.dump"
        take_out(path, dump, settings.data_dir.absolute())
        with owner(settings) as connection:
            connection.autocommit = True
            ensure_roles(connection, app_password(keys))
            connection.execute("DROP SCHEMA IF EXISTS nod CASCADE")
            database = connection.info.dbname
        run_program(
            settings, "pg_restore", "--exit-on-error", "--single-transaction", f"--dbname={database}", str(dump)
        )
    engine = create_engine(owner_url(settings), poolclass=NullPool, hide_parameters=True)
    try:
        with engine.begin() as connection:
            connection.exec_driver_sql("SET LOCAL ROLE nod_owner")
            connection.execute(text("INSERT INTO nod.alembic_version VALUES (:it)"), {"it": manifest["revision"]})
            if manifest["revision"] != head():
                upgrade(connection)
            install_context_key(connection, keys)
            connection.exec_driver_sql("RESET ROLE")
            aside = set_aside(connection)
    finally:
        engine.dispose()
    return Restored(datetime.fromisoformat(manifest["taken_at"]), aside)


def _check(settings: Settings, manifest: dict[str, Any]) -> None:
    known = {file.name[1:].split("_", 1)[0] for file in (MIGRATIONS / "versions").glob("v*.py")}
    if manifest["revision"] not in known:
        raise BackupProblem(
            "This backup is of a newer Nod.",
            f"Its schema is {manifest['revision']}, and this version knows up to {head()}.",
            "Install the version that made it, or a newer one.",
        )
    if settings.master_key is None and not key_file(settings).exists():
        raise BackupProblem(
            "There is no master key.",
            f"{key_file(settings)} is not there, and without the key of then nothing in a backup opens.",
            "Put master.key there, or set NOD_MASTER_KEY, then try again.",
        )
    ours = LocalKeys(master_keys(settings))
    missing = [key for key in manifest["master_keys"] if not ours.known(key)]
    if missing:
        raise BackupProblem(
            "The master key is another one.",
            f"This backup is sealed by the key {missing[0]}, which is not among those given.",
            "Add that key, a line of its own in the key file, then try again.",
        )
    _check_server(settings, manifest)


def _check_server(settings: Settings, manifest: dict[str, Any]) -> None:
    try:
        connection = owner(settings)
    except psycopg.OperationalError as problem:
        raise BackupProblem(
            "The database does not answer.",
            f"{type(problem).__name__}.",
            "Check NOD_DATABASE_URL and whether PostgreSQL runs.",
        ) from None
    with connection:
        if connection.info.server_version // 10_000 < manifest["server"] // 10_000:
            raise BackupProblem(
                "This PostgreSQL is too old.",
                f"The backup is of version {manifest['server'] // 10_000}.",
                "Restore into that version or a newer one.",
            )
        busy = connection.execute(
            "SELECT count(*) FROM pg_stat_activity WHERE usename = 'nod_app' AND datname = current_database()"
        ).fetchone()
        if busy and busy[0]:
            raise BackupProblem(
                "Nod runs on this database.", "Its processes are connected.", "Stop them, then try again."
            )
        made = connection.execute("SELECT to_regclass('nod.alembic_version'), to_regclass('nod.users')").fetchone()
        finished = made and made[0] and connection.execute("SELECT 1 FROM nod.alembic_version").fetchone()
        if finished and made and made[1] and connection.execute("SELECT 1 FROM nod.users LIMIT 1").fetchone():
            raise BackupProblem(
                "This database is not empty.",
                "There are people in it, and a restore would take their place.",
                "Restore into an empty database or data folder.",
            )


def _made(folder: Path) -> Path:
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    return folder.absolute()
