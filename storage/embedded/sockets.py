"""Unix sockets need short paths: the kernel takes 107 bytes, and a checkout may be deep."""

import hashlib
import os
import tempfile
from dataclasses import dataclass
from pathlib import Path

from storage.embedded.account import Account
from storage.embedded.errors import EmbeddedError

LONGEST_PATH = 107 if os.uname().sysname == "Linux" else 103


@dataclass(frozen=True)
class SocketFolder:
    """Where one server listens: `path` as clients see it, `seen_by_server` from the server's own working folder."""

    path: Path
    seen_by_server: str

    def prepare(self, account: Account) -> None:
        """Make it, closed to everyone but `account`. Raises EmbeddedError when a stranger made it first."""
        account.folder(self.path)


def socket_folder(preferred: Path, working_folder: Path, name: str) -> SocketFolder:
    """`preferred` when a socket called `name` fits there, else a folder of this data's own under the temporary folder."""
    if _fits(preferred / name):
        return SocketFolder(preferred, os.path.relpath(preferred, working_folder))
    digest = hashlib.sha256(os.fsencode(preferred)).hexdigest()[:16]
    for base in (tempfile.gettempdir(), "/tmp"):  # noqa: S108 - made closed, refused when a stranger made it
        short = Path(base) / f"nod-{digest}"
        if _fits(short / name):
            return SocketFolder(short, str(short))
    raise EmbeddedError(
        f"No place for the socket {name}.",
        f"Socket paths end at {LONGEST_PATH} bytes; {preferred} and the temporary folder are longer.",
        "Set NOD_DATA_DIR or TMPDIR to a shorter path.",
    )


def _fits(path: Path) -> bool:
    return len(os.fsencode(path)) <= LONGEST_PATH
