"""The sweep asks once when something is due next, rings for all that is, and comes back in time."""

import threading
import time
from collections.abc import Sequence
from datetime import timedelta
from uuid import UUID

import psycopg
import pytest

from bench.rows import insert
from core.kernel.actor import Actor
from core.kernel.due import DueItem, DueKind
from core.orchestration.models import Run
from runners import history, sweep
from runners.sweep import AT_MOST_SECONDS, OVERDUE_SECONDS, Sweep
from storage import Storage
from tests.databases import somebody
from tests.storage.arrange import a_run, an_execution


@pytest.fixture
def rung(storage: Storage, monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, list[UUID]]]:
    monkeypatch.setattr(sweep, "storage", lambda: storage)
    monkeypatch.setattr(history, "storage", lambda: storage)
    return []


@pytest.fixture
def looker(rung: list[tuple[str, list[UUID]]]) -> Sweep:
    def ring(bell: str, items: Sequence[DueItem]) -> None:
        if items:
            rung.append((bell, [item.id for item in items]))

    return Sweep(ring)


def due_in(storage: Storage, actor: Actor, seconds: float) -> Run:
    """A run that is due in so many seconds."""
    run = a_run(storage, actor)
    with storage.work(actor.workspace_id, actor.user_id) as work:
        work.runs.get(run.id).due_at = work.now + timedelta(seconds=seconds)
        work.commit()
    return run


def a_backlog(owner_url: str, run: Run, rows: int) -> None:
    """So many more runs like that one, each due an hour ago."""
    with psycopg.connect(owner_url) as owner:
        owner.execute(
            insert(
                owner,
                "runs",
                {
                    "id": "uuidv7()", "workspace_id": "r.workspace_id", "user_id": "r.user_id", "agent_id": "r.agent_id",
                    "agent_version_id": "r.agent_version_id", "trigger_type": "'manual'", "status": "'queued'", "version": "1",
                    "due_at": "now() - interval '1 hour'",
                },
                f"FROM nod.runs r, generate_series(1, {rows}) WHERE r.id = '{run.id}'",
            ).encode()
        )  # fmt: skip


def test_where_nothing_is_due_it_looks_once_a_second(looker: Sweep, rung: list[tuple[str, list[UUID]]]) -> None:
    assert looker.look() == AT_MOST_SECONDS
    assert rung == []


def test_it_comes_back_when_the_next_row_is_due(
    storage: Storage, looker: Sweep, rung: list[tuple[str, list[UUID]]]
) -> None:
    actor = somebody(storage)
    due_in(storage, actor, 60)
    assert looker.look() == AT_MOST_SECONDS
    due_in(storage, actor, 0.9)
    assert 0 < looker.look() < 0.9
    assert rung == []


def test_every_workspace_with_something_due_is_rung_together_and_not_again_at_once(
    storage: Storage, looker: Sweep, rung: list[tuple[str, list[UUID]]], monkeypatch: pytest.MonkeyPatch
) -> None:
    one, two, three = somebody(storage), somebody(storage), somebody(storage)
    first, second = due_in(storage, one, -3), due_in(storage, two, -2)
    due_in(storage, one, -1)
    assert looker.look() == OVERDUE_SECONDS
    assert rung == [("runs.due", [first.id, second.id])], "each workspace once, with its oldest"
    third = due_in(storage, three, -1)
    looker.look()
    assert rung[1:] == [("runs.due", [third.id])]
    monkeypatch.setattr(sweep, "RING_AGAIN_SECONDS", 0.0)
    looker.look()
    assert len(rung[2][1]) == 3, "what nobody took is rung again after a while"


def test_a_backlog_of_one_workspace_does_not_hide_what_is_due_in_another(
    storage: Storage, looker: Sweep, rung: list[tuple[str, list[UUID]]], owner_url: str
) -> None:
    busy, quiet, idle = somebody(storage), somebody(storage), somebody(storage)
    oldest = due_in(storage, busy, -7_200)
    a_backlog(owner_url, oldest, 5_000)
    timed = due_in(storage, quiet, -1)
    due_in(storage, idle, 60)
    looker.look()
    assert rung == [("runs.due", [oldest.id, timed.id])]


def test_each_state_of_an_execution_is_due_in_its_own_time(storage: Storage) -> None:
    actor = somebody(storage)
    execution = an_execution(storage, actor)
    with storage.work(actor.workspace_id, actor.user_id) as work:
        ahead = work.now + timedelta(seconds=60)
        work.executions.get(execution.id).due_at = ahead
        work.commit()

    def next_due(kind: DueKind) -> int:
        coming = storage.due.next_due()
        coming.pop("runs", None)  # the run that suggested it
        assert coming.keys() == {kind}
        return round(coming[kind], -1)

    assert next_due("executions") == 60
    for before, after, kind, more in (
        ("ready", "claimed", "executions", {}),
        ("claimed", "sending", "sending", {"lease_seconds": 20}),
        ("sending", "unknown", "lookups", {"due_at": ahead}),
    ):
        with storage.work(actor.workspace_id, actor.user_id) as work:
            if after == "claimed":
                work.executions.get(execution.id).due_at = work.now
                assert work.executions.claim(execution.id, 30) is not None
            else:
                assert work.executions.move(execution.id, 1, before, after, **more)
            work.commit()
        assert next_due(kind) == {"claimed": 30, "sending": 20, "unknown": 60}[after]


def test_a_row_whose_time_comes_while_it_waits_is_rung_then(
    storage: Storage, rung: list[tuple[str, list[UUID]]], monkeypatch: pytest.MonkeyPatch
) -> None:
    actor, heard, at = somebody(storage), threading.Event(), []

    def ring(bell: str, items: Sequence[DueItem]) -> None:
        if items:
            at.append(time.monotonic())
            heard.set()

    monkeypatch.setattr(sweep, "AT_MOST_SECONDS", 3.0)
    due_in(storage, actor, 1.5)
    began = time.monotonic()
    looker = Sweep(ring)
    looker.start()
    assert heard.wait(60)
    looker.stop()
    assert at[0] - began < 2.5, "not only at the next look"
