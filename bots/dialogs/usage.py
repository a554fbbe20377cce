"""`/usage`: what is used today and what is left, which limit is near and what to do; the days, months and agents before."""

from collections.abc import Mapping
from datetime import date, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

from babel.dates import format_date

from bots.dialogs import usage_picture, ways
from bots.kit.dialog import Chat, Reply, action, command, notice
from bots.kit.screen import Block, Button, Facts, Heading, Paragraph, Picture, Progress, Screen, row
from bots.kit.speak import speak
from core.billing.limits import TIERS, Limits, resets_at, today
from core.billing.ports import UsageOfPeriod
from core.billing.reserve import limits_of
from core.billing.standing import Gauge, gauges_of_things, gauges_of_today
from core.connectors.connect import uncounted
from core.kernel.errors import NotFound
from core.privacy.retain import days_kept

DAYS, MORE_DAYS, AGENT_DAYS, MONTHS, AGENTS = 14, 30, 30, 12, 15


@command("usage")
def usage(chat: Chat, rest: str = "") -> Reply:
    """Today, as a new message."""
    return Reply(_today(chat))


@action("usage.open")
def open_today(chat: Chat) -> Reply:
    """The same, in place of what it was tapped on."""
    return _in_place(chat, _today(chat))


@action("usage.days")
def days(chat: Chat, many: str = "") -> Reply:
    """The last two weeks, or the last month, day by day."""
    shown = MORE_DAYS if many == str(MORE_DAYS) else DAYS
    found, drawn = _lately(chat, shown)
    rows = [(chat.place.day(one.start), _line(chat, one)) for one in reversed(found)]
    screen = _table(chat, "usage.days", rows, chat.say("usage.days.heading", n=shown))
    if drawn is None:
        return _in_place(chat, screen)
    other = DAYS if shown == MORE_DAYS else MORE_DAYS
    span = Button(label=chat.say("usage.days.span", n=other), action="usage.days", args=(str(other),))
    blocks = (screen.blocks[0], Paragraph(text=drawn[1]), *screen.blocks[1:])
    return _in_place(
        chat, screen.model_copy(update={"picture": drawn[0], "blocks": blocks, "buttons": (row(span), *screen.buttons)})
    )


@action("usage.months")
def months(chat: Chat) -> Reply:
    """The last year, month by month."""
    last = today(chat.work.now)
    first = date(last.year - (last.month < MONTHS), last.month % 12 + 1, 1)
    found = chat.work.billing.analytics("month", first, last, None, False)
    rows = [(format_date(one.start, "LLLL y", locale=chat.place.locale), _line(chat, one)) for one in reversed(found)]
    return _in_place(chat, _table(chat, "usage.months", rows))


@action("usage.agents")
def by_agent(chat: Chat) -> Reply:
    """Which agent used how much, the busiest first."""
    last = today(chat.work.now)
    found: dict[UUID, UsageOfPeriod] = {}
    for one in chat.work.billing.analytics("month", last - timedelta(days=AGENT_DAYS - 1), last, None, True):
        before = found.get(one.agent_id)
        found[one.agent_id] = one if before is None else _together(before, one)
    busiest = sorted(found.values(), key=lambda one: (one.used.cost, one.used.runs, one.suggestions), reverse=True)
    rows = [(_name(chat, one.agent_id), _line(chat, one)) for one in busiest[:AGENTS]]
    return _in_place(chat, _table(chat, "usage.agents", rows))


@notice("limit.reached")
def limit_reached(chat: Chat, data: Mapping[str, Any]) -> Screen:
    """A run did not start, or was ended, because a limit was reached; said once a day for each limit. `data` is that of the refusal, with the agent's name."""
    why = speak(chat.say, "billing.limit_reached", data).text
    told = chat.say("limit.agent", agent=str(data["agent"]), why=why) if data.get("agent") else why
    once = Paragraph(text=chat.say("limit.not_started"), muted=True)
    blocks = (Paragraph(text=told), *((once,) if data.get("resets_at") else ()))
    buttons = (row(Button(label=chat.say("command.usage"), action="usage.open"), ways.agents(chat)),)
    return Screen(blocks=blocks, buttons=buttons, tone="problem")


def _today(chat: Chat) -> Screen:
    limits = limits_of(chat.work)
    day, things = gauges_of_today(chat.work, limits), gauges_of_things(chat.work, uncounted(), limits)
    bounded = [gauge for gauge in day if gauge.limit is not None]
    blocks: list[Block] = [Heading(text=chat.say("usage.heading")), Paragraph(text=_plan(chat, limits))]
    _, drawn = _lately(chat, DAYS)
    blocks += [Paragraph(text=drawn[1])] if drawn else []
    blocks += [_bar(chat, gauge) for gauge in bounded]
    tight = [gauge for gauge in (*day, *things) if gauge.full or gauge.near]
    blocks += [Paragraph(text=_warning(chat, limits, gauge)) for gauge in tight]
    if tight:
        blocks.append(Paragraph(text=_todo(chat, limits), muted=True))
    blocks.append(
        Facts(rows=(*(_fact(chat, gauge) for gauge in (*day, *things) if gauge not in bounded), *_rules(chat, limits)))
    )
    tone, picture = "problem" if any(g.full for g in tight) else "plain", drawn[0] if drawn else None
    if days_kept(limits, chat.profile.privacy_settings) is not None:
        blocks.append(Paragraph(text=chat.say("usage.kept.how"), muted=True))
    return Screen(blocks=tuple(blocks), buttons=_ways(chat, "usage.today"), tone=tone, picture=picture)


