"""One mail, from bytes to facts."""

import re
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache
from zoneinfo import ZoneInfo

from runners.mail import charsets, fraud, headers
from runners.mail.appointments import appointments, is_called_off
from runners.mail.bills import bill
from runners.mail.facts import MailFacts, MailRef, Moment, Person, Question
from runners.mail.invitations import invitations
from runners.mail.language import detected
from runners.mail.lexicon import alternatives, lexicon, plain, spotter
from runners.mail.message import Letter, take_apart
from runners.mail.moments import moments
from runners.mail.questions import questions, wants_no_answer
from runners.mail.quotes import split
from runners.mail.sentences import unwrapped

_LOOKED_AT = 12_000
_ANSWER_PREFIX = re.compile(r"^\s*(?:re|aw|antw|sv|vs|ref|odp|r|res)\s*(?:\[\d+\])?\s*:", re.IGNORECASE)
_HIDDEN = re.compile(r"(?:^|[/.])(?:drafts?|entwürfe|borradores|brouillons|bozze|concepten|rascunhos|szkice|junk(?: e-?mail)?|spam|"
                     r"trash|deleted(?: items| messages)?|papierkorb|papelera|corbeille|cestino|prullenbak|lixeira|kosz|bin|ゴミ箱|迷惑メール|下書き)$",
                     re.IGNORECASE)  # fmt: skip
_SMALL_CIRCLE = 12
_NOBODY = Person(address="unknown@invalid")


@dataclass(frozen=True)
class Owner:
    """Whose mail it is. `addresses` in lower case."""

    addresses: tuple[str, ...]
    name: str
    language: str
    zone: ZoneInfo


def understand(raw: bytes, ref: MailRef, owner: Owner, now: datetime) -> tuple[MailFacts, tuple[str, ...]]:
    """The facts of the mail in `raw`, and in which ways it was damaged. Never raises for what is in the mail."""
    letter = take_apart(raw)
    sender = next(iter(letter.people("from", "sender", "return-path")), _NOBODY)
    reply_to = next(iter(letter.people("reply-to")), sender)
    text = split(letter.text).new
    subject = letter.said("subject")[:998]
    language = detected(f"{subject}\n{text}", _hint(letter), owner.language)
    sent = _sent(letter, ref, now)
    body = unwrapped(text[:_LOOKED_AT])
    to, cc = letter.people("to"), letter.people("cc", "bcc")
    own = sender.address in owner.addresses
    named = owner.name or next(
        (each.name for each in (sender, *to, *cc) if each.address in owner.addresses and each.name), ""
    )
    lists = headers.mailing_list(letter, sender)
    bulk = headers.is_bulk(letter) or _for_many(f"{subject}\n{letter.text[:20_000]}", language)
    automatic, bounce = headers.is_automatic(letter), headers.bounced(letter)
    month_first = language == "en" and _american(letter.date)
    answerable = not (headers.answers_nobody(reply_to.address) or headers.is_machine(sender.address))
    marks = fraud.warnings(
        raw_from=charsets.header(letter.raw("from")),
        sender=sender,
        reply_to=reply_to,
        verdicts=headers.authentication(letter),
        links=letter.links,
        attachments=letter.attachments,
        text=f"{subject}\n{text}",
        language=language,
        owner_addresses=owner.addresses,
        through_list=bool(lists),
        answers_without_thread=bool(_ANSWER_PREFIX.match(subject))
        and not letter.raw("in-reply-to")
        and not letter.raw("references"),
    )
    invited = invitations(letter.calendars, owner.zone)
    due = (
        None
        if own or invited or (lists and lists.discussion)
        else bill(body, subject, language, sent.astimezone(owner.zone), month_first)
    )
    newsletter = bulk and not own and due is None and not invited and not (lists and lists.discussion)
    said: tuple[Moment, ...] = ()
    asked: tuple[Question, ...] = ()
    if not newsletter and not bounce and len(body.strip()) > 3:
        said = appointments(body, subject, language, moments(body, language, sent, owner.zone, month_first))
        others = [person for person in (*to, *cc) if person.address not in owner.addresses]
        asked = questions(body, language, said, [*others, sender] if own else others, named.split())
    mine = next(
        (
            person.address
            for person in (*to, *cc, *letter.people("delivered-to", "x-original-to"))
            if person.address in owner.addresses
        ),
        None,
    )
    facts = MailFacts(
        ref=ref,
        message_id=(letter.ids("message-id") or ("",))[0],
        answers=tuple(dict.fromkeys((*letter.ids("references"), *letter.ids("in-reply-to")))),
        date=sent,
        subject=subject,
        sender=sender,
        reply_to=reply_to,
        to=to,
        cc=cc,
        received_for=mine,
        outgoing=own and "pretends_to_be_you" not in marks,
        hidden=bool(_HIDDEN.search(ref.folder)) or "\\Draft" in ref.flags or "\\Deleted" in ref.flags,
        direct=not bulk
        and not automatic
        and len(to) <= _SMALL_CIRCLE
        and any(person.address in owner.addresses for person in to),
        automatic=automatic,
        answerable=answerable and sender is not _NOBODY,
        bounce_of=bounce,
        mailing_list=lists,
        newsletter=newsletter,
        language=language,
        familiar=_familiar(text, language, named),
        questions=asked,
        closed=wants_no_answer(body, language),
        moments=said,
        bill=due,
        invitations=invited,
        calls_off=is_called_off(body, subject, language),
        warnings=tuple(marks),
        fraud=fraud.is_fraud(marks) and (not own or "pretends_to_be_you" in marks),
        attachments=letter.attachments,
    )
    return facts, letter.damaged


def new_text(raw: bytes) -> str:
    """What the sender newly wrote in the mail in `raw`, without quotes and signature."""
    return unwrapped(split(take_apart(raw).text).new)


def _hint(letter: Letter) -> str:
    return letter.raw("content-language")[:2].lower() or (letter.html.language if letter.html else "")


def _sent(letter: Letter, ref: MailRef, now: datetime) -> datetime:
    """When it was written, as far as that can be believed: nobody writes from the future."""
    received = ref.received_at or now
    said = letter.date
    return said if said and said <= received + timedelta(days=2) else received


def _american(sent: datetime | None) -> bool:
    offset = sent.utcoffset() if sent else None
    return offset is not None and timedelta(hours=-10) <= offset <= timedelta(hours=-4)


def _for_many(text: str, language: str) -> bool:
    return bool(
        spotter(language, "mass").search(plain(text))
        or (language != "en" and spotter("en", "mass").search(plain(text)))
    )


def _familiar(text: str, language: str, owner_name: str) -> bool:
    """Whether the sender is on familiar terms with the owner: by the words for "you", else by the greeting or the owner's bare
    first name in it."""
    said, words = plain(text[:4000]), lexicon(language)
    close = len(spotter(language, "you_familiar").findall(said)) if words.you_familiar else 0
    distant = len(_distant(language).findall(said)) if words.you_formal else 0
    if close != distant:
        return close > distant
    greeting = said.strip()[:40].split("\n")[0]
    if spotter(language, "formal").search(greeting):
        return False
    first, *others = owner_name.split() or [""]
    named = bool(first) and first in greeting and not any(other in greeting for other in others)
    return named or bool(spotter(language, "informal").search(greeting))


@cache
def _distant(language: str) -> re.Pattern[str]:
    # Case tells "Sie" from "sie".
    return re.compile(alternatives(lexicon(language).you_formal))
