"""What this machine knows to be done: a note for each request that succeeded, so that a worker that vanished before it could record it leaves no doubt."""

import json
from datetime import datetime, timedelta
from pathlib import Path

from core.connectors.ports import Receipt
from runners.connectors.files import read_file, write_new
from runners.mail.compose import key_hash

KEPT = timedelta(days=30)
_LARGEST = 10_000


class Done:
    """The notes of one connection, in a folder of its own."""

    def __init__(self, folder: Path, now: datetime) -> None:
        self._folder, self._now = folder, now

    def of(self, key: str) -> Receipt | None:
        """The receipt that was noted for `key`."""
        try:
            noted = json.loads(read_file(self._file(key), _LARGEST))
            return Receipt(noted["external_ref"], noted["facts"])
        except (OSError, ValueError, KeyError, TypeError):
            return None

    def note(self, key: str, receipt: Receipt) -> None:
        """Keeps it; notes of more than 30 days are dropped. Raises OSError."""
        self._folder.mkdir(exist_ok=True)
        write_new(
            self._file(key), json.dumps({"external_ref": receipt.external_ref, "facts": dict(receipt.facts)}).encode()
        )
        for note in self._folder.glob("*.json"):
            if note.stat().st_mtime < (self._now - KEPT).timestamp():
                note.unlink(missing_ok=True)

    def _file(self, key: str) -> Path:
        return self._folder / f"{key_hash(key)}.json"
