"""What was done is undone by its inverse: an action of its own, approved by the tap that asks for it, carried out by real workers."""

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
import redis

from core.approvals.invert import inverse, undo_done
from core.approvals.models import Suggestion
from core.approvals.policy import PolicySpec, put_policy
from core.catalog.configure import pause_agent
from core.kernel.errors import Conflict, Forbidden
from core.kernel.settings import Settings
from storage import Storage
from tests.runners.world import World, event, mail, make_world, process, redis_address, task


@pytest.fixture
def world(storage: Storage, settings: Settings, tmp_path: Path) -> Iterator[World]:
    redis.Redis.from_url(redis_address(settings)).flushdb()
    return make_world(storage, settings, tmp_path)


def _done(world: World, *made: Suggestion) -> None:
    for one in made:
        world.approve(one)
    for one in made:
        world.wait_until(lambda one=one: world.execution(one).status == "succeeded")


def _undo(world: World, suggestion: Suggestion) -> Suggestion:
    with world.work() as work:
        done = undo_done(work, world.actor, suggestion.id)
        work.commit()
    return done.suggestion


def test_an_event_and_a_task_are_undone_once_with_an_approval_of_their_own_even_when_the_agent_rests(
    world: World,
) -> None:
    lunch, dentist, reply = world.suggest(event()), world.suggest(task()), world.suggest(mail())
    folder = world.settings.data_dir / "connections" / str(world.tools["calendar"])
    with process(world.settings):
        _done(world, lunch, dentist, reply)
        assert list(folder.glob("**/*.ics"))
        with world.work() as work:
            pause_agent(work, world.actor, world.agent_id)
            assert inverse(work, world.execution(reply)) is None, "a mail cannot be called back"
            work.commit()
        for one in (lunch, dentist):
            undoing = _undo(world, one)
            world.wait_until(lambda one=one: world.execution(one).status == "undone")
            with world.work() as work:
                [yes] = work.suggestions.approvals(undoing.id)
                assert (yes.decision, yes.user_id, yes.payload_sha256) == (
                    "approve", world.actor.user_id, work.suggestions.revision(undoing.id, 1).payload_sha256,
                )  # fmt: skip
                assert work.executions.of(undoing.id).status == "succeeded"
            with pytest.raises(Conflict) as again:
                _undo(world, one)
            assert again.value.code == "approvals.undo_impossible"
    assert not list(folder.glob("**/*.ics"))
    with world.work() as work:
        assert work.tasks.open(world.actor.user_id) == []


def test_undoing_is_refused_where_a_rule_or_time_stands_against_it_and_a_second_tap_starts_nothing(
    world: World,
) -> None:
    dentist = world.suggest(task())
    with process(world.settings):
        _done(world, dentist)
    first = _undo(world, dentist)
    with pytest.raises(Conflict) as second:
        _undo(world, dentist)
    assert second.value.code == "approvals.undo_under_way"
    with world.work() as work:
        assert work.executions.of(first.id).status in ("held", "ready")
        execution = work.executions.of(dentist.id)
        execution.executed_at = work.now - timedelta(days=8)
        assert inverse(work, execution) is None
    with world.work() as work:
        put_policy(work, world.actor, "task.delete", PolicySpec(allowed_roles=("owner",)))
        viewer = type(world.actor)(world.actor.user_id, world.actor.workspace_id, "viewer", "web")
        with pytest.raises(Forbidden):
            undo_done(work, viewer, dentist.id)
