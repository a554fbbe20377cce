"""Leaving: everything stops at once, for thirty days one can come back with a code, then all of it is removed for good."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol
from uuid import UUID

from core.approvals.revoke import RevokeWork, withdraw_all
from core.approvals.stop import StopWork, stop
from core.catalog.configure import resume_agent
from core.identity.models import LinkCode
from core.identity.ports import Directory, Known
from core.identity.prove import digest, letters_of, new_code, spelled
from core.kernel.actor import Actor
from core.kernel.errors import Conflict, Failure, Invalid
from core.kernel.events import Event
from core.kernel.ids import new_id
from core.kernel.pages import every
from core.orchestration.ports import OrchestrationWork
from core.privacy.models import PrivacyRequest
from core.privacy.ports import PrivacyWork
from core.workflows.halt import PAGE, cancel_runs, pause_triggers
from core.workflows.ports import TriggersWork
from core.workflows.trigger import resume_trigger

WINDOW = timedelta(days=30)
LEFT = "left"


class LeaveWork(StopWork, RevokeWork, OrchestrationWork, TriggersWork, PrivacyWork, Protocol):
    """What leaving needs."""


@dataclass(frozen=True)
class Leaving:
    """The code that brings them back, shown once, and until when it does."""

    code: str
    until: datetime


def leave(work: LeaveWork, actor: Actor, typed: str) -> Leaving:
    """Deletes the person's account, which they confirm by typing its address. From this commit on nothing of theirs starts, is sent or reaches them, and nobody gets in.
    Raises Invalid `privacy.confirmation_wrong` (data: account), Conflict `privacy.others_need_you` for the owner of a workspace that others share."""
    actor.need("write")
    actor.need("approve")
    user = work.people.user(actor.user_id)
    if typed.strip().casefold() != user.email.casefold():
        raise Invalid("privacy.confirmation_wrong", account=user.email)
    if work.people.workspace().owner_id == actor.user_id and len(work.people.members()) > 1:
        raise Conflict("privacy.others_need_you", workspace=work.people.workspace().name)
    until = work.now + WINDOW
    request = PrivacyRequest(
        id=new_id(), workspace_id=actor.workspace_id, user_id=actor.user_id, kind="erase", due_at=until, created_at=work.now,
        stopped=_stop_everything(work, actor),
    )  # fmt: skip
    work.privacy.add(request)
    letters = new_code()
    work.people.add(
        LinkCode(
            id=new_id(), user_id=actor.user_id, workspace_id=actor.workspace_id, code_hash=digest(letters), created_at=work.now,
            expires_at=until,
        )
    )  # fmt: skip
    user.status, user.deleted_at = "deleted", work.now
    work.record(Event("user.deletion_requested", actor.workspace_id, actor.user_id, {"by": actor.surface}))
    return Leaving(spelled(letters), until)


def who_left(directory: Directory, code: str) -> Known:
    """Whose code it is that brings somebody back. Raises Invalid `identity.code_refused`, the same for unknown, used and expired ones."""
    letters = letters_of(code)
    known = directory.by_return_code(digest(letters)) if len(letters) == 8 else None
    if known is None:
        raise Invalid("identity.code_refused")
    return known


def come_back(work: LeaveWork, known: Known, surface: str) -> None:
    """The person is back, with what was stopped when they left; what had been suggested stays withdrawn. `work` is of the code's workspace and user. Raises Conflict
    `identity.code_used`."""
    code = work.people.link_code(known.id)
    request = work.privacy.newest(known.user_id, "erase")
    user = work.people.user(known.user_id)
    if code.used_at is not None or code.expires_at <= work.now or user.status != "deleted":
        raise Conflict("identity.code_used")
    if request is None or request.status != "asked":
        raise Conflict("identity.code_used")
    code.used_at = work.now
    request.status, request.ended_at = "cancelled", work.now
    user.status, user.deleted_at = "active", None
    actor = Actor(known.user_id, known.workspace_id, known.role, surface)
    for link in work.people.links(known.user_id):
        link.reachable = link.reachable or str(link.id) in request.stopped.get("links", ())
    for kind, wake in (("agents", resume_agent), ("triggers", resume_trigger)):
        for id in request.stopped.get(kind, ()):
            try:
                wake(work, actor, UUID(id))
            except Failure:
                continue
    work.record(Event("user.came_back", known.workspace_id, known.user_id, {"by": surface}))


def _stop_everything(work: LeaveWork, actor: Actor) -> dict[str, list[str]]:
    """What is stopped, so that it can be woken; what was suggested is withdrawn for good."""
    agents = [str(agent.id) for agent in stop(work, actor).agents]
    for agent in every(lambda after: work.agents.page(actor.user_id, after, PAGE)):
        withdraw_all(work, agent.id, LEFT)
    cancel_runs(work, actor)
    mine = pause_triggers(work, actor)
    links = [link for link in work.people.links(actor.user_id) if link.reachable]
    for link in links:
        link.reachable = False
    return {"agents": agents, "triggers": [str(one.id) for one in mine], "links": [str(link.id) for link in links]}
