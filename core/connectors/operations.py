"""The shared vocabulary of what can be done outside. Several connectors may offer the same operation (`mail.send` by SMTP or
into a Maildir); a connector may add its own in its manifest, with a JSON Schema of its own."""

from datetime import date, datetime
from typing import Annotated, Any

from pydantic import AwareDatetime, BaseModel, BeforeValidator, ConfigDict, Field, ValidationInfo, field_validator
from pydantic_core import PydanticCustomError

from core.kernel.money import Money


class Input(BaseModel):
    """What an operation is called with: exactly what a person approves, byte by byte."""

    model_config = ConfigDict(frozen=True, extra="forbid")


Address = Annotated[str, Field(min_length=3, max_length=320, pattern=r"^[^\s<>,;\x00-\x1f]+@[^\s<>,;\x00-\x1f]+$")]
Line = Annotated[str, Field(max_length=998, pattern=r"^[^\r\n\x00]*$")]


def _only_a_day(value: Any) -> Any:
    """A time without an offset must not pass for a whole day."""
    if isinstance(value, datetime) or (isinstance(value, str) and len(value) != len("2026-11-22")):
        raise PydanticCustomError("date_or_offset", "a day, or a time with its offset")
    return value


Day = Annotated[date, BeforeValidator(_only_a_day)]


class MailSend(Input):
    """`mail.send`: one mail. `in_reply_to` and `references` are Message-IDs with angle brackets (RFC 5322, 3.6.4)."""

    sender: Address = Field(title="From")
    to: tuple[Address, ...] = Field(title="To", min_length=1, max_length=50)
    cc: tuple[Address, ...] = Field(default=(), title="Cc", max_length=50)
    subject: Line = Field(title="Subject")
    body: str = Field(title="Text", max_length=100_000, json_schema_extra={"format": "multiline"})
    in_reply_to: Line | None = Field(default=None, title="Answers")
    references: tuple[Line, ...] = Field(default=(), title="Thread", max_length=200)


class MailUnsubscribe(Input):
    """`mail.unsubscribe`: leave a mailing list. `one_click` is an https address to POST to (RFC 8058); else `mailto`."""

    list_name: Line = Field(title="List")
    one_click: str | None = Field(default=None, title="Address", max_length=2000, pattern=r"^https://[^\s]+$")
    mailto: Address | None = Field(default=None, title="Mail to")
    mailto_subject: Line = Field(default="unsubscribe", title="Subject")
    sender: Address | None = Field(default=None, title="From")


class CalendarCreate(Input):
    """`calendar.create`: one event, or a series with `recurrence` (an RFC 5545 RRULE value). All-day events use dates;
    `end` is exclusive. An invitation keeps its own `uid`, `sequence` and `organizer`."""

    title: Line = Field(title="Title", min_length=1)
    start: AwareDatetime | Day = Field(title="Starts")
    end: AwareDatetime | Day = Field(title="Ends")
    timezone: str = Field(default="UTC", title="Timezone", max_length=64)
    location: str = Field(default="", title="Where", max_length=1000)
    description: str = Field(default="", title="Notes", max_length=10_000, json_schema_extra={"format": "multiline"})
    uid: Line | None = Field(default=None, title="UID")
    sequence: int = Field(default=0, ge=0, title="Sequence")
    organizer: Address | None = Field(default=None, title="Organizer")
    recurrence: Line | None = Field(default=None, title="Repeats")

    @field_validator("end")
    @classmethod
    def _in_order(cls, end: datetime | date, given: ValidationInfo) -> datetime | date:
        start = given.data.get("start", end)
        if isinstance(start, datetime) != isinstance(end, datetime) or start >= end:
            raise PydanticCustomError("end_before_start", "after the start, both with or both without a time")
        return end

    @property
    def all_day(self) -> bool:
        """Whether it lasts whole days."""
        return not isinstance(self.start, datetime)


class TaskCreate(Input):
    """`task.create`: one entry of a task list. `amount` is what is to be paid, where the task is a bill."""

    title: Line = Field(title="Task", min_length=1)
    notes: str = Field(default="", title="Notes", max_length=10_000, json_schema_extra={"format": "multiline"})
    due: date | None = Field(default=None, title="Due")
    amount: Money | None = Field(default=None, title="Amount")
    payee: Line | None = Field(default=None, title="Pay to")
    reference: Line | None = Field(default=None, title="Reference")


class CalendarDelete(Input):
    """`calendar.delete`: removes an event that we made ourselves, and no other: `made_by` is the key under which it was made. What it is, is said for those who read it."""

    uid: Line = Field(title="UID", min_length=1)
    made_by: Line = Field(title="Made by", min_length=1)
    title: Line = Field(title="Title", min_length=1)
    start: AwareDatetime | Day = Field(title="Starts")
    end: AwareDatetime | Day = Field(title="Ends")
    timezone: str = Field(default="UTC", title="Timezone", max_length=64)
    location: str = Field(default="", title="Where", max_length=1000)


class TaskDelete(Input):
    """`task.delete`: removes a task that we made ourselves: `made_by` is the key under which it was made."""

    task_id: Line = Field(title="Task", min_length=1)
    made_by: Line = Field(title="Made by", min_length=1)
    title: Line = Field(title="Title", min_length=1)
    due: date | None = Field(default=None, title="Due")


OPERATIONS: dict[str, type[Input]] = {
    "mail.send": MailSend,
    "mail.unsubscribe": MailUnsubscribe,
    "calendar.create": CalendarCreate,
    "calendar.delete": CalendarDelete,
    "task.create": TaskCreate,
    "task.delete": TaskDelete,
}


def schema_of(operation: str) -> dict[str, Any]:
    """The JSON Schema of a vocabulary operation's input. Raises KeyError for an operation outside of it."""
    return OPERATIONS[operation].model_json_schema()
