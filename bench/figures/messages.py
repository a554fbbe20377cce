"""Figure 1: how many messages that do nothing one process hears a second, and how long one waits; Dramatiq as it comes, and ours."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator

from bench.figure import Figure, quantile
from bench.plan import Plan
from bench.processes import ROOT
from bench.progress import say
from bench.rig import Rig
from bench.world import fresh_world

COUNT = 1_000


def measure(rig: Rig, plan: Plan) -> Iterator[Figure]:
    """Both brokers in turn."""
    figures = {
        kind: (
            Figure(f"messages_{kind}_per_s", f"messages a second, {name}", "/s"),
            Figure(f"message_{kind}_p50_ms", f"  sent → heard at 10/s: p50, {name}", "ms"),
            Figure(f"message_{kind}_p99_ms", f"  sent → heard at 10/s: p99, {name}", "ms"),
        )
        for kind, name in (("stock", "Dramatiq as it comes"), ("ours", "our broker"))
    }
    with fresh_world(rig) as world:
        for number in range(1, plan.rounds + 1):
            for kind, (speed, middle, worst) in figures.items():
                done = subprocess.run(
                    [sys.executable, "-m", "bench.messages", kind, str(COUNT * plan.seconds), str(10 * plan.seconds)],
                    cwd=ROOT, env=rig.environment(world.database), capture_output=True, text=True, check=True,
                )  # fmt: skip
                found = json.loads(done.stdout.splitlines()[-1])
                speed.samples.append(found["per_second"])
                middle.samples.append(1000 * quantile(found["waits"], 0.5))
                worst.samples.append(1000 * quantile(found["waits"], 0.99))
                say(
                    f"{speed.what}: {speed.samples[-1]:,.0f}, p99 {worst.samples[-1]:.1f} ms ({number} of {plan.rounds})"
                )
    for three in figures.values():
        for figure in three:
            figure.load = os.getloadavg()[0]
            yield figure
