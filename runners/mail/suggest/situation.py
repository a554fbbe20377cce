"""Everything that is known when suggestions are made: mails in their threads, whose mailbox it is, and what the owner wants."""

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from functools import cached_property
from typing import Any
from zoneinfo import ZoneInfo

from pydantic import BaseModel, Field, field_validator

from core.orchestration.ports import Evidence, Proposal
from runners.mail.clean import line
from runners.mail.facts import MailFacts, Moment, Person
from runners.mail.threads import threads

_PREFIX = re.compile(
    r"^\s*(?:(?:re|aw|antw|sv|vs|odp|r|res|fwd?|wg|tr|rv|i|enc|doorst|pd)\s*(?:\[\d+\])?\s*[:：]|\[[^\]]{1,40}\])\s*",
    re.IGNORECASE,
)


class Wishes(BaseModel):
    """The owner's settings. Times of day are `HH:MM` on their clock; `ignored_senders` are addresses or domains,
    as a list or as text with one a line."""

    kinds: tuple[str, ...] = ("reply", "event", "task", "unsubscribe", "nudge")
    look_back_days: int = Field(default=30, ge=1, le=365)
    nudge_after_days: int = Field(default=4, ge=1, le=60)
    day_starts: time = time(9)
    day_ends: time = time(18)
    meeting_minutes: int = Field(default=60, ge=5, le=600)
    ignored_senders: tuple[str, ...] = ()

    @field_validator("ignored_senders", mode="before")
    @classmethod
    def _listed(cls, value: Any) -> Any:
        return re.split(r"[\s,;]+", value) if isinstance(value, str) else value


class Brief(BaseModel):
    """What a text that is still to be written is about."""

    purpose: str
    language: str
    familiar: bool = False
    recipient: str = ""
    subject: str = ""
    question: str
    kind: str = "open"
    moment: Moment | None = None
    by: datetime | None = Field(default=None, description="when the owner will have answered")
    sent: datetime | None = Field(default=None, description="when the mail that waits for an answer was sent")
    blob: str
    signed: str = Field(default="", description="the name under the owner's earlier mails")


class Draft(BaseModel):
    """A proposal whose text is still to be written."""

    proposal: Proposal
    brief: Brief


@dataclass(frozen=True)
class Situation:
    """All mails of the window, oldest first. `addresses` are the owner's, the account's own first."""

    mails: Sequence[MailFacts]
    addresses: tuple[str, ...]
    now: datetime
    zone: ZoneInfo
    wishes: Wishes

    @cached_property
    def in_threads(self) -> list[list[MailFacts]]:
        """The mails of each conversation, oldest first."""
        return threads(self.mails)

    @cached_property
    def written_to(self) -> frozenset[str]:
        """Whom the owner has written to."""
        return frozenset(person.address for mail in self.mails if mail.outgoing for person in (*mail.to, *mail.cc))

    @cached_property
    def own_name(self) -> str:
        """The name that the owner's own mails bear most often; empty when there are none. Never one that others call them by."""
        names = Counter(mail.sender.name for mail in self.mails if mail.outgoing and mail.sender.name)
        return names.most_common(1)[0][0] if names else ""

    @cached_property
    def bounced(self) -> frozenset[str]:
        """Message-IDs of mails of the owner's that did not arrive."""
        return frozenset(mail.bounce_of for mail in self.mails if mail.bounce_of)

    def speaks(self, mail: MailFacts) -> bool:
        """Whether a mail may lead to suggestions at all."""
        ignored = {entry.strip().lower().lstrip("@") for entry in self.wishes.ignored_senders if entry.strip()}
        address = mail.sender.address
        return not (mail.fraud or mail.hidden or address in ignored or address.rpartition("@")[2] in ignored)

    def is_recent(self, mail: MailFacts) -> bool:
        """Whether it is young enough to act on."""
        return mail.date >= self.now - timedelta(days=self.wishes.look_back_days)

    def local(self, when: datetime) -> datetime:
        """A time on the owner's clock."""
        return when.astimezone(self.zone)

    def end_of_day(self, days: int) -> datetime:
        """The last minute of the owner's day, `days` from today."""
        return datetime.combine(self.local(self.now).date() + timedelta(days=days), time(23, 59), self.zone)


def evidence(mail: MailFacts, quote: str, **more: Any) -> Evidence:
    """A quote and where it stands."""
    source = {
        "message_id": mail.message_id,
        "from": shown(mail.sender),
        "subject": mail.subject,
        "date": mail.date.isoformat(),
        "folder": mail.ref.folder,
    }
    return Evidence(quote=quote, source={**source, **more})


def shown(person: Person) -> str:
    """A person as a mail program shows them; always with the address."""
    return f"{person.name} <{person.address}>" if person.name else person.address


def theme(subject: str) -> str:
    """A subject without the marks of answers, forwards and lists in front."""
    bare = line(subject)
    while (match := _PREFIX.match(bare)) and match.end() < len(bare):
        bare = bare[match.end() :]
    return bare


def answer_subject(subject: str) -> str:
    """The subject of an answer: `Re: ` once (RFC 5322, section 3.6.5)."""
    bare = line(subject)
    while match := re.match(r"^\s*(?:re|aw|antw|sv|odp|r|res)\s*(?:\[\d+\])?\s*[:：]\s*", bare, re.IGNORECASE):
        bare = bare[match.end() :]
    return line(f"Re: {bare}", 990)


def thread_fields(mail: MailFacts) -> dict[str, Any]:
    """In-Reply-To and References of an answer to `mail` (RFC 5322, section 3.6.4)."""
    if not mail.message_id:
        return {}
    known = tuple(each for each in mail.answers if each != mail.message_id)
    kept = known if len(known) <= 40 else (known[0], *known[-39:])
    return {"in_reply_to": mail.message_id, "references": [*kept, mail.message_id]}


def identity(mail: MailFacts) -> str:
    """What stands for a mail in a dedupe key: its Message-ID, or the hash of its bytes where it has none."""
    return mail.message_id or f"blob:{mail.ref.blob}"


def newest_first(mails: Iterable[MailFacts]) -> list[MailFacts]:
    """Sorted by date, the newest first; equal ones in a fixed order."""
    return sorted(mails, key=lambda mail: (mail.date, mail.ref.id), reverse=True)
