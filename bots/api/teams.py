"""`/members`, `/invitations`, `/delegations` and `/rooms`: who is here, who decides in whose place, and where agents ask in shared chats."""

from datetime import datetime
from typing import Any, Literal
from uuid import UUID

from fastapi import APIRouter, Response
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from bots.api.caller import Calling
from bots.api.pages import Page
from core.approvals.delegate import delegate, end_delegation
from core.approvals.models import Delegation
from core.approvals.rooms import let_ask, silence
from core.identity.invite import INVITERS, call_off, invite
from core.identity.models import Invitation, Membership
from core.identity.roles import give_role
from core.messaging.models import Room
from core.messaging.rooms import leave_room
from core.privacy.part import part

router = APIRouter(tags=["teams"])


class MemberOut(BaseModel):
    """Somebody in the workspace."""

    user_id: UUID
    name: str
    role: str


class InvitationOut(BaseModel):
    """Somebody may join by it, once. The `code` is shown once, when it is made."""

    id: UUID
    role: Literal["admin", "approver", "member", "viewer"]
    made_by: UUID
    created_at: datetime
    expires_at: datetime
    code: str | None = None


class Inviting(BaseModel):
    """As what."""

    model_config = ConfigDict(extra="forbid")

    role: Literal["admin", "approver", "member", "viewer"] = "member"


class RoleGiven(BaseModel):
    """What a member shall be."""

    model_config = ConfigDict(extra="forbid")

    role: Literal["owner", "admin", "approver", "member", "viewer"]


class DelegationOut(BaseModel):
    """`to_user_id` decides in the place of `user_id` until then: about everything, one agent's suggestions, or one operation."""

    id: UUID
    user_id: UUID
    to_user_id: UUID
    until: datetime
    agent_id: UUID | None
    operation: str | None
    created_at: datetime
    revoked_at: datetime | None


class Handing(BaseModel):
    """To whom the caller's own decisions are handed, and until when."""

    model_config = ConfigDict(extra="forbid")

    to_user_id: UUID
    until: AwareDatetime
    agent_id: UUID | None = None
    operation: str | None = Field(None, max_length=100)


class AskingOut(BaseModel):
    """An agent that asks in a room."""

    agent_id: UUID
    shown: Literal["stub", "open"]
    chosen_by: UUID


class RoomOut(BaseModel):
    """A shared chat that was connected from within."""

    id: UUID
    provider: str
    name: str
    connected_by: UUID
    created_at: datetime
    agents: list[AskingOut]


class Shown(BaseModel):
    """How much of the agent's suggestions everybody in the room reads."""

    model_config = ConfigDict(extra="forbid")

    shown: Literal["stub", "open"] = "stub"


@router.get("/members")
def list_members(caller: Calling) -> Page[MemberOut]:
    """Everybody in the workspace, in the order in which they joined."""
    with caller.reading() as work:
        return Page(items=[_member(work, one) for one in work.people.active_members()], next=None)


@router.patch("/members/{user_id}", response_model=MemberOut)
def change_role(user_id: UUID, asked: RoleGiven, caller: Calling) -> Response:
    """Gives a member another role. 403 for anybody but owner and admins, and for anybody but an owner where an owner is made or unmade; 409 for the last owner."""
    return caller.write(
        asked, 200, lambda work: _member(work, give_role(work, caller.actor, user_id, asked.role)), f"members.role {user_id}", scope="approve"
    )  # fmt: skip


@router.delete("/members/{user_id}", response_model=MemberOut)
def remove(user_id: UUID, caller: Calling) -> Response:
    """The member has left: one's own id, or somebody else's at the word of owner and admins. Their agents here are paused and what these suggested is withdrawn. 409 for the last owner."""
    return caller.write(
        None, 200, lambda work: _member(work, part(work, caller.actor, user_id)), f"members.remove {user_id}", scope="approve"
    )  # fmt: skip


@router.get("/invitations")
def list_invitations(caller: Calling) -> Page[InvitationOut]:
    """Those that still work, newest first; for owner and admins. Nobody is told their codes again."""
    with caller.reading() as work:
        found = work.people.invitations() if caller.actor.role in INVITERS else []
        return Page(items=[_invitation(one) for one in found], next=None)


@router.post("/invitations", response_model=InvitationOut, status_code=201)
def make_invitation(asked: Inviting, caller: Calling) -> Response:
    """An invitation for seven days. 403 for anybody but owner and admins, 422 in a personal workspace."""

    def change(work: Any) -> InvitationOut:
        made, code = invite(work, caller.actor, asked.role)
        return _invitation(made, code)

    return caller.write(asked, 201, change, "invitations.make", scope="approve", once=("code",))


