"""The figures of the tiers, what a run may still use, and the ids of the ledger."""

import threading
from dataclasses import dataclass, field, fields
from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal
from typing import get_args
from uuid import UUID

import pytest

from core.billing.limits import TIERS, Daily, Limits, own, reached, resets_at, today
from core.billing.models import Budget, Ceiling
from core.billing.record import entry_id, ledger_calls, ledger_rows
from core.identity.models import Tier
from core.kernel.errors import LimitReached
from core.kernel.ids import new_id
from core.orchestration.ports import Usage

NOW = datetime(2026, 11, 22, 8, 0, tzinfo=UTC)


@dataclass
class ARun:
    """What billing knows of a run."""

    id: UUID = field(default_factory=new_id)
    workspace_id: UUID = field(default_factory=new_id)
    user_id: UUID = field(default_factory=new_id)
    agent_id: UUID | None = field(default_factory=new_id)
    fence: int = 1
    started_at: datetime | None = None


@dataclass
class AStep:
    """What billing knows of a step."""

    node_id: str = "write"
    index: int = 0
    attempt: int = 1


def test_every_tier_has_limits_and_a_higher_one_never_gets_less() -> None:
    assert tuple(TIERS) == get_args(Tier)
    for lower, higher in zip(list(TIERS.values()), list(TIERS.values())[1:], strict=False):
        for name, least in _figures(lower).items():
            most = _figures(higher)[name]
            if name == "schedule_minutes":
                assert most <= least, (higher.plan, name)
            else:
                assert most >= least, (higher.plan, name)


def test_a_single_agent_and_a_single_run_stay_below_the_day_of_the_whole_workspace() -> None:
    for limits in TIERS.values():
        for whole, part in zip(_daily(limits.workspace), _daily(limits.agent), strict=True):
            assert part <= whole
        assert limits.tokens_per_run is not None and limits.tokens_per_run <= limits.agent.tokens
        assert limits.cost_per_run is not None and limits.cost_per_run <= limits.agent.cost


def test_an_installation_of_ones_own_has_no_limit_but_the_ceiling_of_its_bill() -> None:
    limits = own(Decimal(10))
    assert (limits.workspace, limits.agent) == (Daily(cost=Decimal(10)), Daily())
    assert limits.cost_per_run == 5
    unlimited = (limits.tokens_per_run, limits.agents, limits.connections, limits.triggers, limits.runs_at_once)
    assert unlimited == (None,) * 5 and limits.retention_days is None


def test_the_day_is_that_of_utc_and_is_over_at_its_midnight() -> None:
    late_in_honolulu = datetime(2026, 11, 21, 23, 0, tzinfo=timezone(timedelta(hours=-10)))
    assert today(late_in_honolulu) == date(2026, 11, 22)
    assert resets_at(date(2026, 12, 31)) == datetime(2027, 1, 1, tzinfo=UTC)


def test_a_refusal_says_which_limit_how_much_was_used_and_until_when_in_plain_json() -> None:
    why = reached("cost_per_day", Decimal("0.50"), Decimal("0.51230000"), "free", date(2026, 11, 22))
    assert (why.code, why.data) == (
        "billing.limit_reached",
        {
            "which": "cost_per_day", "limit": "0.5", "used": "0.5123", "tier": "free",
            "resets_at": "2026-11-23T00:00:00+00:00",
        },
    )  # fmt: skip
    standing = reached("agents", 5, 5, "free")
    assert (standing.data["limit"], standing.data["resets_at"]) == (5, None)


def test_a_budget_is_the_tightest_of_its_ceilings_and_closes_when_it_is_spent() -> None:
    budget = Budget(
        "free",
        tokens=[Ceiling("tokens_per_run", 1000, 0), Ceiling("tokens_per_day", 5000, 4600, date(2026, 11, 22))],
        cost=[Ceiling("cost_per_run", Decimal("0.10"), Decimal("0.02"))],
    )
    assert (budget.tokens, budget.cost) == (400, Decimal("0.08"))
    budget.need()
    budget.spend(Usage(tokens_prompt=300, tokens_completion=150, cost=Decimal("0.01")))
    assert (budget.tokens, budget.cost) == (0, Decimal("0.07"))
    with pytest.raises(LimitReached) as refused:
        budget.need()
    assert refused.value.data == {
        "which": "tokens_per_day", "limit": 5000, "used": 5050, "tier": "free", "resets_at": "2026-11-23T00:00:00+00:00",
    }  # fmt: skip


