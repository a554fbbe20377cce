"""`/suggestions`: what agents propose, and deciding about it."""

from datetime import datetime
from typing import Any, Literal
from uuid import UUID

from fastapi import APIRouter, Response
from pydantic import BaseModel, ConfigDict, Field

from bots.api.caller import Calling
from bots.api.pages import Cursor, Limit, Page, after, page
from core.approvals.decide import approve, edit, reject, undo
from core.approvals.deciders import counted, need_to_see, rule_of, seen_by
from core.approvals.models import Action, ActionExecution, Suggestion, SuggestionRevision
from core.kernel.errors import Invalid

router = APIRouter(tags=["suggestions"])


class ExecutionOut(BaseModel):
    """What became of an approved action."""

    status: str
    external_ref: str | None
    executed_at: datetime | None
    error: dict[str, Any] | None


class SuggestionOut(BaseModel):
    """A suggestion. `action` is exactly what will happen; its canonical JSON has the hash `payload_sha256`. `reason`: why it was rejected."""

    id: UUID
    type: str
    kind: str
    status: str
    priority: str
    revision: int
    action: Action
    payload_sha256: str
    why: dict[str, Any]
    evidence: list[dict[str, Any]]
    influenced_by: list[str]
    expires_at: datetime | None
    snoozed_until: datetime | None
    created_at: datetime
    run_id: UUID
    agent_id: UUID
    reason: str | None
    execution: ExecutionOut | None


class DecisionOut(BaseModel):
    """What a person decided about one revision. `for_user_id`: in whose place; `surface`: through which door; `payload_sha256`: the hash of what they were shown."""

    user_id: UUID
    for_user_id: UUID | None
    decision: str
    revision: int
    payload_sha256: str
    decided_at: datetime
    surface: str
    reason: str | None


class DecisionsOut(BaseModel):
    """All decisions about a suggestion in order. While it waits: who may decide, and how many yeses are missing."""

    decisions: list[DecisionOut]
    can_decide: list[UUID]
    missing: int


class Decision(BaseModel):
    """A decision about one revision. `edit` takes an `action` with the whole new input, or only the changed fields. `sure` with an approval: the person was asked twice
    (409 `approvals.not_sure` says when that is needed, and why)."""

    model_config = ConfigDict(extra="forbid")

    decision: Literal["approve", "reject", "edit"]
    revision: int = Field(ge=1)
    action: dict[str, Any] | None = None
    reason: str | None = Field(None, max_length=2000)
    sure: bool = False


@router.get("/suggestions")
def list_suggestions(
    caller: Calling,
    limit: Limit = 50,
    cursor: Cursor = None,
    status: str | None = None,
    type: str | None = None,
    run_id: UUID | None = None,
    agent_id: UUID | None = None,
) -> Page[SuggestionOut]:
    """The workspace's suggestions, as far as they are the caller's business: made for them, or theirs to decide. A page may hold fewer than `limit`, and `next` still lead on."""
    with caller.reading() as work:
        rows = work.suggestions.page(
            after(cursor), limit + 1, status=status, type=type, run_id=run_id, agent_id=agent_id
        )
        seen = {row.id for row in seen_by(work, caller.actor, rows)}
        current, executions = work.suggestions.newest(rows), work.executions.of_each([row.id for row in rows])
        found = page(rows, limit, lambda row: _out(row, current[row.id], executions.get(row.id)))
        return Page(items=[item for item in found.items if item.id in seen], next=found.next)


@router.get("/suggestions/{suggestion_id}")
def get_suggestion(suggestion_id: UUID, caller: Calling) -> SuggestionOut:
    """One suggestion, with who decides about it. 403 for those whose business it is not."""
    with caller.reading() as work:
        suggestion = work.suggestions.get(suggestion_id)
        need_to_see(work, caller.actor, suggestion)
        return suggestion_out(work, suggestion)


@router.get("/suggestions/{suggestion_id}/decisions")
def list_decisions(suggestion_id: UUID, caller: Calling) -> DecisionsOut:
    """Who decided what, when, where and about which revision; who still can, and how many yeses are missing."""
    with caller.reading() as work:
        suggestion = work.suggestions.get(suggestion_id)
        need_to_see(work, caller.actor, suggestion)
        rule = rule_of(work, suggestion)
        made = work.suggestions.approvals(suggestion_id)
        waits = suggestion.status in ("pending", "snoozed")
        return DecisionsOut(
            decisions=[DecisionOut.model_validate(one, from_attributes=True) for one in made],
            can_decide=rule.people if waits else [],
            missing=max(rule.policy.quorum - len(counted(work, suggestion)), 0) if waits else 0,
        )


@router.post("/suggestions/{suggestion_id}/decision", response_model=SuggestionOut)
def decide(suggestion_id: UUID, asked: Decision, caller: Calling) -> Response:
    """Approves, rejects or edits the revision that was seen. 409 when it is stale or decided, 403 when the key may not decide."""

    def change(work: Any) -> SuggestionOut:
        actor = caller.actor
        if asked.decision == "approve":
            approve(work, actor, suggestion_id, asked.revision, sure=asked.sure)
        elif asked.decision == "reject":
            reject(work, actor, suggestion_id, asked.revision, asked.reason)
        else:
            edit(work, actor, suggestion_id, asked.revision, _changes(asked.action))
        return suggestion_out(work, work.suggestions.get(suggestion_id))

    return caller.write(asked, 200, change, f"suggestions.decide {suggestion_id}", scope="approve")


@router.post("/suggestions/{suggestion_id}/undo", response_model=SuggestionOut)
def take_back(suggestion_id: UUID, caller: Calling) -> Response:
    """Takes an approval back while its action is held. 409 when it is too late."""

    def change(work: Any) -> SuggestionOut:
        undo(work, caller.actor, suggestion_id)
        return suggestion_out(work, work.suggestions.get(suggestion_id))

    return caller.write(None, 200, change, f"suggestions.undo {suggestion_id}", scope="approve")


def suggestion_out(work: Any, suggestion: Suggestion) -> SuggestionOut:
    """The shape of a suggestion, with its newest revision and execution."""
    revision = work.suggestions.revision(suggestion.id, suggestion.revision)
    return _out(suggestion, revision, work.executions.of(suggestion.id))


def _out(suggestion: Suggestion, revision: SuggestionRevision, execution: ActionExecution | None) -> SuggestionOut:
    return SuggestionOut(
        id=suggestion.id,
        type=suggestion.type,
        kind=suggestion.kind,
        status=suggestion.status,
        priority=suggestion.priority,
        revision=suggestion.revision,
        action=revision.action,
        payload_sha256=revision.payload_sha256,
        why=suggestion.why,
        evidence=suggestion.evidence,
        influenced_by=suggestion.influenced_by,
        expires_at=suggestion.expires_at,
        snoozed_until=suggestion.snoozed_until,
        created_at=suggestion.created_at,
        run_id=suggestion.run_id,
        agent_id=suggestion.agent_id,
        reason=suggestion.reason,
        execution=_execution_out(execution),
    )


def _execution_out(execution: ActionExecution | None) -> ExecutionOut | None:
    if execution is None:
        return None
    return ExecutionOut(
        status=execution.status,
        external_ref=execution.external_ref,
        executed_at=execution.executed_at,
        error=execution.error,
    )


def _changes(action: dict[str, Any] | None) -> dict[str, Any]:
    """The changed fields of the input; an action as it was read may be sent back whole."""
    if action is None:
        raise Invalid("api.action_missing")
    inner = action.get("input", action)
    if not isinstance(inner, dict):
        raise Invalid("api.action_missing")
    return inner
