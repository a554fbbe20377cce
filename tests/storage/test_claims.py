"""Claims: of many who ask at the same time one gets the row, fences rise, and a lease that ran out is taken again."""

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import TypeVar

from core.approvals.models import Suggestion
from core.kernel.ids import new_id
from core.workflows.models import Trigger
from core.workflows.ports import Fired
from storage import Storage
from tests.databases import somebody
from tests.storage.arrange import (
    a_connection,
    a_delivery,
    a_revision,
    a_run,
    an_action,
    an_agent,
    an_execution,
)

T = TypeVar("T")
CROWD = 12


def _all_at_once(ask: Callable[[], T | None]) -> list[T]:
    """What those get who ask in the same moment."""
    start = threading.Barrier(CROWD)

    def one() -> T | None:
        start.wait()
        return ask()

    with ThreadPoolExecutor(CROWD) as crowd:
        answers = [crowd.submit(one) for _ in range(CROWD)]
        return [answer for answer in (future.result() for future in answers) if answer is not None]


def test_one_of_many_workers_gets_the_run(storage: Storage) -> None:
    actor = somebody(storage)
    run = a_run(storage, actor)

    def claim() -> int | None:
        with storage.work(actor.workspace_id, actor.user_id) as work:
            claimed = work.runs.claim(run.id, 60)
            work.commit()
            return claimed and claimed.fence

    assert _all_at_once(claim) == [1]
    with storage.work(actor.workspace_id, actor.user_id) as work:
        taken = work.runs.get(run.id)
        assert (taken.status, taken.attempt, taken.version) == ("running", 1, 2)
        assert taken.started_at is not None


def test_a_run_whose_lease_ran_out_is_taken_again_and_the_first_holder_may_write_no_more(storage: Storage) -> None:
    actor = somebody(storage)
    run = a_run(storage, actor)
    for fence in (1, 2):
        with storage.work(actor.workspace_id, actor.user_id) as work:
            claimed = work.runs.claim(run.id, -1)
            assert claimed is not None
            assert (claimed.fence, claimed.attempt) == (fence, fence)
            work.commit()
    with storage.work(actor.workspace_id, actor.user_id) as work:
        assert work.runs.hold(run.id, 1) is None
        assert not work.runs.renew(run.id, 1, 60)
        assert work.runs.renew(run.id, 2, 60)
        held = work.runs.hold(run.id, 2)
        assert held is not None
        held.status = "succeeded"
        work.commit()
    with storage.work(actor.workspace_id, actor.user_id) as work:
        assert work.runs.claim(run.id, 60) is None
        assert not work.runs.renew(run.id, 2, 60)


def test_a_run_is_not_taken_before_it_is_due(storage: Storage) -> None:
    actor = somebody(storage)
    run = a_run(storage, actor)
    with storage.work(actor.workspace_id, actor.user_id) as work:
        work.runs.get(run.id).due_at = work.now + timedelta(minutes=1)
        work.commit()
    with storage.work(actor.workspace_id, actor.user_id) as work:
        assert work.runs.claim(run.id, 60) is None


def test_a_heartbeat_says_when_a_cancel_was_asked_for(storage: Storage) -> None:
    actor = somebody(storage)
    run = a_run(storage, actor)
    with storage.work(actor.workspace_id, actor.user_id) as work:
        claimed = work.runs.claim(run.id, 60)
        assert claimed is not None
        claimed.cancel_requested_at = work.now
        work.commit()
    with storage.work(actor.workspace_id, actor.user_id) as work:
        assert not work.runs.renew(run.id, 1, 60)


def test_a_heartbeat_does_not_make_the_holders_write_stale(storage: Storage) -> None:
    actor = somebody(storage)
    run = a_run(storage, actor)
    with storage.work(actor.workspace_id, actor.user_id) as work:
        work.runs.claim(run.id, 60)
        work.commit()
    with storage.work(actor.workspace_id, actor.user_id) as holder:
        loaded = holder.runs.get(run.id)
        with storage.work(actor.workspace_id, actor.user_id) as heart:
            assert heart.runs.renew(run.id, 1, 60)
            heart.commit()
        loaded.tokens = 5
        holder.commit()


def test_one_of_many_workers_gets_the_execution(storage: Storage) -> None:
    actor = somebody(storage)
    execution = an_execution(storage, actor)

    def claim() -> int | None:
        with storage.work(actor.workspace_id, actor.user_id) as work:
            claimed = work.executions.claim(execution.id, 60)
            work.commit()
            return claimed and claimed.fence

    assert _all_at_once(claim) == [1]


def test_undo_and_claim_of_a_held_execution_have_one_winner(storage: Storage) -> None:
    actor = somebody(storage)
    for _ in range(5):
        execution = an_execution(storage, actor, status="held")
        turns = iter([True, False] * CROWD)

        def race(id=execution.id) -> str | None:
            undo = next(turns)
            with storage.work(actor.workspace_id, actor.user_id) as work:
                won = work.executions.withdraw(id) if undo else work.executions.claim(id, 60) is not None
                work.commit()
                return ("withdrawn" if undo else "claimed") if won else None

        winners = _all_at_once(race)
        assert len(winners) == 1
        with storage.work(actor.workspace_id, actor.user_id) as work:
            assert work.executions.get(execution.id).status == winners[0]


