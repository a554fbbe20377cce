"""What follows when somebody comes or goes: suggestions that wait for "when I'm at work" come back, and what a vacation held is let go."""

from datetime import datetime, timedelta
from typing import Protocol
from uuid import UUID
from zoneinfo import ZoneInfo

from core.approvals.decide import snooze
from core.approvals.models import Suggestion
from core.approvals.ports import ApprovalsWork
from core.connectors.ports import ConnectionsWork
from core.kernel.actor import Actor
from core.kernel.errors import Invalid
from core.kernel.events import Event
from core.messaging.hold import HoldWork, release
from core.messaging.post import announce, refresh
from core.preferences import contexts
from core.preferences.models import UserContext

LONGEST = timedelta(days=30)
"""What never expires comes back after that, whether its context came or not."""
HOUR = timedelta(hours=1)


class PresenceWork(ApprovalsWork, ConnectionsWork, HoldWork, Protocol):
    """What coming and going needs."""


def put_off_until(work: PresenceWork, actor: Actor, suggestion_id: UUID, name: str) -> Suggestion:
    """Snoozes until the person's context of that name begins; at the latest an hour, or the workspace's reminder, before it expires, so that it is not missed. Raises
    Invalid `approvals.snooze_context_active`, and as `snooze` does."""
    context = contexts.made(work, actor, name)
    if context.active:
        raise Invalid("approvals.snooze_context_active")
    suggestion = snooze(work, actor, suggestion_id, _at_the_latest(work, suggestion_id))
    suggestion.snoozed_context = context.id
    return suggestion


def _at_the_latest(work: PresenceWork, suggestion_id: UUID) -> datetime:
    suggestion = work.suggestions.get(suggestion_id)
    if suggestion.expires_at is None:
        return work.now + LONGEST
    operation = work.suggestions.revision(suggestion_id, suggestion.revision).action.operation
    ahead = timedelta(seconds=work.suggestions.policy(operation).reminder_seconds or HOUR.total_seconds())
    left = suggestion.expires_at - work.now
    return suggestion.expires_at - min(max(ahead, timedelta(0)), left / 2)


def switch(work: PresenceWork, actor: Actor, name: str, active: bool, until: datetime | None = None) -> UserContext:
    """Switches a context, with all that follows. Raises as `contexts.switch`."""
    context, changed = contexts.switch(work, actor, name, active, _zone(work, actor.user_id), until)
    if changed:
        _follow(work, context)
    elif context.name == contexts.HOLDS:
        release(work, context.user_id)
    return context


def set_hours(work: PresenceWork, actor: Actor, name: str, words: str | None) -> UserContext:
    """Lets a context follow hours in words, with all that follows. Raises as `contexts.set_hours`."""
    context, changed = contexts.set_hours(work, actor, name, words, _zone(work, actor.user_id))
    if changed:
        _follow(work, context)
    return context


def turn(work: PresenceWork, context_id: UUID) -> None:
    """Time has come for a context: its hours begin or end, or what the person said is over. Twice changes nothing."""
    user_id = work.preferences.context(context_id).user_id
    context = contexts.turn(work, context_id, _zone(work, user_id))
    if context is not None:
        _follow(work, context)


def drop(work: PresenceWork, actor: Actor, name: str) -> None:
    """Removes a context of the person's own; what waited for it comes back now. Raises as `contexts.drop`."""
    context = contexts.drop(work, actor, name)
    _come_back(work, context)


def _follow(work: PresenceWork, context: UserContext) -> None:
    if context.active:
        _come_back(work, context)
    elif context.name == contexts.HOLDS:
        release(work, context.user_id)


def _come_back(work: PresenceWork, context: UserContext) -> None:
    """Each as a new message for the one whose context it is, who asked for it."""
    for suggestion in work.suggestions.snoozed_for(context.id):
        suggestion.status, suggestion.snoozed_until, suggestion.snoozed_context = "pending", None, None
        work.record(
            Event(
                "suggestion.woken", suggestion.workspace_id, context.user_id,
                {"suggestion_id": str(suggestion.id), "context": context.name},
            )
        )  # fmt: skip
        refresh(work, "suggestion", suggestion.id)
        announce(
            work, context.user_id, "suggestion", suggestion.id, trace=suggestion.trace, agent_id=suggestion.agent_id, asked=True
        )  # fmt: skip


def _zone(work: PresenceWork, user_id: UUID) -> ZoneInfo:
    return ZoneInfo(work.people.profile(user_id).timezone)
