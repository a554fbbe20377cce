"""What only the owner of the database can ask: which master keys something needs, and everybody there is."""

from core.kernel.due import DueItem
from core.kernel.settings import Settings
from storage.backup import owner
from storage.master_key import master_keys
from storage.vault import LocalKeys


def keys_in_use(settings: Settings) -> list[tuple[str, bool]]:
    """The ids of the master keys, the current one first, and whether anything in the database needs it."""
    with owner(settings) as connection:
        connection.execute("SET ROLE nod_owner")
        needed = {key for (key,) in connection.execute("SELECT nod.master_keys_in_use()")}
    return [(id, id in needed) for id in LocalKeys(master_keys(settings)).ids]


def everybody(settings: Settings) -> list[DueItem]:
    """Each person who is not deleted, in their own workspace. Needs a role that sees every row."""
    with owner(settings) as connection:
        rows = connection.execute(
            "SELECT w.owner_id, w.id, w.owner_id FROM nod.workspaces w JOIN nod.users u ON u.id = w.owner_id "
            "JOIN nod.data_keys k ON k.user_id = u.id WHERE w.kind = 'personal' AND u.status = 'active' AND k.destroyed_at IS NULL"
        ).fetchall()
    return [DueItem(*row) for row in rows]