def test_an_execution_moves_only_under_its_fence_and_a_live_lease(storage: Storage) -> None:
    actor = somebody(storage)
    execution = an_execution(storage, actor)
    with storage.work(actor.workspace_id, actor.user_id) as work:
        e = work.executions
        assert e.claim(execution.id, -1) is not None
        assert not e.move(execution.id, 1, "claimed", "sending", lease_seconds=60), "the lease ran out"
        again = e.claim(execution.id, 60)
        assert again is not None
        assert (again.fence, again.attempts) == (2, 2)
        assert not e.move(execution.id, 1, "claimed", "sending", lease_seconds=60), "an old fence"
        assert e.lock(execution.id, 1, "claimed") is None
        assert e.lock(execution.id, 2, "claimed") is again
        assert e.move(execution.id, 2, "claimed", "sending", lease_seconds=60)
        assert again.status == "sending", "what was loaded is as the database has it"
        assert not e.move(execution.id, 2, "claimed", "sending", lease_seconds=60), "not there any more"
        assert e.claim(execution.id, 60) is None
        assert e.renew(execution.id, 2, 60)
        assert not e.renew(execution.id, 1, 60)
        assert e.move(execution.id, 2, "sending", "unknown", due_at=work.now)
        assert again.lease_until is None
        work.commit()


def test_an_unknown_execution_is_looked_up_by_one(storage: Storage) -> None:
    actor = somebody(storage)
    execution = an_execution(storage, actor, status="unknown")

    def claim() -> tuple[int, int, str] | None:
        with storage.work(actor.workspace_id, actor.user_id) as work:
            taken = work.executions.claim_lookup(execution.id, 60)
            work.commit()
            return taken and (taken.fence, taken.lookups, taken.status)

    assert _all_at_once(claim) == [(1, 1, "unknown")]
    with storage.work(actor.workspace_id, actor.user_id) as work:
        assert work.executions.lock(execution.id, 1, "unknown") is not None
        assert work.executions.lock(execution.id, 0, "unknown") is None


def test_one_of_many_doors_gets_the_delivery(storage: Storage) -> None:
    actor = somebody(storage)
    delivery = a_delivery(storage, actor)

    def claim() -> int | None:
        with storage.work(actor.workspace_id, actor.user_id) as work:
            claimed = work.messages.claim(delivery.id, 60)
            work.commit()
            return claimed and claimed.fence

    assert _all_at_once(claim) == [1]


def test_one_of_many_schedulers_fires_the_trigger(storage: Storage) -> None:
    actor = somebody(storage)
    agent = an_agent(storage, actor)
    with storage.work(actor.workspace_id, actor.user_id) as work:
        trigger = Trigger(
            new_id(), actor.workspace_id, actor.user_id, "schedule", work.now, agent_id=agent.id, cron="0 8 * * *",
            next_fire_at=work.now,
        )  # fmt: skip
        work.triggers.add(trigger)
        work.commit()

    def fire() -> bool | None:
        with storage.work(actor.workspace_id, actor.user_id) as work:
            due = work.triggers.claim_due(10, (trigger.id,))
            if not due:
                return None
            work.triggers.fired([Fired(due[0].id, work.now + timedelta(days=1), None, 0)])
            work.commit()
            return True

    assert _all_at_once(fire) == [True]


def test_the_same_proposal_from_many_workers_becomes_one_suggestion(storage: Storage) -> None:
    actor = somebody(storage)
    run = a_run(storage, actor)
    connection = a_connection(storage, actor)

    def propose() -> bool | None:
        with storage.work(actor.workspace_id, actor.user_id) as work:
            suggestion = Suggestion(
                new_id(), actor.workspace_id, actor.user_id, run.id, run.agent_id, "email", "mail.reply", "low",
                {"code": "why"}, [], [], "reply:7", work.now,
            )  # fmt: skip
            added = work.suggestions.add(suggestion, a_revision(work, suggestion, an_action(connection)))
            work.commit()
            return added or None

    assert _all_at_once(propose) == [True]
    with storage.work(actor.workspace_id, actor.user_id) as work:
        assert work.suggestions.count("pending") == 1


def test_a_one_time_code_is_used_by_one(storage: Storage) -> None:
    from core.identity.prove import make_code, redeem, who_made
    from core.kernel.errors import Conflict

    actor = somebody(storage)
    with storage.work(actor.workspace_id, actor.user_id) as work:
        code = make_code(work, actor)
        work.commit()
    known = who_made(storage.directory, code)

    def use() -> bool | None:
        with storage.work(known.workspace_id, known.user_id) as work:
            try:
                redeem(work, known, "telegram", new_id().hex, "1")
            except Conflict:
                return None
            work.commit()
            return True

    assert _all_at_once(use) == [True]
