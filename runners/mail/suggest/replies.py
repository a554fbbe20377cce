"""A reply to a question that waits for the owner."""

from collections.abc import Iterator, Sequence
from datetime import date, datetime, time, timedelta

from core.orchestration.ports import Proposal, Words
from runners.mail.facts import MailFacts, Question
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


def replies(situation: Situation) -> Iterator[Draft]:
    """At most one for each conversation."""
    for thread in situation.in_threads:
        mail = _waiting(thread, situation)
        if mail is not None:
            yield _reply(mail, situation, familiar=any(each.familiar for each in thread))


def _waiting(thread: Sequence[MailFacts], situation: Situation) -> MailFacts | None:
    """The newest mail of the conversation that asks the owner something which nobody has answered yet."""
    spoken = [mail for mail in thread if not mail.automatic and mail.bounce_of is None and not mail.hidden]
    last_own = max((i for i, mail in enumerate(spoken) if mail.outgoing), default=-1)
    since = spoken[last_own + 1 :]
    for place in range(len(since) - 1, -1, -1):
        mail = since[place]
        if mail.closed:
            return None
        if not mail.questions or not _concerns_owner(mail, situation):
            continue
        later = since[place + 1 :]
        answered = any(other.sender.address != mail.sender.address for other in later) and len(mail.to) > 1
        return None if answered else mail
    return None


def _concerns_owner(mail: MailFacts, situation: Situation) -> bool:
    return (
        mail.direct
        and mail.answerable
        and not mail.invitations
        and "\\Answered" not in mail.ref.flags
        and situation.speaks(mail)
        and situation.is_recent(mail)
    )


def _reply(mail: MailFacts, situation: Situation, *, familiar: bool) -> Draft:
    question = _main(mail.questions)
    today = situation.local(situation.now).date()
    deadline = next(
        (each.deadline for each in (question, *mail.questions) if each.deadline and each.deadline >= today), None
    )
    soon = deadline is not None and deadline <= today + timedelta(days=2)
    data = {"sender": shown(mail.sender), "question": question.quote, "date": mail.date.isoformat()}
    code = "suggestion.why.question"
    if deadline:
        code, data = "suggestion.why.question_by", data | {"deadline": deadline.isoformat()}
    first_contact = mail.reply_to.address not in situation.written_to
    proposal = Proposal(
        type="email",
        kind="reply",
        priority="high" if soon else "medium",
        operation="mail.send",
        tool="mail",
        input={
            "sender": mail.received_for or next(iter(situation.addresses), ""),
            "to": [mail.reply_to.address],
            "subject": answer_subject(mail.subject),
            "body": "",
            **thread_fields(mail),
        },
        why=Words(code=code, data=data | ({"first_contact": True} if first_contact else {})),
        evidence=tuple(evidence(mail, each.quote) for each in mail.questions[:3]),
        dedupe_key=f"reply:{identity(mail)}",
        expires_at=situation.end_of_day(max(1, (deadline - today).days) if deadline else 14),
        influenced_by=(mail.sender.address,),
    )
    brief = Brief(
        purpose="reply",
        language=mail.language,
        familiar=familiar,
        recipient=mail.reply_to.name or mail.sender.name,
        subject=mail.subject,
        question=question.quote,
        kind=question.kind,
        moment=question.moment if question.moment and _suits(question, situation) else None,
        by=_answered_by(deadline, situation),
        blob=mail.ref.blob,
        signed=situation.own_name,
    )
    return Draft(proposal=proposal, brief=brief)


def _main(questions: Sequence[Question]) -> Question:
    """The question to take up: the first that is really asked, before mere requests to answer."""
    return next((each for each in questions if each.quote.rstrip("\"')]»“ ").endswith(("?", "？"))), questions[0])


def _suits(question: Question, situation: Situation) -> bool:
    """Whether the time that is asked for lies ahead and within the owner's working hours."""
    start = question.moment.start if question.moment else None
    if not isinstance(start, datetime) or start <= situation.now or question.kind == "open":
        return False
    local = situation.local(start)
    wishes = situation.wishes
    return local.weekday() < 5 and wishes.day_starts <= local.time() < wishes.day_ends


def _answered_by(deadline: date | None, situation: Situation) -> datetime:
    """The deadline, or else the second working day from now."""
    day = situation.local(situation.now).date()
    if deadline is None:
        left = 2
        while left:
            day += timedelta(days=1)
            left -= day.weekday() < 5
    else:
        day = deadline
    return datetime.combine(day, time(12), situation.zone)
