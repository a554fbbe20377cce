"""What row-level security, events and metering cost together: runs a second with them, and on a database and in processes without them (bench/bare.py says how
they are taken away), in turn, while the other ones stand still."""

import os
from collections.abc import Iterator

from bench.bare import BARE, undress, written
from bench.figure import Figure
from bench.figures.throughput import due_together, one_by_one
from bench.plan import Plan
from bench.progress import say
from bench.rig import Rig
from bench.world import CROWD, fresh_world

WAYS = {"": ("one by one", one_by_one, 100), "due_": ("due together", due_together, 1000)}


def measure(rig: Rig, plan: Plan) -> Iterator[Figure]:
    """Two workers each, twenty workspaces."""
    with fresh_world(rig, CROWD) as whole, fresh_world(rig, CROWD, BARE) as bare:
        undress(bare)
        before = written(bare)
        for world in (whole, bare):
            for _ in range(2):
                world.processes.worker(**({"BENCH_BARE": "1"} if world is bare else {}))
        for key, (name, once, a_second) in WAYS.items():
            figure = Figure(
                f"promises_cost_{key}percent", f"policies, events and metering, runs {name}", "%", aim="≤ 25"
            )
            count = a_second * plan.seconds
            for number in range(plan.rounds + 1):
                with bare.processes.held():
                    slower = once(whole, count).per_second
                with whole.processes.held():
                    faster = once(bare, count, bare=True).per_second
                if number:
                    figure.samples.append(100 * (1 - slower / faster))
                    say(f"{figure.what}: {slower:,.0f} runs/s with, {faster:,.0f} without ({number} of {plan.rounds})")
            figure.load = os.getloadavg()[0]
            yield figure
        if written(bare) != before:
            raise RuntimeError("events or metering were written where there should be none: the figure is wrong")
