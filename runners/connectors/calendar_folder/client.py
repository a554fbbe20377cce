"""A calendar that is a folder of .ics files, as vdirsyncer, khal or Evolution can share it."""

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from core.connectors.gate import last_gate
from core.connectors.operations import CalendarCreate, CalendarDelete
from core.connectors.ports import EffectFailed, Finding, Page, Place, Receipt, Report
from core.kernel.errors import Invalid, Unavailable
from runners.connectors.approved import approved, unknown_operation
from runners.connectors.calendar_folder.read import read_page
from runners.connectors.calendar_folder.store import Folder
from runners.connectors.calendar_folder.write import event_uid, write_event
from runners.connectors.files import printable
from runners.mail.compose import key_hash


class CalendarFolder:
    """Reads events, and adds them once per key."""

    def __init__(self, folder: Folder, place: Place) -> None:
        self._folder, self._place = folder, place

    def check(self) -> Report:
        """See Connector.check."""
        return Report(printable(str(self._folder.path)), ("read", "write"), {"files": len(self._folder.files())})

    def read(self, stream: str, cursor: Mapping[str, Any] | None, limit: int) -> Page:
        """See Connector.read."""
        if stream != "calendar":
            raise Invalid("connectors.stream_unknown", stream=stream)
        return read_page(self._folder, cursor, limit)

    def perform(self, operation: str, key: str, input: Mapping[str, Any]) -> Receipt:
        """See Connector.perform. A newer version of an invitation replaces an older one, never the other way round."""
        if operation == "calendar.delete":
            return self._remove(approved(CalendarDelete, input))
        event = self._event(operation, input)
        try:
            content = write_event(event, key, self._place.now)
            with self._folder.alone():
                last_gate()
                return self._put(event, key, content)
        except Invalid as wrong:
            raise EffectFailed(wrong.code, lasting=True, **wrong.data) from None
        except OSError as failed:
            reason = os.strerror(failed.errno or 0)
            raise EffectFailed("connectors.folder_unwritable", lasting=False, reason=reason) from None

    def stale(self, operation: str, key: str, input: Mapping[str, Any]) -> str | None:
        """See Connector.stale. An event that is outdated is refused when it is added."""
        return None

    def find(self, operation: str, key: str, input: Mapping[str, Any]) -> Finding:
        """See Connector.find."""
        if operation == "calendar.delete":
            gone = approved(CalendarDelete, input)
            return Receipt(gone.uid) if self._folder.held(gone.uid) is None else "absent"
        event = self._event(operation, input)
        uid = event_uid(event, key)
        held = self._folder.held(uid)
        if held is None:
            return "absent"
        return Receipt(uid) if held.key == key_hash(key) or held.sequence >= event.sequence else "absent"

    def _event(self, operation: str, input: Mapping[str, Any]) -> CalendarCreate:
        if operation != "calendar.create":
            raise unknown_operation(operation)
        return approved(CalendarCreate, input)

    def _remove(self, wanted: CalendarDelete) -> Receipt:
        """Removes the event that was made under that key. One that is gone already is removed; one that somebody else made, or that stands in a file with others, stays."""
        try:
            with self._folder.alone():
                held = self._folder.held(wanted.uid)
                if held is None:
                    return Receipt(wanted.uid)
                if held.key != key_hash(wanted.made_by):
                    raise EffectFailed("connectors.event_not_ours", lasting=True, title=wanted.title)
                if not held.alone:
                    name = printable(held.path.name)
                    raise EffectFailed("connectors.event_file_shared", lasting=True, uid=wanted.uid, file=name)
                last_gate()
                self._folder.remove(held.path)
        except OSError as failed:
            reason = os.strerror(failed.errno or 0)
            raise EffectFailed("connectors.folder_unwritable", lasting=False, reason=reason) from None
        return Receipt(wanted.uid)

    def _put(self, event: CalendarCreate, key: str, content: bytes) -> Receipt:
        uid = event_uid(event, key)
        held = self._folder.held(uid)
        if held is None:
            if not self._folder.add(uid, content):
                raise EffectFailed("connectors.event_file_taken", lasting=True, uid=uid)
        elif held.key == key_hash(key) or held.sequence == event.sequence:
            return Receipt(uid)
        elif held.sequence > event.sequence:
            raise EffectFailed("connectors.event_outdated", lasting=True, uid=uid, sequence=held.sequence)
        elif not held.alone:
            raise EffectFailed("connectors.event_file_shared", lasting=True, uid=uid, file=printable(held.path.name))
        else:
            self._folder.replace(held.path, content)
            return Receipt(uid, {"replaced": True})
        return Receipt(uid)


@contextmanager
def connect(config: Mapping[str, Any], secrets: Mapping[str, str], place: Place) -> Iterator[CalendarFolder]:
    """Without a folder in the config, one of the connection's own. Raises Unavailable `connectors.folder_missing`."""
    path = Path(config["folder"]).expanduser() if config.get("folder") else place.folder / "calendar"
    if not path.is_absolute():
        raise Invalid("connectors.path_relative", path=str(path))
    if config.get("folder") and not path.is_dir():
        raise Unavailable("connectors.folder_missing", path=str(path))
    yield CalendarFolder(Folder(path), place)
