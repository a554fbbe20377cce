"""Putting a suggestion before those who are asked: the person for whom it was made, others where the rule needs them, and the rooms where its agent asks."""

from collections.abc import Sequence
from typing import Protocol
from uuid import UUID

from core.approvals.deciders import DecidersWork, Rule, Rules
from core.approvals.models import Suggestion
from core.approvals.rooms import ask_in_rooms
from core.messaging.post import PostWork, announce


class AskPeopleWork(DecidersWork, PostWork, Protocol):
    """What asking needs."""


def ask_about(work: AskPeopleWork, suggestion: Suggestion, *, asked: bool = False) -> None:
    """Puts its card into the chats of each who is asked, and into the rooms where its agent asks. `asked`: the person for whom it was made has just asked for it."""
    ask_about_each(work, [suggestion], asked=asked)


def ask_about_each(work: AskPeopleWork, suggestions: Sequence[Suggestion], *, asked: bool = False) -> None:
    """The same for several of one run, in their order; what holds for all of them is asked for once."""
    if not suggestions:
        return
    rules, newest = Rules(work), work.suggestions.newest(suggestions)
    rooms = {agent_id: work.rooms.of_agent(agent_id) for agent_id in {one.agent_id for one in suggestions}}
    for suggestion in suggestions:
        rule = rules.of(suggestion, newest[suggestion.id].action.operation)
        for user_id in asked_people(suggestion, rule):
            show_to(work, suggestion, user_id, asked=asked and user_id == suggestion.user_id)
        ask_in_rooms(work, suggestion, rooms[suggestion.agent_id])


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
