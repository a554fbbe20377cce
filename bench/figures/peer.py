"""Figure 3 once more, in turn with procrastinate on the same PostgreSQL: what is an aim in milliseconds on one machine is a ratio on every other."""

import fcntl
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, closing
from pathlib import Path

import psycopg

from bench.figure import Figure, quantile
from bench.figures.latency import RATE, THREADS, paced
from bench.figures.throughput import one_by_one
from bench.plan import Plan
from bench.processes import ROOT
from bench.progress import say
from bench.rig import Rig
from bench.world import fresh_world

PEER = ROOT / "bench" / "peer"
ENVIRONMENT = ROOT / ".venv-peer"
REQUIREMENTS = PEER / "requirements.txt"
DATABASE = "bench_peer"
WARM, LONGEST = 10, 60
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
    python, count = _environment(), 4 * plan.seconds * RATE
    for number in range(1, plan.rounds + 1):
        for who, seconds in (("ours", _ours(rig, count)), ("peer", _theirs(rig, python, count))):
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


def _theirs(rig: Rig, python: Path, count: int) -> list[float]:
    rig.drop(DATABASE)
    with rig.owner("postgres") as server:
        server.execute(f"CREATE DATABASE {DATABASE}".encode())
    began = rig.folder / "peer.began"
    began.write_bytes(b"")
    environment = {
        **os.environ,
        "PEER_DATABASE": rig.url(DATABASE).replace("postgresql+psycopg:", "postgresql:"),
        "PEER_BEGAN": str(began),
        "PYTHONPATH": str(PEER),
    }
    tool = [python.with_name("procrastinate"), "--app", "tasks.app"]
    subprocess.run([*tool, "schema", "--apply"], env=environment, check=True, capture_output=True)
    with ExitStack() as stack:
        for _ in range(2):
            worker = subprocess.Popen(
                [*tool, "worker", "--concurrency", str(THREADS)],
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
            )
            stack.callback(worker.wait)
            stack.callback(worker.terminate)
        producer = subprocess.Popen(
            [python, PEER / "producer.py", str(RATE), str(count), str(WARM)],
            env={**environment, "PEER_DEFERS": "1"},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        stack.callback(producer.wait)
        stack.callback(producer.terminate)
        assert producer.stdin is not None
        assert producer.stdout is not None
        producer.stdout.readline()
        _wait(began, WARM)
        producer.stdin.write("go\n")
        producer.stdin.flush()
        producer.wait()
        _wait(began, WARM + count)
        with closing(rig.owner(DATABASE)) as owner:
            return _between(owner, began)[WARM:]


def _between(owner: psycopg.Connection, began: Path) -> list[float]:
    first = {int(job): float(at) for job, at in (line.split() for line in began.read_text().splitlines())}
    return [first[job] - at for job, at in owner.execute(DEFERRED).fetchall()]


def _wait(began: Path, count: int) -> None:
    until = time.monotonic() + LONGEST
    while (done := began.read_bytes().count(b"\n")) < count:
        if time.monotonic() > until:
            raise RuntimeError(f"procrastinate carried out {done} of {count} tasks in {LONGEST} s")
        time.sleep(0.05)


def _environment() -> Path:
    """The interpreter of an environment with procrastinate, made on first use and whenever the pinned versions change."""
    ENVIRONMENT.mkdir(exist_ok=True)
    installed, python = ENVIRONMENT / "installed.txt", ENVIRONMENT / "bin" / "python"
    with (ENVIRONMENT / "making").open("w") as turn:
        fcntl.flock(turn, fcntl.LOCK_EX)
        if not installed.exists() or installed.read_text() != REQUIREMENTS.read_text():
            uv = Path(sys.executable).with_name("uv")
            make = [uv, "venv", "--quiet", "--allow-existing", "--python", sys.executable, ENVIRONMENT]
            install = [uv, "pip", "install", "--quiet", "--compile-bytecode", "--python", python, "-r", REQUIREMENTS]
            for command in (make, install):
                subprocess.run(command, check=True, stdin=subprocess.DEVNULL)
            installed.write_text(REQUIREMENTS.read_text())
    return python
