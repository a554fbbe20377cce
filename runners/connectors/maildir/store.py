"""A Maildir on disk: listed and read without a trace, added to without ever overwriting or doubling.

Names follow the Maildir convention: `unique:2,FLAGS` in `cur`, `unique` in `new`; a rename of flags keeps `unique`."""

import os
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from runners.connectors.files import write_new

FLAGS = {"D": "\\Draft", "F": "\\Flagged", "P": "$Forwarded", "R": "\\Answered", "S": "\\Seen", "T": "\\Deleted"}
"""A Maildir's letters for the flags of IMAP."""


@dataclass(frozen=True)
class Entry:
    """One file of a Maildir. `arrived_ns` is its modification time, which mail programs keep as the time of arrival."""

    unique: str
    path: Path
    flags: tuple[str, ...]
    arrived_ns: int
    size: int
    regular: bool


class Maildir:
    """One folder with `cur`, `new` and `tmp`."""

    def __init__(self, path: Path) -> None:
        self.path = path

    @staticmethod
    def at(path: Path) -> bool:
        """Whether a Maildir is there."""
        return (path / "cur").is_dir() and (path / "new").is_dir()

    def create(self) -> None:
        """Makes the folder where it is missing."""
        for part in ("tmp", "new", "cur"):
            (self.path / part).mkdir(parents=True, exist_ok=True, mode=0o700)

    def entries(self) -> Iterator[Entry]:
        """Every mail now there, each once, in no order. A missing folder has none."""
        seen: set[str] = set()
        for part in ("new", "cur"):
            try:
                files = list(os.scandir(self.path / part))
            except FileNotFoundError:
                continue
            for file in files:
                unique, _, flags = file.name.partition(":2,")
                if file.name.startswith(".") or unique in seen:
                    continue
                try:
                    status = file.stat(follow_symlinks=False)
                except FileNotFoundError:
                    continue
                seen.add(unique)
                yield Entry(
                    unique=unique,
                    path=Path(file.path),
                    flags=tuple(FLAGS[f] for f in flags if f in FLAGS),
                    arrived_ns=status.st_mtime_ns,
                    size=status.st_size,
                    regular=stat.S_ISREG(status.st_mode),
                )

    def find(self, unique: str) -> Path | None:
        """Where the mail of that unique name is now, whatever its flags."""
        for part in ("new", "cur"):
            folder = self.path / part
            if folder.is_dir():
                for name in os.listdir(folder):
                    if name == unique or name.startswith(f"{unique}:2,"):
                        return folder / name
        return None

    def add(self, unique: str, raw: bytes, flags: str = "S", arrived_ns: int | None = None) -> bool:
        """Puts a mail into `cur` in one step, durably. False when one of that unique name is there: it stays as it is.
        Raises OSError."""
        if self.find(unique):
            return False
        self.create()
        target = self.path / "cur" / f"{unique}:2,{flags}"
        return write_new(target, raw, drafts=self.path / "tmp", modified_ns=arrived_ns)
