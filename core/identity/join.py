"""A workspace that people share: made once by whoever may, joined by its members in their own name. Who somebody is, the door has verified."""

from typing import Literal
from uuid import UUID

from core.identity.models import IdentityLink, Membership, Provider, Subscription, Workspace
from core.identity.ports import IdentityWork
from core.identity.register import add_link
from core.kernel.actor import Actor, Role
from core.kernel.errors import Forbidden, Invalid, NotFound
from core.kernel.events import Event
from core.kernel.ids import new_id

LONGEST_NAME = 60


def found(work: IdentityWork, actor: Actor, kind: Literal["family", "team"], name: str, verified: bool) -> Workspace:
    """Makes a family or a team, which the person owns. `work` was opened for the new workspace's id and `actor.user_id`; `verified`: their address is proved (`may_found`). Raises Forbidden
    `identity.email_unverified`, Invalid `identity.workspace_name_empty`."""
    actor.need("write")
    named = " ".join(name.split())[:LONGEST_NAME]
    if not named:
        raise Invalid("identity.workspace_name_empty")
    if not verified:
        raise Forbidden("identity.email_unverified")
    return _made(work, actor.user_id, kind, named, None, {"kind": kind})


def may_found(work: IdentityWork, actor: Actor) -> bool:
    """Whether the person's e-mail is proved, without which they found nothing that others share (domain rule 5)."""
    return work.people.user(actor.user_id).email_verified_at is not None


def found_team(work: IdentityWork, user_id: UUID, name: str, slack_team_id: str) -> Workspace:
    """Makes the workspace of a Slack team; the person owns it. `work` was opened for the new workspace's id and `user_id`.
    Raises Conflict `kernel.version_stale` at the commit when the team has one already."""
    return _made(work, user_id, "team", name, slack_team_id, {"slack_team_id": slack_team_id})


def _made(
    work: IdentityWork, user_id: UUID, kind: Literal["family", "team"], name: str, slack_team_id: str | None, told: dict[str, str]
) -> Workspace:  # fmt: skip
    now, people = work.now, work.people
    made = Workspace(
        id=work.workspace_id, owner_id=user_id, kind=kind, name=name, created_at=now, slack_team_id=slack_team_id
    )
    people.add(made)
    people.add(Membership(id=new_id(), workspace_id=made.id, user_id=user_id, role="owner", created_at=now))
    people.add(Subscription(id=new_id(), workspace_id=made.id, tier="free", status="active", start=now, created_at=now))
    work.record(Event("workspace.founded", made.id, user_id, told))
    return made


def join_team(
    work: IdentityWork, user_id: UUID, role: Role, provider: Provider, tenant: str, subject: str, address: str
) -> Actor:
    """The person is a member from now on, with that role unless they have one, and speaks through that account. A second time changes nothing."""
    member = become_member(work, user_id, role)
    link = _known(work, user_id, provider, tenant, subject) or add_link(
        work, user_id, provider, subject, address, tenant
    )
    return Actor(user_id, work.workspace_id, member.role, provider, link_id=link.id)


def become_member(work: IdentityWork, user_id: UUID, role: Role) -> Membership:
    """The person is a member, with that role unless they are one already. Who left comes back with it."""
    member = _member(work, user_id)
    if member is not None and member.left_at is None:
        return member
    if member is None:
        member = Membership(
            id=new_id(), workspace_id=work.workspace_id, user_id=user_id, role=role, created_at=work.now
        )
        work.people.add(member)
    member.role, member.left_at = role, None
    work.record(Event("workspace.joined", work.workspace_id, user_id, {"role": role}))
    return member


def _member(work: IdentityWork, user_id: UUID) -> Membership | None:
    try:
        return work.people.membership(user_id)
    except NotFound:
        return None


def _known(work: IdentityWork, user_id: UUID, provider: str, tenant: str, subject: str) -> IdentityLink | None:
    account = (provider, tenant, subject)
    for link in work.people.links(user_id):
        if (link.provider, link.provider_tenant, link.provider_subject) == account:
            return link
    return None
