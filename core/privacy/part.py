"""Leaving a workspace that others share, or being removed from it: nothing of theirs starts there any more, and nobody gets in by it; what they did stays as it was."""

from uuid import UUID

from core.approvals.revoke import withdraw_all
from core.catalog.configure import pause_agent
from core.identity.models import Membership
from core.kernel.actor import Actor
from core.kernel.errors import Conflict, Forbidden, Invalid, NotFound
from core.kernel.events import Event
from core.kernel.pages import every
from core.privacy.leave import LEFT, LeaveWork
from core.workflows.halt import PAGE, cancel_runs, pause_triggers


def part(work: LeaveWork, actor: Actor, user_id: UUID) -> Membership:
    """The member has left: by themselves, or at the word of owner and admins (an owner only at an owner's). Their agents and schedules here are paused, what these suggested is withdrawn, their
    chats, sessions and keys let nobody in here. Raises Forbidden `identity.removal_not_yours`, Conflict `identity.last_owner`, Invalid `identity.personal_stays`, NotFound
    `identity.membership_unknown`."""
    actor.need("approve") if user_id != actor.user_id else actor.need("read")
    member = work.people.membership(user_id)
    if member.left_at is not None:
        raise NotFound("identity.membership_unknown", id=str(user_id))
    if work.people.workspace().kind == "personal":
        raise Invalid("identity.personal_stays")
    here = work.people.active_members()
    mine = work.people.membership(actor.user_id).role
    needed = ("owner",) if member.role == "owner" else ("owner", "admin")
    if user_id != actor.user_id and (actor.role not in needed or mine not in needed):
        raise Forbidden("identity.removal_not_yours")
    if [one.user_id for one in here if one.role == "owner"] == [user_id]:
        raise Conflict("identity.last_owner")
    _stop(work, Actor(user_id, actor.workspace_id, member.role, actor.surface))
    member.left_at = work.now
    by = {"user_id": str(user_id), "by": str(actor.user_id)}
    work.record(Event("workspace.left", actor.workspace_id, actor.user_id, by))
    return member


def _stop(work: LeaveWork, theirs: Actor) -> None:
    user_id = theirs.user_id
    for agent in every(lambda after: work.agents.page(user_id, after, PAGE)):
        withdraw_all(work, agent.id, LEFT)
        if agent.status == "active":
            pause_agent(work, theirs, agent.id)
    cancel_runs(work, theirs)
    pause_triggers(work, theirs)
    for link in work.people.links(user_id):
        link.reachable, link.chosen_at = False, None
    for session in work.people.sessions(user_id):
        session.revoked_at = work.now
    for key in work.people.api_keys(user_id):
        key.revoked_at = key.revoked_at or work.now
    for one in work.people.invitations():
        if one.user_id == user_id:
            one.revoked_at = work.now
