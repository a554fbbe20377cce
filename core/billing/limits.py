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
    "tokens_per_run", "cost_per_run", "agents", "connections", "triggers", "schedule_minutes", "runs_at_once",
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


def _tier(
    plan: Tier, day: tuple[int, int, str], agent: tuple[int, int, str], run: tuple[int, str], agents: int, connections: int, triggers: int,
    schedule_minutes: int, runs_at_once: int, retention_days: int,
) -> Limits:  # fmt: skip
    return Limits(
        plan, Daily(day[0], day[1], Decimal(day[2])), Daily(agent[0], agent[1], Decimal(agent[2])), run[0], Decimal(run[1]),
        agents, connections, triggers, schedule_minutes, runs_at_once, retention_days,
    )  # fmt: skip


# Per tier: runs, tokens and dollars a day of all agents; of each agent; tokens and dollars a run; agents, connections, triggers; minutes, at once, days.
TIERS: dict[Tier, Limits] = {
    limits.plan: limits  # type: ignore[misc]
    for limits in (
        _tier("free", (200, 200_000, "0.50"), (100, 100_000, "0.25"), (50_000, "0.10"), 5, 3, 10, 15, 2, 30),
        _tier("personal_pro", (2_000, 2_000_000, "5"), (1_000, 1_000_000, "2.50"), (500_000, "1"), 25, 15, 100, 5, 5, 365),
        _tier("family", (4_000, 4_000_000, "10"), (1_000, 1_000_000, "2.50"), (500_000, "1"), 50, 40, 200, 5, 10, 365),
        _tier("creator", (20_000, 20_000_000, "50"), (10_000, 10_000_000, "25"), (2_000_000, "5"), 200, 100, 1_000, 1, 25, 730),
        _tier("enterprise", (500_000, 500_000_000, "1000"), (250_000, 250_000_000, "500"), (10_000_000, "20"), 5_000, 2_000, 50_000, 1, 200, 1_095),
    )
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
