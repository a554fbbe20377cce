"""`/schedules/preview`: what a schedule would do, before anybody relies on it."""

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

from fastapi import APIRouter
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from bots.api.caller import Calling
from core.kernel.errors import Invalid
from core.workflows.cron import preview

router = APIRouter(tags=["schedules"])


class Preview(BaseModel):
    """A cron expression with five fields, in an IANA timezone."""

    model_config = ConfigDict(extra="forbid", populate_by_name=True)

    cron: str | None = Field(None, max_length=200)
    words: str | None = Field(None, max_length=200)
    timezone: str = "UTC"
    start: AwareDatetime | None = Field(None, alias="from")
    count: int = Field(5, ge=1, le=100)


class Previewed(BaseModel):
    """When it would be due next, with the zone's offset at that time."""

    cron: str
    next: list[datetime]


@router.post("/schedules/preview")
def preview_schedule(asked: Preview, caller: Calling) -> Previewed:
    """The next due times of a schedule. 422 says what is wrong with it."""
    caller.actor.need("read")
    if asked.cron is None:
        raise Invalid("workflows.cron_invalid", cron="")
    due = preview(asked.cron, asked.timezone, asked.start or datetime.now(UTC), asked.count)
    return Previewed(cron=asked.cron, next=[at.astimezone(ZoneInfo(asked.timezone)) for at in due])
