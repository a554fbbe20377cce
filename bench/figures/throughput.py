"""Figure 2: runs a second from end to end, of an agent of three nodes that do nothing."""

import os
import time
from collections.abc import Callable, Iterator

from bench.crowd import queue_ahead
from bench.figure import Figure
from bench.figures.limit import CLIENTS
from bench.finished import check, wait_for_all
from bench.plan import Plan
from bench.progress import say
from bench.rig import Rig
from bench.script import Variant, runs_per_second
from bench.world import CROWD, World, fresh_world, starts

PRODUCER_THREADS = 4
FEW, MOST = 100, 20_000
BESIDE = "bench_limit"
AHEAD_SECONDS = 1.5


def measure(rig: Rig, plan: Plan) -> Iterator[Figure]:
    """One by one and due together; one and two workers; one workspace and twenty. Each repetition of the figures that have an aim stands beside one of the
    limit, a moment before and while the workers stand still, so that their ratio does not hang on what else the machine does."""
    for people in (1, CROWD):
        for workers in (1, 2):
            suffix = str(workers) if people == 1 else f"{workers}_over_{people}"
            where = "one workspace" if people == 1 else f"{people} workspaces"
            where = f"{workers} worker{'s' if workers > 1 else ''}, {where}"
            with fresh_world(rig, people) as world, fresh_world(rig, database=BESIDE) as beside:
                for _ in range(workers):
                    world.processes.worker()
                limit = beside if workers == 2 else None
                yield from _repeated(
                    world, limit, plan, f"runs_per_s_{suffix}", f"runs one by one, {where}", one_by_one, "≥ 0.30"
                )
                yield from _repeated(
                    world, limit, plan, f"due_runs_per_s_{suffix}", f"runs due together, {where}", due_together, "≥ 1.0"
                )


def _repeated(
    world: World, limit: World | None, plan: Plan, key: str, what: str, once: Callable[[World, int], float], aim: str
) -> Iterator[Figure]:
    """As many runs a repetition as take about the planned time, found by a first one that also warms up."""
    count = _count(world, plan, once)
    speed, ratio = Figure(key, what, "runs/s"), Figure(f"{key}_ratio", "  of the limit, 3 commits", "", aim=aim)
    most = 0.0
    for number in range(1, plan.rounds + 1):
        if limit is not None:
            with world.processes.held():
                most = runs_per_second(limit, Variant(), CLIENTS, max(plan.seconds // 2, 1))
        world.rig.calm()
        speed.samples.append(once(world, count))
        if limit is not None:
            ratio.samples.append(speed.samples[-1] / most)
        beside = f", {ratio.samples[-1]:.2f} of the limit" if limit is not None else ""
        say(f"{what}: {speed.samples[-1]:,.0f} runs/s{beside} ({count} runs, {number} of {plan.rounds})")
    speed.load = ratio.load = os.getloadavg()[0]
    yield speed
    if limit is not None:
        yield ratio


def _count(world: World, plan: Plan, once: Callable[[World, int], float]) -> int:
    count = FEW
    while (rate := once(world, count)) * plan.seconds > 4 * count and count < MOST:
        count = int(min(max(rate * plan.seconds / 2, 2 * count), MOST))
    return int(min(max(rate * plan.seconds, FEW), MOST))


def one_by_one(world: World, count: int, bare: bool = False) -> float:
    """A producer starts each run in a transaction of its own while the workers work: from the first row to the last end."""
    producer = world.processes.producer(starts(world, count, threads=PRODUCER_THREADS, bare=bare))
    wait_for_all(world)
    began = time.time()
    producer.go()
    producer.wait()
    wait_for_all(world)
    return check(world, count, began, "extract(epoch FROM max(finished_at) - min(queued_at))", bare)


def due_together(world: World, count: int, bare: bool = False) -> float:
    """Rows that become due at one instant: from that instant to the last end."""
    began = time.time()
    queue_ahead(world, count, AHEAD_SECONDS + count / 20_000)
    wait_for_all(world)
    return check(world, count, began, "extract(epoch FROM max(finished_at) - min(due_at))", bare)
