"""Files that appear whole or not at all, and once: what "exactly once" means on a disk."""

import os
from pathlib import Path
from uuid import uuid4


def write_new(target: Path, content: bytes, *, drafts: Path | None = None, modified_ns: int | None = None) -> bool:
    """Makes the file durably in one step. False when there is one of that name already: it stays as it is.

    `drafts` is where the unfinished file lies meanwhile (default: beside the target, hidden), on the same file system.
    Raises OSError."""
    draft = _draft(target, content, drafts, modified_ns)
    try:
        os.link(draft, target)
    except FileExistsError:
        return False
    finally:
        draft.unlink(missing_ok=True)
    _sync(target.parent)
    return True


def replace(target: Path, content: bytes) -> None:
    """Makes the file durably in one step, instead of the one that may be there. Raises OSError."""
    draft = _draft(target, content, None, None)
    try:
        os.replace(draft, target)
    finally:
        draft.unlink(missing_ok=True)
    _sync(target.parent)


def read_file(path: Path, limit: int) -> bytes:
    """The first `limit` bytes of a file; a link is not followed, a pipe not waited for. Raises OSError."""
    with open(os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC), "rb") as file:
        return file.read(limit)


def printable(name: str) -> str:
    """A file's name as text that JSON and a database take, whatever bytes it has."""
    return name.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace").replace("\0", "")


def _draft(target: Path, content: bytes, drafts: Path | None, modified_ns: int | None) -> Path:
    draft = (drafts or target.parent) / f".{uuid4().hex}.draft"
    try:
        with open(draft, "xb", opener=lambda path, flags: os.open(path, flags, 0o600)) as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        if modified_ns is not None:
            os.utime(draft, ns=(modified_ns, modified_ns))
    except OSError:
        draft.unlink(missing_ok=True)
        raise
    return draft


def _sync(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
