"""A trigger in words: when it starts something, what became of the last times, and how to call its address."""

import re
from datetime import time

from bots.dialogs.schedule_words import in_words
from bots.kit.dialog import Chat
from bots.kit.speak import speak
from core.kernel.settings import settings
from core.workflows.due import coming_fires
from core.workflows.models import Trigger, TriggerFiring

AHEAD = 5
_NTH = re.compile(r"\d{1,2} \d{1,2}(,\d{1,2})* (\* \* [0-7](#[1-5]|L)|LW? \* \*)")
_BETWEEN = re.compile(r"(\d{1,2}) (\d{1,2})-(\d{1,2})(?:/(\d{1,2}))? \* \* (\*|1-5)")
EVENTS = (
    "mail.received", "calendar.soon", "file.uploaded", "run.failed", "run.succeeded", "suggestion.approved", "suggestion.rejected",
)  # fmt: skip
"""The kinds of events that are offered; others are written by machine."""
BODY = '{"hello": "Nod"}'


def describe(chat: Chat, trigger: Trigger) -> str:
    """`every weekday at 08:00, Europe/Berlin`, `when its address is called`, `when a run fails`."""
    match trigger.type:
        case "schedule":
            return chat.say("trigger.schedule", words=cron_words(chat, trigger.cron or ""), zone=trigger.timezone)
        case "event":
            return event_words(chat, trigger.event_kind or "")
        case "chat":
            return chat.say("trigger.chat", phrase=trigger.phrase or "")
        case _:
            return chat.say(f"trigger.is.{trigger.type}")


def cron_words(chat: Chat, cron: str) -> str:
    """A cron line in words: beside the plain ones also the n-th or last weekday, the last day, and hours of a day."""
    if _NTH.fullmatch(cron):
        minute, hour, month_day, _, week_day = cron.split()
        times = [chat.place.clock(time(int(one) % 24, int(minute) % 60)) for one in hour.split(",")]
        if month_day != "*":
            return chat.say("trigger.last_workday" if month_day == "LW" else "trigger.last_day", times=times)
        day = chat.say(f"day.{(int(week_day[0]) + 6) % 7}")
        return chat.say(f"trigger.nth.{week_day[-1]}", day=day, times=times)
    between = _BETWEEN.fullmatch(cron)
    if between is not None:
        minute, first, last = (int(between[at]) for at in (1, 2, 3))
        step, code = int(between[4] or 1), "trigger.hours_between" + ("_workdays" if between[5] == "1-5" else "")
        last -= (last - first) % step
        clocks = [chat.place.clock(time(hour % 24, minute % 60)) for hour in (first, last)]
        return chat.say(code, n=step, first=clocks[0], last=clocks[1])
    return in_words(chat.say, chat.place, cron)


def event_words(chat: Chat, kind: str) -> str:
    """`when a run fails`; a kind without words is named."""
    known = f"trigger.event.{kind}"
    return chat.say(known) if chat.say.knows(known) else chat.say("trigger.event", kind=kind)


def listed(chat: Chat, trigger: Trigger) -> str:
    """What it is, with its next time or that it is on hold."""
    told = describe(chat, trigger)
    if trigger.status == "paused":
        return chat.say("trigger.listed_paused", told=told)
    if trigger.type == "schedule" and trigger.next_fire_at is not None:
        return chat.say("trigger.listed_next", told=told, at=trigger.next_fire_at)
    return told


def next_times(chat: Chat, trigger: Trigger) -> tuple[str, ...]:
    """The next five real times, in the zone of the person who looks."""
    if trigger.cron is None:
        return ()
    times = coming_fires(
        trigger.id, trigger.cron, trigger.timezone, trigger.spread_seconds, chat.work.now, AHEAD
    )  # fmt: skip
    return tuple(f"{chat.place.day(at)}, {chat.place.clock(at)}" for at in times)


def firing(chat: Chat, one: TriggerFiring) -> str:
    """`Tue 18:00: left out, the run before was still under way`."""
    line = chat.say(f"trigger.outcome.{one.outcome}", at=one.at)
    reason = str(one.detail.get("reason") or "")
    if not reason:
        return line
    known = f"trigger.reason.{reason}"
    why = chat.say(known) if chat.say.knows(known) else speak(chat.say, reason, one.detail.get("data") or {}).text
    return chat.say("trigger.outcome_why", line=line, why=why)


def address(trigger: Trigger) -> str:
    """Where a sender sends to."""
    chosen = settings()
    base = (chosen.public_url or f"http://{chosen.host}:{chosen.port}").rstrip("/")
    return f"{base}/hooks/{trigger.id}"
