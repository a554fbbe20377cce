"""What people ask to be done with all that is theirs: a file of it, and, thirty days after they left, its removal. Any number of processes may do so: a claim decides who does
it, and where one dies another goes on."""

import json
import shutil
import tempfile
import threading
import zipfile
from collections.abc import Iterator
from typing import IO, Any
from uuid import UUID

import structlog
from pydantic_core import to_jsonable_python

from core.kernel.due import DueItem
from core.kernel.errors import Failure
from core.privacy.models import PrivacyRequest
from core.privacy.scrub import scrubbed
from core.privacy.take_along import LEASE_SECONDS, given_back, handed_over, went_wrong
from runners.wiring import connection_folder, storage

AT_ONCE = 20
IN_MEMORY = 8 * 1024 * 1024
log = structlog.get_logger()


class _Stopping(Exception):
    """The process ends; another one goes on."""


def attend(over: threading.Event) -> None:
    """Does what is due, one after the other, until `over`."""
    for item in storage().due.due("privacy", AT_ONCE):
        if over.is_set():
            return
        request = _claim(item)
        if request is None:
            continue
        try:
            _forget(request) if request.kind == "erase" else _make_export(request, over)
        except _Stopping:
            with storage().work(request.workspace_id, request.user_id) as work:
                given_back(work, request.id, request.fence)
                work.commit()
        except Exception:
            log.exception("privacy.failed", kind=request.kind, request=str(request.id))
            _again(request)


def _claim(item: DueItem) -> PrivacyRequest | None:
    with storage().work(item.workspace_id, item.user_id) as work:
        taken = work.privacy.claim(item.id, LEASE_SECONDS)
        work.commit()
    return taken


def _again(request: PrivacyRequest) -> None:
    try:
        with storage().work(request.workspace_id, request.user_id) as work:
            went_wrong(work, request.id, request.fence)
            work.commit()
    except Failure:
        log.exception("privacy.left_to_its_lease", request=str(request.id))


def _make_export(request: PrivacyRequest, over: threading.Event) -> None:
    blobs = storage().blobs(request.workspace_id, request.user_id)
    with tempfile.SpooledTemporaryFile(IN_MEMORY) as file:
        rows = _written(request, file, over)
        file.seek(0)
        content = file.read()
    blob = blobs.put(content)
    with storage().work(request.workspace_id, request.user_id) as work:
        ours = handed_over(work, request.id, request.fence, blob, len(content))
        work.commit()
    log.info("privacy.exported" if ours else "privacy.export_superseded", size=len(content), rows=rows)


def _written(request: PrivacyRequest, file: IO[bytes], over: threading.Event) -> int:
    """Writes one archive, and answers how many rows and files are in it; raises _Stopping when the process has to end: `export.json` says what is in it, `<workspace>/<table>.json` are the rows, `<workspace>/files/<sha256>` what was uploaded or made."""
    counts: dict[str, dict[str, int]] = {}
    made: set[str] = set()
    with (
        storage().everything(request.workspace_id, request.user_id) as all_of_it,
        zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive,
    ):
        for workspace_id in storage().directory.workspaces_of(request.user_id):
            counts[str(workspace_id)] = {}
            for table in all_of_it.tables():
                if over.is_set():
                    raise _Stopping
                rows = all_of_it.rows(workspace_id, table)
                counts[str(workspace_id)][table] = _table(
                    archive, f"{workspace_id}/{table}.json", _plain(rows, table, made)
                )
            counts[str(workspace_id)]["files"] = _files(archive, workspace_id, request.user_id, made)
        about = {
            "format": "nod.export/1",
            "user_id": str(request.user_id),
            "asked_at": request.created_at,
            "workspaces": counts,
        }
        archive.writestr("export.json", json.dumps(about, default=to_jsonable_python, indent=1))
    return sum(sum(each.values()) for each in counts.values())


def _plain(rows: Iterator[dict[str, Any]], table: str, made: set[str]) -> Iterator[Any]:
    for row in rows:
        if table == "privacy_requests" and row.get("blob"):
            made.add(row["blob"])
        yield scrubbed(to_jsonable_python(row, fallback=str))


def _table(archive: zipfile.ZipFile, name: str, rows: Iterator[Any]) -> int:
    """Writes a JSON array, a row a line; answers how many."""
    written = 0
    with archive.open(name, "w", force_zip64=True) as target:
        for row in rows:
            target.write((",\n" if written else "[\n").encode())
            target.write(json.dumps(row, ensure_ascii=False).encode("utf-8", "replace"))
            written += 1
        target.write(b"\n]\n" if written else b"[]\n")
    return written


def _files(archive: zipfile.ZipFile, workspace_id: UUID, user_id: UUID, made: set[str]) -> int:
    """Everything in the person's content store but earlier exports."""
    blobs, written = storage().blobs(workspace_id, user_id), 0
    for digest in blobs.digests():
        if digest not in made:
            archive.writestr(f"{workspace_id}/files/{digest}", blobs.get(digest))
            written += 1
    return written


def _forget(request: PrivacyRequest) -> None:
    """First the key, then the rows, then the files; each may be done twice. Who came back meanwhile is not forgotten: the request is cancelled then."""
    places = storage().directory.workspaces_of(request.user_id)
    with storage().work(request.workspace_id, request.user_id) as work:
        if (
            work.people.user(request.user_id).status != "deleted"
            or work.privacy.hold(request.id, request.fence) is None
        ):
            return
        folders = [one.id for one in work.connections.of(request.user_id)]
        work.people.destroy_data_key(request.user_id)
        gone = work.privacy.erase()
        work.commit()
    for workspace_id in places:
        storage().forget_files(workspace_id, request.user_id)
    for connection_id in folders:
        shutil.rmtree(connection_folder(connection_id), ignore_errors=True)
    log.info("privacy.forgotten", rows=gone)
