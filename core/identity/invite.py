"""Inviting into a workspace by a code that works once. Who has the code may join with the role that it names; nothing else is asked of them, and nothing is taken for granted about them."""

from datetime import timedelta
from typing import Final
from uuid import UUID

from core.identity.join import become_member
from core.identity.models import IdentityLink, Invitation, Membership, Provider, further_tenant
from core.identity.ports import Directory, IdentityWork, Known
from core.identity.prove import digest, letters_of, new_code
from core.identity.register import add_link
from core.kernel.actor import Actor, Role
from core.kernel.errors import Conflict, Forbidden, Invalid, LimitReached
from core.kernel.events import Event
from core.kernel.ids import new_id

DAYS = 7
LETTERS = 12
OPEN_AT_ONCE = 50
INVITED: Final[tuple[Role, ...]] = ("admin", "approver", "member", "viewer")
"""As what somebody can be invited. Owners are made by owners, of members."""
INVITERS = ("owner", "admin")


def invite(work: IdentityWork, actor: Actor, role: Role) -> tuple[Invitation, str]:
    """An invitation and its code, which is shown once. Raises Forbidden `identity.invite_not_yours`; Invalid `identity.invite_personal`, `identity.role_unknown`; LimitReached
    `identity.invitations_enough` (data: n)."""
    actor.need("approve")
    _need_inviter(work, actor)
    if work.people.workspace().kind == "personal":
        raise Invalid("identity.invite_personal")
    if role not in INVITED:
        raise Invalid("identity.role_unknown", role=str(role)[:20])
    if len(work.people.invitations()) >= OPEN_AT_ONCE:
        raise LimitReached("identity.invitations_enough", n=OPEN_AT_ONCE)
    letters = (new_code() + new_code())[:LETTERS]
    made = Invitation(
        id=new_id(), user_id=actor.user_id, workspace_id=actor.workspace_id, role=role, code_hash=digest(letters),
        created_at=work.now, expires_at=work.now + timedelta(days=DAYS),
    )  # fmt: skip
    work.people.add(made)
    work.record(
        Event("invitation.made", actor.workspace_id, actor.user_id, {"invitation_id": str(made.id), "role": role})
    )
    return made, "-".join((letters[:4], letters[4:8], letters[8:]))


def call_off(work: IdentityWork, actor: Actor, invitation_id: UUID) -> Invitation:
    """The invitation works no more. A second time changes nothing. Raises Forbidden `identity.invite_not_yours`, Conflict `identity.invitation_used`, NotFound
    `identity.invitation_unknown`."""
    actor.need("approve")
    _need_inviter(work, actor)
    found = work.people.invitation(invitation_id)
    if found.used_at is not None:
        raise Conflict("identity.invitation_used")
    if found.revoked_at is None:
        found.revoked_at = work.now
        told = {"invitation_id": str(found.id)}
        work.record(Event("invitation.called_off", actor.workspace_id, actor.user_id, told))
    return found


def looks_like_one(code: str) -> bool:
    """Whether it is spelled like an invitation's code."""
    letters = letters_of(code)
    return len(letters) == LETTERS and letters.isascii() and letters.isalnum()


def who_invites(directory: Directory, code: str) -> Known:
    """Who invites by that code, and to which workspace. Raises Invalid `identity.invitation_refused`, the same for unknown, used, called off and expired ones, and for those of
    people who may not invite any more."""
    known = directory.by_invitation(digest(letters_of(code))) if looks_like_one(code) else None
    if known is None:
        raise Invalid("identity.invitation_refused")
    return known


def accept(work: IdentityWork, user_id: UUID, invitation: Known) -> Membership:
    """The person is a member from now on. `work` is of the invitation's workspace, and of the person who joins. Who is a member already stays what they are, and the invitation
    stays as it is. Raises Invalid `identity.invitation_refused` when somebody was quicker."""
    row = work.people.invitation(invitation.id)
    if any(one.user_id == user_id for one in work.people.active_members()):
        return work.people.membership(user_id)
    inviter = work.people.membership(row.user_id)
    works = row.used_at is None and row.revoked_at is None and row.expires_at > work.now
    if not works or inviter.left_at is not None or inviter.role not in INVITERS:
        raise Invalid("identity.invitation_refused")
    member = become_member(work, user_id, row.role)
    row.used_at, row.used_by = work.now, user_id
    return member


def speak_for(
    work: IdentityWork, user_id: UUID, provider: Provider, tenant: str, subject: str, address: str | None, chosen: bool
) -> IdentityLink:
    """The person's account at a provider as it is known in this workspace, made when it was not; with `chosen` what is said there goes to this workspace from now on. Raises Forbidden
    `identity.not_a_member`."""
    if not any(one.user_id == user_id for one in work.people.active_members()):
        raise Forbidden("identity.not_a_member")
    further = further_tenant(tenant, work.workspace_id)
    for link in work.people.links(user_id):
        if (link.provider, link.provider_subject) == (provider, subject) and link.provider_tenant in (tenant, further):
            break
    else:
        link = add_link(work, user_id, provider, subject, address, further)
    link.address, link.reachable = address, True
    if chosen:
        link.chosen_at = work.now
    return link


def _need_inviter(work: IdentityWork, actor: Actor) -> None:
    if actor.role not in INVITERS or work.people.membership(actor.user_id).role not in INVITERS:
        raise Forbidden("identity.invite_not_yours")
