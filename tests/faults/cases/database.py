"""PostgreSQL killed and restarted under load, its sessions ended, its commits unheard, in deadlocks, without a free connection."""

import random
import threading
import time
from contextlib import ExitStack, closing

import psycopg

from storage import open_storage
from tests.faults.case import ask, case, until_said, workers
from tests.faults.line import line
from tests.faults.system import Asked, Needs, System

STORMERS = 4
LOCKED = ("suggestions", "action_executions", "deliveries", "connections", "agents")
PATIENT = "300ms"


@case("postgres", small=12, large=200)
def killed_again_and_again_under_load(system: System, size: int) -> list[Asked]:
    """SIGKILL for every process of the server, crash recovery, on it goes; also in the middle of a commit."""
    asked = ask(system, size)
    workers(system)
    for number, one in enumerate(asked):
        until_said(one)
        if number % max(size // 25, 4) == 2:
            system.kill_server("postgres")
    return asked


@case("postgres", small=18, large=300)
def sessions_ended_at_any_moment(system: System, size: int) -> list[Asked]:
    """pg_terminate_backend for some of them, again and again."""
    asked = ask(system, size)
    workers(system)
    for one in asked:
        until_said(one)
        with system.owner() as owner:
            owner.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE backend_type = 'client backend'"
                " AND pid <> pg_backend_pid() AND random() < 0.3"
            )
    return asked


@case("postgres", small=12, large=200)
def commits_that_nobody_hears_of(system: System, size: int) -> list[Asked]:
    """The server has committed, and the line breaks before it can say so: to workers, and to people."""
    asked = ask(system, size)
    with line(system.settings, system.folder / "line", random.Random(system.seed)) as broken:
        with closing(open_storage(broken.settings)) as heard:
            system.otherwise = broken.settings
            workers(system)
            for world in system.people:
                world.storage = heard
            broken.unheard = 0.2
            for one in asked:
                until_said(one)
        system.wait(lambda: _ready(system) == 0, 120, "all to be begun")
        for name in sorted(system.running):
            system.kill(name)
        for world in system.people:
            world.storage = system.storage
        system.otherwise = None
        assert broken.cuts, "every commit was heard"
    workers(system)
    return asked


@case("postgres", small=18, large=200, needs=Needs(postgres=(("deadlock_timeout", "20ms"),)))
def deadlocks_again_and_again(system: System, size: int) -> list[Asked]:
    """Strangers lock the same rows in every order; the product's own transactions are the ones that are ended."""
    asked = ask(system, size)
    workers(system)
    over = threading.Event()
    storm = [
        threading.Thread(target=_lock, args=(system, random.Random(system.seed + n), over)) for n in range(STORMERS)
    ]
    for one in storm:
        one.start()
    try:
        for one in asked:
            until_said(one)
        system.wait(lambda: _ready(system) < size / 3, 120, "some to be begun")
    finally:
        over.set()
        for one in storm:
            one.join()
    with system.owner() as owner:
        row = owner.execute("SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()").fetchone()
    assert row and row[0], "there was no deadlock"
    return asked


@case("postgres", small=12, large=150, needs=Needs(postgres=(("max_connections", "50"),)))
def every_connection_taken_by_a_stranger(system: System, size: int) -> list[Asked]:
    """Somebody else takes all that are free, again and again; workers that start meanwhile get none."""
    asked = ask(system, size)
    workers(system)
    stretch = max(size // 10, 4)
    with ExitStack() as taken:
        for number, one in enumerate(asked):
            if number % stretch == 1:
                _take_all(system, taken)
                name = system.chance.choice(sorted(system.running))
                system.kill(name)
                system.start(name)
            until_said(one)
            if number % stretch == stretch - 1:
                # Whoever asked meanwhile has been refused by now.
                time.sleep(1.0)
                taken.close()
    return asked


def _take_all(system: System, taken: ExitStack) -> None:
    """Every connection that is free, those for superusers too."""
    while True:
        try:
            taken.enter_context(system.owner())
        except psycopg.OperationalError:
            return


def _lock(system: System, chance: random.Random, over: threading.Event) -> None:
    """Rows of some tables one after the other, in any order, until it is over. Who waits here is patient: others notice the deadlock first."""
    with system.owner() as owner:
        owner.execute("SELECT set_config('deadlock_timeout', %s, false)", (PATIENT,))
        while not over.is_set():
            try:
                with owner.transaction():
                    for table in chance.sample(LOCKED, 3):
                        question = f"SELECT FROM nod.{table} WHERE id IN (SELECT id FROM nod.{table} ORDER BY random() LIMIT 4) FOR UPDATE"
                        owner.execute(question.encode())
                        owner.execute("SELECT pg_sleep(0.01)")
            except psycopg.Error:
                if owner.broken:
                    return


def _ready(system: System) -> int:
    with system.owner() as owner:
        row = owner.execute("SELECT count(*) FROM nod.action_executions WHERE status = 'ready' AND attempts = 0")
        return (row.fetchone() or (0,))[0]
