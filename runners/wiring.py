"""The one place where runners meet storage and settings."""

from collections.abc import Iterable
from functools import cache
from pathlib import Path
from uuid import UUID

from core.kernel.due import DueItem
from core.kernel.settings import Settings, settings
from core.orchestration.ports import LanguageModel
from storage import Storage, open_storage, telemetry
from storage.bell import Ring


@cache
def storage() -> Storage:
    """The storage of this process."""
    return open_storage(settings())


@cache
def model() -> LanguageModel | None:
    """The configured language model; None when offline, which then loads none of the libraries."""
    if settings().model == "offline":
        return None
    from runners.models import language_model

    return language_model(settings())


def redis_url(chosen: Settings) -> str:
    """Where the broker is. Raises RuntimeError when nobody said (`nod up` says)."""
    if chosen.redis_url is None:
        raise RuntimeError("NOD_REDIS_URL is not set. Start everything with `nod up`, or name your Redis or Valkey.")
    return chosen.redis_url.get_secret_value()


def ring(bell: str, items: Iterable[DueItem]) -> None:
    """Wakes the actor of that name for each of them, in one round trip."""
    storage().bell.wake_all(Ring(bell, item.workspace_id, item.user_id, item.id) for item in items)


def connection_folder(connection_id: UUID) -> Path:
    """Where a connection keeps files of its own."""
    folder = settings().data_dir.absolute() / "connections" / str(connection_id)
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def see(process: str) -> None:
    """Logs, traces and counts of this process."""
    telemetry.set_up(settings(), process)
