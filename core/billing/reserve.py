"""May it start? Runs are counted before they begin; agents, connections and triggers when they are made."""

from collections import Counter, defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from typing import Any, cast
from uuid import UUID

from core.billing.limits import TIERS, Daily, Limits, Plan, Which, own, reached, today
from core.billing.models import WORKSPACE, Budget, Ceiling
from core.billing.ports import BillingWork, Count, CountedBatch, CountedRun, Thing, Used
from core.identity.models import Tier
from core.kernel.errors import Failure, LimitReached
from core.kernel.settings import settings


@dataclass(frozen=True)
class Start:
    """A run that is about to start; `agent_id` None for one of a pack or workflow."""

    run_id: UUID
    agent_id: UUID | None

    @property
    def scopes(self) -> tuple[str, ...]:
        """The counters that it counts on."""
        return (WORKSPACE,) if self.agent_id is None else (WORKSPACE, str(self.agent_id))


def limits_of(work: BillingWork) -> Limits:
    """What the workspace may use: its tier's limits where the installation has tiers, else those of an installation that is its owner's."""
    return _limits(work.billing.tier)


def limits_of_tier(tier: str | None) -> Limits:
    """The same where the tier of the active subscription is known; None without one."""
    return _limits(lambda: cast(Tier, tier or "free"))


def reserve(work: BillingWork, starts: Sequence[Start]) -> dict[UUID, LimitReached]:
    """Counts runs that start now, before they do, and answers why for each that may not: those that come first get the room that is left. To be called in the
    transaction that claims them, late in it: the workspace's counter stays locked until the commit, so that however many start at the same time, the limit holds.
    One statement, a second one at the limit."""
    if not starts:
        return {}
    limits, day = limits_of(work), today(work.now)
    wanted = Counter(scope for start in starts for scope in start.scopes)
    counted = work.billing.add(day, {scope: Used(runs=n) for scope, n in wanted.items()})
    refused, excess = admit(limits, day, counted, starts)
    if excess:
        work.billing.take_back(day, excess)
    return refused


def refused_of(batch: CountedBatch) -> dict[UUID, LimitReached]:
    """The same for runs that the claiming statement counted already. The counts of those that are refused are to be taken back with give_back."""
    if not batch.runs or batch.now is None:
        return {}
    starts = [Start(run.id, run.agent_id) for run in batch.runs]
    counted = {count.scope: count for count in batch.counted}
    return admit(limits_of_tier(batch.tier), today(batch.now), counted, starts)[0]


def ceilings(tier: str | None, agent_id: UUID) -> dict[str, Daily]:
    """The limits of each counter that a run of the agent counts on, for a statement that counts and refuses at once: before the run none may be reached."""
    limits = limits_of_tier(tier)
    return {WORKSPACE: limits.workspace, str(agent_id): limits.agent}


def give_back(work: BillingWork, runs: Sequence[CountedRun]) -> None:
    """Runs that were counted when they were claimed do not start after all. To be called in the transaction that ends them."""
    of_days: dict[date, Counter[str]] = defaultdict(Counter)
    for run in runs:
        of_days[today(run.started_at or work.now)].update(Start(run.id, run.agent_id).scopes)
    for day, excess in of_days.items():
        work.billing.take_back(day, excess)


def admit(
    limits: Limits, day: date, counted: Mapping[str, Count], starts: Sequence[Start]
) -> tuple[dict[UUID, LimitReached], dict[str, int]]:
    """Who of `starts` may start, when all of them are in the counters `counted` already: those that come first get the room. Answers why for each that may not, and
    what is to be taken back of each counter for them; until then others are told that it is full, which it is."""
    asked = Counter(scope for start in starts for scope in start.scopes)
    doors = {
        scope: _Door(limits.plan, day, "", limits.workspace, counted[scope], n)
        if scope == WORKSPACE
        else _Door(limits.plan, day, "agent_", limits.agent, counted[scope], n)
        for scope, n in asked.items()
    }
    refused: dict[UUID, LimitReached] = {}
    for start in starts:
        through = [doors[scope] for scope in start.scopes]
        why = next((closed for door in through if (closed := door.closed()) is not None), None)
        if why is None:
            for door in through:
                door.passed += 1
        else:
            refused[start.run_id] = why
    return refused, {scope: door.asked - door.passed for scope, door in doors.items() if door.asked > door.passed}


