"""A calendar event for an invitation, or for an appointment that a mail speaks of."""

from collections.abc import Iterator
from datetime import date, datetime, timedelta
from typing import Any

from core.orchestration.ports import Proposal, Words
from runners.mail.facts import Invitation, MailFacts, Moment
from runners.mail.suggest.situation import Situation, evidence, identity, newest_first, shown, theme

_INVITING = frozenset(("REQUEST", "PUBLISH", "ADD"))


def events(situation: Situation) -> Iterator[Proposal]:
    """Invitations first, then what is said in words."""
    yield from _invited(situation)
    yield from _agreed(situation)


def _invited(situation: Situation) -> Iterator[Proposal]:
    newest: dict[str, tuple[Invitation, MailFacts]] = {}
    settled: set[str] = set()
    versions: dict[str, set[int]] = {}
    for mail in situation.mails:
        for invitation in mail.invitations:
            if invitation.occurrence or not situation.speaks(mail):
                continue
            if mail.outgoing:
                settled.add(invitation.uid)
            elif invitation.method in _INVITING or invitation.cancelled:
                versions.setdefault(invitation.uid, set()).add(invitation.sequence)
                known = newest.get(invitation.uid)
                if known is None or _rank(invitation, mail) >= _rank(*known):
                    newest[invitation.uid] = (invitation, mail)
    for uid, (invitation, mail) in newest.items():
        own = invitation.organizer in situation.addresses
        if (
            uid in settled
            or own
            or invitation.cancelled
            or not situation.is_recent(mail)
            or not _ahead(invitation, situation)
        ):
            continue
        yield _from_invitation(invitation, mail, situation, changed=len(versions[uid]) > 1)


def _rank(invitation: Invitation, mail: MailFacts) -> tuple[int, bool, datetime]:
    return invitation.sequence, invitation.cancelled, mail.date


def _ahead(invitation: Invitation, situation: Situation) -> bool:
    """Whether something of it is still to come."""
    if invitation.recurrence:
        return invitation.last is None or invitation.last >= situation.local(situation.now).date()
    if isinstance(invitation.start, datetime):
        return invitation.start > situation.now
    return invitation.start >= situation.local(situation.now).date()


def _from_invitation(invitation: Invitation, mail: MailFacts, situation: Situation, *, changed: bool) -> Proposal:
    title = invitation.title or theme(mail.subject) or mail.sender.name or mail.sender.address
    return Proposal(
        type="calendar",
        kind="event",
        priority=_priority(invitation.start, situation),
        operation="calendar.create",
        tool="calendar",
        input={
            "title": title,
            "start": invitation.start.isoformat(),
            "end": invitation.end.isoformat(),
            "timezone": invitation.timezone,
            "location": invitation.location,
            "description": invitation.description,
            "uid": invitation.uid,
            "sequence": invitation.sequence,
            "organizer": invitation.organizer,
            "recurrence": invitation.recurrence,
        },
        why=Words(
            code="suggestion.why.invitation_changed" if changed else "suggestion.why.invitation",
            data={"sender": shown(mail.sender), "title": title, "date": mail.date.isoformat()},
        ),
        evidence=(evidence(mail, title, uid=invitation.uid, sequence=invitation.sequence),),
        dedupe_key=f"event:{invitation.uid}:{invitation.sequence}",
        supersedes=f"event:{invitation.uid}:",
        expires_at=_expiry(invitation.start, situation) if not invitation.recurrence else situation.end_of_day(14),
        influenced_by=(mail.sender.address,),
    )


def _agreed(situation: Situation) -> Iterator[Proposal]:
    known: set[tuple[str, datetime | date]] = set()
    for thread in situation.in_threads:
        topic = identity(thread[0]) if not thread[0].answers else thread[0].answers[0]
        for mail in newest_first(thread):
            if mail.calls_off or mail.invitations:
                break
            moments = [each for each in mail.moments if _is_to_keep(each, mail, situation)]
            fresh = [each for each in moments if (mail.sender.address, each.start) not in known]
            if fresh:
                known |= {(mail.sender.address, each.start) for each in fresh}
                yield from (_from_text(each, mail, topic, situation) for each in fresh[:1])
            if moments:
                break


def _is_to_keep(moment: Moment, mail: MailFacts, situation: Situation) -> bool:
    return (
        moment.role == "appointment"
        and moment.settled
        and not mail.outgoing
        and not mail.newsletter
        and mail.mailing_list is None
        and mail.bill is None
        and situation.speaks(mail)
        and situation.is_recent(mail)
        and isinstance(moment.start, datetime)
        and moment.start > situation.now
    )


def _from_text(moment: Moment, mail: MailFacts, topic: str, situation: Situation) -> Proposal:
    title = theme(mail.subject) or moment.title or mail.sender.name or mail.sender.address
    assert isinstance(moment.start, datetime)
    end = moment.end or moment.start + timedelta(minutes=situation.wishes.meeting_minutes)
    data: dict[str, Any] = {"sender": shown(mail.sender), "quote": moment.quote, "start": moment.start.isoformat()}
    return Proposal(
        type="calendar",
        kind="event",
        priority=_priority(moment.start, situation),
        operation="calendar.create",
        tool="calendar",
        input={
            "title": title,
            "start": moment.start.isoformat(),
            "end": end.isoformat(),
            "timezone": str(situation.zone),
            "location": moment.location,
        },
        why=Words(code="suggestion.why.appointment", data=data),
        evidence=(evidence(mail, moment.quote),),
        dedupe_key=f"event:thread:{topic}:{moment.start.isoformat()}",
        supersedes=f"event:thread:{topic}:",
        expires_at=_expiry(moment.start, situation),
        influenced_by=(mail.sender.address,),
    )


def _expiry(start: datetime | date, situation: Situation) -> datetime:
    """An event is suggested until it begins."""
    if isinstance(start, datetime):
        return max(start, situation.now + timedelta(hours=1))
    return situation.end_of_day(max(0, (start - situation.local(situation.now).date()).days))


def _priority(start: datetime | date, situation: Situation) -> Any:
    day = situation.local(start).date() if isinstance(start, datetime) else start
    return "high" if day <= situation.local(situation.now).date() + timedelta(days=2) else "medium"
