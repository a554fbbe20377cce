"""A person's own settings: timezone, language, tone, name."""

from uuid import UUID
from zoneinfo import available_timezones

from core.identity.models import NotificationPreferences, Tone, UserProfile
from core.identity.ports import IdentityWork
from core.kernel.actor import Actor
from core.kernel.errors import Invalid
from core.kernel.events import Event


def settle(
    work: IdentityWork, actor: Actor, *, timezone: str | None = None, language: str | None = None, tone: Tone | None = None,
    notifications: NotificationPreferences | None = None, preferred_name: str | None = None,
) -> UserProfile:  # fmt: skip
    """Changes what is given. Raises Invalid `identity.timezone_unknown`."""
    actor.need("write")
    profile = work.people.profile(actor.user_id)
    if timezone is not None:
        if timezone not in available_timezones():
            raise Invalid("identity.timezone_unknown", timezone=timezone)
        profile.timezone = timezone
    profile.language = language or profile.language
    profile.tone = tone or profile.tone
    profile.notification_preferences = notifications or profile.notification_preferences
    if preferred_name is not None:
        work.people.user(actor.user_id).preferred_name = preferred_name.strip() or None
    profile.settled_at = work.now
    work.record(Event("profile.changed", actor.workspace_id, actor.user_id, {"timezone": profile.timezone}))
    return profile


def unreachable(work: IdentityWork, link_id: UUID) -> None:
    """The platform said that the person blocked us there: nothing more is sent to that chat."""
    link = work.people.link(link_id)
    if link.reachable:
        link.reachable = False
        work.record(Event("identity.unreachable", link.workspace_id, link.user_id, {"link_id": str(link_id)}))


def reachable(work: IdentityWork, link_id: UUID, address: str | None = None) -> None:
    """They spoke to us there again, in the chat `address` where that is known."""
    link = work.people.link(link_id)
    link.reachable, link.address = True, address or link.address
