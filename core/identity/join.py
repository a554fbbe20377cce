"""A team's workspace: made once by whoever may, joined by its members in their own name. Who somebody is in the team, the door has verified."""

from uuid import UUID

from core.identity.models import IdentityLink, Membership, Provider, Subscription, Workspace
from core.identity.ports import IdentityWork
from core.identity.register import add_link
from core.kernel.actor import Actor, Role
from core.kernel.errors import NotFound
from core.kernel.events import Event
from core.kernel.ids import new_id


def found_team(work: IdentityWork, user_id: UUID, name: str, slack_team_id: str) -> Workspace:
    """Makes the workspace of a Slack team; the person owns it. `work` was opened for the new workspace's id and `user_id`.
    Raises Conflict `kernel.version_stale` at the commit when the team has one already."""
    now, people = work.now, work.people
    team = Workspace(
        id=work.workspace_id, owner_id=user_id, kind="team", name=name, created_at=now, slack_team_id=slack_team_id
    )
    people.add(team)
    people.add(Membership(id=new_id(), workspace_id=team.id, user_id=user_id, role="owner", created_at=now))
    people.add(Subscription(id=new_id(), workspace_id=team.id, tier="free", status="active", start=now, created_at=now))
    work.record(Event("workspace.founded", team.id, user_id, {"slack_team_id": slack_team_id}))
    return team


def join_team(
    work: IdentityWork, user_id: UUID, role: Role, provider: Provider, tenant: str, subject: str, address: str
) -> Actor:
    """The person is a member from now on, with that role unless they have one, and speaks through that account. A second time changes nothing."""
    member = _member(work, user_id)
    if member is None:
        member = Membership(
            id=new_id(), workspace_id=work.workspace_id, user_id=user_id, role=role, created_at=work.now
        )
        work.people.add(member)
        work.record(Event("workspace.joined", work.workspace_id, user_id, {"role": role}))
    link = _known(work, user_id, provider, tenant, subject) or add_link(
        work, user_id, provider, subject, address, tenant
    )
    return Actor(user_id, work.workspace_id, member.role, provider, link_id=link.id)


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
