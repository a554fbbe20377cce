"""A friendly reminder for a mail of the owner's that nobody answered."""

from collections.abc import Iterator, Sequence
from datetime import timedelta

from core.orchestration.ports import Proposal, Words
from runners.mail.facts import MailFacts
from runners.mail.headers import answers_nobody
from runners.mail.suggest.situation import (
    Brief,
    Draft,
    Situation,
    answer_subject,
    evidence,
    identity,
    shown,
    thread_fields,
)

_FEW = 3


def nudges(situation: Situation) -> Iterator[Draft]:
    """At most one for each conversation, and only one after each mail."""
    patience = situation.now - timedelta(days=situation.wishes.nudge_after_days)
    for thread in situation.in_threads:
        mail = _unanswered(thread)
        if mail and mail.date <= patience and situation.is_recent(mail) and _can_be_asked_again(mail, situation):
            yield _nudge(mail, situation)


def _unanswered(thread: Sequence[MailFacts]) -> MailFacts | None:
    """The last word of the conversation, when it is a question of the owner's that was not asked twice already. What a
    machine sends (an absence note) is no answer."""
    spoken = [mail for mail in thread if not mail.automatic and not mail.hidden]
    if not spoken or not spoken[-1].outgoing:
        return None
    again = len(spoken) > 1 and spoken[-2].outgoing
    return None if again else spoken[-1]


def _can_be_asked_again(mail: MailFacts, situation: Situation) -> bool:
    others = [person for person in mail.to if person.address not in situation.addresses]
    return bool(
        mail.message_id
        and mail.questions
        and not mail.closed
        and not mail.invitations
        and mail.mailing_list is None
        and mail.message_id not in situation.bounced
        and 1 <= len(others) <= _FEW
        and not any(answers_nobody(person.address) for person in others)
    )


def _nudge(mail: MailFacts, situation: Situation) -> Draft:
    others = [person for person in mail.to if person.address not in situation.addresses]
    days = (situation.local(situation.now).date() - situation.local(mail.date).date()).days
    question = mail.questions[0]
    proposal = Proposal(
        type="email",
        kind="nudge",
        priority="low",
        operation="mail.send",
        tool="mail",
        input={
            "sender": mail.sender.address,
            "to": [person.address for person in others],
            "subject": answer_subject(mail.subject),
            "body": "",
            **thread_fields(mail),
        },
        why=Words(
            code="suggestion.why.unanswered",
            data={
                "recipient": shown(others[0]),
                "days": days,
                "question": question.quote,
                "date": mail.date.isoformat(),
            },
        ),
        evidence=(evidence(mail, question.quote),),
        dedupe_key=f"nudge:{identity(mail)}",
        expires_at=situation.end_of_day(14),
    )
    brief = Brief(
        purpose="nudge",
        language=mail.language,
        familiar=mail.familiar,
        recipient=others[0].name if len(others) == 1 else "",
        subject=mail.subject,
        question=question.quote,
        sent=mail.date,
        blob=mail.ref.blob,
        signed=situation.own_name,
    )
    return Draft(proposal=proposal, brief=brief)