def _lately(chat: Chat, many: int) -> tuple[list[UsageOfPeriod], tuple[Picture, str] | None]:
    """The last days, and their picture."""
    days = usage_picture.last_days(today(chat.work.now), many)
    found = chat.work.billing.analytics("day", days[0], days[-1], None, False)
    return found, usage_picture.drawn(chat, days, found)


def _plan(chat: Chat, limits: Limits) -> str:
    if limits.plan == "own":
        return chat.say("usage.plan.own")
    ends = resets_at(today(chat.work.now))
    return chat.say("usage.plan", plan=chat.say(f"plan.{limits.plan}"), resets_at=ends)


def _bar(chat: Chat, gauge: Gauge) -> Progress:
    assert gauge.limit is not None
    share = 100 if gauge.which == "cost_per_day" else 1
    label = chat.say(f"usage.bar.{gauge.which}")
    return Progress(label=label, done=int(gauge.used * share), total=max(1, int(gauge.limit * share)))


def _warning(chat: Chat, limits: Limits, gauge: Gauge) -> str:
    if not gauge.full:
        return chat.say(f"usage.left.{gauge.which}", left=gauge.left)
    day = resets_at(today(chat.work.now)).isoformat()
    refusal = {"which": gauge.which, "limit": gauge.limit, "used": gauge.used, "resets_at": day}
    return speak(chat.say, "billing.limit_reached", refusal).text


def _todo(chat: Chat, limits: Limits) -> str:
    """How to get more room."""
    if limits.plan == "own":
        return chat.say("usage.todo.own")
    plans = list(TIERS)
    above = plans[plans.index(limits.plan) + 1 :]
    if not above:
        return chat.say("usage.todo.last")
    return chat.say("usage.todo.tier", next=chat.say(f"plan.{above[0]}"), runs=TIERS[above[0]].workspace.runs)


def _fact(chat: Chat, gauge: Gauge) -> tuple[str, str]:
    label = chat.say(f"usage.fact.{gauge.which}")
    if gauge.limit is not None:
        return label, chat.say("usage.of", used=gauge.used, limit=gauge.limit)
    return label, usage_picture.money(chat, gauge.used) if isinstance(gauge.used, Decimal) else chat.place.number(
        gauge.used
    )


def _rules(chat: Chat, limits: Limits) -> list[tuple[str, str]]:
    """Limits that are not used up by using them."""
    rules = [("usage.fact.agent_runs", limits.agent.runs), ("usage.fact.schedule", limits.schedule_minutes)]
    told = [
        (chat.say(code), chat.say(f"{code}.is", n=n)) for code, n in rules if n is not None and limits.plan != "own"
    ]
    days = days_kept(limits, chat.profile.privacy_settings)
    kept = chat.say("usage.fact.kept.always") if days is None else chat.say("usage.fact.kept.is", n=days)
    return [*told, (chat.say("usage.fact.kept"), kept)]


def _line(chat: Chat, one: UsageOfPeriod) -> str:
    """`12 runs · 4 suggestions · 3 approved · 5,400 tokens · US$0.02`, without what is nothing."""
    numbers = {
        "runs": one.used.runs,
        "suggestions": one.suggestions,
        "approvals": one.approvals,
        "tokens": one.used.tokens,
    }
    parts = [chat.say(f"usage.line.{name}", n=n) for name, n in numbers.items() if n]
    return " · ".join([*parts, *([usage_picture.money(chat, one.used.cost)] if one.used.cost else [])])


def _together(one: UsageOfPeriod, other: UsageOfPeriod) -> UsageOfPeriod:
    return UsageOfPeriod(
        one.start, one.agent_id, one.used + other.used, one.suggestions + other.suggestions, one.approvals + other.approvals
    )  # fmt: skip


def _name(chat: Chat, agent_id: UUID | None) -> str:
    try:
        return chat.work.agents.get(agent_id).name
    except NotFound:
        return chat.say("usage.agent.gone")


def _table(chat: Chat, code: str, rows: list[tuple[str, str]], heading: str = "") -> Screen:
    none = (Paragraph(text=chat.say("usage.none")), Paragraph(text=chat.say("usage.none.how"), muted=True))
    shown = (Facts(rows=tuple(rows)),) if rows else none
    return Screen(blocks=(Heading(text=heading or chat.say(f"{code}.heading")), *shown), buttons=_ways(chat, code))


def _ways(chat: Chat, here: str) -> tuple[tuple[Button, ...], ...]:
    pages = {"usage.today": "usage.open", "usage.days": "usage.days", "usage.months": "usage.months", "usage.agents": "usage.agents"}  # fmt: skip
    turns = [Button(label=chat.say(code), action=to) for code, to in pages.items() if code != here]
    return row(*turns), row(ways.agents(chat), ways.settings(chat))


def _in_place(chat: Chat, screen: Screen) -> Reply:
    return Reply(screen, mode=chat.in_place)
