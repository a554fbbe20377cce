"""When a cron expression is due, in a person's timezone. The arithmetic is cronsim's: in the gap of a clock change a fire comes at the first valid
instant, in the fold once."""

from collections.abc import Iterator
from datetime import UTC, datetime
from itertools import islice
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from cronsim import CronSim, CronSimError

from core.kernel.errors import Invalid


def fires(cron: str, timezone: str, after: datetime) -> Iterator[datetime]:
    """Each due instant later than `after`, in UTC. Raises Invalid `workflows.cron_invalid`, `identity.timezone_unknown`, `workflows.cron_never`."""
    if len(cron.split()) != 5:
        raise Invalid("workflows.cron_invalid", cron=cron)
    try:
        zone = ZoneInfo(timezone)
        found = CronSim(cron, after.astimezone(zone))
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise Invalid("identity.timezone_unknown", timezone=timezone) from None
    except CronSimError:
        raise Invalid("workflows.cron_invalid", cron=cron) from None
    return (instant.astimezone(UTC) for instant in found)


def next_fire(cron: str, timezone: str, after: datetime) -> datetime:
    """The first due instant later than `after`, in UTC. Raises as fires does, and Invalid `workflows.cron_never` for a date that never comes."""
    first = next(fires(cron, timezone, after), None)
    if first is None:
        raise Invalid("workflows.cron_never", cron=cron)
    return first


def preview(cron: str, timezone: str, after: datetime, count: int) -> list[datetime]:
    """The next `count` due instants, in UTC."""
    return list(islice(fires(cron, timezone, after), count))
