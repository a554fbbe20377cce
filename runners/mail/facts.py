"""What is known about one mail once it was read: plain values, small enough to keep, without the mail's full text."""

from datetime import date
from typing import Literal
from uuid import UUID

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from core.kernel.money import Money

QUOTE = 300
"""Longest quote, in characters."""


class Fact(BaseModel):
    """Base of all facts."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class MailRef(Fact):
    """Where a mail was read and where its original bytes are kept (`blob`, a hash of the content store)."""

    connection_id: UUID
    id: str
    blob: str
    folder: str = ""
    flags: tuple[str, ...] = ()
    received_at: AwareDatetime | None = None


class Person(Fact):
    """Who a header names. `address` is in lower case, `name` cleaned for showing and possibly empty."""

    name: str = ""
    address: str


class Moment(Fact):
    """A date or time that the text speaks of. All-day when `start` is a date; `end` is exclusive then. `role` is what the words
    around make of it; `settled` whether it is stated rather than asked or offered."""

    quote: str
    start: AwareDatetime | date
    end: AwareDatetime | date | None = None
    role: Literal["appointment", "deadline", "mention"] = "mention"
    settled: bool = True
    title: str = ""
    location: str = ""

    @property
    def day(self) -> date:
        """The calendar day on which it starts, on its own clock."""
        return self.start.date() if hasattr(self.start, "date") else self.start  # pyright: ignore


class Question(Fact):
    """Something that waits for the owner's answer, in the sender's own words."""

    quote: str
    kind: Literal["yes_no", "open", "request"] = "open"
    moment: Moment | None = None
    deadline: date | None = None


class Bill(Fact):
    """What is to be paid, or was. `settled` says why nothing has to be done: paid, debited or credited."""

    quote: str
    amount: Money | None = None
    due: date | None = None
    number: str | None = None
    payee: str = ""
    iban: str | None = None
    reminder: bool = False
    settled: Literal["paid", "debited", "credited"] | None = None


class Invitation(Fact):
    """The event of a calendar part (RFC 5545, RFC 5546). `method` is in upper case."""

    method: str
    uid: str
    sequence: int = 0
    title: str = ""
    start: AwareDatetime | date
    end: AwareDatetime | date
    timezone: str = "UTC"
    location: str = ""
    description: str = ""
    organizer: str | None = None
    recurrence: str | None = None
    occurrence: bool = Field(False, description="one changed occurrence of a series (RECURRENCE-ID)")
    cancelled: bool = False
    last: date | None = Field(None, description="day after which no occurrence follows; None: endless")


class MailingList(Fact):
    """What the List-* headers say (RFC 2369, RFC 2919, RFC 8058). `discussion` when members write to it."""

    id: str
    name: str
    one_click: str | None = None
    mailto: str | None = None
    mailto_subject: str = "unsubscribe"
    discussion: bool = False


class MailFacts(Fact):
    """One mail. Message-IDs have angle brackets. `direct` means that the owner is addressed in To, by a person, alone or in a
    small circle. `warnings` are codes of what makes it look like a fraud; `fraud` is the verdict."""

    ref: MailRef
    message_id: str = Field(description="empty when the mail has none")
    answers: tuple[str, ...] = Field((), description="Message-IDs of In-Reply-To and References, oldest first")
    date: AwareDatetime
    subject: str = ""
    sender: Person
    reply_to: Person
    to: tuple[Person, ...] = ()
    cc: tuple[Person, ...] = ()
    received_for: str | None = Field(None, description="which of the owner's addresses it was sent to")
    outgoing: bool = False
    hidden: bool = Field(False, description="in a folder for drafts, junk or trash")
    direct: bool = False
    automatic: bool = False
    answerable: bool = True
    bounce_of: str | None = Field(
        None, description="Message-ID of a mail of ours that did not arrive; empty when unknown"
    )
    mailing_list: MailingList | None = None
    newsletter: bool = False
    language: str = "en"
    familiar: bool = Field(False, description="written in an informal tone")
    questions: tuple[Question, ...] = ()
    closed: bool = Field(False, description="says that no answer is needed")
    moments: tuple[Moment, ...] = ()
    bill: Bill | None = None
    invitations: tuple[Invitation, ...] = ()
    calls_off: bool = Field(False, description="says that something agreed does not take place")
    warnings: tuple[str, ...] = ()
    fraud: bool = False
    attachments: tuple[str, ...] = ()


class MailProblem(Fact):
    """One mail that could not be read or only partly; codes, never sentences."""

    item_id: str
    code: str
    data: dict[str, str | int] = {}
