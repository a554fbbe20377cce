"""What time does to a suggestion: a snooze ends, people are reminded, it expires."""

from uuid import UUID

from core.approvals.ask import ask_about
from core.approvals.ladder import LadderWork, chats, climb
from core.approvals.models import Suggestion
from core.kernel.events import Event
from core.messaging.post import announce_in, refresh


def wake(work: LadderWork, suggestion_id: UUID) -> None:
    """Does what is due, and nothing when nothing is: expire (with a note of what was not done), end a snooze (it comes back as a new message), climb the ladder before the expiry."""
    suggestion = work.suggestions.lock(suggestion_id)
    if suggestion.status not in ("pending", "snoozed"):
        return
    if suggestion.expires_at is not None and suggestion.expires_at <= work.now:
        _expire(work, suggestion)
    elif (
        suggestion.status == "snoozed" and suggestion.snoozed_until is not None and suggestion.snoozed_until <= work.now
    ):
        suggestion.status, suggestion.snoozed_until = "pending", None
        refresh(work, "suggestion", suggestion.id)
        ask_about(work, suggestion, asked=True)
    else:
        climb(work, suggestion)


def _expire(work: LadderWork, suggestion: Suggestion) -> None:
    """Every copy says that nothing was done; so does a new message where the person spoke last, for an old one that changes is not seen."""
    suggestion.status, suggestion.decided_at = "expired", work.now
    told = {"suggestion_id": str(suggestion.id)}
    work.record(Event("suggestion.expired", suggestion.workspace_id, suggestion.user_id, told))
    refresh(work, "suggestion", suggestion.id)
    if suggestion.priority != "low":
        first, _ = chats(work, suggestion.user_id)
        announce_in(
            work, [first] if first else [], "suggestion", suggestion.id, trace=suggestion.trace,
            agent_id=suggestion.agent_id,
        )  # fmt: skip
