"""Limits hold however many start at the same time; the ledger has each call once, and everything that is read from it agrees."""

import random
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

import psycopg
import pytest

from core.billing.limits import TIERS, today
from core.billing.models import WORKSPACE
from core.billing.ports import Used
from core.billing.record import ledger_calls, ledger_rows, record
from core.billing.reserve import (
    Start,
    budget,
    give_back,
    has_place,
    is_news,
    limits_of,
    need_interval,
    need_room,
    refused_of,
    reserve,
)
from core.billing.subscribe import subscribe
from core.catalog.models import Agent
from core.kernel.actor import Actor
from core.kernel.errors import LimitReached
from core.kernel.ids import new_id
from core.kernel.settings import settings as process_settings
from core.orchestration.batches import Rung
from core.orchestration.models import Run
from core.orchestration.ports import Usage
from storage import Storage
from tests.databases import somebody
from tests.storage.arrange import a_connection, a_run, a_suggestion, an_agent, an_approval

FREE = TIERS["free"]
CROWD = 100


@dataclass(frozen=True)
class Step:
    """What billing knows of a step."""

    node_id: str = "write"
    index: int = 0
    attempt: int = 1


@pytest.fixture
def tiers(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """An installation whose workspaces have tiers."""
    monkeypatch.setenv("NOD_LIMITS", "tiers")
    process_settings.cache_clear()
    yield
    process_settings.cache_clear()


def used_today(storage: Storage, actor: Actor, scope: str = WORKSPACE) -> Used:
    with storage.work(actor.workspace_id, actor.user_id) as work:
        found = work.billing.counters(today(work.now), [scope]).get(scope)
    return Used() if found is None else Used(found.runs, found.tokens, found.cost)


def use(storage: Storage, actor: Actor, used: Used, *agents: UUID, day: date | None = None) -> None:
    """So much was used before."""
    with storage.work(actor.workspace_id, actor.user_id) as work:
        work.billing.add(day or today(work.now), dict.fromkeys((WORKSPACE, *map(str, agents)), used))
        work.commit()


def start(storage: Storage, actor: Actor, *agents: UUID | None) -> list[LimitReached | None]:
    """A batch that wants to start: for each why not."""
    starts = [Start(new_id(), agent) for agent in agents]
    with storage.work(actor.workspace_id, actor.user_id) as work:
        refused = reserve(work, starts)
        work.commit()
    return [refused.get(one.run_id) for one in starts]


def all_at_once(number: int, do: Callable[[int], Any]) -> list[Any]:
    gate = threading.Barrier(number)

    def one(n: int) -> Any:
        gate.wait()
        return do(n)

    with ThreadPoolExecutor(number) as crowd:
        return [future.result() for future in [crowd.submit(one, n) for n in range(number)]]


@pytest.mark.usefixtures("tiers")
def test_a_hundred_that_start_at_the_same_time_never_exceed_the_limit(storage: Storage) -> None:
    actor, agents = somebody(storage), [new_id() for _ in range(3)]
    use(storage, actor, Used(runs=160))
    answers = all_at_once(CROWD, lambda n: start(storage, actor, agents[n % 3])[0])
    refused = [why for why in answers if why is not None]
    assert len(refused) == CROWD - 40
    assert {(why.data["which"], why.data["limit"], why.data["used"]) for why in refused} == {("runs_per_day", 200, 200)}
    assert used_today(storage, actor).runs == 200
    assert sum(used_today(storage, actor, str(agent)).runs for agent in agents) == 40


@pytest.mark.usefixtures("tiers")
def test_batches_of_mixed_agents_fill_the_day_to_the_last_run_and_wait_in_no_ring(storage: Storage) -> None:
    actor, agents = somebody(storage), [new_id() for _ in range(5)]

    def batch(n: int) -> int:
        chosen = random.Random(n).choices([*agents, None], k=50)
        return sum(why is None for why in start(storage, actor, *chosen))

    assert sum(all_at_once(12, batch)) == FREE.workspace.runs
    assert used_today(storage, actor).runs == FREE.workspace.runs


@pytest.mark.usefixtures("tiers")
def test_light_runs_that_are_claimed_by_the_dozen_fill_the_day_and_no_more(storage: Storage) -> None:
    actor = somebody(storage)
    agents = [an_agent(storage, actor) for _ in range(3)]
    with storage.work(actor.workspace_id, actor.user_id) as work:
        work.runs.add_all([_light(actor, agents[n % 3], work.now) for n in range(260)])
        work.commit()

    def take(_: int) -> tuple[int, int]:
        passed = refused = 0
        while (batch := storage.batches.claim([Rung(actor.workspace_id, actor.user_id, new_id())], 60)[0]).runs:
            closed = refused_of(batch)
            passed, refused = passed + len(batch.runs) - len(closed), refused + len(closed)
            assert {why.data["which"] for why in closed.values()} <= {"runs_per_day"}
            with storage.work(actor.workspace_id, actor.user_id) as work:
                give_back(work, [run for run in batch.runs if run.id in closed])
                work.commit()
        return passed, refused

    answers = all_at_once(6, take)
    assert (sum(one[0] for one in answers), sum(one[1] for one in answers)) == (200, 60)
    assert used_today(storage, actor).runs == 200
    assert sum(used_today(storage, actor, str(agent.id)).runs for agent in agents) == 200


@pytest.mark.usefixtures("tiers")
def test_the_first_of_a_batch_get_the_room_that_one_agent_has_left(storage: Storage) -> None:
    actor, busy, other = somebody(storage), new_id(), new_id()
    use(storage, actor, Used(runs=98), busy)
    answers = start(storage, actor, busy, busy, busy, other, busy)
    assert [why is None for why in answers] == [True, True, False, True, False]
    third = answers[2]
    assert third is not None and third.code == "billing.limit_reached"
    with storage.work(actor.workspace_id, actor.user_id) as work:
        tomorrow = today(work.now) + timedelta(days=1)
    assert third.data == {
        "which": "agent_runs_per_day", "limit": 100, "used": 100, "tier": "free", "resets_at": f"{tomorrow}T00:00:00+00:00",
    }  # fmt: skip
    assert used_today(storage, actor).runs == 101
    assert used_today(storage, actor, str(busy)).runs == 100
    assert used_today(storage, actor, str(other)).runs == 1


@pytest.mark.usefixtures("tiers")
@pytest.mark.parametrize(
    ("used", "of_agent", "which"),
    [
        (Used(tokens=200_000), False, "tokens_per_day"),
        (Used(cost=Decimal("0.50")), False, "cost_per_day"),
        (Used(tokens=100_000), True, "agent_tokens_per_day"),
        (Used(cost=Decimal("0.25000001")), True, "agent_cost_per_day"),
    ],
)
def test_a_run_does_not_start_when_tokens_or_cost_of_the_day_are_used_up(
    storage: Storage, used: Used, of_agent: bool, which: str
) -> None:
    actor, agent = somebody(storage), new_id()
    use(storage, actor, used, *([agent] if of_agent else []))
    (why,) = start(storage, actor, agent)
    assert why is not None and why.data["which"] == which
    assert used_today(storage, actor).runs == 0
    assert (start(storage, actor, new_id()) == [None]) == of_agent, "another agent may still"


@pytest.mark.usefixtures("tiers")
def test_what_was_used_yesterday_or_in_another_workspace_takes_nothing_away(storage: Storage) -> None:
    actor, stranger = somebody(storage), somebody(storage)
    with storage.work(actor.workspace_id, actor.user_id) as work:
        yesterday = today(work.now) - timedelta(days=1)
    use(storage, actor, Used(runs=10_000), day=yesterday)
    use(storage, stranger, Used(runs=200))
    assert start(storage, actor, new_id()) == [None]
    assert start(storage, stranger, new_id()) != [None]


@pytest.mark.usefixtures("tiers")
def test_a_start_that_is_rolled_back_was_not_counted(storage: Storage) -> None:
    actor = somebody(storage)
    with storage.work(actor.workspace_id, actor.user_id) as work:
        assert reserve(work, [Start(new_id(), new_id())]) == {}
    assert used_today(storage, actor) == Used()


@pytest.mark.usefixtures("tiers")
def test_the_limits_are_those_of_the_active_subscription_at_once(storage: Storage) -> None:
    actor = somebody(storage)
    use(storage, actor, Used(runs=200))
    assert start(storage, actor, None) != [None]
    with storage.work(actor.workspace_id, actor.user_id) as work:
        subscribe(work, "creator")
        assert subscribe(work, "personal_pro", cycle="annual").billing_cycle == "annual"
        work.commit()
    assert start(storage, actor, None) == [None]
    with storage.work(actor.workspace_id, actor.user_id) as work:
        ended = work.billing.subscription()
        ended.status = "cancelled"
        work.commit()
    (why,) = start(storage, actor, None)
    assert why is not None and why.data["tier"] == "free", "who has no subscription any more is free"


def test_an_installation_of_ones_own_counts_but_refuses_only_at_the_ceiling_of_its_bill(storage: Storage) -> None:
    actor = somebody(storage)
    use(storage, actor, Used(runs=10**6, tokens=10**10))
    assert start(storage, actor, *[new_id()] * 50) == [None] * 50
    assert used_today(storage, actor).runs == 10**6 + 50
    use(storage, actor, Used(cost=Decimal(10)))
    (why,) = start(storage, actor, None)
    assert why is not None and (why.data["which"], why.data["tier"]) == ("cost_per_day", "own")


@pytest.mark.usefixtures("tiers")
def test_a_budget_is_what_the_run_and_the_day_have_left(storage: Storage) -> None:
    actor, agent = somebody(storage), new_id()
    use(storage, actor, Used(tokens=60_000, cost=Decimal("0.20")), agent)
    use(storage, actor, Used(tokens=100_000, cost=Decimal("0.29")))
    with storage.work(actor.workspace_id, actor.user_id) as work:
        left = budget(work, agent, Used(tokens=15_000, cost=Decimal("0.04")))
        fresh = budget(work, new_id(), Used())
    assert (left.tokens, left.cost) == (35_000, Decimal("0.01")), "tokens of the run, cost of the day"
    assert (fresh.tokens, fresh.cost) == (40_000, Decimal("0.01")), "what the whole workspace has left"


def test_the_same_calls_written_again_add_nothing(storage: Storage) -> None:
    actor = somebody(storage)
    run = a_run(storage, actor)
    calls = [
        Usage(tokens_prompt=100, tokens_completion=20, cost=Decimal("0.000300001")),
        Usage(tokens_prompt=5, provider="ollama"),
    ]
    first, again = (_write(storage, actor, run, Step(), calls) for _ in range(2))
    assert (first, again) == (Used(tokens=125, cost=Decimal("0.0003")), Used())
    more = _write(storage, actor, run, Step(), [*calls, Usage(tokens_completion=1)])
    assert more == Used(tokens=1), "what is new among them is added"
    assert _write(storage, actor, run, Step(index=1), calls).tokens == 125
    assert run.agent_id is not None
    for scope in (WORKSPACE, str(run.agent_id)):
        assert used_today(storage, actor, scope) == Used(tokens=251, cost=Decimal("0.0006"))
    assert len(_ledger(storage, actor, run)) == 5


def test_two_holders_of_a_run_pay_for_the_calls_that_each_of_them_made(storage: Storage) -> None:
    actor = somebody(storage)
    run = a_run(storage, actor)
    calls = [Usage(tokens_prompt=10)]
    for fence in (1, 2):
        run.fence = fence
        assert _write(storage, actor, run, Step(), calls).tokens == 10


def test_the_same_call_written_from_many_threads_is_one_row(storage: Storage) -> None:
    actor = somebody(storage)
    run = a_run(storage, actor)
    written = all_at_once(12, lambda _: _write(storage, actor, run, Step(), [Usage(tokens_prompt=7)]))
    assert sorted(used.tokens for used in written) == [0] * 11 + [7]
    assert used_today(storage, actor).tokens == 7


def test_what_was_recorded_is_undone_with_the_step_that_was_not_written(storage: Storage) -> None:
    actor = somebody(storage)
    run = a_run(storage, actor)
    with storage.work(actor.workspace_id, actor.user_id) as work:
        assert _recorded(work, run, Step(), [Usage(tokens_prompt=7)]).tokens == 7
    assert used_today(storage, actor) == Used() and _ledger(storage, actor, run) == []


def test_runs_counters_and_the_ledger_agree_after_a_busy_day(storage: Storage) -> None:
    actor = somebody(storage)
    agents = [an_agent(storage, actor) for _ in range(2)]
    runs = [a_run(storage, actor, agent) for agent in agents for _ in range(6)]

    def carry_out(n: int) -> None:
        run, chance = runs[n], random.Random(n)
        with storage.work(actor.workspace_id, actor.user_id) as work:
            held = work.runs.get(run.id)
            assert reserve(work, [Start(run.id, run.agent_id)]) == {}
            for index in range(3):
                calls = [
                    Usage(tokens_prompt=chance.randrange(500), cost=Decimal(chance.randrange(10**9)).scaleb(-11))
                    for _ in range(2)
                ]
                for _ in range(2):
                    used = _recorded(work, run, Step(index=index), calls)
                    held.tokens += used.tokens
                    held.cost += used.cost
            record(work, ledger_rows([run], work.now))
            work.commit()

    all_at_once(len(runs), carry_out)
    with storage.work(actor.workspace_id, actor.user_id) as work:
        for run in runs:
            rows, kept = work.billing.of_run(run.id), work.runs.get(run.id)
            assert [row.kind for row in rows].count("run") == 1 and len(rows) == 7
            assert kept.tokens == sum(row.tokens_prompt + row.tokens_completion for row in rows) > 0
            assert kept.cost == sum(row.cost for row in rows) > 0
        total = Used(len(runs), sum(work.runs.get(r.id).tokens for r in runs), sum((work.runs.get(r.id).cost for r in runs), Decimal(0)))  # fmt: skip
    assert used_today(storage, actor) == total
    of_agents = [used_today(storage, actor, str(agent.id)) for agent in agents]
    assert of_agents[0] + of_agents[1] == total


def test_a_row_of_the_ledger_is_never_changed_nor_deleted_before_its_run_nor_seen_from_elsewhere(
    storage: Storage,
) -> None:
    actor, stranger = somebody(storage), somebody(storage)
    run = a_run(storage, actor)
    price = {"input_mtok": "1.25"}
    _write(storage, actor, run, Step(), [Usage(tokens_prompt=7, cost=Decimal(1), model="gpt-5", price=price)])
    (row,) = _ledger(storage, actor, run)
    assert (row.model, row.price, row.cost) == ("gpt-5", price, Decimal(1))
    with storage.work(actor.workspace_id, actor.user_id) as work, pytest.raises(Exception, match="permission denied"):
        work._t.connection.exec_driver_sql("UPDATE nod.usage_ledger SET cost = 0")
    with storage.work(actor.workspace_id, actor.user_id) as work:
        assert work._t.connection.exec_driver_sql("DELETE FROM nod.usage_ledger").rowcount == 0
        work.commit()
    assert _ledger(storage, actor, run) == [row]
    assert _ledger(storage, stranger, run) == []
    assert used_today(storage, stranger) == Used()


def test_the_ledger_is_read_from_the_one_part_that_holds_the_month_of_the_run(storage: Storage, owner_url: str) -> None:
    actor = somebody(storage)
    run = a_run(storage, actor)
    _write(storage, actor, run, Step(), [Usage(tokens_prompt=7)])
    with psycopg.connect(owner_url) as owner:
        ours = owner.execute("SELECT DISTINCT tableoid::regclass::text FROM nod.usage_ledger").fetchall()
        runs = owner.execute("SELECT DISTINCT tableoid::regclass::text FROM nod.runs").fetchall()
    assert len(ours) == 1 and ours[0][0].removeprefix("nod.usage_ledger") == runs[0][0].removeprefix("nod.runs")


@pytest.mark.usefixtures("tiers")
def test_of_many_who_want_the_last_place_one_gets_it(storage: Storage) -> None:
    actor = somebody(storage)
    assert FREE.connections is not None
    for _ in range(FREE.connections - 1):
        a_connection(storage, actor)
    a_connection(storage, actor, status="revoked")

    def make(_: int) -> bool:
        with storage.work(actor.workspace_id, actor.user_id) as work:
            try:
                need_room(work, "connections", without=["tasks"])
            except LimitReached:
                return False
            a_connection_within(work, actor)
            work.commit()
            return True

    assert sorted(all_at_once(8, make)) == [False] * 7 + [True]


@pytest.mark.usefixtures("tiers")
def test_connections_that_everybody_has_leave_room(storage: Storage) -> None:
    actor = somebody(storage)
    for _ in range(5):
        a_connection(storage, actor)
    with storage.work(actor.workspace_id, actor.user_id) as work:
        need_room(work, "connections", without=["maildir"])
        with pytest.raises(LimitReached) as full:
            need_room(work, "connections")
    assert full.value.data == {"which": "connections", "limit": 3, "used": 5, "tier": "free", "resets_at": None}


@pytest.mark.usefixtures("tiers")
def test_no_more_runs_are_carried_out_beside_each_other_than_the_tier_allows(storage: Storage) -> None:
    actor = somebody(storage)
    agent = an_agent(storage, actor)
    queued = [a_run(storage, actor, agent).id for _ in range(6)]
    a_run(storage, somebody(storage))

    def take(n: int) -> bool:
        with storage.work(actor.workspace_id, actor.user_id) as work:
            taken = has_place(work) and work.runs.claim(queued[n], 60) is not None
            work.commit()
        return taken

    taken = all_at_once(len(queued), take)
    assert sum(taken) == FREE.runs_at_once
    with storage.work(actor.workspace_id, actor.user_id) as work:
        over = work.runs.get(queued[taken.index(True)])
        over.status, over.lease_until = "succeeded", None
        work.commit()
    assert take(taken.index(False))


@pytest.mark.usefixtures("tiers")
def test_a_schedule_may_not_be_denser_than_the_tier_allows(storage: Storage) -> None:
    actor = somebody(storage)
    with storage.work(actor.workspace_id, actor.user_id) as work:
        need_interval(work, timedelta(minutes=15))
        with pytest.raises(LimitReached) as dense:
            need_interval(work, timedelta(minutes=14))
    assert (dense.value.data["which"], dense.value.data["limit"]) == ("schedule_minutes", 15)


def test_at_home_nothing_that_is_made_is_limited(storage: Storage) -> None:
    actor = somebody(storage)
    for _ in range(6):
        an_agent(storage, actor)
    with storage.work(actor.workspace_id, actor.user_id) as work:
        for thing in ("agents", "connections", "triggers"):
            need_room(work, thing)
        need_interval(work, timedelta(minutes=1))
        assert limits_of(work).plan == "own"


def test_a_person_is_told_of_a_limit_once_a_day_and_of_each_agent_once(storage: Storage) -> None:
    actor = somebody(storage)
    whole, agent, run = (
        LimitReached("billing.limit_reached", which=which) for which in ("runs_per_day", "agent_runs_per_day", "cost_per_run")
    )  # fmt: skip
    ours, another = new_id(), new_id()

    def news(why: LimitReached, of: UUID, to: UUID = actor.user_id) -> bool:
        with storage.work(actor.workspace_id, actor.user_id) as work:
            told = is_news(work, to, of, why)
            work.commit()
        return told

    assert [news(whole, ours), news(whole, another), news(whole, ours, new_id())] == [True, False, True]
    assert [news(agent, ours), news(agent, another), news(agent, ours)] == [True, True, False]
    assert sum(all_at_once(8, lambda _: news(run, ours))) == 1


def test_usage_is_summed_by_day_week_and_month_of_all_or_of_each_agent(storage: Storage) -> None:
    actor = somebody(storage)
    ours, other = an_agent(storage, actor), an_agent(storage, actor)
    use(storage, actor, Used(2, 10, Decimal("0.5")), ours.id, day=date(2026, 11, 1))
    use(storage, actor, Used(3, 20, Decimal("0.25")), ours.id, day=date(2026, 10, 31))
    use(storage, actor, Used(5), other.id, day=date(2026, 10, 26))
    use(storage, actor, Used(7), other.id, day=date(2026, 10, 25))

    def read(period: Any, agent_id: UUID | None = None, by_agent: bool = False) -> list[tuple[Any, ...]]:
        with storage.work(actor.workspace_id, actor.user_id) as work:
            found = work.billing.analytics(period, date(2026, 10, 26), date(2026, 11, 1), agent_id, by_agent)
        return [(one.start.isoformat(), one.agent_id, one.used.runs, one.used.tokens, one.used.cost) for one in found]

    assert read("day") == [
        ("2026-10-26", None, 5, 0, 0), ("2026-10-31", None, 3, 20, Decimal("0.25")), ("2026-11-01", None, 2, 10, Decimal("0.5")),
    ]  # fmt: skip
    assert read("week") == [("2026-10-26", None, 10, 30, Decimal("0.75"))], "a week begins on Monday"
    assert read("month") == [("2026-10-01", None, 8, 20, Decimal("0.25")), ("2026-11-01", None, 2, 10, Decimal("0.5"))]
    assert read("week", agent_id=ours.id) == [("2026-10-26", ours.id, 5, 30, Decimal("0.75"))]
    assert sorted(read("week", by_agent=True), key=lambda one: one[2]) == sorted(
        [("2026-10-26", ours.id, 5, 30, Decimal("0.75")), ("2026-10-26", other.id, 5, 0, 0)], key=lambda one: one[2]
    )


def test_suggestions_and_approvals_are_counted_where_they_were_made_and_given(storage: Storage) -> None:
    actor, stranger = somebody(storage), somebody(storage)
    a_suggestion(storage, stranger)
    run = a_run(storage, actor)
    shown = [a_suggestion(storage, actor, key=f"reply:{n}", run=run)[1] for n in range(3)]
    _, elsewhere = a_suggestion(storage, actor)
    with storage.work(actor.workspace_id, actor.user_id) as work:
        for revision in (shown[0], elsewhere):
            work.suggestions.approve(an_approval(work, actor, revision))
        work.suggestions.approve(an_approval(work, actor, shown[1], decision="reject"))
        work.commit()
    with storage.work(actor.workspace_id, actor.user_id) as work:
        day = today(work.now)
        (whole,) = work.billing.analytics("day", day, day, None, False)
        (ours,) = work.billing.analytics("day", day, day, run.agent_id, False)
        each = work.billing.analytics("month", day.replace(day=1), day, None, True)
        later = work.billing.analytics("day", day + timedelta(days=1), day + timedelta(days=9), None, False)
    assert (whole.start, whole.used, whole.suggestions, whole.approvals) == (day, Used(), 4, 2)
    assert (ours.agent_id, ours.suggestions, ours.approvals) == (run.agent_id, 3, 1)
    assert sorted((one.suggestions, one.approvals) for one in each) == [(1, 1), (3, 1)]
    assert later == []


def test_each_run_is_told_in_one_line(storage: Storage) -> None:
    actor = somebody(storage)
    quiet, busy = a_run(storage, actor), a_run(storage, actor)
    _, revision = a_suggestion(storage, actor, run=busy)
    _, other = a_suggestion(storage, actor, key="reply:2", run=busy)
    with storage.work(actor.workspace_id, actor.user_id) as work:
        work.suggestions.approve(an_approval(work, actor, revision))
        work.suggestions.approve(an_approval(work, actor, other, decision="edit"))
        held = work.runs.get(busy.id)
        used = record(
            work, [*ledger_calls(busy, Step(), [Usage(tokens_prompt=9)] * 2, work.now), *ledger_rows([busy], work.now)]
        )
        held.tokens = used[busy.id].tokens
        held.status, held.started_at, held.finished_at = "succeeded", work.now, work.now + timedelta(seconds=90)
        work.commit()
    with storage.work(actor.workspace_id, actor.user_id) as work:
        newest, older = work.billing.history(None, 10)
        assert (newest.id, older.id) == (busy.id, quiet.id)
        assert (newest.status, newest.seconds, newest.calls, newest.tokens) == ("succeeded", 90, 2, 18)
        assert (newest.suggestions, newest.approvals, newest.steps) == (2, 1, 0)
        assert (older.status, older.seconds, older.calls, older.suggestions) == ("queued", None, 0, 0)
        assert [one.id for one in work.billing.history(busy.id, 10)] == [quiet.id]
        assert [one.id for one in work.billing.history(None, 10, busy.agent_id)] == [busy.id]


def a_connection_within(work: Any, actor: Actor) -> None:
    from core.connectors.models import Connection

    work.connections.add(Connection(new_id(), actor.workspace_id, actor.user_id, "maildir", "Mail", {}, work.now))


def _light(actor: Actor, agent: Agent, now: datetime) -> Run:
    return Run(
        new_id(), actor.workspace_id, actor.user_id, agent.id, agent.latest_version_id, "scheduled", now, now, now, light=True
    )  # fmt: skip


def _recorded(work: Any, run: Run, step: Step, calls: list[Usage]) -> Used:
    """What the engine does with the calls of a step."""
    return record(work, ledger_calls(run, step, calls, work.now)).get(run.id, Used())


def _write(storage: Storage, actor: Actor, run: Run, step: Step, calls: list[Usage]) -> Used:
    with storage.work(actor.workspace_id, actor.user_id) as work:
        used = _recorded(work, run, step, calls)
        work.commit()
    return used


def _ledger(storage: Storage, actor: Actor, run: Run) -> list[Any]:
    with storage.work(actor.workspace_id, actor.user_id) as work:
        return work.billing.of_run(run.id)


def test_what_is_read_is_found_by_keys_however_old_the_workspace_is(storage: Storage, owner_url: str) -> None:
    actor = somebody(storage)
    run = a_run(storage, actor)
    _, revision = a_suggestion(storage, actor, run=run)
    with storage.work(actor.workspace_id, actor.user_id) as work:
        work.suggestions.approve(an_approval(work, actor, revision))
        work.commit()
    _grow(owner_url, "suggestions", "created_at", {"dedupe_key": "n::text", "run_id": "gen_random_uuid()"})
    _grow(owner_url, "approvals", "decided_at", {"suggestion_id": "gen_random_uuid()"})
    _grow(owner_url, "runs", "created_at", {})
    with storage.work(actor.workspace_id, actor.user_id) as work:
        day = today(work.now)
        plans = _plans(work, lambda: work.billing.analytics("day", day, day, None, False))
        plans += _plans(work, lambda: work.billing.analytics("day", day, day, None, True))
        plans += _plans(work, lambda: work.billing.history(None, 20))
        plans += _plans(work, lambda: work.billing.of_run(run.id))
    assert len(plans) == 3 + 3 + 1 + 1
    for plan in plans:
        read = [
            line
            for line in plan.splitlines()
            if "Seq Scan" in line and "actual rows=0" not in line and "never" not in line
        ]
        assert not read, plan


def _grow(owner_url: str, table: str, at: str, other: dict[str, str]) -> None:
    """Copies its only row ten thousand times over the year and a half before, under ids of their time; `other` are values that differ, in SQL."""
    id = f"(lpad(to_hex((extract(epoch FROM t.{at}) * 1000)::bigint - n::bigint * 4730400), 12, '0') || '70008000' || lpad(to_hex(n), 12, '0'))::uuid"
    values = {"id": id, at: f"t.{at} - n * interval '4730400 ms'"} | other
    given = ", ".join(f"'{name}', {value}" for name, value in values.items())
    with psycopg.connect(owner_url) as owner:
        owner.execute("SET LOCAL session_replication_role = replica")
        owner.execute(
            f"INSERT INTO nod.{table} SELECT r.* FROM nod.{table} t, generate_series(1, 10000) n, "
            f"LATERAL jsonb_populate_record(t, jsonb_build_object({given})) r"  # type: ignore[arg-type]
        )
        owner.commit()
        owner.execute(f"ANALYZE nod.{table}")  # type: ignore[arg-type]


def _plans(work: Any, read: Callable[[], object]) -> list[str]:
    """How the database carries out each statement of `read`."""
    from sqlalchemy import event

    said: list[tuple[str, Any]] = []
    connection = work._t.connection

    def heard(_: Any, __: Any, statement: str, parameters: Any, *___: Any) -> None:
        said.append((statement, parameters))

    event.listen(connection, "before_cursor_execute", heard)
    read()
    event.remove(connection, "before_cursor_execute", heard)
    return [
        "\n".join(
            row[0] for row in connection.exec_driver_sql(f"EXPLAIN (ANALYZE, COSTS OFF, TIMING OFF) {statement}", given)
        )
        for statement, given in said
    ]
