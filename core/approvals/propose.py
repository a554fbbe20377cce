"""A run's proposals become suggestions: each once, however often it is proposed."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Any, Protocol

from core.approvals.canonical import sha256
from core.approvals.models import Action, Suggestion, SuggestionRevision
from core.approvals.ports import ApprovalsWork
from core.catalog.ports import CatalogWork
from core.connectors.kinds import checked_input
from core.connectors.ports import ConnectionsWork
from core.kernel.errors import Failure, Invalid
from core.kernel.events import Event
from core.kernel.ids import new_id
from core.messaging.post import PostWork, refresh


class ProposeWork(ApprovalsWork, CatalogWork, ConnectionsWork, PostWork, Protocol):
    """What proposing needs."""


def propose(work: ProposeWork, run: Any, proposals: Sequence[Any]) -> tuple[list[Suggestion], list[dict[str, Any]]]:
    """Adds a pending suggestion for each proposal of a run that the agent has not made before; withdraws those that a newer one supersedes.
    A proposal that breaks a rule is left out and reported as `{dedupe_key, code, data}`; the rest goes on. `run` is an orchestration Run, `proposals` its
    Proposals."""
    made: list[Suggestion] = []
    refused: list[dict[str, Any]] = []
    if not proposals:
        return made, refused
    tools = work.agents.get(run.agent_id).config.tools
    for proposal in proposals:
        try:
            action = _action(work, tools, proposal)
        except Failure as why:
            refused.append({"dedupe_key": proposal.dedupe_key, "code": why.code, "data": why.data})
            continue
        suggestion = _suggestion(work, run, proposal, action)
        if not work.suggestions.add(suggestion, first_revision(work, suggestion, action, run.agent_id)):
            continue
        if proposal.supersedes:
            _withdraw_older(work, suggestion, proposal.supersedes)
        work.record(
            Event(
                "suggestion.created",
                run.workspace_id,
                run.user_id,
                {"suggestion_id": str(suggestion.id), "type": suggestion.type},
            )
        )
        made.append(suggestion)
    return made, refused


def first_revision(work: ApprovalsWork, suggestion: Suggestion, action: Action, agent_id: Any) -> SuggestionRevision:
    """The agent's own wording of a suggestion."""
    return SuggestionRevision(
        id=new_id(), workspace_id=suggestion.workspace_id, suggestion_id=suggestion.id, number=1, action=action,
        payload_sha256=sha256(action), author="agent", author_id=agent_id, created_at=work.now,
    )  # fmt: skip


def _action(work: ProposeWork, tools: Any, proposal: Any) -> Action:
    if proposal.tool not in tools:
        raise Invalid("catalog.tool_missing", tool=proposal.tool)
    connection = work.connections.get(tools[proposal.tool])
    checked = checked_input(connection.integration, proposal.operation, proposal.input)
    return Action(operation=proposal.operation, connection_id=connection.id, input=checked)


def _suggestion(work: ProposeWork, run: Any, proposal: Any, action: Action) -> Suggestion:
    policy = work.suggestions.policy(action.operation)
    return Suggestion(
        id=new_id(), workspace_id=run.workspace_id, user_id=run.user_id, run_id=run.id, agent_id=run.agent_id,
        type=proposal.type, kind=proposal.kind, priority=proposal.priority, why=proposal.why.model_dump(mode="json"),
        evidence=[e.model_dump(mode="json") for e in proposal.evidence], influenced_by=list(proposal.influenced_by),
        dedupe_key=proposal.dedupe_key, created_at=work.now, trace=run.trace,
        expires_at=proposal.expires_at or work.now + timedelta(seconds=policy.expiry_seconds),
    )  # fmt: skip


def _withdraw_older(work: ProposeWork, newer: Suggestion, prefix: str) -> None:
    for older in work.suggestions.pending_with_key(newer.agent_id, prefix):
        if older.id != newer.id:
            older.status, older.decided_at = "withdrawn", work.now
            work.record(
                Event(
                    "suggestion.withdrawn",
                    older.workspace_id,
                    older.user_id,
                    {"suggestion_id": str(older.id), "newer": str(newer.id)},
                )
            )
            refresh(work, "suggestion", older.id)
