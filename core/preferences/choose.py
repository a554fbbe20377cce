"""What a person prefers and allows."""

from typing import Any, Literal
from uuid import UUID

from core.kernel.actor import Actor
from core.kernel.errors import Forbidden
from core.kernel.events import Event
from core.kernel.ids import new_id
from core.preferences.models import UserConsent, UserPreference
from core.preferences.ports import PreferencesWork


def prefer(
    work: PreferencesWork, actor: Actor, scope: str, key: str, value: Any, source: Literal["user", "inferred"] = "user"
) -> bool:
    """Keeps a preference. False when it was inferred and the person's own stands (domain rule 9)."""
    actor.need("write")
    known = work.preferences.preference(actor.user_id, scope, key)
    if known is None:
        work.preferences.add(
            UserPreference(
                id=new_id(),
                user_id=actor.user_id,
                workspace_id=actor.workspace_id,
                scope=scope,
                key=key,
                value=value,
                source=source,
                updated_at=work.now,
                created_at=work.now,
            )
        )
        return True
    if known.source == "user" and source == "inferred":
        return False
    known.value, known.source, known.updated_at = value, source, work.now
    return True


def consent(work: PreferencesWork, actor: Actor, key: str) -> UserConsent:
    """The person agrees to a data source or an agent; agreeing twice is agreeing once."""
    actor.need("write")
    known = work.preferences.consent(actor.user_id, key)
    if known is not None and known.active:
        return known
    given = UserConsent(
        id=new_id(), user_id=actor.user_id, workspace_id=actor.workspace_id, key=key, granted_at=work.now
    )
    work.preferences.add(given)
    work.record(Event("consent.granted", actor.workspace_id, actor.user_id, {"key": key}))
    return given


def revoke(work: PreferencesWork, actor: Actor, key: str) -> None:
    """The consent is void from now on: nothing reads that source or runs that agent, and what is approved but not armed stops."""
    actor.need("write")
    known = work.preferences.consent(actor.user_id, key)
    if known is not None and known.active:
        known.revoked_at = work.now
        work.record(Event("consent.revoked", actor.workspace_id, actor.user_id, {"key": key}))


def need_not_revoked(work: PreferencesWork, user_id: UUID, key: str) -> None:
    """Raises Forbidden `preferences.consent_missing` for a consent that was given and taken back, also in the middle of a run."""
    known = work.preferences.consent(user_id, key)
    if known is not None and not known.active:
        raise Forbidden("preferences.consent_missing", key=key)


def need_consent(work: PreferencesWork, user_id: UUID, keys: tuple[str, ...]) -> None:
    """Raises Forbidden `preferences.consent_missing` for the first key without an active consent (domain rule 9)."""
    for key in keys:
        known = work.preferences.consent(user_id, key)
        if known is None or not known.active:
            raise Forbidden("preferences.consent_missing", key=key)
