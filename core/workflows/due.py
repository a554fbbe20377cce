"""What a schedule does when its time has come: pure reckoning, without any row. Late and missed fires, the run before that is still under way, the place of
its own within a crowded minute, and when it is due again."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from hashlib import sha256
from typing import Literal, Protocol
from uuid import UUID

from core.kernel.errors import Invalid
from core.workflows.cron import next_fire, recent
from core.workflows.models import Misfire, Overlap

LATE = timedelta(minutes=2)
"""A fire that is later than this was missed."""
CATCH_UP = 24
LOOK_AGAIN, PATIENCE, LOOK_SELDOM = timedelta(seconds=1), timedelta(minutes=1), timedelta(seconds=5)


class Scheduled(Protocol):
    """What this page needs of a trigger that is due."""

    @property
    def id(self) -> UUID: ...
    @property
    def cron(self) -> str | None: ...
    @property
    def timezone(self) -> str: ...
    @property
    def misfire_policy(self) -> Misfire: ...
    @property
    def overlap(self) -> Overlap: ...
    @property
    def spread_seconds(self) -> int: ...
    @property
    def next_fire_at(self) -> datetime | None: ...
    @property
    def waiting_since(self) -> datetime | None: ...


@dataclass(frozen=True)
class Decision:
    """`starts` are the due times for which a run starts now, ascending. `next_fire_at` is None when the schedule never comes again; `waiting_since` the due time of the
    fire that waits for the run before. `left_out` is a due time for which nothing starts, `why`; `missed_since` the first one that was missed."""

    starts: tuple[datetime, ...]
    next_fire_at: datetime | None
    waiting_since: datetime | None = None
    left_out: datetime | None = None
    why: Literal["under_way", "missed"] | None = None
    missed_since: datetime | None = None


class Reckoning:
    """Reckons for one moment; what many schedules have in common (`0 9 * * *` of one timezone) once."""

    def __init__(self, now: datetime) -> None:
        self._now = now
        self._next: dict[tuple[str, str, datetime], datetime | None] = {}

    def decide(self, trigger: Scheduled, busy: bool) -> Decision:
        """What becomes of a trigger that is due. `busy`: the run that it started before is under way, and its policy minds.
        Raises Invalid as core.workflows.cron does."""
        if trigger.cron is None or trigger.next_fire_at is None:
            return Decision((), None)
        if trigger.waiting_since is not None:
            return self._waited(trigger, trigger.cron, trigger.waiting_since, busy)
        offset = spread(trigger.id, trigger.spread_seconds)
        now, first = self._now - offset, trigger.next_fire_at - offset
        due, after = [first], self._after(trigger.cron, trigger.timezone, first)
        if after is not None and after <= now:
            due = recent(trigger.cron, trigger.timezone, first - timedelta(seconds=1), now, CATCH_UP) or due
            after = self._after(trigger.cron, trigger.timezone, now)
        timely = due[-1] if now - due[-1] <= LATE else None
        missed = first if now - first > LATE else None
        starts = {
            "skip": [] if timely is None else [timely],
            "once": due[-1:],
            "all": due,
        }[trigger.misfire_policy]
        return self._spread_again(trigger, offset, starts, due[-1], after, missed, busy)

    def _spread_again(
        self, trigger: Scheduled, offset: timedelta, starts: list[datetime], newest: datetime, after: datetime | None,
        missed: datetime | None, busy: bool,
    ) -> Decision:  # fmt: skip
        next_at = None if after is None else after + offset
        since = None if missed is None else missed + offset
        if not starts:
            return Decision((), next_at, None, newest + offset, "missed", since)
        if not busy:
            return Decision(tuple(at + offset for at in starts), next_at, missed_since=since)
        if trigger.overlap == "queue":
            return Decision((), self._now + LOOK_AGAIN, newest + offset, missed_since=since)
        return Decision((), next_at, None, newest + offset, "under_way", since)

    def _waited(self, trigger: Scheduled, cron: str, since: datetime, busy: bool) -> Decision:
        """One fire waits. What falls due meanwhile is left out: at most one waits."""
        offset = spread(trigger.id, trigger.spread_seconds)
        if not busy:
            after = self._after(cron, trigger.timezone, self._now - offset)
            return Decision((since,), None if after is None else after + offset)
        newest = recent(cron, trigger.timezone, since - offset, self._now - offset, 1)
        pause = LOOK_AGAIN if self._now - since < PATIENCE else LOOK_SELDOM
        left_out = newest[0] + offset if newest else None
        return Decision((), self._now + pause, since, left_out, "under_way" if newest else None)

    def _after(self, cron: str, timezone: str, moment: datetime) -> datetime | None:
        key = (cron, timezone, moment)
        if key not in self._next:
            try:
                self._next[key] = next_fire(cron, timezone, moment)
            except Invalid as never:
                if never.code != "workflows.cron_never":
                    raise
                self._next[key] = None
        return self._next[key]


def spread(trigger_id: UUID, within_seconds: int) -> timedelta:
    """How much later than its minute a trigger fires: always the same for the same trigger, evenly spread over those of a crowded minute."""
    if within_seconds <= 0:
        return timedelta()
    return timedelta(seconds=int.from_bytes(sha256(trigger_id.bytes).digest()[:8]) % within_seconds)


def first_fire(trigger_id: UUID, cron: str, timezone: str, spread_seconds: int, after: datetime) -> datetime:
    """When a schedule is due for the first time after `after`, its own place included. Raises Invalid as core.workflows.cron does."""
    offset = spread(trigger_id, spread_seconds)
    return next_fire(cron, timezone, after - offset) + offset


def coming_fires(
    trigger_id: UUID, cron: str, timezone: str, spread_seconds: int, after: datetime, count: int
) -> list[datetime]:
    """The next `count` real times of a schedule, its own place included. Raises as first_fire does."""
    at, found = after, []
    while len(found) < count:
        at = first_fire(trigger_id, cron, timezone, spread_seconds, at)
        found.append(at)
    return found
