"""`/usage` over HTTP: periods, agents, limits as they stand, and the history of runs."""

from collections.abc import Iterator
from datetime import date, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest

from core.billing.limits import today
from core.billing.models import WORKSPACE
from core.billing.ports import Used
from core.billing.record import ledger_calls, ledger_rows, record
from core.kernel.ids import new_id
from core.kernel.settings import Settings, settings
from core.orchestration.models import RunStep
from core.orchestration.ports import Usage
from storage import Storage
from tests.bots.api.test_rest import Connect, _problem, address, connect, world
from tests.databases import somebody
from tests.runners.world import World, task

__all__ = ["address", "connect", "world"]


@pytest.fixture
def tiers(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("NOD_LIMITS", "tiers")
    settings.cache_clear()
    yield
    settings.cache_clear()


def use(world: World, day: date, used: Used, *agents: UUID) -> None:
    with world.work() as work:
        work.billing.add(day, dict.fromkeys((WORKSPACE, *map(str, agents)), used))
        work.commit()


def the_day(world: World) -> date:
    with world.work() as work:
        return today(work.now)


def test_usage_is_told_per_day_week_and_month_and_per_agent(world: World, connect: Connect) -> None:
    day, agent, client = the_day(world), new_id(), connect()
    use(world, day, Used(2, 30, Decimal("0.015")), agent)
    use(world, day - timedelta(days=40), Used(5))
    world.suggest(task("Water the plants"))

    def items(**asked: Any) -> list[dict[str, Any]]:
        answer = client.get("/v1/usage", params=asked)
        assert answer.status_code == 200, answer.text
        assert answer.json()["next"] is None
        return answer.json()["items"]

    (now,) = items()
    suggested = now["suggestions"]
    assert now == {
        "start": day.isoformat(), "agent_id": None, "runs": 2, "tokens": 30, "cost": "0.01500000", "suggestions": suggested,
        "approvals": 0,
    }  # fmt: skip
    assert suggested == 1
    past = {"from": (day - timedelta(days=40)).isoformat(), "to": day.isoformat()}
    assert [one["runs"] for one in items(**past)] == [5, 2]
    assert sum(one["runs"] for one in items(**past, period="month")) == 7
    (of_agent,) = items(agent_id=str(agent))
    assert (of_agent["agent_id"], of_agent["runs"], of_agent["suggestions"]) == (str(agent), 2, 0)
    assert {one["agent_id"] for one in items(by_agent=True)} >= {str(agent)}
    assert None not in {one["agent_id"] for one in items(by_agent=True)}
    assert items(**{"from": (day + timedelta(days=1)).isoformat(), "to": (day + timedelta(days=2)).isoformat()}) == []


@pytest.mark.usefixtures("tiers")
def test_every_limit_is_told_with_what_is_used_of_it(world: World, connect: Connect) -> None:
    use(world, the_day(world), Used(120, 7, Decimal("0.125")))
    answer = connect().get("/v1/usage").json()
    limits = {one["which"]: (one["used"], one["limit"]) for one in answer["limits"]}
    assert answer["tier"] == "free"
    assert answer["resets_at"] == f"{the_day(world) + timedelta(days=1)}T00:00:00Z"
    assert limits["runs_per_day"] == (120, 200) and limits["cost_per_day"] == ("0.12500000", "0.50")
    assert limits["agents"] == (1, 5) and limits["triggers"] == (0, 10)
    assert answer["history_days"] == 30


def test_an_installation_of_ones_own_has_no_limits_but_the_bill(connect: Connect) -> None:
    answer = connect().get("/v1/usage").json()
    assert answer["tier"] == "own" and answer["history_days"] is None
    assert {one["which"] for one in answer["limits"] if one["limit"] is not None} == {"cost_per_day"}


@pytest.mark.usefixtures("tiers")
def test_one_agent_too_many_is_a_429_that_says_which_limit(connect: Connect) -> None:
    client = connect()
    codes = [client.post("/v1/agents", json={"template": "inbox"}).status_code for _ in range(4)]
    assert codes == [201] * 4, "there was one before"
    refused = _problem(client.post("/v1/agents", json={"template": "inbox"}), 429, "billing.limit_reached")
    data = refused["data"]
    assert isinstance(data, dict)
    assert (data["which"], data["limit"], data["tier"], data["resets_at"]) == ("agents", 5, "free", None)


@pytest.mark.parametrize(
    "asked",
    [
        {"from": "2026-11-22", "to": "2026-11-21"},
        {"from": "2024-01-01", "to": "2026-01-01"},
        {"from": "2010-01-01", "to": "2026-01-01", "period": "month"},
    ],
)
def test_a_time_that_is_too_long_or_runs_backwards_is_refused(connect: Connect, asked: dict[str, str]) -> None:
    _problem(connect().get("/v1/usage", params=asked), 422, "billing.period_invalid")


@pytest.mark.parametrize("asked", [{"to": "9999-12-31"}, {"from": "0001-01-01"}, {"period": "year"}, {"agent_id": "x"}])
def test_what_no_calendar_holds_is_refused(connect: Connect, asked: dict[str, str]) -> None:
    _problem(connect().get("/v1/usage", params=asked), 422, "api.request_invalid")


def test_each_run_is_told_in_one_line_a_page_at_a_time(
    world: World, connect: Connect, storage: Storage, settings: Settings
) -> None:
    client = connect()
    agent = client.post("/v1/agents", json={"template": "inbox"}).json()["id"]
    runs = [client.post(f"/v1/agents/{agent}/runs").json()["id"] for _ in range(3)]
    with world.work() as work:
        run = work.runs.get(UUID(runs[1]))
        step = RunStep(new_id(), run.workspace_id, run.id, "read", 0, "mail.read", "succeeded", {}, work.now)
        work.runs.put_step(step)
        calls = [Usage(tokens_prompt=10, cost=Decimal("0.002"))] * 2
        used = record(work, [*ledger_calls(run, step, calls, work.now), *ledger_rows([run], work.now)])[run.id]
        run.tokens, run.cost = used.tokens, used.cost
        run.status, run.started_at, run.finished_at = "succeeded", work.now, work.now + timedelta(seconds=3)
        work.commit()
    seen: list[dict[str, Any]] = []
    cursor = None
    while True:
        page = client.get(
            "/v1/usage/runs", params={"limit": 2, "agent_id": agent} | ({"cursor": cursor} if cursor else {})
        )
        seen += page.json()["items"]
        cursor = page.json()["next"]
        if cursor is None:
            break
    assert [one["run_id"] for one in seen] == runs[::-1]
    told = seen[1]
    assert {name: told[name] for name in ("status", "seconds", "steps", "calls", "tokens", "cost")} == {
        "status": "succeeded", "seconds": 3.0, "steps": 1, "calls": 2, "tokens": 20, "cost": "0.00400000",
    }  # fmt: skip
    stranger = connect(of=World(storage, settings, somebody(storage), UUID(agent), UUID(agent), {}, world.maildir))
    assert stranger.get("/v1/usage/runs").json() == {"items": [], "next": None}
    assert stranger.get("/v1/usage").json()["items"] == []


def test_a_key_that_may_not_read_learns_nothing(connect: Connect) -> None:
    for path in ("/v1/usage", "/v1/usage/runs"):
        _problem(connect("write").get(path), 403, "identity.scope_missing")
