"""`/exports` and `/account/deletion`: taking everything along, and leaving."""

from datetime import datetime
from typing import Any
from uuid import UUID

from fastapi import APIRouter, Response
from pydantic import BaseModel, Field

from bots.api.caller import Calling
from core.kernel.errors import NotFound
from core.privacy.leave import leave
from core.privacy.models import PrivacyRequest
from core.privacy.take_along import ask_for_export

router = APIRouter(tags=["privacy"])


class ExportOut(BaseModel):
    """One export. `status` is asked, working, done or failed; `size` in bytes once it is done."""

    id: UUID
    status: str
    created_at: datetime
    ended_at: datetime | None
    size: int | None


class DeletionIn(BaseModel):
    """`account` is the caller's own address, typed to confirm."""

    account: str = Field(min_length=1, max_length=320)


class DeletionOut(BaseModel):
    """`code` brings the account back before `until`; it is shown once."""

    code: str | None
    until: datetime


@router.post("/exports", response_model=ExportOut, status_code=202)
def ask(caller: Calling) -> Response:
    """Has everything of the caller's put into one ZIP archive of JSON files; while one is being made, answers that one."""
    return caller.write(None, 202, lambda work: _out(ask_for_export(work, caller.actor)), "exports.ask", scope="read")


@router.get("/exports/{export_id}")
def one(export_id: UUID, caller: Calling) -> ExportOut:
    """How far an export is."""
    with caller.reading() as work:
        return _out(_own(work, export_id))


@router.get("/exports/{export_id}/file", response_class=Response, responses={200: {"content": {"application/zip": {}}}})
def file(export_id: UUID, caller: Calling) -> Response:
    """The archive. 404 until it is there."""
    with caller.reading() as work:
        found = _own(work, export_id)
    if found.blob is None:
        raise NotFound("privacy.request_unknown")
    content = caller.parts.storage.blobs(caller.actor.workspace_id, caller.actor.user_id).get(found.blob)
    name = f"nod-{found.created_at:%Y-%m-%d}.zip"
    return Response(
        content, media_type="application/zip", headers={"content-disposition": f'attachment; filename="{name}"'}
    )


@router.post("/account/deletion", response_model=DeletionOut)
def delete(asked: DeletionIn, caller: Calling) -> Response:
    """Deletes the caller's account: everything stops at once, also this key. It can come back with the code for thirty days; then all of it is erased."""

    def change(work: Any) -> DeletionOut:
        left = leave(work, caller.actor, asked.account)
        return DeletionOut(code=left.code, until=left.until)

    return caller.write(asked, 200, change, "account.delete", once=("code",))


def _own(work: Any, export_id: UUID) -> PrivacyRequest:
    found = work.privacy.get(export_id)
    if found.kind != "export":
        raise NotFound("privacy.request_unknown")
    return found


def _out(request: PrivacyRequest) -> ExportOut:
    return ExportOut(
        id=request.id, status=request.status, created_at=request.created_at, ended_at=request.ended_at, size=request.size
    )  # fmt: skip
