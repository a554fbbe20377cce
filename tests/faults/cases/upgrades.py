"""An upgrade while everything goes on: the schema is brought to head beside processes of the release before, then processes of both releases work side by side."""

import shutil
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from storage import migrate as schema
from storage import open_storage
from storage.migrate import at_head, head, migrate
from tests.faults.case import ask, case, until_said, workers
from tests.faults.earlier import earlier
from tests.faults.system import Asked, System, make_person

HOT = ("runs", "run_steps", "suggestions", "action_executions", "deliveries", "triggers", "agents", "events")
NEXT = f"""
from alembic import op

revision = "9999"
down_revision = "{{last}}"


def upgrade() -> None:
    for table in {HOT!r}:
        op.execute(f"ALTER TABLE nod.{{{{table}}}} ADD COLUMN remark text, ADD COLUMN checked boolean NOT NULL DEFAULT false")
        op.execute(f"CREATE INDEX {{{{table}}}}_remark ON nod.{{{{table}}}} (workspace_id, remark)")
"""
"""What a migration may do while the release before is at work: add."""
MOST_MIGRATIONS = 3
CEILING_SECONDS = 60
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
        assert child.wait(CEILING_SECONDS) == 0, f"{name} did not stop in order"
        del system.running[name]
    workers(system)
    system.wait(lambda: not _not_well(system), 120, "every run to end well")
    return asked


@case("upgrade", small=18, large=180)
def a_next_migration_that_only_adds(system: System, size: int) -> list[Asked]:
    """The next release adds to every busy table, while somebody holds one of them for longer than a migration waits; today's processes go on, are ready, and start anew."""
    asked = ask(system, size)
    workers(system)
    system.start("scheduler 0")
    for one in asked[: size // 3]:
        until_said(one)
    with _next_release(system.folder / "next"):
        with system.owner() as stranger:
            stranger.execute("BEGIN")
            stranger.execute("LOCK TABLE nod.runs IN ROW EXCLUSIVE MODE")
            with _meanwhile(lambda: migrate(system.settings)):
                for one in asked[size // 3 : size // 2]:
                    until_said(one)
                system.wait(lambda: _gave_way(system), 30, "the migration to give way")
                stranger.execute("ROLLBACK")
                for one in asked[size // 2 : -size // 3]:
                    until_said(one)
    assert _revision(system) == "9999"
    assert at_head(system.settings), "a process of today is not ready beside the next schema"
    migrate(system.settings)
    for one in asked[-size // 3 :]:
        until_said(one)
        name = system.chance.choice(sorted(system.running))
        system.kill(name)
        system.start(name)
    return asked


@contextmanager
def _next_release(folder: Path) -> Iterator[None]:
    """Until the block ends, migrating is what the next release does: today's migrations, and one that adds."""
    shutil.copytree(schema.MIGRATIONS, folder)
    (folder / "versions" / "v9999_next.py").write_text(NEXT.format(last=head()))
    before = schema.MIGRATIONS
    schema.MIGRATIONS = folder
    head.cache_clear()
    try:
        yield
    finally:
        schema.MIGRATIONS = before
        head.cache_clear()


def _gave_way(system: System) -> bool:
    """Whether it has waited for the table, and let go of all others."""
    return "canceling statement due to lock timeout" in (system.folder / "log" / "postgres.log").read_text()


def _revision(system: System) -> str:
    with system.owner() as owner:
        row = owner.execute("SELECT version_num FROM nod.alembic_version").fetchone()
    assert row is not None
    return row[0]


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
