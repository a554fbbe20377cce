"""Leaving a newsletter, where it offers a way out."""

from collections.abc import Iterator

from core.orchestration.ports import Proposal, Words
from runners.mail.facts import MailFacts, MailingList
from runners.mail.suggest.situation import Situation, evidence, newest_first, shown


def unsubscriptions(situation: Situation) -> Iterator[Proposal]:
    """One for each list; by its newest mail, whose address is the one that still works."""
    known: set[str] = set()
    for mail in newest_first(situation.mails):
        offer = mail.mailing_list
        if offer is None or not mail.newsletter or mail.outgoing or offer.id in known:
            continue
        known.add(offer.id)
        wanted = offer.mailto in situation.written_to or mail.sender.address in situation.written_to
        if (offer.one_click or offer.mailto) and not wanted and situation.speaks(mail) and situation.is_recent(mail):
            yield _unsubscribe(mail, offer, situation)


def _unsubscribe(mail: MailFacts, offer: MailingList, situation: Situation) -> Proposal:
    by = (
        {"one_click": offer.one_click}
        if offer.one_click
        else {
            "mailto": offer.mailto,
            "mailto_subject": offer.mailto_subject,
            "sender": mail.received_for or next(iter(situation.addresses), None),
        }
    )
    return Proposal(
        type="email",
        kind="unsubscribe",
        priority="low",
        operation="mail.unsubscribe",
        tool="mail",
        input={"list_name": offer.name, **by},
        why=Words(
            code="suggestion.why.newsletter",
            data={"sender": shown(mail.sender), "list": offer.name, "date": mail.date.isoformat()},
        ),
        evidence=(evidence(mail, mail.subject, list_id=offer.id),),
        dedupe_key=f"unsubscribe:{offer.id}",
        expires_at=situation.end_of_day(30),
        influenced_by=(mail.sender.address,),
    )
