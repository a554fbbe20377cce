"""Schedulers that are many, stop, and die, whose clocks are wrong, while people move and after nobody was there: each due time fires as often as it should."""

import signal
import time
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from core.catalog.versions import compose_agent
from core.workflows.cron import recent
from core.workflows.due import CATCH_UP, first_fire
from core.workflows.schedule import move_schedules
from core.workflows.trigger import TriggerSpec, make_trigger
from runners.contracts import contracts
from tests.faults import clocks
from tests.faults.case import case, workers
from tests.faults.cases.runs import CHAIN
from tests.faults.system import Asked, System
from tests.runners.world import World

TWICE = """
SELECT count(*) FROM (SELECT trigger_id FROM nod.runs WHERE trigger_id IS NOT NULL GROUP BY trigger_id HAVING count(*) <> 1) AS t"""
FIRED = "SELECT count(DISTINCT trigger_id) FROM nod.runs WHERE trigger_id IS NOT NULL"
RUNS_OF = "SELECT trigger_id::text, count(*) FROM nod.runs WHERE trigger_id IS NOT NULL GROUP BY trigger_id"
SAME_TIME = (
    "SELECT trigger_id FROM nod.runs WHERE trigger_id IS NOT NULL GROUP BY trigger_id, due_at HAVING count(*) > 1"
)
DUE = "SELECT count(*) FROM nod.triggers WHERE next_fire_at <= now()"
NOT_WELL = "SELECT count(*) FROM nod.runs WHERE status <> 'succeeded'"
SCHEDULERS = 5
LEAST_DEATHS = 3
WRONG = {"NOD_TESTS_JOIN": clocks.__name__}
PLACES = ("Europe/Berlin", "Pacific/Auckland", "America/Los_Angeles", "Asia/Kolkata", "UTC")


@case("schedules", small=40, large=2_000, people=10)
def five_schedulers_that_stop_and_die(system: System, size: int) -> list[Asked]:
    """Everything falls due within seconds; of five schedulers one stands still, and one after the other is killed. No due time fires twice, none is left out."""
    names = _schedulers(system)
    _schedules(system, size)
    system.running[names[0]].send_signal(signal.SIGSTOP)
    _kill_until(system, names[1:], lambda: _count(system, FIRED) == size, size)
    system.running[names[0]].send_signal(signal.SIGCONT)
    system.wait(lambda: _count(system, FIRED) == size, 60, "every schedule to fire")
    assert _count(system, TWICE) == 0, "a schedule fired twice"
    workers(system)
    return []


@case("schedules", small=30, large=300, people=6)
def one_that_stood_still_in_the_middle_and_goes_on(system: System, size: int) -> list[Asked]:
    """One scheduler works and is stopped while it does, holding what it holds; others take over what they can get. Then it goes on as if no time had passed."""
    _schedules(system, size)
    for round in range(3):
        name = f"scheduler still {round}"
        system.start(name)
        system.wait(lambda before=_count(system, FIRED): _count(system, FIRED) > before or _all_fired(system, size), 60, "a fire")  # fmt: skip
        time.sleep(system.chance.uniform(0.0, 0.1))
        system.running[name].send_signal(signal.SIGSTOP)
    names = _schedulers(system)
    _kill_until(system, names, lambda: _count(system, DUE) == 0, 20)
    # What a stopped transaction holds is let go by the database after a minute.
    system.wait(lambda: _all_fired(system, size), 120, "every schedule to fire")
    for round in range(3):
        system.running[f"scheduler still {round}"].send_signal(signal.SIGCONT)
    workers(system)
    system.wait(lambda: _count(system, NOT_WELL) == 0, 60, "the runs")
    assert _count(system, TWICE) == 0, "a schedule fired twice"
    return []


