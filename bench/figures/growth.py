"""Figure 6: how the time of the queries that people and processes wait for grows with the tables. As the app role, under RLS, with the signed context,
through the product's own repositories; timed by PostgreSQL (planning and execution, pg_stat_statements), so that nothing else is in it."""

import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import closing
from statistics import median
from typing import Any
from uuid import UUID

from core.kernel.ids import new_id
from core.orchestration.batches import Rung
from storage import Storage, open_storage

from bench.crowd import queue_ahead, schedules
from bench.figure import Figure
from bench.history import grow, make_months
from bench.plan import Plan
from bench.progress import say
from bench.rig import Rig
from bench.suggest import suggest
from bench.world import CROWD, World, fresh_world

LEVELS = (10_000, 100_000, 1_000_000)
HUGE, ROOM_FOR_HUGE = 10_000_000, 60 * 2**30
LIVE, CALLS = 50, 100
TIME = """
SELECT sum(total_exec_time + total_plan_time) FROM public.pg_stat_statements
WHERE userid = 'nod_app'::regrole AND dbid = (SELECT oid FROM pg_database WHERE datname = current_database())
AND query !~ '^(BEGIN|COMMIT|ROLLBACK|DEALLOCATE|SELECT set_config)'"""
BACK = """
UPDATE nod.runs SET status = 'queued', attempt = 0, lease_until = NULL, started_at = NULL WHERE workspace_id = %s AND status = 'running'"""
Question = Callable[[], object]


def measure(rig: Rig, plan: Plan) -> Iterator[Figure]:
    """Each question at each size, and the ratio of 10⁶ to 10⁴."""
    levels = (1_000, 10_000) if plan.quick else LEVELS
    if not plan.quick and shutil.disk_usage(rig.folder).free > ROOM_FOR_HUGE:
        levels = (*levels, HUGE)
    times: dict[str, dict[int, Figure]] = {}
    with fresh_world(rig, CROWD) as world:
        world.owner.execute(f"ALTER DATABASE {world.database} SET pg_stat_statements.track = 'top'".encode())
        world.owner.execute(f"ALTER DATABASE {world.database} SET pg_stat_statements.track_planning = on".encode())
        make_months(world)
        with closing(open_storage(world.settings.model_copy(update={"redis_url": None}))) as storage:
            suggest(storage, world.people[0].actor, LIVE)
            queue_ahead(world, LIVE * len(world.people), 0)
            schedules(world, LIVE, 0)
            below = 0
            for level in levels:
                grow(world, below, level)
                below = level
                for name, ask in _questions(storage, world).items():
                    figure = Figure(
                        f"growth_{name}_{_power(level)}_ms", f"{name.replace('_', ' ')} at {level:,} rows", "ms"
                    )
                    figure.samples = [_timed(world, ask) for _ in range(plan.rounds)]
                    figure.load = os.getloadavg()[0]
                    times.setdefault(name, {})[level] = figure
                    say(f"{figure.what}: {figure.median:.3f} ms")
                    yield figure
    for name, by_level in times.items():
        for level in levels[1:]:
            if level in (levels[-1], LEVELS[-1]):
                ratio = median(by_level[level].samples) / median(by_level[levels[0]].samples)
                aim = "≤ 2" if level == LEVELS[-1] else ""
                yield Figure(
                    f"growth_{name}_ratio_{_power(level)}",
                    f"{name.replace('_', ' ')}: {level:,} to {levels[0]:,}",
                    "×",
                    [ratio],
                    aim=aim,
                )


def _questions(storage: Storage, world: World) -> dict[str, Question]:
    """What is asked, each in a transaction of its own that changes nothing."""
    person = world.people[0]
    run_id = _one(
        world, "SELECT id FROM nod.runs WHERE workspace_id = %s AND status = 'queued' LIMIT 1", person.workspace_id
    )
    old_id = _one(
        world,
        "SELECT id FROM nod.runs WHERE workspace_id = %s AND status = 'succeeded' ORDER BY id LIMIT 1",
        person.workspace_id,
    )

    def inside(ask: Callable[[Any], object]) -> Question:
        def question() -> None:
            with storage.work(person.workspace_id, person.user_id) as work:
                ask(work)

        return question

    return {
        "inbox_page": inside(_inbox),
        "run_list": inside(lambda work: work.runs.page(None, 21)),
        "run_list_of_agent": inside(lambda work: work.runs.page(None, 21, agent_id=person.agent_id)),
        "run_list_failed": inside(lambda work: work.runs.page(None, 21, status="failed")),
        "run_with_steps": inside(lambda work: (work.runs.get(old_id), work.runs.steps(old_id))),
        "claim": inside(lambda work: work.runs.claim(run_id, 20.0)),
        "claim_batch": lambda: _claimed(storage, world),
        "tick": lambda: storage.due.due("triggers", 500),
        "sweep": lambda: (storage.due.due("runs", 200), storage.due.due("suggestions", 200)),
        "depth": storage.due.depth,
    }  # fmt: skip


def _claimed(storage: Storage, world: World) -> None:
    """A batch is claimed, and put back by the superuser, whose time is not counted."""
    person = world.people[0]
    storage.batches.claim([Rung(person.workspace_id, person.user_id, new_id())], 20.0)
    world.owner.execute(BACK, [person.workspace_id])


def _inbox(work: Any) -> None:
    """As the dialog asks: those that wait, how many there are, and what the first page shows of them."""
    waiting = work.suggestions.page(None, 300, status="pending")
    work.suggestions.count("pending")
    work.suggestions.count("snoozed")
    work.suggestions.newest(waiting[:6])


def _timed(world: World, ask: Question) -> float:
    """Milliseconds in PostgreSQL of one call, on average of many, warm."""
    world.owner.execute("VACUUM nod.runs, nod.triggers")
    for _ in range(10):
        ask()
    world.owner.execute("SELECT public.pg_stat_statements_reset()")
    for _ in range(CALLS):
        ask()
    row = world.owner.execute(TIME).fetchone()
    assert row is not None
    return float(row[0]) / CALLS


def _one(world: World, query: str, *values: object) -> UUID:
    row = world.owner.execute(query.encode(), values).fetchone()
    assert row is not None
    return row[0]


def _power(level: int) -> str:
    return f"1e{len(str(level)) - 1}"
