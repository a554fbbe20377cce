"""`/schedules/preview`: what a schedule would do, before anybody relies on it."""

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

from fastapi import APIRouter
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from bots.api.caller import Calling
from bots.dialogs.schedule_words import in_words
from bots.kit.place import place
from core.kernel.errors import Invalid
from core.workflows.cron import preview
from core.workflows.spoken import cron_of

router = APIRouter(tags=["schedules"])


class Preview(BaseModel):
    """A cron expression with five fields, or words like `every weekday at 8`, in an IANA timezone."""

    model_config = ConfigDict(extra="forbid", populate_by_name=True)

    cron: str | None = Field(None, max_length=200)
    words: str | None = Field(None, max_length=200)
    timezone: str = "UTC"
    start: AwareDatetime | None = Field(None, alias="from")
    count: int = Field(5, ge=1, le=100)


class Previewed(BaseModel):
    """What was understood, and when it would be due next, with the zone's offset at that time."""

    cron: str
    words: str
    next: list[datetime]


@router.post("/schedules/preview")
def preview_schedule(asked: Preview, caller: Calling) -> Previewed:
    """The next due times of a schedule, given as cron or in words. 422 says what is wrong with it."""
    caller.actor.need("read")
    if (asked.cron is None) == (asked.words is None):
        raise Invalid("api.schedule_unclear")
    cron = asked.cron if asked.cron is not None else cron_of(asked.words or "")
    due = preview(cron, asked.timezone, asked.start or datetime.now(UTC), asked.count)
    here = place("en", asked.timezone, datetime.now(UTC))
    said = in_words(caller.parts.words.in_language(here), here, cron)
    return Previewed(cron=cron, words=said, next=[at.astimezone(ZoneInfo(asked.timezone)) for at in due])
