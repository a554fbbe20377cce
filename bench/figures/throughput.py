"""Figure 2: runs a second from end to end, of an agent of three nodes that do nothing."""

import os
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass

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
PARTS = ("start", "work", "postgres")
ONE_BY_ONE = "extract(epoch FROM max(finished_at) - min(queued_at))"
TOGETHER = "extract(epoch FROM max(finished_at) - min(due_at))"


@dataclass(frozen=True)
class Took:
    """How fast it went, and the seconds of processor time of who started the runs, of the workers, and of PostgreSQL (with our looking on)."""

    per_second: float
    cpu: tuple[float, float, float]


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
    world: World, limit: World | None, plan: Plan, key: str, what: str, once: Callable[[World, int], Took], aim: str
) -> Iterator[Figure]:
    """As many runs a repetition as take about the planned time, found by a first one that also warms up."""
    count = _count(world, plan, once)
    speed, ratio = Figure(key, what, "runs/s"), Figure(f"{key}_ratio", "  of the limit, 3 commits", "", aim=aim)
    spent = {part: Figure(f"{key}_cpu_{part}_ms", f"  processor time of a run: {part}", "ms") for part in PARTS}
    most = 0.0
    for number in range(1, plan.rounds + 1):
        if limit is not None:
            with world.processes.held():
                most = runs_per_second(limit, Variant(), CLIENTS, max(plan.seconds // 2, 1))
        world.rig.calm()
        took = once(world, count)
        speed.samples.append(took.per_second)
        for part, seconds in zip(PARTS, took.cpu, strict=True):
            spent[part].samples.append(1000 * seconds / count)
        if limit is not None:
            ratio.samples.append(took.per_second / most)
        beside = f", {ratio.samples[-1]:.2f} of the limit" if limit is not None else ""
        cpu = " + ".join(f"{spent[part].samples[-1]:.2f}" for part in PARTS)
        say(f"{what}: {took.per_second:,.0f} runs/s{beside}, {cpu} ms ({count} runs, {number} of {plan.rounds})")
    for figure in (speed, *((ratio, *spent.values()) if limit is not None else ())):
        figure.load = os.getloadavg()[0]
        yield figure


def _count(world: World, plan: Plan, once: Callable[[World, int], Took]) -> int:
    count = FEW
    while (rate := once(world, count).per_second) * plan.seconds > 4 * count and count < MOST:
        count = int(min(max(rate * plan.seconds / 2, 2 * count), MOST))
    return int(min(max(rate * plan.seconds, FEW), MOST))


def one_by_one(world: World, count: int, bare: bool = False) -> Took:
    """A producer starts each run in a transaction of its own while the workers work: from the first row to the last end."""
    producer = world.processes.producer(starts(world, count, threads=PRODUCER_THREADS, bare=bare))
    wait_for_all(world)
    began, used = time.time(), _used(world)
    producer.go()
    done = producer.wait()
    wait_for_all(world)
    work, postgres = (now - before for now, before in zip(_used(world), used, strict=True))
    return Took(check(world, count, began, ONE_BY_ONE, bare), (done["cpu"], work, postgres))


def due_together(world: World, count: int, bare: bool = False) -> Took:
    """Rows that become due at one instant: from that instant to the last end."""
    began, ahead = time.time(), AHEAD_SECONDS + count / 20_000
    queue_ahead(world, count, ahead)
    time.sleep(max(began + ahead - time.time() - 0.1, 0))
    used = _used(world)
    wait_for_all(world)
    work, postgres = (now - before for now, before in zip(_used(world), used, strict=True))
    return Took(check(world, count, began, TOGETHER, bare), (0.0, work, postgres))


def _used(world: World) -> tuple[float, float]:
    return world.processes.seconds(), world.rig.postgres_seconds()