def test_a_call_without_a_known_price_uses_tokens_only() -> None:
    budget = Budget("own", cost=[Ceiling("cost_per_run", Decimal(5), Decimal(0))])
    budget.spend(Usage(tokens_prompt=10**9))
    assert (budget.tokens, budget.cost) == (None, Decimal(5))
    budget.need()


def test_nodes_beside_each_other_spend_from_one_budget() -> None:
    budget = Budget("free", tokens=[Ceiling("tokens_per_run", 10**9, 0)])

    def spend() -> None:
        for _ in range(2000):
            budget.spend(Usage(tokens_prompt=1))

    together = [threading.Thread(target=spend) for _ in range(8)]
    for one in together:
        one.start()
    for one in together:
        one.join()
    assert budget.tokens == 10**9 - 16_000


def test_the_same_call_has_the_same_id_and_any_other_one_another() -> None:
    run = ARun()
    calls = [Usage(tokens_prompt=1), Usage(tokens_prompt=1)]
    written = ledger_calls(run, AStep(), calls, NOW)
    assert [entry.id for entry in ledger_calls(run, AStep(), calls, NOW)] == [entry.id for entry in written]
    others = [
        *ledger_calls(run, AStep(index=1), calls, NOW),
        *ledger_calls(run, AStep(attempt=2), calls, NOW),
        *ledger_calls(run, AStep(node_id="read"), calls, NOW),
        *ledger_calls(ARun(id=run.id, fence=2), AStep(), calls, NOW),
        *ledger_calls(ARun(), AStep(), calls, NOW),
        *ledger_rows([run], NOW),
    ]
    ids = {entry.id for entry in (*written, *others)}
    assert len(ids) == 2 + 10 + 1


def test_an_id_of_the_ledger_is_a_uuid_of_version_7_with_the_time_of_its_run() -> None:
    run_id = new_id()
    for n in range(200):
        id = entry_id(run_id, 1, "node", 0, 1, n)
        assert (id.version, id.variant) == (7, "specified in RFC 4122")
        assert id.bytes[:6] == run_id.bytes[:6]


def test_a_row_of_the_ledger_says_what_was_called_at_which_price_and_rounds_once() -> None:
    usage = Usage(
        tokens_prompt=7, tokens_completion=3, cost=Decimal("0.0000000349"), provider="openai", model="gpt-5",
        price={"input_mtok": "1.25"},
    )  # fmt: skip
    run = ARun()
    (entry,) = ledger_calls(run, AStep(), [usage], NOW)
    assert (entry.kind, entry.provider, entry.model, entry.price) == ("model", "openai", "gpt-5", usage.price)
    assert (entry.run_id, entry.agent_id, entry.node_id, entry.at) == (run.id, run.agent_id, "write", NOW)
    assert entry.cost == Decimal("0.00000003"), "as the column keeps it, so that sums agree"


@pytest.mark.parametrize(
    ("kind", "kept"), [("model", "model"), ("tool", "tool"), ("sandbox", "other"), ("run", "other")]
)
def test_only_the_run_itself_gets_the_row_of_a_run(kind: str, kept: str) -> None:
    (entry,) = ledger_calls(ARun(), AStep(), [Usage(kind=kind)], NOW)
    assert entry.kind == kept


def _daily(daily: Daily) -> list[int | Decimal]:
    return [getattr(daily, one.name) for one in fields(daily)]


def _figures(limits: Limits) -> dict[str, int | Decimal]:
    found = {
        one.name: getattr(limits, one.name) for one in fields(limits) if one.name not in ("plan", "workspace", "agent")
    }
    for name in ("workspace", "agent"):
        found |= {f"{name}.{one.name}": getattr(getattr(limits, name), one.name) for one in fields(Daily)}
    return found
