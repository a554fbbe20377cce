"""The last days of usage to look at: runs and cost as bars, and in a sentence."""

from collections.abc import Callable, Mapping, Sequence
from datetime import date, timedelta
from decimal import Decimal
from typing import Literal

from bots.kit import chart
from bots.kit.chart import Panel
from bots.kit.dialog import Chat
from bots.kit.screen import Picture
from core.billing.ports import UsageOfPeriod


def drawn(chat: Chat, days: Sequence[date], found: Sequence[UsageOfPeriod]) -> tuple[Picture, str] | None:
    """Runs and cost of each of these days, and the same in words: how much, and on which day most. None where nothing was used."""
    by_day = {one.start: one.used for one in found}
    runs = {day: by_day[day].runs if day in by_day else 0 for day in days}
    costs = {day: by_day[day].cost if day in by_day else Decimal(0) for day in days}
    told, panels = [], []

    def in_runs(n: Decimal | int) -> str:
        return chat.say("usage.line.runs", n=n)

    if any(runs.values()):
        told.append(_told(chat, "usage.picture.runs", runs, in_runs))
        panels.append(_panel(chat, "usage.picture.runs.name", "first", runs, in_runs))
    if any(costs.values()):
        told.append(_told(chat, "usage.picture.cost", costs, lambda amount: money(chat, amount)))
        panels.append(_panel(chat, "usage.picture.cost.name", "second", costs, lambda amount: money(chat, amount)))
    if not panels:
        return None
    title, words = chat.say("usage.picture", n=len(days)), " ".join(told)
    svg = chart.svg([chat.place.day(day) for day in days], panels, title, words)
    return Picture(blob=chat.blobs.put(svg), alt=f"{title}: {words}", kind="drawing"), words


def last_days(last: date, many: int) -> list[date]:
    """As many days up to the last, in order."""
    return [last - timedelta(days=back) for back in reversed(range(many))]


def money(chat: Chat, amount: Decimal | int) -> str:
    """An amount of what usage is counted in."""
    return chat.place.shown({"amount": str(amount), "currency": "USD"}, "money")


def _told(chat: Chat, code: str, by_day: Mapping[date, Decimal | int], said: Callable[[Decimal | int], str]) -> str:
    day = max(by_day, key=lambda each: (by_day[each], each))
    total = sum(by_day.values(), start=Decimal(0))
    many = int(total) if isinstance(by_day[day], int) else total
    return chat.say(code, days=len(by_day), total=said(many), most=said(by_day[day]), day=chat.place.day(day))


def _panel(
    chat: Chat, code: str, look: Literal["first", "second"], by_day: Mapping[date, Decimal | int], said: Callable[..., str]
) -> Panel:  # fmt: skip
    most = chat.say("usage.picture.most", most=said(max(by_day.values())))
    values, in_words = tuple(float(value) for value in by_day.values()), tuple(said(value) for value in by_day.values())
    return Panel(chat.say(code), most, values, in_words, look)
