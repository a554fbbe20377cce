"""What one tap is not enough for: what cannot be taken back and is risky besides. What is held for a while, or has an inverse, is not asked twice: never both."""

from collections.abc import Mapping
from decimal import Decimal, InvalidOperation
from typing import Any

from core.approvals.models import Action, ApprovalPolicy, Suggestion, SuggestionRevision
from core.approvals.ports import ApprovalsWork
from core.connectors.inverse import invertible
from core.connectors.kinds import integration
from core.connectors.models import Connection

RECIPIENTS = ("to", "cc")


def hold_seconds(action: Action, connection: Connection, policy: ApprovalPolicy) -> int:
    """How long a yes can be taken back: as the rule says, else as the connector does."""
    declared = integration(connection.integration).operation(action.operation).undo_seconds
    return declared if policy.undo_seconds is None else policy.undo_seconds


def why_twice(
    work: ApprovalsWork, suggestion: Suggestion, revision: SuggestionRevision, connection: Connection, policy: ApprovalPolicy
) -> list[str]:  # fmt: skip
    """Why a second yes is asked for, none where one will do: `irreversible` (the connector says so), `new_recipient` (a first mail to somebody, or an address that a person put in),
    `amount` (more than the rule's limit, whatever the currency)."""
    action = revision.action
    if hold_seconds(action, connection, policy) or invertible(connection.integration, action.operation):
        return []
    reasons = {
        "irreversible": integration(connection.integration).operation(action.operation).risky,
        "new_recipient": bool((suggestion.why.get("data") or {}).get("first_contact")) or _added(work, revision),
        "amount": policy.amount_limit is not None and _most(action.input) > policy.amount_limit,
    }
    return [name for name, so in reasons.items() if so]


def _added(work: ApprovalsWork, revision: SuggestionRevision) -> bool:
    """Whether it goes to somebody to whom the agent's own wording did not."""
    if revision.number == 1:
        return False
    first = work.suggestions.revision(revision.suggestion_id, 1)
    return not _recipients(revision.action.input) <= _recipients(first.action.input)


def _recipients(input: Mapping[str, Any]) -> set[str]:
    return {str(address).lower() for field in RECIPIENTS for address in input.get(field) or ()}


def _most(input: Mapping[str, Any]) -> Decimal:
    """The greatest amount in an action's input: `amount`, a number, or money as `{amount, currency}`."""
    given = input.get("amount")
    try:
        return abs(Decimal(str(given.get("amount") if isinstance(given, Mapping) else given)))
    except InvalidOperation:
        return Decimal(0)
