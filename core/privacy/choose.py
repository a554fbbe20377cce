"""A person's own say in how long their history is kept."""

from core.identity.models import PrivacySettings, UserProfile
from core.identity.ports import IdentityWork
from core.kernel.actor import Actor
from core.kernel.events import Event


def keep_history(work: IdentityWork, actor: Actor, days: int | None) -> UserProfile:
    """What is older than so many days is removed by itself from now on, though never kept longer than the workspace's tier does; None leaves it at that. Raises ValueError
    for days that PrivacySettings does not know."""
    actor.need("write")
    profile = work.people.profile(actor.user_id)
    before = profile.privacy_settings
    chosen = before.model_dump() | {"auto_delete_enabled": days is not None}
    profile.privacy_settings = PrivacySettings.model_validate(
        chosen | ({} if days is None else {"data_retention_days": days})
    )
    work.record(Event("privacy.retention_chosen", actor.workspace_id, actor.user_id, {"days": days}))
    return profile
