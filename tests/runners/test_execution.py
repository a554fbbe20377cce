"""Approved actions, carried out by real worker processes on real parts: once, whatever is killed when."""

import signal
import threading
from collections.abc import Iterator
from datetime import UTC, datetime
from email import message_from_bytes
from pathlib import Path

import pytest
import redis

from core.approvals.decide import approve, edit, undo
from core.catalog.configure import pause_agent
from core.connectors.connect import disconnect
from core.kernel.errors import Conflict, Failure
from core.kernel.settings import Settings
from core.preferences.choose import revoke
from storage import Storage
from tests.runners.world import World, event, log_lines, mail, make_world, process, redis_address, task


@pytest.fixture
def world(storage: Storage, settings: Settings, tmp_path: Path) -> Iterator[World]:
    redis.Redis.from_url(redis_address(settings)).flushdb()
    return make_world(storage, settings, tmp_path)


def _sent(world: World) -> list[Path]:
    return sorted(world.maildir.glob(".Sent/cur/*"))


def _events(world: World) -> list[Path]:
    return sorted((world.settings.data_dir / "connections" / str(world.tools["calendar"])).glob("**/*.ics"))


def _tasks(world: World) -> list[str]:
    with world.work() as work:
        return [t.title for t in work.tasks.open(world.actor.user_id)]


def test_an_approved_task_is_in_the_task_list_once(world: World) -> None:
    suggestion = world.suggest(task())
    with process(world.settings):
        world.approve(suggestion)
        done = world.wait_until(lambda: (e := world.execution(suggestion)).status == "succeeded" and e)
    assert _tasks(world) == ["Pay the dentist"]
    assert done.executed_at is not None and done.external_ref


def test_an_approved_reply_is_in_the_sent_folder_as_an_answer(world: World) -> None:
    suggestion = world.suggest(mail())
    with process(world.settings):
        world.approve(suggestion)
        done = world.wait_until(lambda: (e := world.execution(suggestion)).status == "succeeded" and e)
    (file,) = _sent(world)
    sent = message_from_bytes(file.read_bytes())
    assert sent["In-Reply-To"] == "<q@example.net>" and sent["To"] == "kim@example.net"
    assert sent["Message-ID"] == done.external_ref


def test_an_approved_event_is_in_the_calendar(world: World) -> None:
    suggestion = world.suggest(event())
    with process(world.settings):
        world.approve(suggestion)
        world.wait_until(lambda: world.execution(suggestion).status == "succeeded")
    (file,) = _events(world)
    assert "SUMMARY:Lunch" in file.read_text()


def test_two_taps_at_the_same_moment_approve_once_and_the_second_is_told_the_truth(world: World) -> None:
    suggestion = world.suggest(task())
    together = threading.Barrier(2)
    outcomes: list[str] = []

    def tap() -> None:
        with world.work() as work:
            together.wait()
            try:
                approve(work, world.actor, suggestion.id, 1)
                work.commit()
                outcomes.append("approved")
            except Failure as why:
                outcomes.append(why.code)

    taps = [threading.Thread(target=tap) for _ in range(2)]
    for thread in taps:
        thread.start()
    for thread in taps:
        thread.join()
    assert sorted(outcomes) == ["approvals.already_decided", "approved"]
    with process(world.settings):
        world.wait_until(lambda: world.execution(suggestion).status == "succeeded")
    assert _tasks(world) == ["Pay the dentist"]


@pytest.mark.parametrize("make", [mail, event], ids=["searchable", "keyed"])
@pytest.mark.parametrize("point", ["after_claim", "after_arm", "after_effect", "before_record", "after_record"])
def test_a_worker_killed_anywhere_leaves_exactly_one_effect(world: World, point: str, make: object) -> None:
    suggestion = world.suggest(make())  # type: ignore[operator]
    with process(world.settings, NOD_FAULT=f"{point}:kill9") as victim:
        world.approve(suggestion)
        assert victim.wait(60) == -signal.SIGKILL
    execution = world.execution(suggestion)
    if execution.status in ("claimed", "sending"):
        _let_the_lease_run_out(world, execution.id)
    with process(world.settings):
        world.wait_until(lambda: world.execution(suggestion).status == "succeeded", seconds=30)
    assert len(_sent(world)) + len(_events(world)) == 1


def _let_the_lease_run_out(world: World, execution_id: object) -> None:
    """What 45 seconds would do: the lease of a dead worker is over."""
    import psycopg

    assert world.settings.database_url is not None
    with psycopg.connect(world.settings.database_url.get_secret_value()) as owner:
        owner.execute(
            "UPDATE nod.action_executions SET lease_until = now() - interval '1 second' WHERE id = %s", (execution_id,)
        )


def test_a_task_whose_worker_is_killed_after_its_claim_is_done_once_by_the_next(world: World) -> None:
    suggestion = world.suggest(task())
    with process(world.settings, NOD_FAULT="after_claim:kill9") as victim:
        world.approve(suggestion)
        assert victim.wait(60) == -signal.SIGKILL
    _let_the_lease_run_out(world, world.execution(suggestion).id)
    with process(world.settings):
        world.wait_until(lambda: world.execution(suggestion).status == "succeeded")
    assert _tasks(world) == ["Pay the dentist"]


def test_an_emptied_broker_loses_nothing(world: World) -> None:
    suggestions = [world.suggest(task(f"Task {n}")) for n in range(5)]
    for suggestion in suggestions:
        world.approve(suggestion)
    redis.Redis.from_url(redis_address(world.settings)).flushdb()
    with process(world.settings):
        world.wait_until(lambda: len(_tasks(world)) == 5)