@router.delete("/invitations/{invitation_id}", response_model=InvitationOut)
def end_invitation(invitation_id: UUID, caller: Calling) -> Response:
    """It works no more. 409 where somebody has joined by it."""
    return caller.write(
        None, 200, lambda work: _invitation(call_off(work, caller.actor, invitation_id)), f"invitations.end {invitation_id}", scope="approve"
    )  # fmt: skip


@router.get("/delegations")
def list_delegations(caller: Calling) -> Page[DelegationOut]:
    """What the caller handed over, and what was handed to them, now."""
    with caller.reading() as work:
        mine = caller.actor.user_id
        found = [one for one in work.delegations.active() if mine in (one.user_id, one.to_user_id)]
        return Page(items=[_handed(one) for one in found], next=None)


@router.post("/delegations", response_model=DelegationOut, status_code=201)
def hand_over(asked: Handing, caller: Calling) -> Response:
    """Hands the caller's decisions to another member; the key needs the scope `approve`. 422 for a day that has passed or is too far, 409 where it is so already."""

    def change(work: Any) -> DelegationOut:
        made = delegate(work, caller.actor, asked.to_user_id, asked.until, asked.agent_id, asked.operation)
        return _handed(made)

    return caller.write(asked, 201, change, "delegations.make", scope="approve")


@router.delete("/delegations/{delegation_id}", response_model=DelegationOut)
def end(delegation_id: UUID, caller: Calling) -> Response:
    """Ends one at once; either of the two may."""
    return caller.write(
        None,
        200,
        lambda work: _handed(end_delegation(work, caller.actor, delegation_id)),
        f"delegations.end {delegation_id}",
    )


@router.get("/rooms")
def list_rooms(caller: Calling) -> Page[RoomOut]:
    """The shared chats of the workspace that were not left. One is connected by a member who writes `/nod` there."""
    with caller.reading() as work:
        return Page(items=[_room(work, room) for room in work.rooms.all()], next=None)


@router.put("/rooms/{room_id}/agents/{agent_id}", response_model=RoomOut)
def ask_there(room_id: UUID, agent_id: UUID, asked: Shown, caller: Calling) -> Response:
    """The agent asks there from now on. 403 for anybody but the agent's owner."""

    def change(work: Any) -> RoomOut:
        let_ask(work, caller.actor, room_id, agent_id, asked.shown)
        return _room(work, work.rooms.get(room_id))

    return caller.write(asked, 200, change, f"rooms.ask {room_id} {agent_id}")


@router.delete("/rooms/{room_id}/agents/{agent_id}", response_model=RoomOut)
def ask_no_more(room_id: UUID, agent_id: UUID, caller: Calling) -> Response:
    """The agent does not ask there any more."""

    def change(work: Any) -> RoomOut:
        silence(work, caller.actor, room_id, agent_id)
        return _room(work, work.rooms.get(room_id))

    return caller.write(None, 200, change, f"rooms.silence {room_id} {agent_id}")


@router.delete("/rooms/{room_id}", response_model=RoomOut)
def leave(room_id: UUID, caller: Calling) -> Response:
    """Nothing is sent there any more. 403 for anybody but who connected it, owner and admins."""
    return caller.write(
        None, 200, lambda work: _room(work, leave_room(work, caller.actor, room_id)), f"rooms.leave {room_id}"
    )


def _member(work: Any, one: Membership) -> MemberOut:
    user = work.people.user(one.user_id)
    return MemberOut(user_id=one.user_id, name=user.preferred_name or user.name or user.email, role=one.role)


def _invitation(one: Invitation, code: str | None = None) -> InvitationOut:
    return InvitationOut(
        id=one.id, role=one.role, made_by=one.user_id, created_at=one.created_at, expires_at=one.expires_at, code=code  # pyright: ignore[reportArgumentType]
    )  # fmt: skip


def _handed(one: Delegation) -> DelegationOut:
    return DelegationOut.model_validate(one, from_attributes=True)


def _room(work: Any, room: Room) -> RoomOut:
    asking = [
        AskingOut(agent_id=one.agent_id, shown=one.shown, chosen_by=one.chosen_by) for one in work.rooms.agents(room.id)
    ]
    return RoomOut(
        id=room.id, provider=room.provider, name=room.name, connected_by=room.connected_by, created_at=room.created_at, agents=asking
    )  # fmt: skip
