"""Putting a suggestion before those who are asked: the person for whom it was made, others where the rule needs them, and the rooms where its agent asks."""

from typing import Protocol
from uuid import UUID

from core.approvals.deciders import DecidersWork, Rule, rule_of
from core.approvals.models import Suggestion
from core.approvals.rooms import ask_in_rooms
from core.messaging.post import PostWork, announce


class AskPeopleWork(DecidersWork, PostWork, Protocol):
    """What asking needs."""


def ask_about(work: AskPeopleWork, suggestion: Suggestion, *, asked: bool = False) -> None:
    """Puts its card into the chats of each who is asked, and into the rooms where its agent asks. `asked`: the person for whom it was made has just asked for it."""
    for user_id in asked_people(suggestion, rule_of(work, suggestion)):
        show_to(work, suggestion, user_id, asked=asked and user_id == suggestion.user_id)
    ask_in_rooms(work, suggestion)


def asked_people(suggestion: Suggestion, rule: Rule) -> list[UUID]:
    """The person for whom it was made, and who decides in their place; everybody else who may decide only where that person's yes alone would not do. Who is asked when nobody answers
    (`escalate_to`) is not asked before."""
    policy, for_them = rule.policy, suggestion.user_id
    named = bool(policy.allowed_people) and for_them not in policy.allowed_people
    if for_them in rule.own and policy.quorum == 1 and not named:
        own = [for_them]
    else:
        own = [user_id for user_id in rule.own if user_id != rule.later]
    placed = [user_id for user_id, places in rule.placed.items() if set(places) & set(own)]
    return list(dict.fromkeys((for_them, *own, *placed)))


def show_to(work: PostWork, suggestion: Suggestion, user_id: UUID, *, asked: bool = False) -> None:
    """A card of it in each of somebody's chats."""
    announce(
        work, user_id, "suggestion", suggestion.id, trace=suggestion.trace, agent_id=suggestion.agent_id, asked=asked,
    )  # fmt: skip
