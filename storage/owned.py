"""What only the owner of the database can ask: which master keys something needs, and everybody there is."""

import psycopg

from core.kernel.due import DueItem
from core.kernel.settings import Settings
from storage.addresses import app_url
from storage.backup import owner
from storage.master_key import master_keys
from storage.vault import LocalKeys

POWERS = (
    "do everything (superuser)",
    "bypass row-level security",
    "make roles",
    "make databases",
    "replicate",
    "become the owner of the tables",
    "truncate tables",
)


def keys_in_use(settings: Settings) -> list[tuple[str, bool]]:
    """The ids of the master keys, the current one first, and whether anything in the database needs it."""
    with owner(settings) as connection:
        connection.execute("SET ROLE nod_owner")
        needed = {key for (key,) in connection.execute("SELECT nod.master_keys_in_use()")}
    return [(id, id in needed) for id in LocalKeys(master_keys(settings)).ids]


def keys_missing(settings: Settings, given: set[str]) -> list[str]:
    """The ids of master keys that something needs and that are not among those given."""
    with owner(settings) as connection:
        connection.execute("SET ROLE nod_owner")
        return [key for (key,) in connection.execute("SELECT nod.master_keys_in_use()") if key not in given]


def powers_of_app_role(settings: Settings) -> list[str]:
    """What the app role may and should not, in words. Raises psycopg's errors when it cannot sign in."""
    url = app_url(settings, master_keys(settings)).set(drivername="postgresql").render_as_string(hide_password=False)
    with psycopg.connect(url) as connection:
        row = connection.execute(
            "SELECT rolsuper, rolbypassrls, rolcreaterole, rolcreatedb, rolreplication, "
            "pg_has_role(current_user, 'nod_owner', 'MEMBER'), has_table_privilege('nod.users', 'TRUNCATE') FROM pg_roles WHERE rolname = current_user"
        ).fetchone()
    assert row is not None
    return [power for power, has in zip(POWERS, row, strict=True) if has]


def everybody(settings: Settings) -> list[DueItem]:
    """Each person who is not deleted, in their own workspace. Needs a role that sees every row."""
    with owner(settings) as connection:
        rows = connection.execute(
            "SELECT w.owner_id, w.id, w.owner_id FROM nod.workspaces w JOIN nod.users u ON u.id = w.owner_id "
            "JOIN nod.data_keys k ON k.user_id = u.id WHERE w.kind = 'personal' AND u.status = 'active' AND k.destroyed_at IS NULL"
        ).fetchall()
    return [DueItem(*row) for row in rows]
