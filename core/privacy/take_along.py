"""Taking everything along: a person asks for all that is theirs, and gets one file of it in each of their chats."""

from datetime import timedelta
from typing import Protocol
from uuid import UUID

from core.identity.ports import IdentityWork
from core.kernel.actor import Actor
from core.kernel.errors import Conflict
from core.kernel.events import Event
from core.kernel.ids import new_id
from core.messaging.post import PostWork, notify
from core.privacy.models import PrivacyRequest
from core.privacy.ports import PrivacyWork

LEASE_SECONDS = 300.0
TRIES = 3
PAUSE = timedelta(minutes=1)


class TakeAlongWork(PrivacyWork, IdentityWork, Protocol):
    """What asking for an export needs."""


class ReadyWork(PrivacyWork, PostWork, Protocol):
    """What handing one over needs."""


def ask_for_export(work: TakeAlongWork, actor: Actor) -> PrivacyRequest:
    """Has it made in the background; while one is being made, that one. Raises Conflict `privacy.export_disabled`."""
    actor.need("read")
    if not work.people.profile(actor.user_id).privacy_settings.export_enabled:
        raise Conflict("privacy.export_disabled")
    known = work.privacy.newest(actor.user_id, "export")
    if known is not None and known.status in ("asked", "working"):
        return known
    request = PrivacyRequest(
        id=new_id(), workspace_id=actor.workspace_id, user_id=actor.user_id, kind="export", due_at=work.now, created_at=work.now
    )  # fmt: skip
    work.privacy.add(request)
    work.record(Event("privacy.export_asked", actor.workspace_id, actor.user_id, {"request_id": str(request.id)}))
    return request


def handed_over(work: ReadyWork, request_id: UUID, fence: int, blob: str, size: int) -> bool:
    """The file is there: the person gets it in each of their chats. False when somebody else made it meanwhile."""
    request = work.privacy.hold(request_id, fence)
    if request is None:
        return False
    request.status, request.blob, request.size = "done", blob, size
    request.lease_until, request.ended_at = None, work.now
    data = {"blob": blob, "size": size, "day": f"{work.now:%Y-%m-%d}"}
    notify(work, request.user_id, "privacy.export_ready", data)
    work.record(Event("privacy.export_made", request.workspace_id, request.user_id, {"request_id": str(request_id)}))
    return True


def given_back(work: ReadyWork, request_id: UUID, fence: int) -> None:
    """The process that made it has to stop: another one does it now, and it does not count as a try."""
    request = work.privacy.hold(request_id, fence)
    if request is not None:
        request.status, request.lease_until, request.attempts = "asked", None, request.attempts - 1


def went_wrong(work: ReadyWork, request_id: UUID, fence: int) -> None:
    """It is tried again in a minute; after the third time the person is told that it did not work."""
    request = work.privacy.hold(request_id, fence)
    if request is None:
        return
    request.lease_until = None
    if request.attempts < TRIES:
        request.status, request.due_at = "asked", work.now + PAUSE
        return
    request.status, request.ended_at = "failed", work.now
    if request.kind == "export":
        notify(work, request.user_id, "privacy.export_failed", {})
