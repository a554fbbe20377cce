"""An upgrade while everything goes on: the schema is brought to head beside processes of the release before, then processes of both releases work side by side."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from storage import open_storage
from storage.migrate import migrate
from tests.faults.case import case, until_said, workers
from tests.faults.earlier import earlier
from tests.faults.system import Asked, System, make_person

MOST_MIGRATIONS = 3
GRACE_SECONDS = 20
NOT_WELL = "SELECT id, status, error FROM nod.runs WHERE status <> 'succeeded'"


@case("upgrade", small=9, large=180, people=0)
def both_releases_at_work_while_the_schema_changes(system: System, size: int) -> list[Asked]:
    """The code of up to three migrations ago works while the schema is brought to head, and goes on after it beside today's; one after the other is killed or told to stop,
    and today's take their places."""
    before = earlier(system, 1 if size < 30 else system.chance.randint(1, MOST_MIGRATIONS))
    before.migrate()
    for name in ("worker 0", "worker 1", "scheduler 0"):
        before.begin(name)
    with before.tapper() as tapper:
        asked = tapper.tap(size // 3)
        with _meanwhile(lambda: migrate(system.settings)):
            asked += tapper.tap(size // 3)
        system.storage = open_storage(system.settings)
        system.people += [make_person(system, number) for number in range(2)]
        theirs = len(system.people) - 2
        system.start("worker 0")
        system.start("scheduler 0")
        for number in range(size // 3):
            asked += tapper.tap(1)
            one = system.suggest(f"N{system.seed} {number}", "keyed", system.people[theirs + number % 2])
            until_said(one)
            asked.append(one)
            if number % 5 == 2:
                # Whatever a dead one of either release held is taken over by one of the other.
                name = system.chance.choice([n for n in system.running if "worker" in n])
                system.kill(name)
                if name.startswith("earlier"):
                    before.begin(name.removeprefix("earlier "))
                else:
                    system.start(name)
    for name in [name for name in system.running if name.startswith("earlier")]:
        child = system.running[name]
        child.terminate()
        assert child.wait(GRACE_SECONDS) == 0, f"{name} did not stop in order"
        del system.running[name]
    workers(system)
    system.wait(lambda: not _not_well(system), 120, "every run to end well")
    return asked


def _not_well(system: System) -> list[tuple[object, ...]]:
    with system.owner() as owner:
        return owner.execute(NOT_WELL).fetchall()


@contextmanager
def _meanwhile(what: Callable[[], None]) -> Iterator[None]:
    """Does it in a thread beside the block, which ends when both have. What it raises, the block raises."""
    trouble: list[BaseException] = []

    def surely() -> None:
        try:
            what()
        except BaseException as why:
            trouble.append(why)

    doing = threading.Thread(target=surely)
    doing.start()
    try:
        yield
    finally:
        doing.join()
    if trouble:
        raise AssertionError(f"it could not be done meanwhile: {trouble[0]}") from trouble[0]
