"""Where a person is: at work, at home, on vacation or somewhere of their own naming; switched by hand, until a time, or by the hours of their week."""

from uuid import UUID

from bots.dialogs import talk, ways
from bots.dialogs.time_words import moment
from bots.kit.dialog import Chat, Reply, action, step
from bots.kit.screen import Block, Button, Facts, Heading, Paragraph, Screen, row
from core.approvals import presence
from core.kernel.errors import Invalid, NotFound
from core.messaging.models import Conversation
from core.preferences.contexts import HOLDS, USUAL, find, made
from core.preferences.hours import kept
from core.preferences.models import UserContext

DIALOG = "context"


def named(chat: Chat, name: str) -> str:
    """`at work`, or the name that the person gave."""
    code = f"context.{name}"
    return chat.say(code) if name in USUAL else name


def of_id(chat: Chat, context_id: UUID | None) -> str | None:
    """The words for one of the person's contexts; None for somebody else's, or none."""
    return next(
        (named(chat, one.name) for one in chat.work.preferences.contexts(chat.user.id) if one.id == context_id), None
    )


@action("settings.contexts")
def contexts(chat: Chat) -> Reply:
    """All of them, with how each stands."""
    return Reply(_list(chat), mode="replace")


def _list(chat: Chat, told: str = "") -> Screen:
    known = {one.name: one for one in chat.work.preferences.contexts(chat.user.id)}
    names = [*USUAL, *sorted(name for name in known if name not in USUAL)]
    blocks: list[Block] = [Heading(text=chat.say("context.heading"))]
    blocks += [Paragraph(text=told)] if told else []
    blocks += [
        Facts(rows=tuple((named(chat, name), _state(chat, known.get(name))) for name in names)),
        Paragraph(text=chat.say("context.why"), muted=True),
    ]
    rows = [
        row(_switch(chat, name, known.get(name)), Button(label=chat.say("context.more", name=named(chat, name)), action="context.open", args=(_ref(known, name),)))
        for name in names
    ]  # fmt: skip
    add = Button(label=chat.say("context.add"), action="context.add")
    return Screen(blocks=tuple(blocks), buttons=(*rows, row(add, ways.settings(chat))))


def _ref(known: dict[str, UserContext], name: str) -> str:
    """What a button calls it by: a name may be too long for one."""
    return str(known[name].id) if name in known and name not in USUAL else name


def _name(chat: Chat, ref: str) -> str:
    if ref in USUAL:
        return ref
    for one in chat.work.preferences.contexts(chat.user.id):
        if str(one.id) == ref:
            return one.name
    raise NotFound("preferences.context_unknown")


def _switch(chat: Chat, name: str, context: UserContext | None) -> Button:
    on = context is not None and context.active
    ref = str(context.id) if context is not None and name not in USUAL else name
    label = chat.say("context.on" if on else "context.off", name=named(chat, name))
    return Button(
        label=label, action="context.turn", args=(ref, "off" if on else "on"), style="primary" if on else "plain"
    )


def _state(chat: Chat, context: UserContext | None) -> str:
    if context is None:
        return chat.say("context.is_off")
    told = [chat.say("context.is_on" if context.active else "context.is_off")]
    if context.schedule:
        told.append(week(chat, context.schedule))
    if context.changes_at is not None:
        code = "context.until" if context.active else "context.from"
        told.append(chat.say(code, at=context.changes_at))
    return " · ".join(told)


def week(chat: Chat, schedule: str) -> str:
    """`Monday to Friday, 09:00–17:00`."""
    hours = kept(schedule)
    names = [chat.say(f"day.{day}") for day in hours.days]
    in_a_row = hours.days == tuple(range(hours.days[0], hours.days[0] + len(hours.days)))
    if len(names) == 7:
        days = chat.say("context.every_day")
    elif in_a_row and len(names) > 2:
        days = chat.say("context.days", first=names[0], last=names[-1])
    else:
        days = chat.place.listed(names)
    if hours.start == hours.end:
        return days
    return chat.say("context.hours", days=days, start=chat.place.clock(hours.start), end=chat.place.clock(hours.end))


@action("context.open")
def open_context(chat: Chat, ref: str) -> Reply:
    """One of them."""
    return Reply(_page(chat, _name(chat, ref)), mode="replace")


