"""The day's brief: what ran, what waits, what is due today, what comes; and one tip that fits, which can be dropped."""

from collections.abc import Callable
from datetime import datetime, timedelta

from bots.dialogs import questions, ways
from bots.dialogs.inbox import MOST, ranked
from bots.dialogs.kinds import counted
from bots.kit.dialog import Chat, Reply, action, command
from bots.kit.screen import Block, Bullets, Button, Facts, Heading, Paragraph, Screen, row
from core.approvals.deciders import seen_by
from core.approvals.models import Suggestion
from core.kernel.errors import Invalid
from core.preferences.choose import prefer

DAY = timedelta(days=1)
LISTED = 5
LOOKED_AT = 300
TIP = "tip"


@command("brief")
def brief(chat: Chat, rest: str = "") -> Reply:
    """The day at a glance."""
    return Reply(_page(chat))


@action("brief.open")
def open_brief(chat: Chat) -> Reply:
    """The same, by a button."""
    return Reply(_page(chat), mode=chat.in_place)


def _page(chat: Chat) -> Screen:
    now = chat.place.local(chat.work.now)
    over = now.replace(hour=0, minute=0, second=0, microsecond=0) + DAY
    waiting = ranked(seen_by(chat.work, chat.actor, chat.work.suggestions.page(None, MOST, status="pending")))
    asked = questions.open_questions(chat)
    blocks: list[Block] = [Heading(text=chat.say("brief.heading", day=chat.place.day(now)))]
    told = [
        *_waits(chat, waiting, len(asked)),
        *_due(chat, waiting, over),
        *_broken(chat),
        *_ran(chat),
        *_comes(chat, over),
    ]
    if not waiting and not asked:
        blocks.append(Paragraph(text=chat.say("brief.clear")))
    if told:
        blocks.append(Facts(rows=tuple(told)))
    due = [
        task.title
        for task in chat.work.tasks.open(chat.user.id, LISTED * 4)
        if task.due is not None and task.due < over.date()
    ]
    if due:
        blocks += [Paragraph(text=chat.say("brief.tasks", n=len(due))), Bullets(items=tuple(due[:LISTED]))]
    tip = _tip(chat)
    drop = None
    if tip is not None:
        code, act, args = tip
        blocks.append(Paragraph(text=chat.say("brief.tip", tip=chat.say(f"tip.{code}"))))
        drop = row(
            Button(label=chat.say(f"tip.{code}.do"), action=act, args=args),
            Button(label=chat.say("tip.drop"), action="tip.drop", args=(code,)),
        )
    rest = row(
        Button(label=chat.say("runs.heading"), action="runs.open"),
        ways.inbox(chat) if waiting or asked else ways.agents(chat),
    )
    return Screen(blocks=tuple(blocks), buttons=ways.rows(rest, drop or ()))


def _waits(chat: Chat, waiting: list[Suggestion], asked: int) -> list[tuple[str, str]]:
    kinds = [*("question" for _ in range(asked)), *(one.kind for one in waiting)]
    return [(chat.say("brief.waits"), counted(chat, kinds))] if kinds else []


def _due(chat: Chat, waiting: list[Suggestion], over: datetime) -> list[tuple[str, str]]:
    soon = [one for one in waiting if one.expires_at is not None and one.expires_at < over]
    return [(chat.say("brief.expires"), counted(chat, (one.kind for one in soon)))] if soon else []


def _broken(chat: Chat) -> list[tuple[str, str]]:
    """What keeps agents from working: said first where it is so."""
    names = [one.name for one in chat.work.connections.of(chat.user.id) if one.status == "expired"]
    return [(chat.say("brief.broken"), chat.place.listed(names))] if names else []


def _ran(chat: Chat) -> list[tuple[str, str]]:
    """Of the last day and night, by agent; failed ones apart."""
    since = chat.work.now - DAY
    runs = [
        run for run in chat.work.runs.page(None, LOOKED_AT) if run.user_id == chat.user.id and run.queued_at > since
    ]
    names = {agent.id: agent.name for agent in chat.work.agents.page(chat.user.id, None, 100)}
    ran = [names[run.agent_id] for run in runs if run.status == "succeeded" and run.agent_id in names]
    failed = [names[run.agent_id] for run in runs if run.status == "failed" and run.agent_id in names]
    told = [(chat.say("brief.ran"), _by_name(chat, ran))] if ran else []
    return [*told, *([(chat.say("brief.failed"), _by_name(chat, failed))] if failed else [])]


def _by_name(chat: Chat, names: list[str]) -> str:
    each = sorted({name: names.count(name) for name in names}.items(), key=lambda one: -one[1])[:LISTED]
    return chat.place.listed([chat.say("brief.times", name=name, n=n) for name, n in each])


def _comes(chat: Chat, over: datetime) -> list[tuple[str, str]]:
    """What starts by itself before the day is over."""
    mine = [one for one in chat.work.triggers.page(None, 100, status="active") if one.owner_id == chat.user.id]
    times = sorted(one.next_fire_at for one in mine if one.next_fire_at is not None and one.next_fire_at < over)
    if not times:
        return []
    return [(chat.say("brief.comes"), chat.say("brief.next", n=len(times), at=chat.place.clock(times[0])))]


def _tip(chat: Chat) -> tuple[str, str, tuple[str, ...]] | None:
    """(its name, the action that follows it, its arguments): one of those that fit, another each day; none that the person dropped."""
    wishes = chat.profile.notification_preferences
    agents = chat.work.agents.page(chat.user.id, None, 20)
    contexts = chat.work.preferences.contexts(chat.user.id)
    fits: list[tuple[str, Callable[[], bool], str, tuple[str, ...]]] = [
        ("sample", lambda: not agents, "catalog.sample", ("inbox",)),
        ("connect", lambda: bool(agents) and not _own_mail(chat), "connections.add", ("mail",)),
        ("schedule", lambda: bool(agents) and not chat.work.triggers.page(None, 1, status="active"), "agents.open", ()),
        ("quiet", lambda: not wishes.quiet_hours.enabled, "settings.change", ()),
        ("contexts", lambda: not any(one.schedule for one in contexts), "settings.contexts", ()),
        (
            "second_chat",
            lambda: len({link.provider for link in chat.work.people.links(chat.user.id)}) < 2,
            "settings.link",
            (),
        ),
        ("export", lambda: bool(agents), "privacy.open", ()),
    ]
    dropped = {one.key for one in chat.work.preferences.preferences(chat.user.id, TIP)}
    left = [(code, act, args) for code, holds, act, args in fits if code not in dropped and holds()]
    if not left:
        return None
    # What gets somebody going comes first; after that another one each day.
    return (
        left[0]
        if left[0][0] in ("sample", "connect")
        else left[chat.place.local(chat.work.now).toordinal() % len(left)]
    )


def _own_mail(chat: Chat) -> bool:
    return any(
        one.integration not in ("sample", "tasks", "calendar_folder") for one in chat.work.connections.of(chat.user.id)
    )


@action("tip.drop")
def drop(chat: Chat, code: str) -> Reply:
    """Not for this person: it does not come again."""
    if not chat.say.knows(f"tip.{code}"):
        raise Invalid("messaging.button_unknown", action=code)
    prefer(chat.work, chat.actor, TIP, code, False)
    return Reply(_page(chat), mode="replace", toast=chat.say("tip.dropped"))
