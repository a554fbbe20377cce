"""Light runs are claimed and ended through doors that wait for others, and for the disk, as they are told to (docs/adr/0019, 0020)."""

import threading
from datetime import timedelta
from typing import LiteralString
from uuid import UUID

import pytest

from core.kernel.actor import Actor
from core.kernel.errors import Unavailable
from core.orchestration.batches import Batch, Ended, Rung
from storage import Storage
from storage.engine import Database
from storage.together import Said, ask_together, driver
from tests.databases import somebody
from tests.storage.arrange import a_run

COUNT = """INSERT INTO nod.usage_counters (workspace_id, scope, day, runs, tokens, cost, told)
    VALUES (%(workspace)s, 'workspace', (now() AT TIME ZONE 'UTC')::date, 1, 0, 0, '{}')"""


@pytest.fixture
def due(storage: Storage) -> tuple[Actor, Rung]:
    """Somebody with a light run that is due."""
    who = somebody(storage)
    run = a_run(storage, who)
    with storage.work(who.workspace_id, who.user_id) as work:
        held = work.runs.get(run.id)
        held.light, held.due_at = True, work.now - timedelta(seconds=1)
        work.commit()
    return who, Rung(who.workspace_id, who.user_id, run.id)


def test_only_a_claim_that_may_be_forgotten_does_not_wait_for_the_disk(database: Database) -> None:
    words = "SELECT current_setting('synchronous_commit'), current_setting('lock_timeout')"

    def shown(hurried: bool, durable: bool) -> object:
        """What is set in a transaction after a claim."""
        given = {"context": database._signer.sign_several([], 9_999_999_999), "hurried": hurried, "durable": durable}
        with database.engine.connect() as connection:
            # As on a server that is not there for tests only.
            usual = Said("SELECT set_config('synchronous_commit', 'on', true)")
            claim = Said("SELECT * FROM nod.claim_batches(%(context)s, 50, 20, %(hurried)s, %(durable)s)", given)
            return ask_together(driver(connection), [usual, claim, Said(words)])[-1]

    assert shown(hurried=False, durable=True) == [("on", "10s")]
    assert shown(hurried=False, durable=False) == [("off", "10s")]
    assert shown(hurried=True, durable=False) == [("off", "250ms")]
    assert shown(hurried=True, durable=True) == [("on", "250ms")]


@pytest.mark.parametrize("what", ["claim", "end"])
def test_who_is_in_a_hurry_does_not_wait_for_a_lock(
    storage: Storage, database: Database, due: tuple[Actor, Rung], what: str
) -> None:
    who, rung = due
    batch: Batch | None = None
    statement: LiteralString = COUNT
    if what == "end":
        (batch,) = storage.batches.claim([rung], 20)
        statement = "UPDATE nod.runs SET status = status"

    def go_on(*, hurried: bool) -> list[Batch] | list[set[UUID]]:
        if batch is None:
            return storage.batches.claim([rung], 20, hurried=hurried)
        return storage.batches.end([(batch, [Ended(run, {}, []) for run in batch.runs])], hurried=hurried)

    held, done = threading.Event(), threading.Event()

    def hold() -> None:
        connection, *_ = database.begin(who.workspace_id, who.user_id)
        with connection:
            ask_together(driver(connection), [Said(statement, {"workspace": who.workspace_id})])
            held.set()
            done.wait(30)

    holder = threading.Thread(target=hold)
    holder.start()
    try:
        assert held.wait(30)
        with pytest.raises(Unavailable) as busy:
            go_on(hurried=True)
        assert busy.value.code == "kernel.database_busy"
    finally:
        done.set()
        holder.join()
    if batch is None:
        assert [run.id for run in go_on(hurried=False)[0].runs] == [rung.run_id]  # type: ignore[union-attr]
    else:
        assert go_on(hurried=False) == [{rung.run_id}]


def test_a_clock_that_was_wrong_is_asked_once_more(
    storage: Storage, database: Database, due: tuple[Actor, Rung]
) -> None:
    """A context that is over by what was thought to be the database's time is signed again by what it says."""
    _, rung = due
    database._ahead = -1_000_000.0
    (batch,) = storage.batches.claim([rung], 20)
    assert [run.id for run in batch.runs] == [rung.run_id]
