"""Figure 3: how long after it was due the first step of a run begins."""

import os
import time
from collections.abc import Callable, Iterator

from bench.commits import bare_commits
from bench.crowd import schedules
from bench.figure import Figure, quantile
from bench.figures.throughput import one_by_one
from bench.finished import wait_for_all
from bench.plan import Plan
from bench.progress import say
from bench.rig import Rig
from bench.world import CROWD, World, fresh_world, starts

RATE = 10
THREADS = 8
PAUSE, LEAD = 2.0, 4.0
LATENCIES = """
SELECT extract(epoch FROM min(s.started_at) - r.due_at)::float8
FROM nod.runs r JOIN nod.run_steps s ON s.workspace_id = r.workspace_id AND s.run_id = r.id
WHERE r.created_at >= to_timestamp(%s) AND r.agent_id <> ALL (%s) GROUP BY r.workspace_id, r.id, r.due_at"""
FIRED = "SELECT count(*) FROM nod.runs WHERE trigger_type = 'scheduled' AND created_at >= to_timestamp(%s)"
RUNNING = "SELECT count(*) FROM nod.runs WHERE status = 'running'"


def measure(rig: Rig, plan: Plan) -> Iterator[Figure]:
    """With two workers and twenty workspaces: at ten a second, at half of what the machine carries, after idling, and beside long jobs; at half of what it carries also in one workspace."""
    with fresh_world(rig, CROWD) as world:
        for _ in range(2):
            world.processes.worker()
        one_by_one(world, 100)
        with bare_commits(world) as commits:
            yield from _pair(
                plan, "start", f"due → first step, {RATE}/s", lambda: paced(world, RATE, 4 * plan.seconds), "≤ 8"
            )
        # Two commits lie between: that it is there, and that it is somebody's.
        for part, share in (("p50", 0.5), ("p99", 0.99)):
            what = f"  a commit of nothing else meanwhile: {part}"
            yield Figure(f"commit_{part}_ms", what, "ms", [1000 * quantile(commits, share)], os.getloadavg()[0])
        yield from _pair(
            plan, "start_idle", f"due → first step, after {PAUSE:.0f} s of nothing",
            lambda: paced(world, 1 / PAUSE, 4 * plan.seconds), "≤ 50",
        )  # fmt: skip
        world.processes.scheduler()
        yield from _pair(
            plan,
            "scheduled",
            f"schedule due → first step, {RATE}/s",
            lambda: scheduled(world, RATE, 4 * plan.seconds),
            "≤ 8",
        )
        yield from _at_half(world, plan, "start_half", f"{CROWD} workspaces")
    with fresh_world(rig) as world:
        for _ in range(2):
            world.processes.worker()
        one_by_one(world, 100)
        yield from _at_half(world, plan, "start_half_of_one", "one workspace")
    with fresh_world(rig, CROWD) as world:
        busy = world.processes.worker(NOD_WORKER_THREADS=str(THREADS))
        _fill(world)
        world.processes.worker()
        yield from _pair(
            plan, "start_beside_long", f"due → first step, {RATE}/s, one of two workers full of long jobs",
            lambda: paced(world, RATE, 4 * plan.seconds, long=THREADS), "≤ 1000",
        )  # fmt: skip
        world.processes.kill(busy)


def _at_half(world: World, plan: Plan, key: str, where: str) -> Iterator[Figure]:
    half = max(one_by_one(world, 300 * plan.seconds).per_second for _ in range(min(plan.rounds, 3))) / 2
    yield Figure(f"{key}_rate_per_s", f"half of the maximum, {where}", "starts/s", [half], os.getloadavg()[0])
    yield from _pair(
        plan, key, f"due → first step, {half:.0f}/s, {where}", lambda: paced(world, half, plan.seconds), "≤ 20"
    )


def paced(world: World, rate: float, seconds: float, long: int = 0) -> list[float]:
    """Seconds from due to the first step of each run that a producer started at chance moments, `rate` a second."""
    threads = max(2, min(16, int(rate / 50)))
    count = max(int(rate * seconds), 2)
    producer = world.processes.producer(starts(world, count, threads=threads, rate=rate, warm=min(10, int(rate))))
    wait_for_all(world, but=long)
    began = time.time()
    producer.go()
    done = producer.wait()
    wait_for_all(world, but=long)
    if done["late"] > 0.1:
        say(f"the producer was up to {1000 * done['late']:.0f} ms behind its plan")
    return _latencies(world, began, count)


def scheduled(world: World, rate: float, seconds: float) -> list[float]:
    """The same for schedules, each due at a chance moment of its own, fired by a scheduler."""
    count, began = int(rate * seconds), time.time()
    schedules(world, count, LEAD, apart=1 / rate)
    time.sleep(max(began + LEAD + seconds - time.time(), 0))
    while world.number(FIRED, began) < count:
        time.sleep(0.1)
    wait_for_all(world)
    return _latencies(world, began, count)


def _latencies(world: World, since: float, count: int) -> list[float]:
    rows = world.owner.execute(LATENCIES, [since, [p.long_agent_id for p in world.people]]).fetchall()
    if len(rows) != count:
        raise RuntimeError(f"of {count} runs {len(rows)} have a first step")
    return [row[0] for row in rows]


def _pair(plan: Plan, key: str, what: str, once: Callable[[], list[float]], aim: str) -> Iterator[Figure]:
    """p50 and p99 of each repetition, in milliseconds."""
    middle, worst = (
        Figure(f"{key}_p50_ms", f"{what}: p50", "ms"),
        Figure(f"{key}_p99_ms", f"{what}: p99", "ms", aim=aim),
    )
    for number in range(1, plan.rounds + 1):
        seconds = once()
        middle.samples.append(1000 * quantile(seconds, 0.5))
        worst.samples.append(1000 * quantile(seconds, 0.99))
        say(
            f"{what}: p50 {middle.samples[-1]:.1f}, p99 {worst.samples[-1]:.1f} ms of {len(seconds)} ({number} of {plan.rounds})"
        )
    middle.load = worst.load = os.getloadavg()[0]
    yield middle
    yield worst


def _fill(world: World) -> None:
    """Gives every thread of the only worker a step that takes minutes."""
    plan = starts(world, THREADS, threads=1, warm=0)
    person = world.people[0]
    plan["people"] = [[person.workspace_id, person.user_id, person.long_agent_id]]
    producer = world.processes.producer(plan)
    producer.go()
    producer.wait()
    while world.number(RUNNING) < THREADS:
        time.sleep(0.05)
