"""Putting a suggestion before those who are asked: the person for whom it was made, others where the rule needs them, and the rooms where its agent asks."""

from typing import Protocol
from uuid import UUID

from core.approvals.deciders import DecidersWork, deciders, policy_of
from core.approvals.models import ApprovalPolicy, Suggestion
from core.approvals.rooms import ask_in_rooms
from core.messaging.post import PostWork, announce


class AskPeopleWork(DecidersWork, PostWork, Protocol):
    """What asking needs."""


def ask_about(work: AskPeopleWork, suggestion: Suggestion, *, asked: bool = False) -> None:
    """Puts its card into the chats of each who is asked, and into the rooms where its agent asks. `asked`: the person for whom it was made has just asked for it."""
    for user_id in asked_people(work, suggestion, policy_of(work, suggestion)):
        announce(
            work, user_id, "suggestion", suggestion.id, trace=suggestion.trace, agent_id=suggestion.agent_id,
            asked=asked and user_id == suggestion.user_id,
        )  # fmt: skip
    ask_in_rooms(work, suggestion)


def asked_people(work: DecidersWork, suggestion: Suggestion, policy: ApprovalPolicy) -> list[UUID]:
    """The person for whom it was made; also everybody who may decide, where that person's yes alone would not do."""
    able = deciders(work, suggestion, policy)
    alone = suggestion.user_id in able and policy.quorum == 1
    return [suggestion.user_id] if alone else list(dict.fromkeys((suggestion.user_id, *able)))
