"""A task for a bill that is to be paid."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

from core.orchestration.ports import Proposal, Words
from runners.mail.facts import Bill, MailFacts
from runners.mail.suggest.situation import Situation, evidence, identity, newest_first, shown, theme

_FORGOTTEN = timedelta(days=14)


def tasks(situation: Situation) -> Iterator[Proposal]:
    """One for each bill; of a bill and its reminders the newest counts."""
    known: set[str] = set()
    for mail in newest_first(situation.mails):
        if mail.bill is None or mail.outgoing or not situation.speaks(mail) or mail.bounce_of is not None:
            continue
        key = _key(mail, mail.bill)
        if key in known:
            continue
        known.add(key)
        if not mail.newsletter and situation.is_recent(mail) and _is_to_pay(mail.bill, situation):
            yield _task(mail, mail.bill, key, situation)


def _key(mail: MailFacts, bill: Bill) -> str:
    if bill.number is None:
        return f"task:invoice:{identity(mail)}"
    return f"task:invoice:{mail.sender.address.rpartition('@')[2]}:{bill.number.upper()}"


def _is_to_pay(bill: Bill, situation: Situation) -> bool:
    """Whether it is still open; a bill whose day is long past, without a reminder, was paid."""
    if bill.settled or bill.amount is None:
        return False
    today = situation.local(situation.now).date()
    return bill.due is None or bill.reminder or bill.due >= today - _FORGOTTEN


def _task(mail: MailFacts, bill: Bill, key: str, situation: Situation) -> Proposal:
    assert bill.amount is not None
    title = theme(mail.subject) or shown(mail.sender)
    if bill.number and bill.number.casefold() not in title.casefold():
        title = f"{title} ({bill.number})"
    today = situation.local(situation.now).date()
    data: dict[str, Any] = {
        "sender": shown(mail.sender),
        "amount": bill.amount.model_dump(mode="json"),
        "date": mail.date.isoformat(),
    }
    code = "suggestion.why.reminder" if bill.reminder else "suggestion.why.bill"
    if bill.due:
        code, data = f"{code}_due", data | {"due": bill.due.isoformat()}
    notes = [bill.quote, *([f"IBAN {bill.iban}"] if bill.iban else ())]
    return Proposal(
        type="task",
        kind="task",
        priority="high" if bill.due and bill.due <= today + timedelta(days=3) else "medium",
        operation="task.create",
        tool="tasks",
        input={
            "title": title[:500],
            "notes": "\n".join(notes),
            "due": bill.due.isoformat() if bill.due else None,
            "amount": bill.amount.model_dump(mode="json"),
            "payee": bill.payee or mail.sender.name or mail.sender.address,
            "reference": bill.number,
        },
        why=Words(code=code, data=data),
        evidence=(evidence(mail, bill.quote),),
        dedupe_key=key,
        expires_at=situation.end_of_day(max(7, (bill.due - today).days + 7) if bill.due else 30),
        influenced_by=(mail.sender.address,),
    )
