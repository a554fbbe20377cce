"""`/usage`: what was used, what may be used, and each run in one line."""

from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Annotated, Literal
from uuid import UUID

from fastapi import APIRouter, Query
from pydantic import BaseModel, Field

from bots.api.caller import Calling
from bots.api.pages import Cursor, Limit, Page, after, page
from core.billing.limits import resets_at, today
from core.billing.models import RunSummary
from core.billing.ports import UsageOfPeriod
from core.billing.reserve import limits_of
from core.billing.standing import Gauge, gauges_of_things, gauges_of_today
from core.connectors.connect import uncounted
from core.kernel.errors import Invalid
from core.privacy.retain import days_kept

router = APIRouter(tags=["usage"])

LONGEST = {"day": 400, "week": 3_700, "month": 3_700}
Day = Annotated[date, Field(ge=date(2000, 1, 1), le=date(2199, 12, 31))]


class UsageOut(BaseModel):
    """What was used from `start` on until the next period begins. `agent_id` is null for all agents together; `cost` in US dollars."""

    start: date
    agent_id: UUID | None
    runs: int
    tokens: int
    cost: Decimal
    suggestions: int
    approvals: int


class LimitOut(BaseModel):
    """One limit and what is used of it now; `limit` is null where there is none. Costs are US dollars."""

    which: str
    limit: int | Decimal | None
    used: int | Decimal


class UsagePage(BaseModel):
    """Periods, oldest first, without those in which nothing was used. `tier` is `own` for an installation without tiers; `limits` of the day are fresh at `resets_at`.
    `history_days` is how long the caller's runs are kept, null for ever."""

    period: str
    first: date
    last: date
    tier: str
    resets_at: datetime
    history_days: int | None
    limits: list[LimitOut]
    items: list[UsageOut]
    next: None = None


class RunSummaryOut(BaseModel):
    """A run in one line. `seconds` is how long it took, null while it goes on; `calls` are its metered calls."""

    run_id: UUID
    agent_id: UUID | None
    trigger_type: str
    status: str
    queued_at: datetime
    started_at: datetime | None
    finished_at: datetime | None
    seconds: float | None
    steps: int
    calls: int
    tokens: int
    cost: Decimal
    suggestions: int
    approvals: int


@router.get("/usage")
def get_usage(
    caller: Calling,
    period: Literal["day", "week", "month"] = "day",
    first: Annotated[Day | None, Query(alias="from", description="The first day, in UTC; a month before the last one by default.")] = None,
    last: Annotated[Day | None, Query(alias="to", description="The last day, in UTC; today by default.")] = None,
    agent_id: Annotated[UUID | None, Query(description="Only of this agent.")] = None,
    by_agent: Annotated[bool, Query(description="Each agent apart.")] = False,
) -> UsagePage:  # fmt: skip
    """What the workspace used per day, week (from Monday on) or month, and where its limits stand now."""
    with caller.reading() as work:
        until = last or today(work.now)
        since = first or until - timedelta(days=30)
        longest = LONGEST[period]
        if since > until or (until - since).days >= longest:
            raise Invalid("billing.period_invalid", first=since.isoformat(), last=until.isoformat(), longest=longest)
        limits = limits_of(work)
        gauges = [*gauges_of_today(work, limits), *gauges_of_things(work, uncounted(), limits)]
        found = work.billing.analytics(period, since, until, agent_id, by_agent)
        return UsagePage(
            period=period, first=since, last=until, tier=limits.plan, resets_at=resets_at(today(work.now)),
            history_days=days_kept(limits, work.people.profile(caller.actor.user_id).privacy_settings),
            limits=[_limit_out(gauge) for gauge in gauges], items=[_usage_out(one) for one in found],
        )  # fmt: skip


@router.get("/usage/runs")
def list_run_summaries(
    caller: Calling, limit: Limit = 50, cursor: Cursor = None, agent_id: UUID | None = None
) -> Page[RunSummaryOut]:
    """The history of runs: one summary each, newest first."""
    with caller.reading() as work:
        return page(work.billing.history(after(cursor), limit + 1, agent_id), limit, _summary_out)


def _limit_out(gauge: Gauge) -> LimitOut:
    return LimitOut(which=gauge.which, limit=gauge.limit, used=gauge.used)


def _usage_out(one: UsageOfPeriod) -> UsageOut:
    return UsageOut(
        start=one.start, agent_id=one.agent_id, runs=one.used.runs, tokens=one.used.tokens, cost=one.used.cost,
        suggestions=one.suggestions, approvals=one.approvals,
    )  # fmt: skip


def _summary_out(run: RunSummary) -> RunSummaryOut:
    return RunSummaryOut(
        run_id=run.id, agent_id=run.agent_id, trigger_type=run.trigger_type, status=run.status, queued_at=run.queued_at,
        started_at=run.started_at, finished_at=run.finished_at, seconds=run.seconds, steps=run.steps, calls=run.calls,
        tokens=run.tokens, cost=run.cost, suggestions=run.suggestions, approvals=run.approvals,
    )  # fmt: skip
