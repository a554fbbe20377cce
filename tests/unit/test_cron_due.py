"""What a schedule does when its time has come: late, missed, held up by the run before, or in a crowded minute."""

from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest

from core.kernel.ids import new_id
from core.workflows.due import Decision, Reckoning, coming_fires, first_fire, spread
from core.workflows.models import Misfire, Overlap

NINE = datetime(2026, 11, 22, 9, tzinfo=UTC)
HOUR, MINUTE, SECOND = timedelta(hours=1), timedelta(minutes=1), timedelta(seconds=1)


@dataclass(frozen=True)
class Schedule:
    id: UUID
    cron: str | None = "0 * * * *"
    timezone: str = "UTC"
    misfire_policy: Misfire = "once"
    overlap: Overlap = "skip"
    spread_seconds: int = 0
    next_fire_at: datetime | None = NINE
    waiting_since: datetime | None = None


HOURLY = Schedule(new_id())


def decide(schedule: Schedule, now: datetime, busy: bool = False) -> Decision:
    return Reckoning(now).decide(schedule, busy)


@pytest.mark.parametrize("policy", ["skip", "once", "all"])
@pytest.mark.parametrize("late", [timedelta(0), 90 * SECOND])
def test_on_time_it_starts_once_whatever_the_policy(policy: Misfire, late: timedelta) -> None:
    assert decide(replace(HOURLY, misfire_policy=policy), NINE + late) == Decision((NINE,), NINE + HOUR)


def test_a_fire_that_was_missed_happens_late_or_not_at_all() -> None:
    now = NINE + 30 * MINUTE
    assert decide(HOURLY, now) == Decision((NINE,), NINE + HOUR, missed_since=NINE)
    left_out = Decision((), NINE + HOUR, None, NINE, "missed", NINE)
    assert decide(replace(HOURLY, misfire_policy="skip"), now) == left_out


def test_three_days_away_are_made_up_for_once_or_by_the_last_24() -> None:
    now = NINE + timedelta(days=3) + 30 * MINUTE
    newest = NINE + timedelta(days=3)
    once = decide(HOURLY, now)
    assert (once.starts, once.next_fire_at, once.missed_since) == ((newest,), newest + HOUR, NINE)
    every = decide(replace(HOURLY, misfire_policy="all"), now)
    assert every.starts == tuple(newest - back * HOUR for back in range(23, -1, -1))
    assert decide(replace(HOURLY, misfire_policy="skip"), now).starts == ()


def test_what_is_due_right_now_is_not_skipped_with_what_was_missed() -> None:
    skipping = replace(HOURLY, misfire_policy="skip")
    decision = decide(skipping, NINE + 3 * HOUR + SECOND)
    assert (decision.starts, decision.missed_since) == ((NINE + 3 * HOUR,), NINE)


def test_a_minute_or_two_of_rest_is_nothing_to_talk_about() -> None:
    minutely = replace(HOURLY, cron="* * * * *")
    decision = decide(minutely, NINE + 90 * SECOND)
    assert decision == Decision((NINE + MINUTE,), NINE + 2 * MINUTE)


def test_while_the_run_before_is_under_way_a_fire_is_left_out_waits_or_does_not_mind() -> None:
    assert decide(HOURLY, NINE, busy=True) == Decision((), NINE + HOUR, None, NINE, "under_way")
    assert decide(replace(HOURLY, overlap="queue"), NINE, busy=True) == Decision((), NINE + SECOND, NINE)


def test_what_waits_starts_when_the_run_before_is_over() -> None:
    waiting = replace(HOURLY, overlap="queue", waiting_since=NINE, next_fire_at=NINE + 10 * MINUTE)
    now = NINE + 10 * MINUTE
    assert decide(waiting, now, busy=True) == Decision((), now + 5 * SECOND, NINE)
    assert decide(waiting, now) == Decision((NINE,), NINE + HOUR)


def test_at_most_one_waits() -> None:
    waiting = replace(HOURLY, overlap="queue", waiting_since=NINE, next_fire_at=NINE + 2 * HOUR)
    now = NINE + 2 * HOUR + MINUTE
    assert decide(waiting, now, busy=True) == Decision((), now + 5 * SECOND, NINE, NINE + 2 * HOUR, "under_way")
    assert decide(waiting, now).starts == (NINE,)


def test_each_trigger_has_a_place_of_its_own_in_a_crowded_minute_and_keeps_it() -> None:
    ids = [new_id() for _ in range(6000)]
    places = [spread(id, 60) for id in ids]
    assert places == [spread(id, 60) for id in ids]
    assert {place.total_seconds() for place in places} == set(range(60))
    crowd = [places.count(place) for place in set(places)]
    assert max(crowd) < 200
    assert spread(ids[0], 0) == timedelta(0)


def test_the_place_of_its_own_is_part_of_every_time_that_is_shown_and_kept() -> None:
    spread_out = replace(HOURLY, id=UUID(int=7), spread_seconds=600)
    offset = spread(spread_out.id, 600)
    assert offset > timedelta(0)
    assert first_fire(spread_out.id, "0 * * * *", "UTC", 600, NINE) == NINE + offset
    due = replace(spread_out, next_fire_at=NINE + offset)
    assert decide(due, NINE + offset + SECOND) == Decision((NINE + offset,), NINE + HOUR + offset)
    assert coming_fires(due.id, "0 * * * *", "UTC", 600, NINE + offset, 2) == [NINE + h * HOUR + offset for h in (1, 2)]


def test_a_schedule_that_never_comes_again_has_no_next_time() -> None:
    late = datetime(9999, 12, 31, 23, tzinfo=UTC)
    last = replace(HOURLY, next_fire_at=late)
    assert decide(last, late) == Decision((late,), None)


def test_schedules_of_the_same_line_are_reckoned_once(monkeypatch: pytest.MonkeyPatch) -> None:
    from core.workflows import due

    asked: list[str] = []
    original = due.next_fire

    def counted(cron: str, timezone: str, after: datetime) -> datetime:
        asked.append(cron)
        return original(cron, timezone, after)

    monkeypatch.setattr(due, "next_fire", counted)
    reckoning = Reckoning(NINE)
    decisions = [reckoning.decide(replace(HOURLY, id=new_id()), False) for _ in range(500)]
    assert len(set(decisions)) == 1 and len(asked) == 1
