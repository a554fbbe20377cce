"""The mail files inside an upload. Nothing is unpacked to disk, and no more than the limits is unpacked at all."""

import stat
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import IO, Literal
from zipfile import ZIP_DEFLATED, ZIP_STORED, BadZipFile, ZipFile, ZipInfo

Kind = Literal["eml", "mbox"]

ENTRY_LIMIT = 20_000
"""Files of one archive that are looked at."""

TOTAL_LIMIT = 512 * 1024 * 1024
"""Unpacked bytes of one archive, all entries together, that are read."""

BROKEN = (BadZipFile, zlib.error, EOFError, OSError, RuntimeError, NotImplementedError, ValueError, OverflowError)
"""What a hostile or damaged archive may raise while it is opened or read."""

_SENT = {"sent", "sent items", "sent messages", "sent mail", "gesendet", "gesendete elemente", "envoyés", "enviados"}
_OTHER_MAIL = {".zip", ".pst", ".ost", ".msg", ".tar", ".gz", ".7z", ".rar"}


@dataclass(frozen=True)
class Part:
    """One mail file: the upload itself, or an entry of it. `defect` says why it is not read."""

    name: str
    kind: Kind
    entry: ZipInfo | None = None
    defect: str | None = None

    @property
    def folder(self) -> Literal["INBOX", "Sent"]:
        """Which folder its name tells."""
        names = (PurePosixPath(part).stem.casefold() for part in PurePosixPath(self.name.replace("\\", "/")).parts)
        return "Sent" if any(name in _SENT for name in names) else "INBOX"


class Upload:
    """An uploaded `.eml`, `.mbox` or `.zip` of them. Raises BROKEN when it is opened."""

    def __init__(self, path: Path) -> None:
        self._path = path
        with open(path, "rb") as file:
            start = file.read(8)
        self._zip = ZipFile(path) if start.startswith(b"PK") else None
        self._single: Kind = "mbox" if start.startswith(b"From ") or path.suffix.lower() == ".mbox" else "eml"

    def __enter__(self) -> "Upload":
        return self

    def __exit__(self, *_: object) -> None:
        if self._zip:
            self._zip.close()

    def parts(self) -> Iterator[Part]:
        """Its mail files, in the archive's order. What is skipped for a reason that a person should know is one too."""
        if self._zip is None:
            yield Part(self._path.name, self._single)
            return
        total = 0
        for number, entry in enumerate(self._zip.infolist()):
            if number == ENTRY_LIMIT:
                yield Part(entry.filename, "eml", entry, "too_many")
                return
            if entry.is_dir() or _hidden(entry.filename):
                continue
            defect = _unsafe(entry)
            if defect is None and total + entry.file_size > TOTAL_LIMIT:
                defect = "too_large"
            kind = None if defect else self._kind(entry)
            if defect is None and kind is None:
                defect = "kind"
            if defect is None:
                total += entry.file_size
            yield Part(entry.filename, kind or "eml", entry, defect)

    def open(self, part: Part) -> IO[bytes]:
        """Its bytes, seekable. Raises BROKEN."""
        if self._zip is None or part.entry is None:
            return open(self._path, "rb")
        return self._zip.open(part.entry)

    def _kind(self, entry: ZipInfo) -> Kind | None:
        path = PurePosixPath(entry.filename)
        suffix = path.suffix.lower()
        if suffix == ".eml" or path.parent.name in ("cur", "new"):
            return "eml"
        if suffix == ".mbox":
            return "mbox"
        if suffix in _OTHER_MAIL or self._zip is None:
            return None
        try:
            with self._zip.open(entry) as file:
                return "mbox" if file.read(5) == b"From " else None
        except BROKEN:
            return None


def _unsafe(entry: ZipInfo) -> str | None:
    path = PurePosixPath(entry.filename.replace("\\", "/"))
    if path.is_absolute() or ".." in path.parts or (path.parts and path.parts[0].endswith(":")):
        return "path"
    if stat.S_ISLNK(entry.external_attr >> 16):
        return "link"
    if entry.flag_bits & 0x1:
        return "encrypted"
    if entry.compress_type not in (ZIP_STORED, ZIP_DEFLATED):
        return "compression"
    return None


def _hidden(name: str) -> bool:
    parts = PurePosixPath(name.replace("\\", "/")).parts
    return "__MACOSX" in parts or (bool(parts) and parts[-1].startswith("."))
