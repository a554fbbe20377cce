"""What is new in a folder of .ics files since a cursor."""

import os
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import icalendar

from core.connectors.ports import Item, Page, Problem
from runners.connectors.calendar_folder.store import FILE_LIMIT, Folder, Unreadable, events
from runners.connectors.files import printable, read_file
from runners.connectors.known import Known


def read_page(folder: Folder, cursor: Mapping[str, Any] | None, limit: int) -> Page:
    """Events whose file is new or changed. An item is one event, or a series with its exceptions, as a calendar object
    of its own. The cursor remembers the files that were read, and how far the last one was."""
    before = cursor or {}
    files = [(mark, file) for file in folder.files() if (mark := _mark(file))]
    known = Known(before.get("known", "")).only({mark for mark, _ in files})
    items: list[Item] = []
    problems: list[Problem] = []
    for mark, file in files:
        if mark in known:
            continue
        done = before.get("done", 0) if before.get("at") == mark else 0
        for number, result in enumerate(_results(file)):
            if number < done:
                continue
            if len(items) + len(problems) >= limit:
                state = {"known": known.packed(), "at": mark, "done": number}
                return Page(tuple(items), state, True, tuple(problems))
            if isinstance(result, Item):
                items.append(result)
            else:
                problems.append(result)
        known.add(mark)
    return Page(tuple(items), {"known": known.packed()}, False, tuple(problems))


def _mark(file: os.DirEntry[str]) -> str | None:
    try:
        status = file.stat(follow_symlinks=False)
    except OSError:
        return None
    return f"{printable(file.name)}/{status.st_size}/{status.st_mtime_ns}"


def _results(file: os.DirEntry[str]) -> Iterator[Item | Problem]:
    name = printable(file.name)
    try:
        raw = read_file(Path(file.path), FILE_LIMIT + 1)
        changed = datetime.fromtimestamp(file.stat(follow_symlinks=False).st_mtime, UTC)
        found = events(raw)
    except Unreadable as broken:
        yield Problem(name, broken.code)
        return
    except OSError as failed:
        yield Problem(name, "connectors.calendar_unreadable", {"reason": os.strerror(failed.errno or 0)})
        return
    for uid, components in found.items():
        if not uid:
            yield Problem(name, "connectors.event_without_uid")
            continue
        try:
            content = raw if len(found) == 1 else _object(raw, components)
        except Exception:  # the library reads more than it can write
            yield Problem(f"{name}/{uid}", "connectors.calendar_broken")
            continue
        yield Item(uid, "calendar", content, changed, {"file": name})


def _object(raw: bytes, components: list[icalendar.Component]) -> bytes:
    calendar = icalendar.Calendar()
    calendar.add("prodid", "-//Nod//Nod//EN")
    calendar.add("version", "2.0")
    for component in components:
        calendar.add_component(component)
    used = calendar.get_used_tzids()
    for zone in (z for c in icalendar.Calendar.from_ical(raw, multiple=True) for z in c.walk("VTIMEZONE")):
        if zone.get("TZID") in used:
            calendar.add_component(zone)
    return calendar.to_ical()
