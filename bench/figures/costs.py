"""What a run costs in ways that do not hang on the machine: commits, statements, round trips, bytes of the write-ahead log; and what an idle worker costs."""

import os
import time
from collections.abc import Iterator
from contextlib import ExitStack, closing
from dataclasses import dataclass

from bots.wiring import load_dialogs
from core.kernel.actor import Actor
from storage import open_storage

from bench.figure import Figure
from bench.figures.taps import taps
from bench.finished import wait_for_all
from bench.plan import Plan
from bench.progress import say
from bench.rig import Rig
from bench.web import browser
from bench.wire import Counts, wire
from bench.world import World, fresh_world, starts

RATE, WARM = 20, 40
WAL = "SELECT wal_bytes::bigint FROM pg_stat_wal"
COMMITS = "SELECT xact_commit FROM pg_stat_database WHERE datname = current_database()"
SESSIONS = "SELECT count(*) FROM pg_stat_activity WHERE usename = 'nod_app' AND datname = current_database()"
STATEMENTS = r"""
SELECT sum(calls) FROM public.pg_stat_statements WHERE dbid = (SELECT oid FROM pg_database WHERE datname = current_database())
AND userid = 'nod_app'::regrole AND query !~ '^(BEGIN|COMMIT|ROLLBACK|DEALLOCATE)' AND query !~ 'FOR KEY SHARE OF x$'"""


@dataclass(frozen=True)
class Episode:
    """What was counted while a worker and a producer lived: by PostgreSQL (over their whole lives), and on their wires (while runs were started)."""

    commits: int
    statements: int
    wal_bytes: int
    start: Counts
    work: Counts
    cpu: float
    seconds: float


def measure(rig: Rig, plan: Plan) -> Iterator[Figure]:
    """Runs started one by one at a leisurely pace, so that each is claimed and finished alone, less what the same processes do in the same time without
    any."""
    load_dialogs()
    count = RATE * 2 * plan.seconds
    seconds = 1.5 + count / RATE
    with fresh_world(rig) as world:
        world.owner.execute(f"ALTER DATABASE {world.database} SET pg_stat_statements.track = 'top'".encode())
        idle, busy = _episode(world, seconds, 0), _episode(world, seconds, count)
    say(f"{count} runs, {busy.work.statements} statements to carry them out")
    per_start, per_work = busy.start - idle.start, busy.work - idle.work
    both = per_start.trips + per_work.trips
    for key, what, unit, value, aim in (
        ("commits_per_run", "commits a run (pg_stat_database)", "", busy.commits - idle.commits, "≤ 3"),
        ("statements_per_run", "statements a run (pg_stat_statements)", "", busy.statements - idle.statements, ""),
        ("round_trips_per_run", "round trips a run", "", both, "≤ 4"),
        ("start_round_trips_per_run", "  of them to start it", "", per_start.trips, ""),
        ("work_round_trips_per_run", "  of them to carry it out", "", per_work.trips, ""),
        ("start_commits_per_run", "commits to start a run", "", per_start.commits, ""),
        ("work_commits_per_run", "commits to carry a run out", "", per_work.commits, ""),
        ("start_statements_per_run", "statements to start a run", "", per_start.statements, ""),
        ("work_statements_per_run", "statements to carry a run out", "", per_work.statements, ""),
        ("wal_bytes_per_run", "write-ahead log of a run", "bytes", busy.wal_bytes - idle.wal_bytes, ""),
    ):
        yield Figure(key, what, unit, [value / count], os.getloadavg()[0], aim)
    with fresh_world(rig) as world:
        _tapping(world, 1)
        nothing, tapped = _tapping(world, 0), _tapping(world, RATE)
    an_approval = Figure("commits_per_approval", "commits an approval: tap, effect, cards", "")
    an_approval.samples, an_approval.load = [(tapped - nothing) / RATE], os.getloadavg()[0]
    yield an_approval
    cpu = 100 * idle.cpu / idle.seconds
    yield Figure("idle_worker_cpu_percent", "an idle worker, of one core", "%", [cpu], os.getloadavg()[0], "≤ 2")


def _episode(world: World, seconds: float, count: int) -> Episode:
    """A worker and a producer, who starts `count` runs within `seconds`. PostgreSQL counts a session's work for certain once it has ended."""
    folder, url = world.rig.folder / f"wires-{count}", world.rig.url(world.database)
    before = [world.number(query) for query in (COMMITS, STATEMENTS, WAL)]
    with ExitStack() as stack:
        # Our own looking on is one transaction, not one a look.
        stack.enter_context(world.owner.transaction())
        starting, working = (stack.enter_context(wire(url, folder / name)) for name in ("start", "work"))
        worker = world.processes.worker(NOD_DATABASE_URL=working.url)
        producer = world.processes.producer(starts(world, count, threads=1, rate=RATE, warm=WARM), starting.url)
        wait_for_all(world)
        start, work, cpu = starting.counts.copy(), working.counts.copy(), sum(worker.cpu_times()[:2])
        until = time.monotonic() + seconds
        producer.go()
        producer.wait()
        wait_for_all(world)
        time.sleep(max(until - time.monotonic(), 0))
        start, work, cpu = starting.counts - start, working.counts - work, sum(worker.cpu_times()[:2]) - cpu
        world.processes.stop()
    _wait_for_sessions(world)
    commits, statements, wal = (
        world.number(query) - was for query, was in zip((COMMITS, STATEMENTS, WAL), before, strict=True)
    )
    return Episode(commits, statements, wal, start, work, cpu, seconds)


def _tapping(world: World, count: int) -> int:
    """Commits while a web process and a worker lived in which `count` suggestions were approved and done."""
    before = world.number(COMMITS)
    with browser(world) as page, closing(open_storage(world.settings)) as storage:
        world.processes.worker()
        known = storage.directory.by_email("you@localhost")
        if known is None:
            raise RuntimeError("the web process did not make the local person")
        taps(world, storage, Actor(known.user_id, known.workspace_id, known.role, "web"), page, count)
        world.processes.stop()
    _wait_for_sessions(world)
    return world.number(COMMITS) - before


def _wait_for_sessions(world: World) -> None:
    while world.number(SESSIONS):
        time.sleep(0.05)
