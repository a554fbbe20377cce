"""What became of an action is written down although the database is not there at that moment, and once."""

import random
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from core.catalog import kinds
from core.kernel.settings import Settings
from runners import wiring
from runners.engine import execution, tools
from storage import Storage, open_storage
from tests.faults.line import Line, line
from tests.runners.world import World, event, mail, make_world, task


@pytest.fixture
def broken(settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Line]:
    """This process speaks to the database over a line that may break."""
    with line(settings, tmp_path / "line", random.Random(1)) as made, closing(open_storage(made.settings)) as opened:
        for module in (wiring, execution, tools):
            monkeypatch.setattr(module, "storage", lambda: opened)
        for module in (wiring, kinds):
            monkeypatch.setattr(module, "settings", lambda: settings)
        kinds.templates.cache_clear()
        yield made
    kinds.templates.cache_clear()


@pytest.mark.parametrize("proposal", [mail, event, task], ids=["searchable", "keyed", "local"])
def test_an_outcome_whose_commit_nobody_heard_of_stands_once(
    storage: Storage,
    settings: Settings,
    broken: Line,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    proposal: object,
) -> None:
    assert callable(proposal)
    world = make_world(storage, settings, tmp_path)
    suggestion = world.suggest(proposal())
    approved = world.approve(suggestion)

    def at(point: str) -> None:
        # For a local action the effect and its record are one commit: the next one after the claim.
        if point == ("after_claim" if proposal is task else "before_record"):
            broken.next = 1

    monkeypatch.setattr(execution, "fault", at)
    execution.carry_out(approved.workspace_id, world.actor.user_id, approved.id)
    assert broken.cuts == 1
    assert world.execution(suggestion).status == "succeeded", world.execution(suggestion).error
    assert _outcomes(world, approved.id) == ["succeeded"]


def _outcomes(world: World, execution_id: object) -> list[str]:
    with world.work() as work:
        return [attempt.outcome for attempt in work.executions.attempts(execution_id)]
