"""What a run costs in ways that do not hang on the machine: commits, statements, round trips, bytes of the write-ahead log; and what an idle worker costs."""

import time
from collections.abc import Iterator

from bench.figure import Figure
from bench.finished import wait_for_all
from bench.plan import Plan
from bench.rig import Rig
from bench.wire import Counts, wire
from bench.world import World, fresh_world, starts

RATE, WARM = 20, 40
WAL = "SELECT wal_bytes::bigint FROM pg_stat_wal"
COMMITS = "SELECT xact_commit FROM pg_stat_database WHERE datname = current_database()"
STATEMENTS = r"""
SELECT sum(calls) FROM public.pg_stat_statements WHERE dbid = (SELECT oid FROM pg_database WHERE datname = current_database())
AND query !~ '^(BEGIN|COMMIT|ROLLBACK|DEALLOCATE)' AND query !~ 'FOR KEY SHARE OF x$'"""


def measure(rig: Rig, plan: Plan) -> Iterator[Figure]:
    """Runs started one by one at a leisurely pace, so that each is claimed and finished alone; what the same processes do anyway in the same time is
    taken off."""
    with fresh_world(rig) as world:
        world.owner.execute(f"ALTER DATABASE {world.database} SET pg_stat_statements.track = 'top'".encode())
        url, count = world.rig.url(world.database), RATE * 2 * plan.seconds
        with wire(url, rig.folder / "wire-start") as starting, wire(url, rig.folder / "wire-work") as working:
            worker = world.processes.worker(NOD_DATABASE_URL=working.url)
            producer = world.processes.producer(starts(world, count, threads=1, rate=RATE, warm=WARM), starting.url)
            wait_for_all(world)
            idle = _Window(world, starting.counts, working.counts)
            cpu_before = sum(worker.cpu_times()[:2])
            time.sleep(3 * plan.seconds)
            cpu = sum(worker.cpu_times()[:2]) - cpu_before
            idle.close()
            yield _one("idle_worker_cpu_percent", "an idle worker, of one core", "%", 100 * cpu / idle.seconds, "≤ 2")
            busy = _Window(world, starting.counts, working.counts)
            producer.go()
            producer.wait()
            wait_for_all(world)
            busy.close()
    yield from busy.figures(idle, count)


class _Window:
    """What was counted between two moments."""

    def __init__(self, world: World, starting: Counts, working: Counts) -> None:
        self._world, self._wires = world, (starting, working)
        self._began, self._first = time.monotonic(), self._now()
        self.seconds, self.counted = 0.0, self._first

    def close(self) -> None:
        """Ends here, after the database's own counters have caught up."""
        self.seconds = time.monotonic() - self._began
        wires = self._now()[:6]
        time.sleep(1.5)
        late = self._now()[6:]
        self.counted = tuple(a - b for a, b in zip((*wires, *late), self._first, strict=True))

    def _now(self) -> tuple[int, ...]:
        asked = tuple(self._world.number(query) for query in (COMMITS, STATEMENTS, WAL))
        return (*(n for c in self._wires for n in (c.trips, c.statements, c.commits)), *asked)

    def figures(self, idle: "_Window", count: int) -> Iterator[Figure]:
        """Per run, without what was counted while nothing happened."""
        # The database's own counters went on for the time that they were waited for.
        longer = (self.seconds + 1.5) / (idle.seconds + 1.5)
        factors = [self.seconds / idle.seconds] * 6 + [longer] * 3
        names = [
            f"{part}_{what}" for part in ("start", "work") for what in ("round_trips", "statements", "commits")
        ] + ["commits", "statements", "wal_bytes"]  # fmt: skip
        per = {
            name: (busy - quiet * factor) / count
            for name, busy, quiet, factor in zip(names, self.counted, idle.counted, factors, strict=True)
        }
        yield _one("commits_per_run", "commits a run (pg_stat_database)", "", per["commits"], "≤ 3")
        yield _one("statements_per_run", "statements a run (pg_stat_statements)", "", per["statements"])
        trips = per["start_round_trips"] + per["work_round_trips"]
        yield _one("round_trips_per_run", "round trips a run", "", trips, "≤ 4")
        yield _one("start_round_trips_per_run", "  of them to start it", "", per["start_round_trips"])
        yield _one("work_round_trips_per_run", "  of them to carry it out", "", per["work_round_trips"])
        yield _one("start_commits_per_run", "commits to start a run", "", per["start_commits"])
        yield _one("work_commits_per_run", "commits to carry a run out", "", per["work_commits"])
        yield _one("start_statements_per_run", "statements to start a run", "", per["start_statements"])
        yield _one("work_statements_per_run", "statements to carry a run out", "", per["work_statements"])
        yield _one("wal_bytes_per_run", "write-ahead log of a run", "bytes", per["wal_bytes"])


def _one(key: str, what: str, unit: str, value: float, aim: str = "") -> Figure:
    return Figure(key, what, unit, [value], aim=aim)
