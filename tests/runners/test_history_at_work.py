"""The daily look at history in a real worker process: killed in the middle, another one goes on."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

import psycopg
import pytest

from bench.rows import insert
from core.kernel.settings import Settings
from storage import Storage
from tests.databases import somebody
from tests.runners.world import process
from tests.storage.arrange import a_run

OLD = 1_200


@pytest.fixture
def left(storage: Storage, owner_url: str) -> Callable[[], int]:
    """How many runs of two months ago there are still."""
    run = a_run(storage, somebody(storage), status="succeeded")
    known = {
        "id": "uuidv7(make_interval(days => -60, secs => g.i))", "workspace_id": "o.workspace_id", "user_id": "o.user_id",
        "agent_id": "o.agent_id", "agent_version_id": "o.agent_version_id", "trigger_type": "'manual'", "status": "'succeeded'",
    }  # fmt: skip
    with psycopg.connect(owner_url, autocommit=True) as owner:
        source = f"FROM nod.runs o, generate_series(1, {OLD}) AS g (i) WHERE o.id = '{run.id}'"
        owner.execute(insert(owner, "runs", known, source).encode())

    def count() -> int:
        with psycopg.connect(owner_url, autocommit=True) as owner:
            row = owner.execute("SELECT count(*) FROM nod.runs WHERE id <> %s", (run.id,)).fetchone()
            assert row is not None
            return row[0]

    return count


def test_a_worker_killed_in_the_middle_leaves_the_rest_to_the_next(
    settings: Settings, storage: Storage, owner_url: str, left: Callable[[], int]
) -> None:
    # It may be dead before it says that it is ready.
    with suppress(AssertionError), process(settings, NOD_LIMITS="tiers", NOD_FAULT="history_batch:kill9") as victim:
        victim.wait(60)
    assert 0 < left() < OLD
    with psycopg.connect(owner_url, autocommit=True) as owner, _told_of_passes(owner):
        owner.execute("UPDATE nod.history_passes SET due_at = now()")
        with process(settings, NOD_LIMITS="tiers"):
            for _ in owner.notifies(timeout=60):
                if left() == 0 and not storage.due.due("history", 10):
                    break
    assert left() == 0
    assert storage.due.due("history", 10) == []


@contextmanager
def _told_of_passes(owner: psycopg.Connection) -> Iterator[None]:
    """The owner hears of every step of a pass."""
    owner.execute(
        "CREATE FUNCTION nod.tell() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN NOTIFY passes; RETURN NULL; END'"
    )
    try:
        owner.execute("CREATE TRIGGER tell AFTER INSERT OR UPDATE ON nod.history_passes EXECUTE FUNCTION nod.tell()")
        owner.execute("LISTEN passes")
        yield
    finally:
        owner.execute("DROP FUNCTION nod.tell() CASCADE")
