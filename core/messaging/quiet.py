"""When a person wants to hear from Nod: not in their quiet hours, and as often as they said."""

from datetime import UTC, date, datetime, time, timedelta
from uuid import UUID
from zoneinfo import ZoneInfo

from core.identity.models import NotificationPreferences, QuietHours

SPREAD_SECONDS = 240
_MINUTE, _HOUR = timedelta(minutes=1), timedelta(hours=1)


def quiet_until(quiet: QuietHours, zone: ZoneInfo, now: datetime) -> datetime | None:
    """When the quiet hours that `now` lies in are over, in UTC; None when it lies in none, also where they begin and end at the same time of day."""
    end = _next(_clock(quiet.end), zone, now)
    return end if quiet.enabled and end < _next(_clock(quiet.start), zone, now) else None


def spread(user_id: UUID) -> timedelta:
    """How long after the full hour, or the end of their quiet hours, a person hears from Nod: the same for them each time, another for others, so that not everybody's
    chat is written to at the same moment."""
    return timedelta(seconds=int.from_bytes(user_id.bytes[-4:]) % SPREAD_SECONDS)


def welcome_from(
    wishes: NotificationPreferences, zone: ZoneInfo, made: datetime, now: datetime, late: timedelta = timedelta(0)
) -> datetime:
    """From when on something that was made at `made` may be shown, in UTC; not before `now`. Hourly is the next full hour after it was made, daily the next
    end of the quiet hours, also where these are off; both, and the end of quiet hours, `late` after that."""
    turn = made
    if wishes.frequency == "hourly":
        local = made.astimezone(zone)
        turn = (
            made + _HOUR - timedelta(minutes=local.minute, seconds=local.second, microseconds=local.microsecond) + late
        )
    elif wishes.frequency == "daily":
        turn = _next(_clock(wishes.quiet_hours.end), zone, made) + late
    earliest = max(turn, now)
    quiet = wishes.quiet_hours
    over = quiet_until(quiet, zone, earliest) or quiet_until(quiet, zone, earliest - late)
    return (earliest if over is None else over + late).astimezone(UTC)


def _clock(shown: str) -> time:
    return time.fromisoformat(shown)


def _next(clock: time, zone: ZoneInfo, after: datetime) -> datetime:
    """The first instant after `after` at which a day's clock shows `clock`."""
    day = after.astimezone(zone).date() - timedelta(days=1)
    while (found := _shows(day, clock, zone)) <= after:
        day += timedelta(days=1)
    return found


def _shows(day: date, clock: time, zone: ZoneInfo) -> datetime:
    """When the clock shows that on that day: the first time where it does so twice, the end of the gap where it leaves it out."""
    shown = datetime.combine(day, clock)
    due = shown.replace(tzinfo=zone).astimezone(UTC)
    if due.astimezone(zone).replace(tzinfo=None) != shown:
        offset = due.astimezone(zone).utcoffset()
        while (due - _MINUTE).astimezone(zone).utcoffset() == offset:
            due -= _MINUTE
    return due
