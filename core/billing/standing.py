"""Where a workspace stands: each limit with what is used of it now."""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

from core.billing.limits import Limits, Which, today
from core.billing.models import WORKSPACE
from core.billing.ports import BillingWork, Thing, Used
from core.billing.reserve import limits_of

NEAR = Decimal("0.8")
THINGS: tuple[Thing, ...] = ("agents", "connections", "triggers")


@dataclass(frozen=True)
class Gauge:
    """What is used of one limit; `limit` None where there is none. Amounts are US dollars."""

    which: Which
    limit: int | Decimal | None
    used: int | Decimal

    @property
    def left(self) -> int | Decimal | None:
        """What may still be used, at least 0; None for any amount."""
        return None if self.limit is None else max(self.limit - self.used, 0)

    @property
    def full(self) -> bool:
        """Nothing is left."""
        return self.limit is not None and self.used >= self.limit

    @property
    def near(self) -> bool:
        """Not full, but four fifths are used."""
        return self.limit is not None and not self.full and self.used >= self.limit * NEAR


def gauges_of_today(work: BillingWork, limits: Limits | None = None) -> list[Gauge]:
    """Runs, tokens and cost of the day of all agents together."""
    limits, day = limits or limits_of(work), today(work.now)
    counter = work.billing.counters(day, [WORKSPACE]).get(WORKSPACE)
    used = Used(counter.runs, counter.tokens, counter.cost) if counter else Used()
    daily = limits.workspace
    return [
        Gauge("runs_per_day", daily.runs, used.runs),
        Gauge("tokens_per_day", daily.tokens, used.tokens),
        Gauge("cost_per_day", daily.cost, used.cost),
    ]


def gauges_of_things(work: BillingWork, uncounted: Sequence[str], limits: Limits | None = None) -> list[Gauge]:
    """Agents, connections and triggers. `uncounted` are the integrations whose connections are not counted."""
    limits = limits or limits_of(work)
    return [
        Gauge(thing, getattr(limits, thing), work.billing.count(thing, uncounted if thing == "connections" else ()))
        for thing in THINGS
    ]
