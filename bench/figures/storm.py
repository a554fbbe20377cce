"""Figure 5: fifty thousand schedules that are due at one instant: how long until every run has started, and none twice."""

import os
import time
from collections.abc import Iterator

from bench.crowd import schedules
from bench.figure import Figure
from bench.finished import NotFinished
from bench.plan import Plan
from bench.progress import say
from bench.rig import Rig
from bench.world import World, fresh_world

COUNT, FEW = 50_000, 1_000
WORKERS = 2
PATIENCE, ENOUGH = 180, 300
STARTED = "SELECT count(*) FROM nod.runs WHERE started_at IS NOT NULL"
TWICE = "SELECT count(*) - count(DISTINCT trigger_id) FROM nod.runs"
SINCE_DUE = """
SELECT extract(epoch FROM (SELECT max(started_at) FROM nod.runs) - (SELECT min(last_fired_at) FROM nod.triggers))::float8"""


def measure(rig: Rig, plan: Plan) -> Iterator[Figure]:
    """One and three schedulers, two workers; 1,000 workspaces with 50 each and 20 with 2,500."""
    count = FEW if plan.quick else COUNT
    for people in (20,) if plan.quick else (1000, 20):
        for schedulers in (1, 3):
            key = f"due_{count}_over_{people}_by_{schedulers}_s"
            what = f"{count:,} triggers of {people:,} workspaces due at once, {schedulers} scheduler{'s' if schedulers > 1 else ''}"
            figure, spent = Figure(key, what, "s", aim="≤ 60"), time.monotonic()
            while len(figure.samples) < plan.rounds and time.monotonic() - spent < ENOUGH:
                with fresh_world(rig, people) as world:
                    seconds, started = _storm(world, count, schedulers)
                if started < count:
                    figure.what = f"{what} (reckoned: {started:,} started in {PATIENCE} s)"
                figure.samples.append(seconds * count / max(started, 1))
                say(
                    f"{what}: {started:,} started in {seconds:.1f} s, none twice ({len(figure.samples)} of {plan.rounds})"
                )
            figure.load = os.getloadavg()[0]
            yield figure


def _storm(world: World, count: int, schedulers: int) -> tuple[float, int]:
    """How long after they were due how many runs had started. Raises NotFinished when one was started twice."""
    for _ in range(WORKERS):
        world.processes.worker()
    for _ in range(schedulers):
        world.processes.scheduler()
    schedules(world, count, 5 + count / 5_000)
    due = time.monotonic() + max(_seconds_to_go(world), 0)
    world.rig.calm()
    started = 0
    while started < count and time.monotonic() < due + PATIENCE:
        time.sleep(0.5)
        started = world.number(STARTED)
    if twice := world.number(TWICE):
        raise NotFinished(f"{twice} triggers were fired twice")
    row = world.owner.execute(SINCE_DUE).fetchone()
    assert row is not None
    return (float(row[0] or PATIENCE) if started == count else PATIENCE), started


def _seconds_to_go(world: World) -> float:
    row = world.owner.execute(
        "SELECT extract(epoch FROM min(next_fire_at) - clock_timestamp())::float8 FROM nod.triggers"
    ).fetchone()
    assert row is not None
    return row[0]
