"""Who is what in a workspace. Said by owner and admins; there is always an owner."""

from typing import get_args
from uuid import UUID

from core.identity.models import Membership
from core.identity.ports import IdentityWork
from core.kernel.actor import Actor, Role
from core.kernel.errors import Conflict, Forbidden, Invalid, NotFound
from core.kernel.events import Event


def give_role(work: IdentityWork, actor: Actor, user_id: UUID, role: Role) -> Membership:
    """The member has that role from now on. Only an owner makes, or unmakes, an owner. Raises Forbidden `identity.role_not_yours`; Conflict `identity.last_owner`; Invalid
    `identity.role_unknown`; NotFound `identity.membership_unknown`."""
    actor.need("approve")
    if role not in get_args(Role):
        raise Invalid("identity.role_unknown", role=str(role)[:20])
    member = work.people.membership(user_id)
    if member.left_at is not None:
        raise NotFound("identity.membership_unknown", id=str(user_id))
    needed = ("owner",) if "owner" in (role, member.role) else ("owner", "admin")
    if work.people.membership(actor.user_id).role not in needed or actor.role not in needed:
        raise Forbidden("identity.role_not_yours", role=role)
    owners = [one.user_id for one in work.people.active_members() if one.role == "owner"]
    if role != "owner" and owners == [user_id]:
        raise Conflict("identity.last_owner")
    if member.role != role:
        told = {"user_id": str(user_id), "from": member.role, "to": role}
        member.role = role
        work.record(Event("membership.changed", actor.workspace_id, actor.user_id, told))
    return member
