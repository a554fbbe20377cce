"""A person says in words what is to change, and the agent writes a new revision. Nothing is approved by it: the new one needs its own tap."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol
from uuid import UUID

from core.approvals.canonical import sha256
from core.approvals.decide import DecideWork, still_open
from core.approvals.models import Action, Rewrite, Suggestion, SuggestionRevision
from core.billing.models import Budget
from core.billing.ports import BillingWork, Used
from core.billing.reserve import budget
from core.catalog.ports import CatalogWork
from core.connectors.kinds import checked_input
from core.kernel.actor import Actor
from core.kernel.errors import Conflict, Failure, Invalid
from core.kernel.events import Event
from core.kernel.ids import new_id
from core.messaging.post import notify, refresh

FIELDS: Mapping[str, tuple[str, ...]] = {
    "mail.send": ("subject", "body"),
    "calendar.create": ("title", "start", "end", "location", "description"),
    "task.create": ("title", "due", "notes"),
}
"""What may be written anew: words of the agent's own and times. Never who gets it, from whom, through which account, how much, or what it answers. Operations outside of
the shared vocabulary have none: nobody knows which of their fields names a recipient."""
LONGEST = 2_000
"""Characters of what a person says."""
LEASE_SECONDS = 30.0
MOST_ATTEMPTS = 3


class RewriteWork(DecideWork, BillingWork, CatalogWork, Protocol):
    """What rewriting needs."""


@dataclass(frozen=True)
class Taken:
    """What a worker has claimed: the words, the revision that they are about, and what the model may use for it."""

    rewrite: Rewrite
    suggestion: Suggestion
    revision: SuggestionRevision
    words: str
    budget: Budget
    timezone: str

    @property
    def fields(self) -> dict[str, Any]:
        """Those that may be written anew, as they stand."""
        action = self.revision.action
        return {name: action.input[name] for name in FIELDS[action.operation] if name in action.input}


def ask(work: DecideWork, actor: Actor, suggestion_id: UUID, revision: int, words: str) -> Rewrite:
    """Asks the agent to change one revision as the words say. The same words again, while that is going on, are the same wish.

    Raises Conflict `approvals.rewrite_under_way` for other words meanwhile; Invalid `approvals.rewrite_impossible` where nothing of it may be written anew; and as
    core.approvals.decide.edit does."""
    suggestion, current, _ = still_open(work, actor, suggestion_id, revision)
    if current.action.operation not in FIELDS:
        raise Invalid("approvals.rewrite_impossible")
    words = words.strip()[:LONGEST]
    before = work.rewrites.newest(suggestion_id)
    if before is not None and before.status in ("asked", "working"):
        if before.revision != revision:
            _over(work, before, "failed", "approvals.rewrite_late")
        elif work.rewrites.words(before) == words:
            return before
        else:
            raise Conflict("approvals.rewrite_under_way")
    made = Rewrite(
        id=new_id(), workspace_id=suggestion.workspace_id, user_id=actor.user_id, suggestion_id=suggestion_id,
        revision=revision, created_at=work.now,
    )  # fmt: skip
    work.rewrites.add(made, words)
    told = {"suggestion_id": str(suggestion_id), "revision": revision}
    work.record(Event("suggestion.rewrite_asked", suggestion.workspace_id, actor.user_id, told))
    work.ring("runs.rewrite", made.id)
    refresh(work, "suggestion", suggestion_id)
    return made


def claim(work: RewriteWork, rewrite_id: UUID) -> Taken | None:
    """Takes one that is due; None when there is nothing to take, or when it is over (then its card says why)."""
    held = work.rewrites.claim(rewrite_id, LEASE_SECONDS)
    if held is None:
        return None
    suggestion = work.suggestions.get(held.suggestion_id)
    if held.attempts > MOST_ATTEMPTS:
        _over(work, held, "failed", "approvals.rewrite_crashed")
        return None
    if not _still(work, suggestion, held):
        _too_late(work, held, suggestion)
        return None
    return Taken(
        held, suggestion, work.suggestions.revision(suggestion.id, held.revision), work.rewrites.words(held),
        budget(work, suggestion.agent_id, Used()), work.people.profile(held.user_id).timezone,
    )  # fmt: skip


def checked(work: RewriteWork, taken: Taken, changes: Mapping[str, Any]) -> Action:
    """The action with what the model wrote in it; everything else of it stays as it was.
    Raises Invalid `approvals.rewrite_same`, `connectors.input_invalid`."""
    action = taken.revision.action
    allowed = {name: value for name, value in changes.items() if name in FIELDS[action.operation]}
    connection = work.connections.get(action.connection_id)
    input = checked_input(connection.integration, action.operation, {**action.input, **allowed})
    newer = Action(operation=action.operation, connection_id=action.connection_id, input=input)
    if sha256(newer) == taken.revision.payload_sha256:
        raise Invalid("approvals.rewrite_same")
    return newer


def finish(work: RewriteWork, taken: Taken, action: Action) -> str:
    """Makes the agent's new revision, if the suggestion waits as the person saw it: `done`; else `late`, which they are told. `lost` when somebody else has the claim."""
    suggestion = work.suggestions.lock(taken.suggestion.id)
    held = work.rewrites.hold(taken.rewrite.id, taken.rewrite.fence)
    if held is None:
        return "lost"
    if not _still(work, suggestion, held):
        _too_late(work, held, suggestion)
        return "late"
    number = held.revision + 1
    work.suggestions.revise(
        SuggestionRevision(
            id=new_id(), workspace_id=suggestion.workspace_id, suggestion_id=suggestion.id, number=number, action=action,
            payload_sha256=sha256(action), author="agent", author_id=suggestion.agent_id, created_at=work.now,
        )
    )  # fmt: skip
    suggestion.revision = number
    told = {"suggestion_id": str(suggestion.id), "revision": number}
    work.record(Event("suggestion.rewritten", suggestion.workspace_id, held.user_id, told))
    _over(work, held, "done")
    return "done"


def fail(work: RewriteWork, taken: Taken, why: Failure) -> str:
    """Nothing came of it; the card says why. `lost` when somebody else has the claim."""
    held = work.rewrites.hold(taken.rewrite.id, taken.rewrite.fence)
    if held is None:
        return "lost"
    _over(work, held, "failed", why.code, why.data)
    return "failed"


def _still(work: RewriteWork, suggestion: Suggestion, held: Rewrite) -> bool:
    """Whether the suggestion waits for a decision about what the person saw."""
    expired = suggestion.expires_at is not None and suggestion.expires_at <= work.now
    return suggestion.status == "pending" and suggestion.revision == held.revision and not expired


def _too_late(work: RewriteWork, held: Rewrite, suggestion: Suggestion) -> None:
    _over(work, held, "failed", "approvals.rewrite_late")
    notify(work, held.user_id, "card.rewrite.late", {"agent": work.agents.get(suggestion.agent_id).name})


def _over(
    work: DecideWork, held: Rewrite, status: Any, code: str | None = None, data: Mapping[str, Any] | None = None
) -> None:
    held.status, held.lease_until, held.words, held.ended_at = status, None, None, work.now
    held.error = {"code": code, "data": dict(data or {})} if code else None
    refresh(work, "suggestion", held.suggestion_id)
