"""What time does to a suggestion: a snooze ends, a reminder is due, it expires."""

from datetime import timedelta
from typing import Protocol
from uuid import UUID

from core.approvals.ask import ask_about
from core.approvals.models import Suggestion
from core.approvals.ports import ApprovalsWork
from core.kernel.events import Event
from core.messaging.post import PostWork, refresh


class WakeWork(ApprovalsWork, PostWork, Protocol):
    """What waking needs."""


def wake(work: WakeWork, suggestion_id: UUID) -> None:
    """Does what is due, and nothing when nothing is: expire (with a note of what was not done), end a snooze (it comes back as a new message), remind once."""
    suggestion = work.suggestions.lock(suggestion_id)
    if suggestion.status not in ("pending", "snoozed"):
        return
    if suggestion.expires_at is not None and suggestion.expires_at <= work.now:
        suggestion.status, suggestion.decided_at = "expired", work.now
        work.record(
            Event(
                "suggestion.expired", suggestion.workspace_id, suggestion.user_id, {"suggestion_id": str(suggestion.id)}
            )
        )
        refresh(work, "suggestion", suggestion.id)
        return
    if suggestion.status == "snoozed" and suggestion.snoozed_until is not None and suggestion.snoozed_until <= work.now:
        suggestion.status, suggestion.snoozed_until = "pending", None
        refresh(work, "suggestion", suggestion.id)
        _comes_back(work, suggestion, asked=True)
        return
    operation = work.suggestions.revision(suggestion.id, suggestion.revision).action.operation
    ahead = work.suggestions.policy(operation).reminder_seconds
    if ahead is None or suggestion.expires_at is None or suggestion.reminded_at is not None:
        return
    if suggestion.status == "pending" and suggestion.expires_at - timedelta(seconds=ahead) <= work.now:
        suggestion.reminded_at = work.now
        _comes_back(work, suggestion)


def _comes_back(work: WakeWork, suggestion: Suggestion, *, asked: bool = False) -> None:
    """As a new message. A snooze ends when the person said; a reminder waits for when they want to hear from Nod."""
    ask_about(work, suggestion, asked=asked)
