"""What is done so that a suggestion does not lapse unseen: a reminder in the chat where its people spoke last, then their other chats, then whoever the rule names. Each rung once, by
due times in the database; then it expires, and it is said what was not done."""

from datetime import datetime, timedelta
from typing import Protocol
from uuid import UUID

from core.approvals.ask import AskPeopleWork, asked_people, show_to
from core.approvals.deciders import Rule, counted, rule_of
from core.approvals.models import ApprovalPolicy, Suggestion
from core.approvals.rooms import ask_in_rooms
from core.identity.models import IdentityLink
from core.kernel.events import Event
from core.messaging.post import announce_in, refresh

REMIND, ELSEWHERE, ESCALATE = 1, 2, 3
AT_LEAST = timedelta(minutes=10)
DAY = timedelta(days=1)


class LadderWork(AskPeopleWork, Protocol):
    """What climbing needs."""


def rungs(policy: ApprovalPolicy, suggestion: Suggestion) -> list[tuple[int, datetime]]:
    """When each rung is due: the reminder as long before the expiry as the rule says, the other chats after half of that, the one whom the rule names after three quarters. Without a
    reminder only the last: a quarter of the whole time before the expiry, a day at most."""
    if suggestion.expires_at is None:
        return []
    end, ahead = suggestion.expires_at, policy.reminder_seconds
    if ahead is not None:
        before = timedelta(seconds=ahead)
        climbed = [(REMIND, end - before), (ELSEWHERE, end - before / 2)]
        last = min(max(before / 4, AT_LEAST), before / 2)
    else:
        climbed, last = [], min(DAY, timedelta(seconds=policy.expiry_seconds) / 4)
    if policy.escalate_to is not None:
        climbed.append((ESCALATE, end - last))
    return climbed


def climb(work: LadderWork, suggestion: Suggestion) -> None:
    """Climbs every rung that is due, and notes when the next one is. Nothing happens to what is not pending, or when nothing is due."""
    if suggestion.status != "pending":
        return
    rule = rule_of(work, suggestion)
    left = [(rung, at) for rung, at in rungs(rule.policy, suggestion) if rung > suggestion.rung]
    due = [rung for rung, at in left if at <= work.now]
    if due:
        _do(work, suggestion, rule, due)
        suggestion.rung, suggestion.reminded_at = due[-1], work.now
        told = {"suggestion_id": str(suggestion.id), "rung": due[-1]}
        work.record(Event("suggestion.reminded", suggestion.workspace_id, suggestion.user_id, told))
    coming = [at for _, at in left if at > work.now]
    suggestion.next_rung_at = coming[0] if coming else None
    if not coming:
        suggestion.rung = ESCALATE


def _do(work: LadderWork, suggestion: Suggestion, rule: Rule, due: list[int]) -> None:
    """After a while in which nobody climbed, several at once: then nobody is told twice of the same."""
    for user_id in _silent(work, suggestion, rule):
        first, others = chats(work, user_id)
        to = [*([first] if REMIND in due and first else []), *(others if ELSEWHERE in due else [])]
        announce_in(work, to, "suggestion", suggestion.id, trace=suggestion.trace, agent_id=suggestion.agent_id)
    if REMIND in due:
        ask_in_rooms(work, suggestion)
    if ESCALATE in due and rule.later is not None:
        show_to(work, suggestion, rule.later)
        told = {"suggestion_id": str(suggestion.id), "to": str(rule.later)}
        work.record(Event("suggestion.escalated", suggestion.workspace_id, suggestion.user_id, told))
        refresh(work, "suggestion", suggestion.id)


def _silent(work: LadderWork, suggestion: Suggestion, rule: Rule) -> list[UUID]:
    """Those who are asked, may decide, and have not said yes."""
    said = {user_id for one in counted(work, suggestion) for user_id in (one.user_id, one.for_user_id)}
    able = set(rule.people)
    return [one for one in asked_people(suggestion, rule) if one in able and one not in said]


def chats(work: LadderWork, user_id: UUID) -> tuple[IdentityLink | None, list[IdentityLink]]:
    """Where the person spoke last (the first chat that there is, where they never did), and their other chats."""
    reachable = [link for link in work.people.links(user_id) if link.address is not None and link.reachable]
    if not reachable:
        return None, []
    last = work.messages.spoken_last([link.id for link in reachable])
    first = next((link for link in reachable if link.id == last), reachable[0])
    return first, [link for link in reachable if link.id != first.id]
