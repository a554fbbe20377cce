"""Limits and the ledger with real workers: what is beyond the limit does not start, and is told once."""

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import psycopg
import pytest
import redis

from core.billing.limits import TIERS, today
from core.billing.models import WORKSPACE
from core.billing.ports import Used
from core.catalog.graph import Graph, Node
from core.catalog.models import AgentVersion
from core.kernel.ids import new_id
from core.kernel.settings import Settings
from core.orchestration.models import Run
from storage import Storage
from tests.runners.world import World, make_world, process, redis_address

LIMIT = TIERS["free"].workspace.runs or 0


@pytest.fixture
def world(storage: Storage, settings: Settings, tmp_path: Path) -> Iterator[World]:
    redis.Redis.from_url(redis_address(settings)).flushdb()
    made = make_world(storage, settings, tmp_path)
    with made.work() as work:
        version = AgentVersion(
            id=new_id(), workspace_id=made.actor.workspace_id, agent_id=made.agent_id, semantic_version="1.0.1",
            graph=Graph(nodes=(Node(id="a", skill="noop"), Node(id="b", skill="noop", after=("a",)))), default_params={},
            created_at=work.now,
        )  # fmt: skip
        work.agents.add(version)
        work.agents.get(made.agent_id).latest_version_id = version.id
        work.commit()
    made.version_id = version.id
    return made


@pytest.mark.parametrize("light", [True, False], ids=["by the dozen", "one by one"])
def test_two_workers_start_what_the_day_has_room_for_and_refuse_the_rest(
    world: World, settings: Settings, owner_url: str, light: bool
) -> None:
    with world.work() as work:
        work.billing.add(today(work.now), {WORKSPACE: Used(runs=LIMIT - 15)})
        runs = [world.run(work, status="queued", light=light) for _ in range(40)]
        work.ring("runs.due", runs[0].id)
        work.commit()
    with ExitStack() as workers:
        for _ in range(2):
            workers.enter_context(process(settings, NOD_LIMITS="tiers"))
        world.wait_until(lambda: _over(world, runs), seconds=60)
    with world.work() as work:
        ended = [work.runs.get(run.id) for run in runs]
        counter = work.billing.counters(today(work.now), [WORKSPACE])[WORKSPACE]
        rows = {run.id: [row.kind for row in work.billing.of_run(run.id)] for run in ended}
    passed = [run for run in ended if run.status == "succeeded"]
    refused = [run for run in ended if run.status == "failed"]
    assert (len(passed), len(refused), counter.runs) == (15, 25, LIMIT)
    assert {(run.error or {})["code"] for run in refused} == {"billing.limit_reached"}
    assert {(run.error or {})["data"]["which"] for run in refused} == {"runs_per_day"}
    assert all(rows[run.id] == ["run"] for run in passed)
    assert all(rows[run.id] == [] for run in refused), "what did not start is not in the ledger"
    assert len(_told(world, owner_url)) == 1, "the person is told once, not for each run"


def _over(world: World, runs: list[Run]) -> bool:
    with world.work() as work:
        return all(work.runs.get(run.id).status in ("succeeded", "failed") for run in runs)


def _told(world: World, owner_url: str) -> list[str]:
    """What is on its way into the person's chat."""
    with psycopg.connect(owner_url) as owner:
        return [row[0] for row in owner.execute("SELECT subject_kind FROM nod.deliveries").fetchall()]
