"""The one place where doors meet storage and settings: makes the parts of this process."""

from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from functools import cache
from importlib import import_module
from importlib.util import find_spec
from pkgutil import walk_packages

from pydantic import SecretStr

from bots.kit.parts import Parts
from bots.kit.tokens import Tokens
from bots.kit.words import words
from core.catalog.kinds import templates
from core.kernel.settings import Settings, settings
from storage import Storage, open_storage, telemetry
from storage.backup import take_backup
from storage.embedded import find_running, opened
from storage.master_key import MasterKeyBroken, keep_current_key, master_keys, put_key_in_front
from storage.migrate import at_head, migrate
from storage.owned import everybody, keys_in_use, keys_missing, powers_of_app_role
from storage.restore import restore_backup
from storage.vault import derived

__all__ = [
    "MasterKeyBroken",
    "everybody",
    "keep_current_key",
    "keys_in_use",
    "keys_missing",
    "powers_of_app_role",
    "put_key_in_front",
    "restore_backup",
    "take_backup",
]


@cache
def storage() -> Storage:
    """The storage of this process."""
    return open_storage(settings())


@cache
def parts() -> Parts:
    """The parts of this process, with every dialog registered."""
    chosen = settings()
    load_dialogs()
    redis_url = chosen.redis_url.get_secret_value() if chosen.redis_url else None
    return Parts(
        storage(), words(), tokens_of(chosen), templates(), redis_url, mail=chosen.smtp_url is not None,
        model=chosen.model.strip() != "offline",
    )  # fmt: skip


def tokens_of(chosen: Settings) -> Tokens:
    """What packs buttons. It hangs on the oldest master key, so that buttons live on when a newer one is added."""
    return Tokens(derived(master_keys(chosen)[-1], "callback tokens"))


def load_dialogs() -> None:
    """Imports every module under `bots/dialogs`, which registers what it answers."""
    spec = find_spec("bots.dialogs")
    if spec is not None and spec.submodule_search_locations:
        for module in walk_packages(spec.submodule_search_locations, "bots.dialogs."):
            import_module(module.name)


def see(process: str) -> None:
    """Logs, traces and counts of this process."""
    telemetry.set_up(settings(), process)


def metrics(chosen: Settings) -> bytes:
    """What the processes of this supervisor counted, in Prometheus' text format."""
    return telemetry.metrics(chosen)


def schema_is_current(chosen: Settings) -> Callable[[], bool]:
    """Asks whether the database answers and its schema is that of this version."""
    return lambda: at_head(chosen)


@contextmanager
def administration() -> Iterator[Storage]:
    """Storage for one command of the terminal: of the configured database, of the embedded one that runs, or of the embedded one started for as long as
    this lasts. Raises EmbeddedError, Unavailable."""
    with addressed() as given:
        if settings().embedded:
            migrate(given)
        with closing(open_storage(given)) as storage:
            yield storage


@contextmanager
def addressed() -> Iterator[Settings]:
    """The settings with the addresses of the servers, whose embedded ones run at least as long as this lasts. Raises EmbeddedError."""
    chosen = settings()
    if not chosen.embedded:
        yield chosen
        return
    with opened(chosen.data_dir) as servers:
        yield _given(chosen, servers.database_url, servers.redis_url)


def where_embedded(chosen: Settings) -> Settings | None:
    """The settings with the addresses of the embedded servers, if these are wanted and run; None when they do not run."""
    if not chosen.embedded:
        return chosen
    running = find_running(chosen.data_dir)
    return None if running is None else _given(chosen, running.database_url, running.redis_url)


def events_given_up(chosen: Settings, most: int = 1_000) -> int:
    """How many events could not be handled and wait for somebody to try them again."""
    with closing(open_storage(chosen)) as storage:
        return len(storage.inbox.set_aside(most))


def _given(chosen: Settings, database_url: str, redis_url: str) -> Settings:
    return chosen.model_copy(update={"database_url": SecretStr(database_url), "redis_url": SecretStr(redis_url)})
