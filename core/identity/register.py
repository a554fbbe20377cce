"""A new person: user, profile, personal workspace, membership, subscription and data key, together."""

from uuid import UUID
from zoneinfo import available_timezones

from core.identity.models import IdentityLink, Membership, Provider, Subscription, User, UserProfile, Workspace
from core.identity.ports import IdentityWork
from core.kernel.actor import Actor
from core.kernel.errors import Invalid
from core.kernel.events import Event
from core.kernel.ids import new_id


def register(
    work: IdentityWork, user_id: UUID, email: str, name: str = "", timezone: str = "UTC", language: str = "en"
) -> Actor:
    """Makes the person and their personal workspace. `work` was opened for the new workspace's id and `user_id`.
    Raises Invalid `identity.timezone_unknown`; Conflict `kernel.version_stale` when the address is taken at the same moment."""
    if timezone not in available_timezones():
        raise Invalid("identity.timezone_unknown", timezone=timezone)
    now, workspace_id = work.now, work.workspace_id
    people = work.people
    people.add(User(id=user_id, email=email.strip(), name=name, created_at=now))
    people.add(Workspace(id=workspace_id, owner_id=user_id, kind="personal", name=name or email, created_at=now))
    people.add(Membership(id=new_id(), workspace_id=workspace_id, user_id=user_id, role="owner", created_at=now))
    people.add(UserProfile(id=new_id(), user_id=user_id, timezone=timezone, language=language, created_at=now))
    people.add(
        Subscription(id=new_id(), workspace_id=workspace_id, tier="free", status="active", start=now, created_at=now)
    )
    people.make_data_key(user_id)
    work.record(Event("user.registered", workspace_id, user_id, {"user_id": str(user_id)}))
    return Actor(user_id=user_id, workspace_id=workspace_id, role="owner", surface="system")


def add_link(
    work: IdentityWork, user_id: UUID, provider: Provider, subject: str, address: str | None, tenant: str = ""
) -> IdentityLink:
    """Links an account at a provider, whose owner the door has verified."""
    link = IdentityLink(
        id=new_id(), user_id=user_id, workspace_id=work.workspace_id, provider=provider, provider_subject=subject,
        provider_tenant=tenant, address=address, created_at=work.now,
    )  # fmt: skip
    work.people.add(link)
    work.record(Event("identity.linked", work.workspace_id, user_id, {"link_id": str(link.id), "provider": provider}))
    return link
