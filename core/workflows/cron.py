"""When a cron expression is due, in a person's timezone. The fields are cronsim's affair; the nights of a clock change are ours, because its steps of an hour
lose time where a clock moves by half of one (Lord Howe).

An expression whose minute and hour are given (`30 2 * * *`) names times of day: in the gap of a clock change one is due at the first valid instant, in the fold
once, the first time. One with `*` there (`*/30 * * * *`) goes by elapsed time: every minute that shows such a clock is due."""

import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from itertools import islice, pairwise
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from cronsim import CronSim, CronSimError

from core.kernel.errors import Invalid

LONGEST = 200
_SECOND = timedelta(seconds=1)
_LOOK_BACK = (timedelta(hours=1), timedelta(days=1), timedelta(days=31), timedelta(days=366))
_GAP_FIRES, _GAP_DAYS = 100, timedelta(days=400)


def fires(cron: str, timezone: str, after: datetime) -> Iterator[datetime]:
    """Each due instant later than `after`, in UTC, ascending. Raises Invalid `workflows.cron_invalid`, `workflows.cron_never`, `identity.timezone_unknown`."""
    zone, fields = _zone(timezone), _fields(cron)
    try:
        local = after.astimezone(zone)
    except OverflowError:
        raise Invalid("workflows.cron_never", cron=cron) from None
    _check(cron, fields)
    minute, hour, *_ = fields
    walk = _elapsed if minute.startswith("*") or hour.startswith("*") else _by_clock
    return _until_the_end_of_time(walk(" ".join(fields), zone, local))


def next_fire(cron: str, timezone: str, after: datetime) -> datetime:
    """The first due instant later than `after`, in UTC. Raises as fires does."""
    first = next(fires(cron, timezone, after), None)
    if first is None:
        raise Invalid("workflows.cron_never", cron=cron)
    return first


def preview(cron: str, timezone: str, after: datetime, count: int) -> list[datetime]:
    """The next `count` due instants, in UTC. Raises as next_fire does."""
    found = list(islice(fires(cron, timezone, after), count))
    if not found:
        raise Invalid("workflows.cron_never", cron=cron)
    return found


def recent(cron: str, timezone: str, after: datetime, until: datetime, most: int) -> list[datetime]:
    """The newest due instants in (after, until], at most `most`, ascending. Quick however long ago `after` is. Raises as fires does."""
    found: list[datetime] = []
    for back in (*_LOOK_BACK, None):
        start = after if back is None or until - back <= after else until - back
        found = []
        for due in fires(cron, timezone, start):
            if due > until:
                break
            found.append(due)
        if len(found) >= most or start == after:
            break
    return found[-most:]


def least_gap(cron: str, timezone: str, after: datetime) -> timedelta | None:
    """The shortest time between two fires in the coming year or hundred fires; None when there is at most one. Raises as fires does."""
    found = [at for at in islice(fires(cron, timezone, after), _GAP_FIRES) if at <= after + _GAP_DAYS]
    return min((late - early for early, late in pairwise(found)), default=None)


def _zone(timezone: str) -> ZoneInfo:
    try:
        return ZoneInfo(timezone)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise Invalid("identity.timezone_unknown", timezone=timezone[:LONGEST]) from None


def _fields(cron: str) -> list[str]:
    """Five fields. A week may end on Sunday (`FRI-SUN`), which cronsim knows only as 7 there."""
    fields = cron.upper().split()
    if len(cron) > LONGEST or len(fields) != 5 or not cron.isascii():
        raise Invalid("workflows.cron_invalid", cron=cron[:LONGEST])
    fields[4] = re.sub(r"-SUN\b", "-7", fields[4])
    return fields


def _check(cron: str, fields: list[str]) -> None:
    try:
        CronSim(" ".join(fields), datetime(2000, 1, 1))
    except CronSimError:
        try:
            CronSim(" ".join((*fields[:3], "*", fields[4])), datetime(2000, 1, 1))
            CronSim(" ".join(("0", "0", "1", *fields[3:])), datetime(2000, 1, 1))
        except CronSimError:
            raise Invalid("workflows.cron_invalid", cron=cron) from None
        raise Invalid("workflows.cron_never", cron=cron) from None


def _by_clock(cron: str, zone: ZoneInfo, local: datetime) -> Iterator[datetime]:
    """Times of day: each once, moved to the end of the gap that it falls into; what stands in a fold happens the first time."""
    last = local.astimezone(UTC)
    for shown in CronSim(cron, local.replace(tzinfo=None)):
        due = shown.replace(tzinfo=zone).astimezone(UTC)
        if due.astimezone(zone).replace(tzinfo=None) != shown:
            due = _change(zone, shown.replace(tzinfo=zone, fold=1).astimezone(UTC), due)
        if due > last:
            yield due
            last = due


def _elapsed(cron: str, zone: ZoneInfo, local: datetime) -> Iterator[datetime]:
    """Every instant whose clock matches. Between two changes of the clock its arithmetic is plain; at a change it begins anew."""
    at = local.astimezone(UTC).replace(microsecond=0)
    while True:
        offset = _offset(zone, at)
        for shown in CronSim(cron, (at + offset).replace(tzinfo=None)):
            due = shown.replace(tzinfo=UTC) - offset
            if _offset(zone, due) != offset:
                # The second before the change, by the new clock: the change itself may be due.
                at = _change(zone, at, due)
                break
            yield due
            at = due
        else:
            return
        offset = _offset(zone, at)
        if _matches(cron, at + offset):
            yield at


def _matches(cron: str, shown: datetime) -> bool:
    naive = shown.replace(tzinfo=None)
    return next(iter(CronSim(cron, naive - _SECOND)), None) == naive


def _offset(zone: ZoneInfo, at: datetime) -> timedelta:
    return at.astimezone(zone).utcoffset() or timedelta()


def _change(zone: ZoneInfo, early: datetime, late: datetime) -> datetime:
    """The first instant in (early, late] that has another offset than `early`; to the second."""
    before = _offset(zone, early)
    low, high = int(early.timestamp()), int(late.timestamp())
    while high - low > 1:
        middle = (low + high) // 2
        if _offset(zone, datetime.fromtimestamp(middle, UTC)) == before:
            low = middle
        else:
            high = middle
    return datetime.fromtimestamp(high, UTC)


def _until_the_end_of_time(found: Iterator[datetime]) -> Iterator[datetime]:
    """The calendar of Python ends with the year 9999."""
    try:
        yield from found
    except (OverflowError, ValueError):
        return
