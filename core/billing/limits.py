"""How much each tier may use: all figures in one place. None is no limit."""

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from typing import Any, Literal

from core.identity.models import Tier
from core.kernel.errors import LimitReached

Plan = Tier | Literal["own"]
Which = Literal[
    "runs_per_day", "tokens_per_day", "cost_per_day", "agent_runs_per_day", "agent_tokens_per_day", "agent_cost_per_day",
    "tokens_per_run", "cost_per_run", "agents", "connections", "triggers", "schedule_minutes",
]  # fmt: skip


@dataclass(frozen=True)
class Daily:
    """What may be used on one day in UTC; `cost` in US dollars. Runs are counted when they start; a run starts only while tokens and cost are left."""

    runs: int | None = None
    tokens: int | None = None
    cost: Decimal | None = None


@dataclass(frozen=True)
class Limits:
    """What one workspace may use. `workspace` holds for all agents together, `agent` for each. `tokens_per_run` and `cost_per_run` (US dollars) bound one run,
    whatever is left of the day. `agents`, `connections` and `triggers` are how many there may be; own tasks, the calendar folder and sample data are not counted.
    `schedule_minutes` is the shortest time between two due times of a schedule; `runs_at_once` how many are carried out beside each other, the others wait.
    `retention_days` is how long history is kept at most; a person's own setting may be shorter."""

    plan: Plan
    workspace: Daily
    agent: Daily
    tokens_per_run: int | None
    cost_per_run: Decimal | None
    agents: int | None
    connections: int | None
    triggers: int | None
    schedule_minutes: int
    runs_at_once: int | None
    retention_days: int | None


TIERS: dict[Tier, Limits] = {
    "free": Limits(
        plan="free", workspace=Daily(200, 200_000, Decimal("0.50")), agent=Daily(100, 100_000, Decimal("0.25")), tokens_per_run=50_000,
        cost_per_run=Decimal("0.10"), agents=5, connections=3, triggers=10, schedule_minutes=15, runs_at_once=2, retention_days=30,
    ),
    "personal_pro": Limits(
        plan="personal_pro", workspace=Daily(2_000, 2_000_000, Decimal(5)), agent=Daily(1_000, 1_000_000, Decimal("2.50")), tokens_per_run=500_000,
        cost_per_run=Decimal(1), agents=25, connections=15, triggers=100, schedule_minutes=5, runs_at_once=5, retention_days=365,
    ),
    "family": Limits(
        plan="family", workspace=Daily(4_000, 4_000_000, Decimal(10)), agent=Daily(1_000, 1_000_000, Decimal("2.50")), tokens_per_run=500_000,
        cost_per_run=Decimal(1), agents=50, connections=40, triggers=200, schedule_minutes=5, runs_at_once=10, retention_days=365,
    ),
    "creator": Limits(
        plan="creator", workspace=Daily(20_000, 20_000_000, Decimal(50)), agent=Daily(10_000, 10_000_000, Decimal(25)), tokens_per_run=2_000_000,
        cost_per_run=Decimal(5), agents=200, connections=100, triggers=1_000, schedule_minutes=1, runs_at_once=25, retention_days=730,
    ),
    "enterprise": Limits(
        plan="enterprise", workspace=Daily(500_000, 500_000_000, Decimal(1000)), agent=Daily(250_000, 250_000_000, Decimal(500)),
        tokens_per_run=10_000_000, cost_per_run=Decimal(20), agents=5_000, connections=2_000, triggers=50_000, schedule_minutes=1,
        runs_at_once=200, retention_days=1_095,
    ),
}  # fmt: skip


def own(cost_per_day: Decimal) -> Limits:
    """An installation that is its owner's: nobody sells anything, so nothing is limited but the bill of language models. One run may use half of a day's."""
    return Limits(
        plan="own", workspace=Daily(cost=cost_per_day), agent=Daily(), tokens_per_run=None, cost_per_run=cost_per_day / 2, agents=None,
        connections=None, triggers=None, schedule_minutes=1, runs_at_once=None, retention_days=None,
    )  # fmt: skip


def today(now: datetime) -> date:
    """The day that counters count for: that of UTC, so that nobody gets a second day by moving to another timezone."""
    return now.astimezone(UTC).date()


def resets_at(day: date) -> datetime:
    """When the counters of `day` are over."""
    return datetime.combine(day + timedelta(days=1), time(), UTC)


def reached(
    which: Which, limit: int | Decimal, used: int | Decimal, plan: Plan, day: date | None = None
) -> LimitReached:
    """The refusal `billing.limit_reached`. Its data are JSON values: which, limit, used (an amount in US dollars as text), plan as `tier`, and `resets_at`
    (None for what does not end with the day)."""
    data: dict[str, Any] = {
        "which": which,
        "limit": _plain(limit),
        "used": _plain(used),
        "tier": plan,
        "resets_at": resets_at(day).isoformat() if day else None,
    }
    return LimitReached("billing.limit_reached", **data)


def _plain(amount: int | Decimal) -> int | str:
    return amount if isinstance(amount, int) else format(amount.normalize(), "f")
