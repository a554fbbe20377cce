"""What a good assistant suggests for each mail of a sample: the yardstick of precision and recall."""

from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Annotated, Any, Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field, TypeAdapter

from core.catalog.samples.calendar import SampleDates


class _Expected(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class ExpectedReply(_Expected):
    """A question waits: `asks` is a stretch of the mail's own text that asks, `deadline` the day by which, `language` ISO 639-1."""

    kind: Literal["reply"]
    language: str
    asks: str
    deadline: date | None = None


class ExpectedEvent(_Expected):
    """A date to keep. `start` and `end` are aware times, or days when `all_day` (`end` is then exclusive, as in RFC 5545); `uid` when invited."""

    kind: Literal["event"]
    title: str
    start: datetime | date
    end: datetime | date | None = None
    location: str | None = None
    all_day: bool = False
    weekly: bool = False
    uid: str | None = None


class ExpectedTask(_Expected):
    """A bill to pay: the title should name `title`, the `amount` is exact."""

    kind: Literal["task"]
    title: str
    amount: Decimal
    currency: str = Field(pattern=r"^[A-Z]{3}$")
    due: date


class ExpectedUnsubscribe(_Expected):
    """A newsletter that can be left: `target` is an https address (RFC 8058) or a mailto one (RFC 2369)."""

    kind: Literal["unsubscribe"]
    method: Literal["one_click", "mailto"]
    target: str


class ExpectedNudge(_Expected):
    """A mail of the owner's own that nobody answered for `waiting_days`."""

    kind: Literal["nudge"]
    to: str
    language: str
    waiting_days: int


ExpectedSuggestion = Annotated[
    ExpectedReply | ExpectedEvent | ExpectedTask | ExpectedUnsubscribe | ExpectedNudge, Field(discriminator="kind")
]
_SUGGESTIONS: TypeAdapter[list[ExpectedSuggestion]] = TypeAdapter(list[ExpectedSuggestion])


def load_labels(folder: Path, now: datetime) -> dict[str, list[ExpectedSuggestion]]:
    """By mail name, what is to be suggested on the day of `now` (aware); an empty list where nothing is. ValueError for a label that is wrong."""
    dates = SampleDates(folder, now)
    return {
        name: _SUGGESTIONS.validate_python([_dated(each, dates) for each in label["expect"]])
        for name, label in _read(folder).items()
    }


def load_reasons(folder: Path) -> dict[str, str]:
    """By mail name, one line for a human: why this, or why nothing."""
    return {name: label["why"] for name, label in _read(folder).items()}


def _read(folder: Path) -> dict[str, Any]:
    return yaml.safe_load((folder / "labels.yaml").read_text("utf-8"))


def _dated(label: dict[str, Any], dates: SampleDates) -> dict[str, Any]:
    if label["kind"] == "nudge":
        sent = dates.day(label["sent"])
        label = {key: value for key, value in label.items() if key != "sent"} | {
            "waiting_days": (dates.now.date() - sent).days
        }
    moment = dates.day if label.get("all_day") else dates.moment
    timed = {key: moment(label[key]) for key in ("start", "end") if key in label}
    days = {key: dates.day(label[key]) for key in ("deadline", "due") if key in label}
    return label | timed | days
