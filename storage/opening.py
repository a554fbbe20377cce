"""Storage's front: everything that a process needs of the database, the broker's bell and the content store, opened once."""

import shutil
from contextlib import AbstractContextManager
from pathlib import Path
from uuid import UUID

from sqlalchemy import text

from core.kernel.settings import Settings
from storage.addresses import app_url
from storage.batches import SqlBatches
from storage.bell import Bell, NoBell, RedisBell
from storage.blobs import LocalBlobs
from storage.context import ContextSigner
from storage.directory import SqlDirectory
from storage.due import SqlDueWork
from storage.engine import Database, asking
from storage.export import Everything, everything
from storage.history import SqlHistoryWork, drop_parts
from storage.inbox import SqlInbox
from storage.installations import SqlInstallations
from storage.master_key import changed_keys, master_keys
from storage.seals import Seals
from storage.unit_of_work import SqlUnitOfWork
from storage.vault import NOWHERE, LocalKeys, PersonKeys

MONTHS_AHEAD = 2
EVERYBODY = 2**31 - 1
MAKE_PARTS = text("SELECT nod.make_parts(:months)")
UNDER_OTHER_KEYS = text("SELECT * FROM nod.people_under_other_keys(:current, :most)")


class Storage:
    """The storage of one process. Thread-safe; not to be carried over a fork."""

    def __init__(self, database: Database, keys: LocalKeys, bell: Bell, data_dir: Path) -> None:
        self.bell = bell
        self.directory = SqlDirectory(database)
        self.due = SqlDueWork(database)
        self.inbox = SqlInbox(database, keys)
        self.installations = SqlInstallations(database, keys)
        self.batches = SqlBatches(database, keys, bell)
        self._database, self._keys, self._blobs = database, keys, data_dir / "blobs"

    def work(self, workspace_id: UUID, user_id: UUID) -> SqlUnitOfWork:
        """A unit of work as that person in that workspace; nothing of any other workspace can be seen or touched in it."""
        return SqlUnitOfWork(self._database, self._keys, self.bell, workspace_id, user_id)

    def history(self, workspace_id: UUID, user_id: UUID) -> SqlHistoryWork:
        """The same, and it can remove history: for the daily pass alone."""
        return SqlHistoryWork(self._database, self._keys, self.bell, workspace_id, user_id)

    def everything(self, workspace_id: UUID, user_id: UUID) -> AbstractContextManager[Everything]:
        """All that is stored about a person, one snapshot."""
        return everything(self._database, self._keys, workspace_id, user_id)

    def forget_files(self, workspace_id: UUID, user_id: UUID) -> None:
        """Removes what a person had in the content store of a workspace; its key is destroyed before."""
        shutil.rmtree(self._blobs / str(workspace_id) / str(user_id), ignore_errors=True)

    def blobs(self, workspace_id: UUID, user_id: UUID) -> LocalBlobs:
        """The content store of what is that person's in that workspace. Opens a short transaction for the key at its first use."""
        found: list[PersonKeys] = []

        def key(anew: bool) -> PersonKeys:
            if anew or not found:
                connection, _ = self._database.begin(workspace_id, user_id)
                with connection:
                    found[:] = [Seals(asking(connection), self._keys, workspace_id).key(user_id)]
            return found[0]

        return LocalBlobs(self._blobs, workspace_id, user_id, key)

    def rewrap(self, batch: int = 100) -> int:
        """Wraps every data key with the current master key, one short transaction each, while everything else goes on. Answers how many it changed;
        after it nothing needs the older master keys."""
        changed = 0
        while people := self._under_other_keys(batch):
            for user_id in people:
                connection, _ = self._database.begin(user_id, user_id)
                with connection:
                    changed += Seals(asking(connection), self._keys, NOWHERE).rewrap(user_id)
                    connection.commit()
        return changed + self.installations.reseal() + self.inbox.reseal()

    def renew_data_keys(self) -> int:
        """Gives every person a further data key, one short transaction each, while everything else goes on: it seals from now on, the earlier ones still open what they
        sealed. Answers how many people."""
        renewed = 0
        for user_id in self._under_other_keys(EVERYBODY, current=""):
            connection, _ = self._database.begin(user_id, user_id)
            with connection:
                renewed += Seals(asking(connection), self._keys, NOWHERE).renew(user_id)
                connection.commit()
        return renewed

    def make_parts(self, months: int = MONTHS_AHEAD) -> int:
        """Makes the parts of large tables for this month and the `months` after it, where they are missing (docs/adr/0008); answers how many it made."""
        connection, _ = self._database.begin(NOWHERE, NOWHERE)
        with connection:
            made: int = connection.scalar(MAKE_PARTS, {"months": months}) or 0
            connection.commit()
        return made

    def drop_parts(self) -> list[str]:
        """Drops the parts of past months that hold nothing any more; answers which."""
        return drop_parts(self._database)

    def _under_other_keys(self, limit: int, current: str | None = None) -> list[UUID]:
        asked = {"current": self._keys.current if current is None else current, "most": limit}
        connection, _ = self._database.begin(NOWHERE, NOWHERE)
        with connection:
            return list(connection.scalars(UNDER_OTHER_KEYS, asked))

    def close(self) -> None:
        """Lets the connections go. Units of work that are open are not waited for."""
        self._database.close()
        self.bell.close()


def open_storage(settings: Settings) -> Storage:
    """Opens storage as the app role; the schema must be at head (`storage.migrate`). Does not connect yet.

    Raises Unavailable `kernel.database_missing`; MasterKeyBroken."""
    masters = master_keys(settings)
    database = Database(app_url(settings, masters), ContextSigner(masters[-1]))
    bell = RedisBell(settings.redis_url.get_secret_value()) if settings.redis_url else NoBell()
    return Storage(database, LocalKeys(masters, changed_keys(settings)), bell, settings.data_dir)
