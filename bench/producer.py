"""`python -m bench.producer`: starts runs through the core use case, each in its own transaction, as a door does.

Reads a plan as one line of JSON: `people` (rows of ids), `count`, `threads`, `rate` (starts a second, or null: as fast as it can), `warm` (so many
are started first, at the same rate, which do not count, after one a thread at once: a door that has been there for a while has its connections), `bare` (write no events). Says `ready`, waits for a line, works, and says what it did."""

import json
import sys
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from uuid import UUID

import structlog
from core.kernel.actor import Actor
from core.kernel.settings import settings
from core.orchestration.start import start
from storage import Storage, open_storage

from bench.bare import strip
from bench.pace import at_chance_moments
from bench.skills import join


def main() -> None:
    """Runs one plan."""
    structlog.configure(logger_factory=structlog.PrintLoggerFactory(sys.stderr))
    join()
    plan = json.loads(sys.stdin.readline())
    if plan["bare"]:
        strip()
    storage = open_storage(settings())
    people = [[UUID(id) for id in row] for row in plan["people"]]
    if plan["warm"]:
        _connect(storage, people, plan["threads"])
    for number in range(plan["warm"]):
        _start(storage, people[number % len(people)])
        time.sleep(1 / plan["rate"] if plan["rate"] else 0)
    print("ready", flush=True)
    sys.stdin.readline()
    done = _produce(storage, people, plan)
    print(json.dumps(done), flush=True)
    storage.close()


def _connect(storage: Storage, people: list[list[UUID]], threads: int) -> None:
    """Starts as many at the same time: each of them on a connection of its own."""
    together = threading.Barrier(threads, timeout=30)
    with ThreadPoolExecutor(threads) as pool:
        list(pool.map(lambda number: _start(storage, people[number % len(people)], together.wait), range(threads)))


def _produce(storage: Storage, people: list[list[UUID]], plan: dict[str, Any]) -> dict[str, float]:
    began, used = time.monotonic(), time.process_time()
    late = at_chance_moments(
        plan["count"], plan["rate"], plan["threads"], lambda number: _start(storage, people[number % len(people)])
    )
    return {
        "started": plan["count"],
        "seconds": time.monotonic() - began,
        "late": late,
        "cpu": time.process_time() - used,
    }


def _start(storage: Storage, row: list[UUID], ready: Callable[[], object] = lambda: None) -> None:
    workspace_id, user_id, agent_id = row
    with storage.work(workspace_id, user_id) as work:
        start(work, Actor(user_id, workspace_id, "owner", "api"), agent_id, "manual", {})
        ready()
        work.commit()


if __name__ == "__main__":
    main()
