"""`nod tier`: what a workspace may use, seen and changed by whoever runs the installation."""

from decimal import Decimal
from typing import Any, Literal, cast, get_args

from bots.cli.files import workspace
from core.billing.limits import TIERS, Limits
from core.billing.standing import Gauge, gauges_of_things, gauges_of_today
from core.billing.subscribe import subscribe
from core.connectors.connect import uncounted
from core.identity.models import Subscription, Tier
from core.kernel.errors import Invalid
from core.kernel.settings import settings

Cycle = Literal["monthly", "annual"]
CALLED = {
    "runs_per_day": "runs today", "tokens_per_day": "tokens today", "cost_per_day": "US dollars today", "agents": "agents",
    "connections": "connections", "triggers": "active triggers",
}  # fmt: skip
NOT_HELD = (
    "The limits of tiers do not hold here: NOD_LIMITS is `own`, which bounds nothing but the bill of language models.\n"
    "Set NOD_LIMITS=tiers for all processes of Nod if they shall hold."
)


def show(email: str | None) -> str:
    """The tier of a person's workspace, and where it stands against its limits. Raises NotFound `identity.user_unknown`."""
    with workspace(email) as (actor, work), work() as opened:
        active = opened.billing.subscription()
        tier: Tier = opened.billing.tier()
        limits = TIERS[tier]
        lines = [f"{opened.people.user(actor.user_id).email}: {_since(tier, active)}."]
        gauges = [*gauges_of_today(opened, limits), *gauges_of_things(opened, uncounted(), limits)]
        lines += [f"  {CALLED[gauge.which]:<18}{_standing(gauge)}" for gauge in gauges]
    lines.append(f"  {'days of history':<18}{limits.retention_days}")
    return "\n".join([*lines, *_held()])


def change(tier: str, email: str | None, cycle: str) -> str:
    """Gives a person's workspace a tier; says what that means. Raises NotFound `identity.user_unknown`, Invalid `billing.tier_unknown`, `billing.cycle_unknown`."""
    if tier not in get_args(Tier):
        raise Invalid("billing.tier_unknown", known=list(TIERS))
    if cycle not in get_args(Cycle):
        raise Invalid("billing.cycle_unknown")
    wanted = cast(Tier, tier)
    with workspace(email) as (actor, work), work() as opened:
        name = opened.people.user(actor.user_id).email
        before: Tier = opened.billing.tier()
        active = opened.billing.subscription()
        if subscribe(opened, wanted, cast(Cycle, cycle)) is active:
            return "\n".join([f"{name} has the tier {tier} ({cycle}) already: nothing was changed.", *_held()])
        over = [gauge for gauge in gauges_of_things(opened, uncounted(), TIERS[wanted]) if _over(gauge)]
        opened.commit()
    lines = [f"{name}: {before} → {tier}, {cycle}, from now on."]
    lines += [
        f"There are more {CALLED[g.which]} than it has room for ({g.used} of {g.limit}): they stay." for g in over
    ]
    return "\n".join([*lines, *_shorter(TIERS[before], TIERS[wanted]), *_held()])


def in_words(failure: Any) -> tuple[str, str, str] | None:
    """What happened, why, what to do; None for what is not of tiers."""
    tiers = ", ".join(TIERS)
    return {
        "billing.tier_unknown": ("There is no such tier.", f"The tiers are {tiers}.", "Try: nod tier set personal_pro"),
        "billing.cycle_unknown": (
            "A tier is not paid like that.",
            "It is paid monthly or annual.",
            "Try: --cycle annual",
        ),
    }.get(failure.code)


def _since(tier: Tier, active: Subscription | None) -> str:
    if active is None:
        return f"tier {tier}, because there is no subscription"
    return f"tier {tier} since {active.start:%Y-%m-%d}, {active.billing_cycle}"


def _standing(gauge: Gauge) -> str:
    return f"{_number(gauge.used)} of {_number(gauge.limit)}" if gauge.limit is not None else _number(gauge.used)


def _number(amount: int | Decimal) -> str:
    return f"{amount:,}" if isinstance(amount, int) else f"{amount:,.2f}"


def _over(gauge: Gauge) -> bool:
    return gauge.limit is not None and gauge.used > gauge.limit


def _shorter(before: Limits, after: Limits) -> list[str]:
    """A smaller tier takes history away: that is said before it happens."""
    if after.retention_days is None or (
        before.retention_days is not None and before.retention_days <= after.retention_days
    ):
        return []
    return [
        f"History older than {after.retention_days} days is removed within a day; it was kept for {before.retention_days}."
    ]


def _held() -> list[str]:
    return [] if settings().limits == "tiers" else [NOT_HELD]