def _page(chat: Chat, name: str, told: str = "") -> Screen:
    context = find(chat.work, chat.user.id, name)
    ref = name if name in USUAL else str(context.id if context else "")
    blocks: list[Block] = [Heading(text=named(chat, name))]
    blocks += [Paragraph(text=told)] if told else []
    blocks.append(Paragraph(text=_state(chat, context)))
    blocks.append(Paragraph(text=chat.say("context.holds" if name == HOLDS else "context.brings_back"), muted=True))
    until = Button(label=chat.say("context.on_until"), action="context.ask", args=(ref, "until"))
    hours = Button(label=chat.say("context.set_hours"), action="context.ask", args=(ref, "hours"))
    none = (
        Button(label=chat.say("context.no_hours"), action="context.no_hours", args=(ref,))
        if context and context.schedule
        else None
    )
    drop = (
        Button(label=chat.say("context.remove"), action="context.remove", args=(ref,), style="danger")
        if name not in USUAL
        else None
    )
    back = Button(label=chat.say("way.back"), action="settings.contexts")
    return Screen(
        blocks=tuple(blocks), buttons=ways.rows(row(_switch(chat, name, context), until), row(hours, none), row(drop, back))
    )  # fmt: skip


@action("context.turn")
def turn(chat: Chat, ref: str, state: str) -> Reply:
    """Switches one on or off, at once."""
    name = _name(chat, ref)
    presence.switch(chat.work, chat.actor, name, state == "on")
    return Reply(_list(chat, _switched(chat, name)), mode="replace")


def _switched(chat: Chat, name: str) -> str:
    context = find(chat.work, chat.user.id, name)
    on = context is not None and context.active
    if name == HOLDS:
        return chat.say("context.vacation.begins" if on else "context.vacation.ends")
    return chat.say("context.turned_on" if on else "context.turned_off", name=named(chat, name))


@action("context.ask")
def ask(chat: Chat, ref: str, what: str) -> Reply:
    """Until when, or in which hours: in words."""
    if what not in ("until", "hours"):
        raise Invalid("messaging.button_unknown", action=what)
    talk.begin(chat, DIALOG, what, {"name": _name(chat, ref)})
    return Reply(_asks(chat, what), mode="replace")


@action("context.add")
def add(chat: Chat) -> Reply:
    """One of the person's own: its name."""
    talk.begin(chat, DIALOG, "name", {})
    return Reply(_asks(chat, "name"), mode="replace")


def _asks(chat: Chat, what: str, wrong: str = "") -> Screen:
    blocks = (*((Paragraph(text=wrong),) if wrong else ()), Paragraph(text=chat.say(f"context.ask.{what}")))
    return Screen(blocks=blocks, buttons=(row(talk.cancel(chat)),), tone="ask")


@step(DIALOG)
def words(chat: Chat, conversation: Conversation) -> Reply:
    """The answer: a name, a time, or hours; what is not understood is asked once more."""
    text, what = " ".join(getattr(chat.input, "text", "").split()), conversation.step
    name = made(chat.work, chat.actor, text).name if what == "name" else conversation.state["name"]
    if what == "until":
        until = moment(chat, text)
        if until is None:
            return Reply(_asks(chat, what, chat.say("snooze.unclear")))
        presence.switch(chat.work, chat.actor, name, True, until)
    if what == "hours":
        presence.set_hours(chat.work, chat.actor, name, text)
    talk.end(chat, DIALOG)
    return Reply(_page(chat, name, _switched(chat, name) if what == "until" else chat.say("settings.saved")))


@action("context.no_hours")
def no_hours(chat: Chat, ref: str) -> Reply:
    """It follows no hours any more and stays as it is."""
    name = _name(chat, ref)
    presence.set_hours(chat.work, chat.actor, name, None)
    return Reply(_page(chat, name, chat.say("settings.saved")), mode="replace")


@action("context.remove")
def remove(chat: Chat, ref: str) -> Reply:
    """It is gone; what waited for it comes back."""
    name = _name(chat, ref)
    presence.drop(chat.work, chat.actor, name)
    return Reply(_list(chat, chat.say("context.removed", name=name)), mode="replace")