@case("schedules", small=8, large=300, people=4)
def clocks_that_jump_by_an_hour(system: System, size: int) -> list[Asked]:
    """Every process believes in another time of day each moment. What is due fires then and not before, and its runs end."""
    _schedules(system, size)
    names = [f"scheduler {n}" for n in range(2)] + [f"worker {n}" for n in range(2)]
    for number, name in enumerate(names):
        system.start(name, **WRONG, NOD_TESTS_CLOCK=str(system.seed + number))
    later = _schedules(system, size // 4 or 1, timedelta(minutes=30))
    system.wait(lambda: _count(system, FIRED) >= size, 60, "every schedule to fire")
    system.wait(lambda: _count(system, NOT_WELL) == 0, 120, "the runs")
    assert _count(system, TWICE) == 0, "a schedule fired twice"
    early = {UUID(row[0]) for row in _rows(system, RUNS_OF)} & set(later)
    assert not early, "a schedule fired before its time"
    return []


@case("schedules", small=12, large=300, people=4)
def people_who_move_while_their_schedules_are_due(system: System, size: int) -> list[Asked]:
    """Somebody changes their timezone again and again, the first time when something is due that nobody has fired yet, while schedulers die: a time that has come fires
    once, and what comes next is by the new place."""
    _schedules(system, size, timedelta(seconds=-5), cron="* * * * *", timezone=PLACES[0])
    for world in system.people:
        _move(world, PLACES[0], PLACES[1])
    names = _schedulers(system)
    before = PLACES[1]
    for number in range(max(size // 4, 6)):
        after = PLACES[(number + 2) % len(PLACES)]
        for world in system.people:
            _move(world, before, after)
        before = after
        _replace_one(system, names)
    system.wait(lambda: _count(system, DUE) == 0, 60, "what is due")
    assert _all_fired(system, size), "a time that had come was lost"
    assert not _rows(system, SAME_TIME), "the same due time fired twice"
    with system.owner() as owner:
        for id, zone, cron_now, at, now in owner.execute(
            "SELECT id, timezone, cron, next_fire_at, now() FROM nod.triggers WHERE type = 'schedule'"
        ):
            assert zone == before, "a schedule did not move along"
            assert at is not None and at <= first_fire(id, cron_now, zone, 0, now), "a schedule would leave a time out"
    workers(system)
    return []


@case("schedules", small=18, large=600, people=6)
def nobody_was_there_for_days(system: System, size: int) -> list[Asked]:
    """Everything was missed for hours or days, and the schedulers that come back die again and again: skipped, made up for once, or by all of the last 24, as each
    schedule says, and exactly so often."""
    policies = ("skip", "once", "all")
    expected: dict[str, int] = {}
    for number, world in enumerate(system.people):
        with world.work() as work:
            agent_id = compose_agent(work, world.actor, contracts(), "Often", CHAIN).id
            for each in range(number, size, len(system.people)):
                policy, hours = policies[each // len(system.people) % 3], system.chance.choice((3, 7, 30, 80))
                spec = TriggerSpec(
                    type="schedule", cron="0 * * * *", timezone="UTC", overlap="allow", misfire_policy=policy
                )
                trigger = make_trigger(work, world.actor, spec, agent_id=agent_id).trigger
                trigger.next_fire_at = since = _hour(work.now) - timedelta(hours=hours)
                missed = recent("0 * * * *", "UTC", since - timedelta(seconds=1), work.now, CATCH_UP)
                fresh = work.now - missed[-1] <= timedelta(minutes=2)
                expected[str(trigger.id)] = {"skip": int(fresh), "once": 1, "all": len(missed)}[policy]
            work.commit()
    names = _schedulers(system)
    _kill_until(system, names, lambda: _count(system, DUE) == 0, size)
    system.wait(lambda: _count(system, DUE) == 0, 60, "what is due")
    found = dict(_rows(system, RUNS_OF))
    # The full hour may have come meanwhile, which is no misfire.
    wrong = {id: (n, found.get(id, 0)) for id, n in expected.items() if not n <= found.get(id, 0) <= n + 1}
    assert not wrong, f"not as often as the schedule says: {list(wrong.items())[:3]}"
    again = _rows(system, SAME_TIME)
    assert not again, "the same due time fired twice"
    workers(system)
    return []


def _schedulers(system: System) -> list[str]:
    names = [f"scheduler {number}" for number in range(SCHEDULERS)]
    for name in names:
        system.start(name)
    return names


def _schedules(
    system: System, size: int, due: timedelta = timedelta(seconds=3), cron: str = "0 8 * * *", timezone: str = "UTC"
) -> list[UUID]:
    """That many, of all people in turn, each due within five seconds from `due` on."""
    made: list[UUID] = []
    for number, world in enumerate(system.people):
        with world.work() as work:
            agent_id = compose_agent(work, world.actor, contracts(), "Often", CHAIN).id
            for each in range(number, size, len(system.people)):
                spec = TriggerSpec(type="schedule", cron=cron, timezone=timezone, overlap="allow")
                trigger = make_trigger(work, world.actor, spec, agent_id=agent_id).trigger
                trigger.next_fire_at = work.now + due + timedelta(seconds=each % 5)
                made.append(trigger.id)
            work.commit()
    return made


def _move(world: World, before: str, after: str) -> None:
    with world.work() as work:
        move_schedules(work, world.actor, before, after)
        work.commit()


def _kill_until(system: System, names: list[str], over: Any, most: int) -> None:
    """One scheduler after the other dies and is started again, until it is over."""
    for number in range(most):
        if number >= LEAST_DEATHS and over():
            return
        _replace_one(system, names)


def _replace_one(system: System, names: list[str]) -> None:
    victim = system.chance.choice(names)
    system.kill(victim)
    time.sleep(system.chance.uniform(0.0, 0.3))
    system.start(victim)


def _all_fired(system: System, size: int) -> bool:
    return _count(system, FIRED) == size


def _hour(moment: datetime) -> datetime:
    return moment.replace(minute=0, second=0, microsecond=0)


def _count(system: System, question: str) -> int:
    return _rows(system, question)[0][0]


def _rows(system: System, question: str) -> list[tuple[Any, ...]]:
    with system.owner() as owner:
        return owner.execute(question.encode()).fetchall()
