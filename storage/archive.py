"""The file of a backup: a tar of the database's dump, the files beside it, and last a manifest with the checksum of each, so that what is cut off is known by its end."""

import hashlib
import json
import os
import tarfile
from collections.abc import Iterator
from contextlib import contextmanager
from io import BytesIO
from pathlib import Path, PurePosixPath
from typing import IO, Any

FORMAT = 1
DUMP, FILES, MANIFEST = "database.dump", "files", "manifest.json"
LONGEST_MANIFEST = 256 * 1024 * 1024
CHUNK = 1 << 20


class BackupProblem(Exception):
    """What happened, why, what to do: for the terminal."""

    def __init__(self, what: str, why: str, remedy: str) -> None:
        super().__init__(what, why, remedy)
        self.what, self.why, self.remedy = what, why, remedy


class _Counted:
    """A file that is read, and the checksum of what was read."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file, self.sha256 = file, hashlib.sha256()

    def read(self, size: int = -1) -> bytes:
        chunk = self._file.read(size)
        self.sha256.update(chunk)
        return chunk


class Writer:
    """Adds files to an archive, and at the end its manifest."""

    def __init__(self, tar: tarfile.TarFile) -> None:
        self._tar, self._sums = tar, {}

    def add(self, name: str, path: Path) -> None:
        """A file as it is when it is opened. One that is gone by then is left out."""
        try:
            file = path.open("rb")
        except FileNotFoundError:
            return
        with file:
            status = os.fstat(file.fileno())
            member = tarfile.TarInfo(name)
            member.size, member.mtime, member.mode = status.st_size, int(status.st_mtime), 0o600
            counted = _Counted(file)
            self._tar.addfile(member, counted)  # pyright: ignore[reportArgumentType]
            self._sums[name] = counted.sha256.hexdigest()

    def finish(self, facts: dict[str, Any]) -> None:
        """The manifest: `facts` and the checksums."""
        said = json.dumps({"format": FORMAT, **facts, "sha256": self._sums}, indent=1).encode()
        member = tarfile.TarInfo(MANIFEST)
        member.size, member.mode = len(said), 0o600
        self._tar.addfile(member, BytesIO(said))


@contextmanager
def writing(to: Path) -> Iterator[Writer]:
    """A new archive that only its owner may read; it appears under its name once it is whole. Raises BackupProblem."""
    scratch = to.with_name(f".{to.name}.{os.getpid()}.partial")
    try:
        with os.fdopen(os.open(scratch, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
            with tarfile.open(fileobj=file, mode="w", format=tarfile.PAX_FORMAT) as tar:
                yield Writer(tar)
            file.flush()
            os.fsync(file.fileno())
        scratch.rename(to)
    except OSError as problem:
        raise BackupProblem(
            f"The backup {to} could not be written.",
            f"{problem.strerror or problem}.",
            "Name a folder with room that this user may write to.",
        ) from None
    finally:
        scratch.unlink(missing_ok=True)


def verified(path: Path) -> dict[str, Any]:
    """The manifest of an archive that is whole and unchanged. Raises BackupProblem."""
    try:
        with tarfile.open(path, "r:") as tar:
            sums: dict[str, str] = {}
            manifest: dict[str, Any] | None = None
            for member in tar:
                if manifest is not None or not _allowed(member) or member.name in sums:
                    raise _broken(path, f"it holds {member.name[:200]!r}, which no backup of Nod does")
                file = tar.extractfile(member)
                assert file is not None
                if member.name == MANIFEST and member.size <= LONGEST_MANIFEST:
                    manifest = json.loads(file.read())
                else:
                    sums[member.name] = _sum(file)
    except (tarfile.TarError, ValueError, EOFError, RecursionError) as problem:
        raise _broken(path, f"it cannot be read ({type(problem).__name__})") from None
    except OSError as problem:
        raise BackupProblem(
            f"{path} cannot be read.", f"{problem.strerror or problem}.", "Check the path, then try again."
        ) from None
    if manifest is None:
        raise _broken(path, "its end is missing")
    if not isinstance(manifest, dict) or manifest.get("format") != FORMAT:
        raise BackupProblem(
            f"{path} was made by another version of Nod.",
            "Its format is not known here.",
            "Restore it with the version that made it, or a newer one than this.",
        )
    if manifest.get("sha256") != sums or DUMP not in sums:
        raise _broken(path, "what is in it is not what its manifest says")
    return manifest


def take_out(path: Path, dump: Path, folder: Path) -> None:
    """Writes what a verified archive holds: the dump to `dump`, the files below `folder`, each whole or not at all."""
    with tarfile.open(path, "r:") as tar:
        for member in tar:
            if member.name == MANIFEST:
                continue
            to = dump if member.name == DUMP else folder.joinpath(*PurePosixPath(member.name).parts[1:])
            to.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            file = tar.extractfile(member)
            assert file is not None
            scratch = to.with_name(f".{to.name[:200]}.restoring")
            scratch.unlink(missing_ok=True)
            with os.fdopen(os.open(scratch, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as out:
                while chunk := file.read(CHUNK):
                    out.write(chunk)
                out.flush()
                os.fsync(out.fileno())
            scratch.replace(to)


def _allowed(member: tarfile.TarInfo) -> bool:
    """A regular file in its place: nothing that leads elsewhere."""
    parts = PurePosixPath(member.name).parts
    inside = len(parts) > 1 and parts[0] == FILES and ".." not in parts and "\0" not in member.name
    return member.isreg() and (member.name in (DUMP, MANIFEST) or inside)


def _sum(file: IO[bytes]) -> str:
    sha256 = hashlib.sha256()
    while chunk := file.read(CHUNK):
        sha256.update(chunk)
    return sha256.hexdigest()


def _broken(path: Path, why: str) -> BackupProblem:
    return BackupProblem(
        f"{path} is no whole backup.",
        f"Reason: {why}.",
        "Nothing was changed. Take another copy of it, or an older backup.",
    )