@dataclass
class _Door:
    """One counter, the limits that hold on it, and how many of those who asked went through."""

    plan: Plan
    day: date
    prefix: str
    limits: Daily
    counter: Count
    asked: int
    passed: int = 0

    def closed(self) -> LimitReached | None:
        runs = self.counter.runs - self.asked + self.passed
        for name, used in (("runs", runs), ("tokens", self.counter.tokens), ("cost", self.counter.cost)):
            limit = getattr(self.limits, name)
            if limit is not None and used >= limit:
                return reached(_which(f"{self.prefix}{name}_per_day"), limit, used, self.plan, self.day)
        return None


def budget(work: BillingWork, agent_id: UUID | None, spent: Used) -> Budget:
    """What a run may still use of its own limits and of the day's, when it used `spent` in earlier attempts. The day's counters hold those already."""
    limits, day = limits_of(work), today(work.now)
    scopes = [WORKSPACE, *([str(agent_id)] if agent_id else [])]
    counters = work.billing.counters(day, scopes)
    tokens, cost = [], []
    if limits.tokens_per_run is not None:
        tokens.append(Ceiling("tokens_per_run", limits.tokens_per_run, spent.tokens))
    if limits.cost_per_run is not None:
        cost.append(Ceiling("cost_per_run", limits.cost_per_run, spent.cost))
    for scope, prefix, daily in zip(scopes, ("", "agent_"), (limits.workspace, limits.agent), strict=False):
        used = counters.get(scope)
        if daily.tokens is not None:
            tokens.append(Ceiling(_which(f"{prefix}tokens_per_day"), daily.tokens, used.tokens if used else 0, day))
        if daily.cost is not None:
            cost.append(Ceiling(_which(f"{prefix}cost_per_day"), daily.cost, used.cost if used else Decimal(0), day))
    return Budget(limits.plan, tokens, cost)


def need_room(work: BillingWork, thing: Thing, without: Sequence[str] = ()) -> None:
    """Before one more is made. `without` are integrations whose connections do not count. Raises LimitReached `billing.limit_reached`."""
    limits = limits_of(work)
    limit = getattr(limits, thing)
    if limit is None:
        return
    work.billing.queue(thing)
    used = work.billing.count(thing, without)
    if used >= limit:
        raise reached(_which(thing), limit, used, limits.plan)


def has_place(work: BillingWork) -> bool:
    """Whether one more run may be carried out now, beside those that are. Else it stays queued until one of them is over. To be asked before the claim, in its transaction."""
    limit = limits_of(work).runs_at_once
    if limit is None:
        return True
    work.billing.queue("runs_at_once")
    return work.billing.count("runs_at_once") < limit


def need_interval(work: BillingWork, shortest: timedelta) -> None:
    """Before a schedule is set: `shortest` is the least time between two of its due times. Raises LimitReached `billing.limit_reached`."""
    limits = limits_of(work)
    if shortest < timedelta(minutes=limits.schedule_minutes):
        minutes = int(shortest.total_seconds() // 60)
        raise reached("schedule_minutes", limits.schedule_minutes, minutes, limits.plan)


def is_news(work: BillingWork, user_id: UUID, agent_id: UUID | None, why: Failure) -> bool:
    """Whether the person was not told of this limit today; they count as told from now on."""
    which = str(why.data.get("which"))
    about = f"{agent_id}:" if which.startswith("agent_") else ""
    return work.billing.tell(today(work.now), f"{which}:{about}{user_id}")


def _limits(tier: Callable[[], Tier]) -> Limits:
    chosen = settings()
    return own(chosen.cost_per_day) if chosen.limits == "own" else TIERS[tier()]


def _which(name: Any) -> Which:
    return cast(Which, name)
