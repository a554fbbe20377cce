"""Brings the schema to head: roles, tables, rules and the key of the signed context. Safe to run at every start, also twice at once."""

import time
from collections.abc import Callable
from functools import cache
from pathlib import Path

import psycopg
from sqlalchemy import Connection, Engine, NullPool, create_engine, text
from sqlalchemy.exc import OperationalError

from core.kernel.settings import Settings
from storage.addresses import app_password, app_url, owner_url
from storage.context import ContextSigner
from storage.master_key import MasterKeyBroken, master_keys
from storage.roles import ensure_roles
from storage.vault import LocalKeys

MIGRATIONS = Path(__file__).parent / "migrations"
LOCK = 0x6E6F64  # any number, the same for everybody: "nod"
WAIT_FOR_OTHERS = "60s"
WAIT_FOR_TABLES = "5s"
LONGEST_STATEMENT = "60s"
TRIES, PAUSE_SECONDS = 6, 2.0
IN_THE_WAY = (psycopg.errors.LockNotAvailable, psycopg.errors.DeadlockDetected)


def migrate(settings: Settings) -> None:
    """Makes the roles, runs what is missing of the migrations in one transaction, installs the context key. A schema that a newer release has brought further is left as
    it is. Tables that others hold are waited for, a few seconds each time, so that nobody waits for long behind us.

    Raises Unavailable `kernel.database_missing`; MasterKeyBroken when the database is sealed by a master key that this process does not have.
    """
    keys = master_keys(settings)
    engine = create_engine(owner_url(settings), poolclass=NullPool, hide_parameters=True)
    try:
        with engine.begin() as connection:
            _check_master_key(connection, LocalKeys(keys))
        with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            raw = connection.connection.driver_connection
            assert isinstance(raw, psycopg.Connection)
            ensure_roles(raw, app_password(keys))
        _patiently(engine, lambda connection: _bring_to_head(connection, keys))
    finally:
        engine.dispose()


def at_head(settings: Settings) -> bool:
    """Whether the schema has all that this code expects, asked as the app role; a newer release may have added to it (docs/operations.md, Upgrade). False too when the
    database does not answer."""
    engine = create_engine(app_url(settings, master_keys(settings)), poolclass=NullPool, hide_parameters=True)
    try:
        with engine.connect() as connection:
            return (_revision(connection) or "") >= head()
    except Exception as problem:
        if isinstance(getattr(problem, "orig", None), psycopg.Error):
            return False
        raise
    finally:
        engine.dispose()


@cache
def head() -> str:
    """The newest revision that this code knows: the last file of `migrations/versions`, which are called `v<revision>_<what>.py`."""
    return max(file.name for file in (MIGRATIONS / "versions").glob("v*.py"))[1:].split("_", 1)[0]


def upgrade(connection: Connection) -> None:
    """Runs what is missing of the migrations, in the connection's transaction and as its role."""
    from alembic import command
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    config.set_main_option("path_separator", "os")
    config.attributes["connection"] = connection
    command.upgrade(config, "head")


def _bring_to_head(connection: Connection, keys: tuple[bytes, ...]) -> None:
    _one_at_a_time(connection)
    connection.exec_driver_sql("SET LOCAL ROLE nod_owner")
    if (_revision(connection) or "") < head():
        upgrade(connection)
    install_context_key(connection, keys)


def _patiently(engine: Engine, work: Callable[[Connection], None]) -> None:
    """One transaction; all of it again, after a pause, when somebody held a table for too long or waited for us in a circle."""
    for tries_left in reversed(range(TRIES)):
        try:
            with engine.begin() as connection:
                work(connection)
            return
        except OperationalError as problem:
            if not tries_left or not isinstance(problem.orig, IN_THE_WAY):
                raise
        time.sleep(PAUSE_SECONDS)


def _one_at_a_time(connection: Connection) -> None:
    connection.exec_driver_sql(f"SET LOCAL lock_timeout = '{WAIT_FOR_OTHERS}'")
    connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock({LOCK})")
    connection.exec_driver_sql(f"SET LOCAL lock_timeout = '{WAIT_FOR_TABLES}'")
    connection.exec_driver_sql(f"SET LOCAL statement_timeout = '{LONGEST_STATEMENT}'")


def _revision(connection: Connection) -> str | None:
    if connection.scalar(text("SELECT to_regclass('nod.alembic_version')")) is None:
        return None
    return connection.scalar(text("SELECT version_num FROM nod.alembic_version"))


def _check_master_key(connection: Connection, keys: LocalKeys) -> None:
    """Before anything is changed: the app role's password hangs on the master key too."""
    if connection.scalar(text("SELECT to_regprocedure('nod.master_keys_in_use()')")) is None:
        return
    connection.exec_driver_sql("SET LOCAL ROLE nod_owner")
    strangers = [k for k in connection.scalars(text("SELECT nod.master_keys_in_use()")) if not keys.known(k)]
    if strangers:
        raise MasterKeyBroken(
            f"this database holds data sealed by the master key {strangers[0]}, which is not among those given; "
            "restore that key (NOD_MASTER_KEY, NOD_MASTER_KEY_FILE or master.key in the data folder)"
        )


def install_context_key(connection: Connection, keys: tuple[bytes, ...]) -> None:
    """Lets the database verify the contexts that processes with these master keys sign."""
    inner, outer = ContextSigner(keys[-1]).pads()
    connection.execute(
        text(
            "INSERT INTO nod.context_keys (id, inner_pad, outer_pad) VALUES (1, :inner, :outer) "
            "ON CONFLICT (id) DO UPDATE SET inner_pad = :inner, outer_pad = :outer "
            "WHERE context_keys.inner_pad <> :inner"
        ),
        {"inner": inner, "outer": outer},
    )
