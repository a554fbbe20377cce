"""Who connects to PostgreSQL as whom: the owner migrates, the app role does everything else."""

import base64

from sqlalchemy import URL, make_url

from core.kernel.errors import Unavailable
from core.kernel.settings import Settings
from storage.vault import derived

APP_ROLE = "nod_app"


def owner_url(settings: Settings) -> URL:
    """The owner's address. Raises Unavailable `kernel.database_missing`."""
    if settings.database_url is None:
        raise Unavailable("kernel.database_missing", variable="NOD_DATABASE_URL")
    return make_url(settings.database_url.get_secret_value()).set(drivername="postgresql+psycopg")


def app_url(settings: Settings, master_keys: tuple[bytes, ...]) -> URL:
    """The app role's address: the setting, or the owner's with the app role's name and derived password. Raises Unavailable."""
    if settings.database_app_url is not None:
        return make_url(settings.database_app_url.get_secret_value()).set(drivername="postgresql+psycopg")
    return owner_url(settings).set(username=APP_ROLE, password=app_password(master_keys))


def app_password(master_keys: tuple[bytes, ...]) -> str:
    """The app role's password. It hangs on the oldest key, so that adding a newer one changes nothing yet."""
    return base64.urlsafe_b64encode(derived(master_keys[-1], "app role password")).decode().rstrip("=")
