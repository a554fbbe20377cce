"""Who may decide about a suggestion, by the rule that holds for its operation now."""

from collections.abc import Iterable
from typing import Protocol
from uuid import UUID

from core.approvals.models import ApprovalPolicy, Suggestion
from core.approvals.ports import ApprovalsWork
from core.identity.ports import IdentityWork
from core.kernel.actor import Actor
from core.kernel.errors import Forbidden


class DecidersWork(ApprovalsWork, IdentityWork, Protocol):
    """What finding out needs."""


def deciders(work: DecidersWork, suggestion: Suggestion, policy: ApprovalPolicy) -> list[UUID]:
    """The members who may say yes or no, in the order in which they joined."""
    return [
        member.user_id
        for member in work.people.members()
        if member.role in policy.allowed_roles
        and (policy.own_request or member.user_id != suggestion.user_id)
        and (not suggestion.assignees or member.user_id in suggestion.assignees)
    ]


def policy_of(work: ApprovalsWork, suggestion: Suggestion) -> ApprovalPolicy:
    """The rule that holds for the suggestion's newest revision."""
    return work.suggestions.policy(work.suggestions.revision(suggestion.id, suggestion.revision).action.operation)


def may_see(work: DecidersWork, actor: Actor, suggestion: Suggestion) -> bool:
    """Whether what the suggestion is about is any of their business: it is for them, or they may decide."""
    return actor.user_id == suggestion.user_id or actor.user_id in deciders(
        work, suggestion, policy_of(work, suggestion)
    )


def need_to_see(work: DecidersWork, actor: Actor, suggestion: Suggestion) -> None:
    """Raises Forbidden `approvals.not_allowed`, which says who can decide, for those whose business it is not."""
    if may_see(work, actor, suggestion):
        return
    policy = policy_of(work, suggestion)
    able = deciders(work, suggestion, policy)
    code = "approvals.not_allowed" if able else "approvals.nobody_able"
    raise Forbidden(code, role=actor.role, allowed=policy.allowed_roles, who=names(work, able))


def names(work: IdentityWork, people: Iterable[UUID]) -> list[str]:
    """What they are called."""
    known = (work.people.user(user_id) for user_id in people)
    return [user.preferred_name or user.name or user.email for user in known]
