"""A folder of .ics files: one event or series a file when it is ours, any number in files of other programs."""

import fcntl
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

import icalendar

from runners.connectors.calendar_folder.write import KEY_PROPERTY
from runners.connectors.files import read_file, replace, write_new

FILE_LIMIT = 5 * 1024 * 1024
"""Bytes of one file that are still read: some ten thousand events, which take seconds to parse."""

_PLAIN = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._@-]{0,150}")


class Unreadable(Exception):
    """A file that is no calendar, or too large. `code` says which."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


@dataclass(frozen=True)
class Held:
    """An event that is in the folder. `alone` is whether its file holds nothing else."""

    path: Path
    sequence: int
    key: str | None
    alone: bool


class Folder:
    """The .ics files right inside one folder."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def files(self) -> list[os.DirEntry[str]]:
        """Its files, by name. A missing folder has none."""
        try:
            with os.scandir(self.path) as entries:
                found = [e for e in entries if e.name.lower().endswith(".ics") and not e.name.startswith(".")]
        except FileNotFoundError:
            return []
        return sorted(found, key=lambda e: e.name)

    def held(self, uid: str) -> Held | None:
        """The event of that UID, wherever it is."""
        expected = self.path / self._name(uid)
        others = (Path(e.path) for e in self.files() if e.name != expected.name)
        for path in (expected, *others):
            try:
                raw = read_file(path, FILE_LIMIT + 1)
                if path != expected and not _may_hold(raw, uid):
                    continue
                components = events(raw)
            except (OSError, Unreadable):
                continue
            if mine := components.get(uid):
                sequence = max((_sequence(e) for e in mine), default=0)
                key = next((str(e[KEY_PROPERTY]) for e in mine if KEY_PROPERTY in e), None)
                return Held(path, sequence, key, len(components) == 1)
        return None

    def add(self, uid: str, content: bytes) -> bool:
        """A new file. False when there is one of that name. Raises OSError."""
        return write_new(self.path / self._name(uid), content)

    def replace(self, path: Path, content: bytes) -> None:
        """A newer version of a file. Raises OSError."""
        replace(path, content)

    def remove(self, path: Path) -> None:
        """A file no longer. Raises OSError."""
        path.unlink(missing_ok=True)

    @contextmanager
    def alone(self) -> Iterator[None]:
        """Nobody else of us writes into the folder meanwhile. Makes the folder where it is missing. Raises OSError."""
        self.path.mkdir(parents=True, exist_ok=True, mode=0o700)
        with open(self.path / ".nod.lock", "ab") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield

    @staticmethod
    def _name(uid: str) -> str:
        return f"{uid if _PLAIN.fullmatch(uid) else sha256(uid.encode('utf-8', 'replace')).hexdigest()}.ics"


def events(raw: bytes) -> dict[str, list[icalendar.Component]]:
    """The events of a file by UID: a series and its exceptions share one. Raises Unreadable."""
    if len(raw) > FILE_LIMIT:
        raise Unreadable("connectors.calendar_too_large")
    found: dict[str, list[icalendar.Component]] = {}
    try:
        for calendar in icalendar.Calendar.from_ical(raw, multiple=True):
            for event in calendar.walk("VEVENT"):
                found.setdefault(str(event.get("UID", "")), []).append(event)
    except Exception as broken:  # the parser raises many kinds on hostile input
        raise Unreadable("connectors.calendar_broken") from broken
    if (
        not found and b"END:VCALENDAR" not in raw.upper()
    ):  # the parser takes noise and a torn file for an empty calendar
        raise Unreadable("connectors.calendar_broken")
    return found


def _may_hold(raw: bytes, uid: str) -> bool:
    # Parsing is slow: a file without the start of the UID is passed over. Long lines may be folded, hence the start.
    return uid.encode("utf-8", "replace")[:20] in raw


def _sequence(event: icalendar.Component) -> int:
    try:
        return int(event.get("SEQUENCE", 0))
    except (ValueError, TypeError):
        return 0
