"""Undoing what was done: the stored inverse of an action is an action of its own, shown by its button, approved by that very tap, and carried out like any other."""

from dataclasses import dataclass
from datetime import timedelta
from typing import Protocol
from uuid import UUID

from core.approvals.ask import AskPeopleWork, ask_about
from core.approvals.canonical import sha256
from core.approvals.decide import Approved, DecideWork, approve
from core.approvals.models import Action, ActionExecution, Suggestion, SuggestionRevision
from core.connectors.inverse import inverse_of
from core.connectors.kinds import checked_input
from core.kernel.actor import Actor
from core.kernel.errors import Conflict
from core.kernel.events import Event
from core.kernel.ids import new_id

UNDOABLE = timedelta(days=7)
"""Longer than that nobody remembers, and the world went on."""
WHY = "suggestion.why.undo"


class InvertWork(AskPeopleWork, DecideWork, Protocol):
    """What undoing needs."""


@dataclass(frozen=True)
class Undoing:
    """How far undoing an action is: the inverse's own suggestion and what became of it."""

    suggestion: Suggestion
    execution: ActionExecution | None

    @property
    def over(self) -> bool:
        """Whether it came to nothing, so that one may try again."""
        ended = self.suggestion.status in ("rejected", "expired", "withdrawn")
        return ended or (self.execution is not None and self.execution.status in ("failed", "withdrawn"))


def inverse(work: InvertWork, execution: ActionExecution) -> Action | None:
    """What would take back a done action; None where nothing can, or it was too long ago."""
    done = execution.status == "succeeded" and execution.executed_at is not None
    if not done or work.now - execution.executed_at > UNDOABLE:  # pyright: ignore[reportOperatorIssue]
        return None
    approval = next(a for a in work.suggestions.approvals(execution.suggestion_id) if a.id == execution.approval_id)
    action = work.suggestions.revision(execution.suggestion_id, approval.revision).action
    connection = work.connections.get(execution.connection_id)
    if connection.status != "active":
        return None
    given = inverse_of(
        connection.integration, action.operation, action.input, execution.key, execution.external_ref, execution.result
    )  # fmt: skip
    if given is None:
        return None
    operation, input = given
    return Action(
        operation=operation, connection_id=connection.id, input=checked_input(connection.integration, operation, input)
    )


def undoing(work: InvertWork, execution: ActionExecution) -> Undoing | None:
    """How far it is; None where nobody has tried."""
    suggestion = work.suggestions.undoing(execution.id)
    return None if suggestion is None else Undoing(suggestion, work.executions.of(suggestion.id))


def undo_done(work: InvertWork, actor: Actor, suggestion_id: UUID, delivery_id: UUID | None = None) -> Approved:
    """Has a done action undone: its inverse is approved by the one who asks, as its own suggestion; where others have to approve too, they are asked. A second time while
    that is under way changes nothing. Raises Conflict `approvals.undo_impossible`, `approvals.undo_under_way`; Forbidden and all else as `approve` does."""
    actor.need("approve")
    original = work.suggestions.lock(suggestion_id)
    execution = work.executions.of(suggestion_id)
    action = None if execution is None else inverse(work, execution)
    if execution is None or action is None:
        raise Conflict("approvals.undo_impossible")
    before = undoing(work, execution)
    if before is not None and not before.over:
        raise Conflict("approvals.undo_under_way")
    made = _suggest(work, actor, original, execution, action)
    approved = approve(work, actor, made.id, made.revision, delivery_id, sure=True)
    if approved.execution is None:
        ask_about(work, made, asked=True)
    return approved


def _suggest(work: InvertWork, actor: Actor, original: Suggestion, execution: ActionExecution, action: Action) -> Suggestion:  # fmt: skip
    made = Suggestion(
        id=new_id(), workspace_id=original.workspace_id, user_id=original.user_id, run_id=original.run_id, agent_id=original.agent_id,
        type=original.type, kind="undo", priority=original.priority, why={"code": WHY, "data": {}}, evidence=[], influenced_by=[],
        dedupe_key=f"undo:{new_id()}", created_at=work.now, trace=original.trace, undoes=execution.id,
        expires_at=work.now + timedelta(seconds=work.suggestions.policy(action.operation).expiry_seconds),
    )  # fmt: skip
    revision = SuggestionRevision(
        id=new_id(), workspace_id=made.workspace_id, suggestion_id=made.id, number=1, action=action,
        payload_sha256=sha256(action), author="user", author_id=actor.user_id, created_at=work.now,
    )  # fmt: skip
    work.suggestions.add(made, revision)
    work.record(
        Event(
            "suggestion.created", made.workspace_id, actor.user_id,
            {"suggestion_id": str(made.id), "type": made.type, "undoes": str(original.id)},
        )
    )  # fmt: skip
    return made
