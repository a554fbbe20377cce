"""Looks at a whole mailbox and proposes what to do: replies, events, tasks, ways out of newsletters, reminders."""

from collections.abc import Iterable
from datetime import timedelta
from typing import Any, ClassVar
from uuid import UUID

from pydantic import BaseModel, Field, ValidationError

from core.orchestration.ports import Proposal, SkillContext, Snapshot
from runners.mail.facts import MailFacts, MailProblem
from runners.mail.suggest.events import events
from runners.mail.suggest.nudges import nudges
from runners.mail.suggest.replies import replies
from runners.mail.suggest.situation import Draft, Situation, Wishes
from runners.mail.suggest.subscriptions import unsubscriptions
from runners.mail.suggest.tasks import tasks

MAIL, SUGGESTED = "mail", "suggested"
_RANK = {"high": 0, "medium": 1, "low": 2}


class Input(BaseModel):
    """`understood` is what `mail.understand` gave for the mails that are new; older ones are remembered. `max_suggestions`
    caps one run: the rest comes with the next."""

    connection_id: UUID
    understood: list["Understood"]
    wishes: Wishes = Wishes()
    max_suggestions: int = Field(25, ge=1, le=500)
    problems: list[MailProblem] = []


class Understood(BaseModel):
    """One mail's facts and what was wrong with it."""

    facts: MailFacts
    problems: list[MailProblem] = []


class Output(BaseModel):
    """`proposals` are finished; `drafts` wait for their text. `summary` counts."""

    proposals: list[Proposal]
    drafts: list[Draft]
    problems: list[MailProblem]
    summary: dict[str, int]


class InboxSuggest:
    name: ClassVar[str] = "inbox.suggest"
    Input = Input
    Output = Output

    def run(self, context: SkillContext, inputs: Input) -> Output:
        """Proposes each thing once: what an earlier run proposed about mail that is not new is left out."""
        fresh = {each.facts.ref.id: each.facts for each in inputs.understood}
        situation = Situation(
            mails=self._mails(context, inputs, fresh),
            addresses=tuple(address.lower() for address in context.account_addresses),
            now=context.now,
            zone=context.timezone,
            wishes=inputs.wishes,
        )
        found = _by_rank(_all(situation))
        known = self._suggested(context, inputs)
        new_ids = {mail.message_id for mail in fresh.values()}
        wanted = [each for each in found if _key(each) not in known or _about(each) & new_ids]
        chosen = wanted[: inputs.max_suggestions]
        if not context.dry_run:
            for each in chosen:
                context.memory.remember(Snapshot(inputs.connection_id, SUGGESTED, _key(each), {}, None, context.now))
        drafts = [each for each in chosen if isinstance(each, Draft)]
        proposals = [each for each in chosen if isinstance(each, Proposal)]
        return Output(
            proposals=proposals,
            drafts=drafts,
            problems=[*inputs.problems, *(problem for each in inputs.understood for problem in each.problems)],
            summary=_summary(fresh.values(), chosen, len(wanted) - len(chosen)),
        )

    @staticmethod
    def _mails(context: SkillContext, inputs: Input, fresh: dict[str, MailFacts]) -> list[MailFacts]:
        since = context.now - timedelta(days=inputs.wishes.look_back_days)
        mails = dict(fresh)
        for snapshot in context.memory.recall(inputs.connection_id, MAIL, since):
            if snapshot.external_id not in mails:
                try:
                    mails[snapshot.external_id] = MailFacts.model_validate(snapshot.metadata)
                except (
                    ValidationError
                ):  # remembered by another version of these facts: it is read as if it were not there
                    continue
        return sorted(mails.values(), key=lambda mail: (mail.date, mail.ref.id))

    @staticmethod
    def _suggested(context: SkillContext, inputs: Input) -> set[str]:
        since = context.now - timedelta(days=inputs.wishes.look_back_days + 1)
        return {snapshot.external_id for snapshot in context.memory.recall(inputs.connection_id, SUGGESTED, since)}


def _all(situation: Situation) -> Iterable[Proposal | Draft]:
    kinds: dict[str, Any] = {
        "reply": replies,
        "event": events,
        "task": tasks,
        "unsubscribe": unsubscriptions,
        "nudge": nudges,
    }
    for kind, find in kinds.items():
        if kind in situation.wishes.kinds:
            yield from find(situation)


def _by_rank(found: Iterable[Proposal | Draft]) -> list[Proposal | Draft]:
    return sorted(found, key=lambda each: (_RANK[_proposal(each).priority], _key(each)))


def _proposal(each: Proposal | Draft) -> Proposal:
    return each.proposal if isinstance(each, Draft) else each


def _key(each: Proposal | Draft) -> str:
    return _proposal(each).dedupe_key


def _about(each: Proposal | Draft) -> set[str]:
    return {str(piece.source.get("message_id")) for piece in _proposal(each).evidence}


def _summary(fresh: Iterable[MailFacts], chosen: list[Proposal | Draft], left: int) -> dict[str, int]:
    mails = list(fresh)
    counts = {"read": len(mails), "fraud": sum(mail.fraud for mail in mails), "suggested": len(chosen), "left": left}
    for each in chosen:
        kind = _proposal(each).kind
        counts[kind] = counts.get(kind, 0) + 1
    return counts
