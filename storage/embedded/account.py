"""As whom the servers run. PostgreSQL refuses root, so root hands the server folders, and nothing else, to another user."""

import os
import stat
from dataclasses import dataclass
from pathlib import Path

from storage.embedded.errors import EmbeddedError

NOBODY = 65534


@dataclass(frozen=True)
class Account:
    """The user and group that own the server folders and run the servers."""

    uid: int
    gid: int

    @property
    def foreign(self) -> bool:
        """Whether it is someone else than this process, which then must be root."""
        return self.uid != os.geteuid()

    def folder(self, path: Path) -> Path:
        """Make `path`, or take it over when it is ours, with access for its owner alone. Raises EmbeddedError."""
        path.mkdir(mode=0o700, exist_ok=True)
        owner = path.lstat()
        if not stat.S_ISDIR(owner.st_mode):
            raise EmbeddedError(
                f"{path} cannot hold a server's data.",
                "It is not a folder.",
                "Move it away, or set NOD_DATA_DIR to another folder.",
            )
        if owner.st_uid not in (self.uid, os.geteuid()):
            raise EmbeddedError(
                f"{path} cannot be used.",
                f"It belongs to user {owner.st_uid}, and Nod runs as user {os.geteuid()}.",
                "Start Nod as the user who first started it on this folder, or set NOD_DATA_DIR to another folder.",
            )
        self.give(path)
        path.chmod(0o700)
        return path

    def give(self, path: Path) -> None:
        """Make this account the owner of one file or folder. Raises EmbeddedError where root may not give things away."""
        owner = path.lstat()
        if (owner.st_uid, owner.st_gid) == (self.uid, self.gid) or not self.foreign:
            return
        try:
            os.chown(path, self.uid, self.gid, follow_symlinks=False)
        except OSError as refused:
            raise EmbeddedError(
                f"{path} could not be given to user {self.uid}.",
                f"PostgreSQL does not run as root, and this root may not change owners ({refused.strerror}).",
                "Start Nod as an ordinary user, or set NOD_DATABASE_URL and NOD_REDIS_URL to servers of your own.",
            ) from refused

    def write(self, path: Path, text: str) -> None:
        """Put a file of this account's own at `path`, whole or not at all. Never follows what stands there: root writes here."""
        scratch = path.with_name(path.name + ".new")
        scratch.unlink(missing_ok=True)
        handle = os.open(scratch, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        self.give(scratch)
        scratch.replace(path)

    def may_enter(self, path: Path) -> bool:
        """Whether the permission bits let this account read and enter `path` and every folder above it."""
        real = path.resolve()
        needed = [(real, 0o5)] + [(parent, 0o1) for parent in real.parents]
        return all(self._allows(place.stat(), bits) for place, bits in needed)

    def _allows(self, status: os.stat_result, bits: int) -> bool:
        if status.st_uid == self.uid:
            shift = 6
        elif status.st_gid == self.gid:
            shift = 3
        else:
            shift = 0
        return (status.st_mode >> shift) & bits == bits


def server_account(data_dir: Path) -> Account:
    """Who runs the servers of `data_dir`: this user, or for root the owner of the data, or for root's own data nobody."""
    if os.geteuid() != 0:
        return Account(os.geteuid(), os.getegid())
    for place in (data_dir / "postgres", data_dir):
        if place.exists() and place.stat().st_uid != 0:
            return Account(place.stat().st_uid, place.stat().st_gid)
    return Account(NOBODY, NOBODY)
