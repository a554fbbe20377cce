"""Who may decide about a suggestion, by the rule that holds for its operation now: in their own name, or in the place of somebody who handed them their decisions."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Protocol
from uuid import UUID

from core.approvals.models import Approval, ApprovalPolicy, Delegation, Suggestion
from core.approvals.ports import ApprovalsWork
from core.identity.models import Membership
from core.identity.ports import IdentityWork
from core.kernel.actor import Actor
from core.kernel.errors import Failure, Forbidden


class DecidersWork(ApprovalsWork, IdentityWork, Protocol):
    """What finding out needs."""


@dataclass(frozen=True)
class Rule:
    """What holds for one suggestion now. `own`: who may decide in their own name; `later`: the one of them who is asked only when nobody answers; `placed`: who may in the place of
    others, and of whom."""

    policy: ApprovalPolicy
    operation: str
    own: Sequence[UUID]
    placed: Mapping[UUID, Sequence[UUID]]
    later: UUID | None = None

    @property
    def people(self) -> list[UUID]:
        """Everybody who may decide, each once."""
        return list(dict.fromkeys((*self.own, *self.placed)))

    def names(self, actor: Actor) -> bool:
        """Whether the rule names whoever acts, in the role in which they act."""
        policy = self.policy
        return (
            actor.role in policy.allowed_roles
            or actor.user_id in policy.allowed_people
            or actor.user_id == policy.escalate_to
        )

    def places(self, user_id: UUID) -> list[UUID]:
        """In whose places somebody may decide: their own first."""
        return [*([user_id] if user_id in self.own else []), *self.placed.get(user_id, ())]


class Rules:
    """The rules of the workspace as they are now; members, delegations and policies are asked for once, for however many suggestions."""

    def __init__(self, work: DecidersWork) -> None:
        self._work = work
        self._policies: dict[str, ApprovalPolicy] = {}

    @cached_property
    def members(self) -> dict[UUID, Membership]:
        """Everybody, in the order in which they joined."""
        return {member.user_id: member for member in self._work.people.active_members()}

    @cached_property
    def _delegations(self) -> list[Delegation]:
        return self._work.delegations.active()

    def of(self, suggestion: Suggestion, operation: str) -> Rule:
        """As rule_of."""
        if operation not in self._policies:
            self._policies[operation] = self._work.suggestions.policy(operation)
        policy, members = self._policies[operation], self.members

        def may(user_id: UUID) -> bool:
            return members[user_id].role != "viewer" and (policy.own_request or user_id != suggestion.user_id)

        own = [
            user_id
            for user_id, member in members.items()
            if may(user_id)
            and (_named(policy, member) or user_id == policy.escalate_to)
            and (not suggestion.assignees or user_id in suggestion.assignees)
        ]
        placed: dict[UUID, list[UUID]] = {}
        for handed in self._delegations:
            fits = handed.agent_id in (None, suggestion.agent_id) and handed.operation in (None, operation)
            if fits and handed.user_id in own and handed.to_user_id in members and may(handed.to_user_id):
                theirs = placed.setdefault(handed.to_user_id, [])
                if handed.user_id not in theirs:
                    theirs.append(handed.user_id)
        last = members.get(policy.escalate_to) if policy.escalate_to is not None else None
        later = last.user_id if last is not None and last.user_id in own and not _named(policy, last) else None
        return Rule(policy, operation, own, placed, later)


def rule_of(work: DecidersWork, suggestion: Suggestion, operation: str | None = None) -> Rule:
    """The rule for the suggestion's newest revision (`operation`, where that is known already). Viewers decide nothing; with `own_request` off nobody says yes to what was made for
    them, in whomever's place; `assignees` narrow it down."""
    if operation is None:
        operation = work.suggestions.revision(suggestion.id, suggestion.revision).action.operation
    return Rules(work).of(suggestion, operation)


def seen_by(work: DecidersWork, actor: Actor, found: Sequence[Suggestion]) -> list[Suggestion]:
    """Those of the suggestions whose content is their business, as may_see says of each."""
    rules = Rules(work)
    others = [one for one in found if one.user_id != actor.user_id]
    if not others:
        return list(found)
    newest = work.suggestions.newest(others)
    hidden = {one.id for one in others if actor.user_id not in rules.of(one, newest[one.id].action.operation).people}
    return [one for one in found if one.id not in hidden]


def _named(policy: ApprovalPolicy, member: Membership) -> bool:
    return member.role in policy.allowed_roles or member.user_id in policy.allowed_people


def counted(work: ApprovalsWork, suggestion: Suggestion) -> list[Approval]:
    """The yeses to the newest revision that count: one a person, and one a place, since they last began to count."""
    people: set[UUID] = set()
    places: set[UUID] = set()
    counts: list[Approval] = []
    for one in work.suggestions.approvals(suggestion.id):
        late = suggestion.counts_from is None or one.decided_at > suggestion.counts_from
        place = one.for_user_id or one.user_id
        if one.decision == "approve" and one.revision == suggestion.revision and late:
            if one.user_id not in people and place not in places:
                counts.append(one)
            people.add(one.user_id)
            places.add(place)
    return counts


def may_say_no(actor: Actor, suggestion: Suggestion, rule: Rule) -> bool:
    """Whether it was made for them, and only their yes to it does not count."""
    return actor.user_id == suggestion.user_id and rule.names(actor)


def need_to_decide(work: DecidersWork, actor: Actor, suggestion: Suggestion, operation: str | None = None) -> Rule:
    """The rule for the suggestion, for whoever may decide by it, or at least say no. Raises Forbidden `approvals.not_allowed`, `approvals.nobody_able`, which say who can."""
    rule = rule_of(work, suggestion, operation)
    able = rule.placed if actor.user_id in rule.own and not rule.names(actor) else rule.people
    if actor.user_id not in able and not may_say_no(actor, suggestion, rule):
        raise refusal(work, actor, rule)
    return rule


def may_see(work: DecidersWork, actor: Actor, suggestion: Suggestion) -> bool:
    """Whether what the suggestion is about is any of their business: it is for them, or they may decide."""
    return actor.user_id == suggestion.user_id or actor.user_id in rule_of(work, suggestion).people


def need_to_see(work: DecidersWork, actor: Actor, suggestion: Suggestion) -> None:
    """Raises Forbidden `approvals.not_allowed`, which says who can decide, for those whose business it is not."""
    if actor.user_id != suggestion.user_id:
        rule = rule_of(work, suggestion)
        if actor.user_id not in rule.people:
            raise refusal(work, actor, rule)


def refusal(work: IdentityWork, actor: Actor, rule: Rule) -> Failure:
    """Why somebody may not decide, and who can."""
    code = "approvals.not_allowed" if rule.people else "approvals.nobody_able"
    return Forbidden(code, role=actor.role, allowed=rule.policy.allowed_roles, who=names(work, rule.people))


def names(work: IdentityWork, people: Iterable[UUID]) -> list[str]:
    """What they are called."""
    known = (work.people.user(user_id) for user_id in people)
    return [user.preferred_name or user.name or user.email for user in known]
