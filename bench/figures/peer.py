"""Figure 3 once more, in turn with procrastinate on the same PostgreSQL: what is an aim in milliseconds on one machine is a ratio on every other."""

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import TextIO

from bench.figure import Figure, quantile
from bench.figures.latency import RATE, THREADS, paced
from bench.figures.throughput import one_by_one
from bench.plan import Plan
from bench.processes import ROOT
from bench.progress import say
from bench.rig import Rig
from bench.world import fresh_world

PEER = ROOT / "bench" / "peer"
# uv makes the environment, and keeps it.
INSTALLED = [
    str(Path(sys.executable).with_name("uv")), "run", "--quiet", "--no-project", "--python", sys.executable,
    "--with-requirements", str(PEER / "requirements.txt"),
]  # fmt: skip
DATABASE = "bench_peer"
WARM, PRODUCERS = 10, 2
DEFERRED = (
    "SELECT job_id, extract(epoch FROM at)::float8 FROM procrastinate_events WHERE type = 'deferred' ORDER BY job_id"
)


def measure(rig: Rig, plan: Plan) -> Iterator[Figure]:
    """Ten a second each, two workers of eight: from the row to the first step, and from the row to the task's first line."""
    names = {"ours": "due → first step", "peer": "procrastinate: deferred → first line"}
    figures = {
        (who, part): Figure(f"beside_{who}_{part}_ms", f"{what}, {RATE}/s: {part}", "ms")
        for who, what in names.items()
        for part in ("p50", "p99")
    }
    ratio = Figure("start_p99_of_peers_ratio", "p99 of the first to that of the other", "×", aim="≤ 0.94")
    count = 4 * plan.seconds * RATE
    for number in range(1, plan.rounds + 1):
        for who, seconds in (("ours", _ours(rig, count)), ("peer", _theirs(rig, count))):
            figures[who, "p50"].samples.append(1000 * quantile(seconds, 0.5))
            figures[who, "p99"].samples.append(1000 * quantile(seconds, 0.99))
        ours, theirs = (figures[who, "p99"].samples[-1] for who in names)
        ratio.samples.append(ours / theirs)
        say(f"p99 of ours {ours:.1f}, of procrastinate {theirs:.1f} ms ({number} of {plan.rounds})")
    for figure in (*figures.values(), ratio):
        figure.load = os.getloadavg()[0]
        yield figure


def _ours(rig: Rig, count: int) -> list[float]:
    with fresh_world(rig) as world:
        for _ in range(2):
            world.processes.worker()
        one_by_one(world, 100)
        return paced(world, RATE, count / RATE)


def _theirs(rig: Rig, count: int) -> list[float]:
    rig.drop(DATABASE)
    with rig.owner("postgres") as server:
        server.execute(f"CREATE DATABASE {DATABASE}".encode())
    listening, speaking = os.pipe()
    environment = {
        **os.environ,
        "PEER_DATABASE": rig.url(DATABASE),
        "PEER_SAYS": str(speaking),
        "PYTHONPATH": f"{ROOT}{os.pathsep}{PEER}",
    }
    tool = [*INSTALLED, "procrastinate", "--app", "tasks.app"]
    subprocess.run([*tool, "schema", "--apply"], env=environment, check=True, capture_output=True)
    with ExitStack() as stack:
        said = stack.enter_context(os.fdopen(listening))
        for _ in range(2):
            worker = subprocess.Popen(
                [*tool, "worker", "--concurrency", str(THREADS)],
                env=environment,
                pass_fds=(speaking,),
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
            )
            stack.callback(worker.wait)
            stack.callback(worker.terminate)
        os.close(speaking)
        _defer(environment, WARM, 0)
        _heard(said, WARM)  # workers are there
        _defer(environment, count, WARM)
        began = _heard(said, WARM + count)
    with rig.owner(DATABASE) as owner:
        return [began[job] - at for job, at in owner.execute(DEFERRED).fetchall() if job in began][WARM:]


def _defer(environment: dict[str, str], count: int, warm: int) -> None:
    producer = [*INSTALLED, "python", str(PEER / "producer.py"), *map(str, (RATE, count, PRODUCERS, warm))]
    subprocess.run(producer, env={**environment, "PEER_DEFERS": "1"}, check=True)


def _heard(said: TextIO, count: int) -> dict[int, float]:
    """When the first lines of so many tasks ran (Unix seconds), by job. Raises RuntimeError when the workers ended before."""
    lines = [said.readline().split() for _ in range(count)]
    if not all(lines):
        raise RuntimeError(f"procrastinate carried out {sum(map(bool, lines))} of {count} tasks")
    return {int(job): float(at) for job, at in lines}
