"""A migrated, empty database for each test: one a worker, made once and emptied between them. What it costs to connect and to compile statements
is paid once as well."""

import base64
import itertools
import os
from collections.abc import Callable, Iterator
from pathlib import Path

import psycopg
import pytest
from sqlalchemy import event, make_url

from core.identity.register import add_link, register
from core.kernel.actor import Actor
from core.kernel.ids import new_id
from core.kernel.settings import Settings
from storage import Storage
from storage.addresses import app_url
from storage.bell import RedisBell
from storage.context import ContextSigner
from storage.engine import Database
from storage.master_key import master_keys
from storage.migrate import migrate
from storage.tables import metadata
from storage.vault import LocalKeys

MASTER_KEY = base64.b64encode(b"a master key only for the tests!").decode()
TABLES = [table.name for table in metadata.tables.values()]
_numbers = itertools.count(1)
# In a function, for its plans are kept.
EMPTY = f"""
CREATE FUNCTION pg_temp.empty() RETURNS void LANGUAGE plpgsql SET session_replication_role = replica AS $$
BEGIN {" ".join(f"DELETE FROM nod.{table};" for table in TABLES)} END $$
"""
END_OTHERS = """
SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity
WHERE datname = current_database() AND backend_type = 'client backend' AND pid <> pg_backend_pid() AND NOT (pid = ANY(%s) AND state = 'idle')
"""


def make_settings(database_url: str, data_dir: Path, redis_url: str | None = None) -> Settings:
    """Settings of a process on that database. The master key is the same in all tests: it makes the app role's password, and roles belong to the server."""
    return Settings(
        database_url=database_url,
        redis_url=redis_url,
        data_dir=data_dir,
        master_key=MASTER_KEY,
        test=True,
        _env_file=None,
    )  # type: ignore[call-arg]


def as_uri(url: str, name: str) -> str:
    """The same server's address, with another database."""
    return make_url(url).set(database=name).render_as_string(hide_password=False)


@pytest.fixture(scope="session")
def migrated_database(postgres_url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The owner's address of this worker's database, migrated once."""
    name = f"nod_tests_{os.getpid()}"
    with psycopg.connect(postgres_url, autocommit=True) as server:
        server.execute(f"CREATE DATABASE {name} TEMPLATE template0")
        url = as_uri(postgres_url, name)
        migrate(make_settings(url, tmp_path_factory.mktemp("migrated")))
        yield url
        server.execute(f"DROP DATABASE {name} WITH (FORCE)")


@pytest.fixture
def fresh_database(postgres_url: str) -> Iterator[str]:
    """The owner's address of an empty database."""
    with psycopg.connect(postgres_url, autocommit=True) as server:
        name = f"nod_empty_{os.getpid()}_{next(_numbers)}"
        server.execute(f"CREATE DATABASE {name} TEMPLATE template0")
        yield as_uri(postgres_url, name)
        server.execute(f"DROP DATABASE {name} WITH (FORCE)")


@pytest.fixture(scope="session")
def database(migrated_database: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Database]:
    """The app role's connections, which this worker's tests use one after the other."""
    settings = make_settings(migrated_database, tmp_path_factory.mktemp("database"))
    masters = master_keys(settings)
    opened = Database(app_url(settings, masters), ContextSigner(masters[-1]))
    yield opened
    opened.close()


@pytest.fixture(scope="session")
def cleaner(migrated_database: str, database: Database) -> Iterator[Callable[[], None]]:
    """Ends every connection but the idle ones of `database`, and deletes all rows. Emptying a database is far quicker than making one."""
    ours: set[int] = set()
    event.listen(database.engine, "connect", lambda connection, _: ours.add(connection.info.backend_pid))
    with psycopg.connect(migrated_database, autocommit=True) as owner:
        owner.execute(EMPTY)

        def clean() -> None:
            owner.execute(END_OTHERS, (list(ours),))
            owner.execute("SELECT pg_temp.empty()")

        yield clean


@pytest.fixture
def owner_url(migrated_database: str, cleaner: Callable[[], None]) -> str:
    """The superuser's address of a migrated database without rows, in which nobody does anything."""
    cleaner()
    return migrated_database


@pytest.fixture
def settings(owner_url: str, redis_url: str, tmp_path: Path) -> Settings:
    """Settings of a process on this test's database and data folder."""
    return make_settings(owner_url, tmp_path / "data", redis_url)


@pytest.fixture
def storage(settings: Settings, database: Database) -> Iterator[Storage]:
    """Storage on this test's own database, as `open_storage` opens it."""
    assert settings.redis_url is not None
    bell = RedisBell(settings.redis_url.get_secret_value())
    yield Storage(database, LocalKeys(master_keys(settings)), bell, settings.data_dir)
    bell.close()


def somebody(storage: Storage, email: str | None = None, timezone: str = "Europe/Berlin") -> Actor:
    """A person with user, profile, personal workspace, membership, data key and a web link that can receive."""
    workspace_id, user_id = new_id(), new_id()
    with storage.work(workspace_id, user_id) as work:
        register(work, user_id, email or f"{user_id.hex[-12:]}@example.org", "Somebody", timezone)
        link = add_link(work, user_id, "web", user_id.hex, f"web:{user_id.hex}")
        work.commit()
    return Actor(user_id, workspace_id, "owner", "web", link_id=link.id)
