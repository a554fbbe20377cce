"""Where a card that waits stands between people: who said yes already, how many more are needed, in whose place the reader decides, and which buttons are theirs."""

from collections.abc import Sequence
from dataclasses import dataclass

from bots.dialogs.card.outcome import Facts
from bots.dialogs.people import made_by, who
from bots.kit.dialog import Chat
from bots.kit.screen import Paragraph
from core.approvals.deciders import Rule, counted, may_say_no, rule_of
from core.approvals.models import Approval

NAMED = 6
"""Of more people than that the others are counted."""


@dataclass(frozen=True)
class Standing:
    """`says` are the sentences; `yes` and `no` whether the reader (in a room: anybody) may say so now."""

    says: list[Paragraph]
    yes: bool = True
    no: bool = True


def standing(chat: Chat, facts: Facts) -> Standing:
    """How it stands for whoever reads it."""
    rule = rule_of(chat.work, facts.suggestion, facts.revision.action.operation)
    said = counted(chat.work, facts.suggestion) if rule.policy.quorum > 1 else []
    says = [*_for_whom(chat, facts), *_so_far(chat, rule, said)]
    if chat.room is not None:
        return Standing([*says, Paragraph(text=can_decide(chat, rule), muted=True)])
    mine = chat.user.id
    if any(one.user_id == mine for one in said):
        return Standing([*says, Paragraph(text=can_decide(chat, rule, *(one.user_id for one in said)))], yes=False)
    if mine not in rule.people:
        told = Paragraph(text=can_decide(chat, rule))
        return Standing([*says, told], yes=False, no=may_say_no(chat.actor, facts.suggestion, rule))
    if mine not in rule.own:
        whom = [who(chat, user_id) for user_id in rule.placed[mine]]
        says.append(Paragraph(text=chat.say("card.in_place_of", whom=whom)))
    return Standing(says)


def can_decide(chat: Chat, rule: Rule, *without: object) -> str:
    """`Who can decide: Ana and Ben.`"""
    able = [user_id for user_id in rule.people if user_id not in without]
    if not able:
        return chat.say("stub.nobody")
    named = [who(chat, user_id) for user_id in able[:NAMED]]
    more = [chat.say("stub.others", n=len(able) - NAMED)] if len(able) > NAMED else []
    return chat.say("stub.who", who=[*named, *more])


def _for_whom(chat: Chat, facts: Facts) -> list[Paragraph]:
    """For whom it was made, where that is not the reader."""
    owner = facts.suggestion.user_id
    if chat.room is None and owner == chat.user.id:
        return []
    return [Paragraph(text=chat.say("card.for", whom=who(chat, owner)))]


def _so_far(chat: Chat, rule: Rule, said: Sequence[Approval]) -> list[Paragraph]:
    if rule.policy.quorum == 1:
        return []
    told = [
        Paragraph(text=chat.say("card.yes", who=made_by(chat, one.user_id, one.for_user_id), at=one.decided_at))
        for one in said
    ]
    return [*told, Paragraph(text=chat.say("card.yes.missing", n=max(rule.policy.quorum - len(said), 0)))]
