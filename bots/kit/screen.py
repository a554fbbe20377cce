"""A screen is what a person meets, the same through every door. Text in it is plain text, never markup: each door escapes it in
its own idiom, so what came from outside cannot become a link, a mention or a button."""

from collections.abc import Mapping
from datetime import datetime
from math import ceil
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict
from pydantic import Field as Described


class Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Heading(Part):
    """The first line: what this is."""

    kind: Literal["heading"] = "heading"
    text: str


class Paragraph(Part):
    """Words. `muted` for what matters less (a reason, a hint)."""

    kind: Literal["paragraph"] = "paragraph"
    text: str
    muted: bool = False


class Bullets(Part):
    """A short list."""

    kind: Literal["bullets"] = "bullets"
    items: tuple[str, ...]


class Facts(Part):
    """Labels with values: every recipient, amount, time of an action."""

    kind: Literal["facts"] = "facts"
    rows: tuple[tuple[str, str], ...]


class Quote(Part):
    """Text from outside, or the text that will be sent, shown exactly as it is. `source` says whose it is. `exact`: it is there to be copied letter by letter."""

    kind: Literal["quote"] = "quote"
    text: str
    source: str = ""
    exact: bool = False


class Change(Part):
    """A visible difference: lines kept, removed and added, in order."""

    kind: Literal["change"] = "change"
    lines: tuple[tuple[Literal["keep", "remove", "add"], str], ...]


class Progress(Part):
    """Something that takes a while: `done` of `total` (None: not known yet)."""

    kind: Literal["progress"] = "progress"
    label: str
    done: int
    total: int | None = None


class Countdown(Part):
    """A moment that comes. `text` has the gap `{seconds}`: what is left until `until`; a door that can counts down."""

    kind: Literal["countdown"] = "countdown"
    text: str
    until: datetime

    def at(self, now: datetime) -> str:
        """The words at a moment."""
        return self.text.replace("{seconds}", str(max(0, ceil((self.until - now).total_seconds()))))


Block = Annotated[
    Heading | Paragraph | Bullets | Facts | Quote | Change | Progress | Countdown, Described(discriminator="kind")
]


class Button(Part):
    """One tap. `action` names a dialog's handler, `args` are short strings (at most one of them an id); `url` instead opens a page of our own."""

    label: str
    action: str = ""
    args: tuple[str, ...] = ()
    style: Literal["plain", "primary", "danger"] = "plain"
    url: str | None = None


class Field(Part):
    """One question of a form, made from a property of a JSON Schema. `options` are (value, label)."""

    name: str
    label: str
    help: str = ""
    kind: Literal[
        "text", "multiline", "secret", "integer", "number", "choice", "choices", "boolean", "date", "time", "file"
    ] = "text"
    required: bool = False
    value: Any = None
    options: tuple[tuple[str, str], ...] = ()
    minimum: float | None = None
    maximum: float | None = None
    max_length: int | None = None
    error: str = ""


class Form(Part):
    """Questions and where their answers go. Web shows them at once, Telegram one after the other. `changes`: it is about something that stands already, so that
    one who is asked bit by bit first says what to change."""

    action: str
    args: tuple[str, ...] = ()
    fields: tuple[Field, ...]
    submit: str
    changes: bool = False


class Picture(Part):
    """A picture in the content store, with words for those who do not see it. A `drawing` is an SVG of our own (kit.drawn), which becomes pixels where only
    photos can be shown; its screen says the same in words."""

    blob: str
    alt: str
    kind: Literal["photo", "drawing"] = "photo"


class Document(Part):
    """A file in the content store that the person may take along. `name` is what it is called there: letters, digits, `.`, `-` and `_`."""

    blob: str
    name: str
    size: int


class Screen(Part):
    """What is shown in one message. `summary` is one plain line for a notification or a screen reader. `asks`: words are expected in answer; what stands in the
    empty field, where a door can open one."""

    blocks: tuple[Block, ...]
    buttons: tuple[tuple[Button, ...], ...] = ()
    form: Form | None = None
    picture: Picture | None = None
    document: Document | None = None
    tone: Literal["plain", "ask", "done", "problem"] = "plain"
    accepts_file: tuple[str, ...] = ()
    asks: str = ""

    @property
    def summary(self) -> str:
        """The first words of the screen."""
        for block in self.blocks:
            if isinstance(block, Heading | Paragraph):
                return block.text
        return ""


def row(*buttons: Button | None) -> tuple[Button, ...]:
    """A row of buttons, without those that do not apply."""
    return tuple(b for b in buttons if b is not None)


Values = Mapping[str, Any]