def test_undo_within_the_window_means_that_nothing_happens_and_the_suggestion_waits_again(world: World) -> None:
    suggestion = world.suggest(mail())
    world.approve(suggestion, undo_seconds=3600)
    with world.work() as work:
        undo(work, world.actor, suggestion.id)
        work.commit()
    with world.work() as work:
        assert work.suggestions.get(suggestion.id).status == "pending"
    assert world.execution(suggestion).status == "withdrawn"


def test_undo_after_the_effect_is_refused_with_the_truth(world: World) -> None:
    suggestion = world.suggest(mail())
    with process(world.settings):
        world.approve(suggestion)
        world.wait_until(lambda: world.execution(suggestion).status == "succeeded")
    with world.work() as work, pytest.raises(Conflict) as refused:
        undo(work, world.actor, suggestion.id)
    assert refused.value.code == "approvals.undo_too_late" and refused.value.data["status"] == "succeeded"


def test_a_held_action_is_done_by_itself_when_its_window_is_over(world: World) -> None:
    suggestion = world.suggest(mail())
    with process(world.settings):
        execution = world.approve(suggestion, undo_seconds=1)
        done = world.wait_until(lambda: (e := world.execution(suggestion)).status == "succeeded" and e)
    assert done.executed_at >= execution.due_at


def _pause(world: World) -> None:
    with world.work() as work:
        pause_agent(work, world.actor, world.agent_id)
        work.commit()


def _revoke_consent(world: World) -> None:
    with world.work() as work:
        revoke(work, world.actor, "data:mail")
        work.commit()


def _disconnect(world: World) -> None:
    with world.work() as work:
        disconnect(work, world.actor, world.tools["mail"])
        work.commit()


@pytest.mark.parametrize(
    ("then", "code"),
    [
        (_pause, "catalog.agent_paused"),
        (_revoke_consent, "preferences.consent_missing"),
        (_disconnect, "approvals.connection_unusable"),
    ],
    ids=["paused agent", "revoked consent", "ended connection"],
)
def test_what_is_no_longer_allowed_stops_an_action_that_was_approved_before(
    world: World, then: object, code: str
) -> None:
    suggestion = world.suggest(mail())
    world.approve(suggestion)
    then(world)  # type: ignore[operator]
    with process(world.settings):
        failed = world.wait_until(lambda: (e := world.execution(suggestion)).status == "failed" and e)
    assert failed.error["code"] == code
    assert not _sent(world)


def test_an_old_revision_cannot_be_approved_after_an_edit(world: World) -> None:
    suggestion = world.suggest(mail())
    with world.work() as work:
        edit(work, world.actor, suggestion.id, 1, {"body": "Later, please."})
        work.commit()
    with world.work() as work, pytest.raises(Conflict) as refused:
        approve(work, world.actor, suggestion.id, 1)
    assert refused.value.code == "approvals.revision_stale"


def test_what_runs_is_what_was_approved_after_an_edit(world: World) -> None:
    suggestion = world.suggest(mail())
    with world.work() as work:
        edit(work, world.actor, suggestion.id, 1, {"body": "Later, please."})
        approve(work, world.actor, suggestion.id, 2)
        work.commit()
    execution = world.execution(suggestion)
    with world.work() as work:
        held = work.executions.get(execution.id)
        held.status, held.due_at = "ready", work.now
        work.commit()
    with process(world.settings):
        world.wait_until(lambda: world.execution(suggestion).status == "succeeded")
    assert b"Later, please." in _sent(world)[0].read_bytes()


def test_a_yes_to_a_thread_that_was_answered_meanwhile_is_asked_anew_and_a_second_yes_stands(world: World) -> None:
    suggestion = world.suggest(mail())
    sent = world.maildir / ".Sent" / "cur"
    for part in ("cur", "new", "tmp"):
        sent.with_name(part).mkdir(parents=True, exist_ok=True)
    answer = b"From: me@example.org\nTo: kim@example.net\nIn-Reply-To: <q@example.net>\nSubject: Re: Offer\n\nDone already.\n"
    (sent / "1.answer:2,S").write_bytes(answer)
    with process(world.settings):
        world.approve(suggestion)
        refused = world.wait_until(lambda: (e := world.execution(suggestion)).status == "withdrawn" and e)
        assert refused.error["code"] == "approvals.thread_answered"
        with world.work() as work:
            waiting = work.suggestions.get(suggestion.id)
            assert (waiting.status, waiting.revision) == ("pending", 2)
            again = approve(work, world.actor, suggestion.id, 2).execution
            again.status, again.due_at = "ready", work.now
            work.commit()
        world.wait_until(lambda: world.execution(suggestion).status == "succeeded")
    assert len(_sent(world)) == 2


def test_a_worker_that_is_told_to_stop_ends_in_order(world: World) -> None:
    suggestion = world.suggest(task())
    with process(world.settings) as worker:
        world.approve(suggestion)
        world.wait_until(lambda: world.execution(suggestion).status == "succeeded")
        asked = datetime.now(UTC)
        worker.terminate()
        assert worker.wait(60) == 0
    assert (datetime.now(UTC) - asked).total_seconds() < 20
    assert any(line["event"] == "worker.stopped" for line in log_lines(world.settings))


def test_log_lines_name_the_workspace_and_the_trace_but_no_content(world: World) -> None:
    suggestion = world.suggest(mail())
    with process(world.settings):
        world.approve(suggestion)
        world.wait_until(lambda: world.execution(suggestion).status == "succeeded")
        ended = world.wait_until(
            lambda: [line for line in log_lines(world.settings) if line["event"] == "execution.ended"]
        )
    assert ended[0]["workspace"] == str(world.actor.workspace_id) and len(ended[0]["trace"]) == 32
    text = (world.settings.data_dir / "worker.log").read_text()
    assert "gladly" not in text and "kim@example.net" not in text
