"""Putting a suggestion off: at times that make sense now, or in words. It comes back as a new message."""

from dataclasses import replace
from datetime import datetime, time, timedelta
from uuid import UUID
from zoneinfo import ZoneInfo

from bots.dialogs import contexts, talk, ways
from bots.dialogs.card.decide import card_again, truly
from bots.dialogs.time_words import moment
from bots.kit.dialog import Chat, Reply, action, step
from bots.kit.screen import Button, Paragraph, Screen, row
from core.approvals import decide, presence
from core.approvals.deciders import need_to_see
from core.approvals.models import Suggestion
from core.messaging.models import Conversation
from core.preferences import learn
from core.preferences.contexts import USUAL

DIALOG = "snooze"
SOON = timedelta(minutes=30)


def choices(chat: Chat, suggestion: Suggestion) -> list[tuple[str, datetime]]:
    """(message id, instant) of the times that are worth offering now: each later than the one before, and before the suggestion expires."""
    here = chat.place.local(chat.work.now)
    zone = ZoneInfo(chat.profile.timezone)

    def at(days: int, hour: int) -> datetime:
        return datetime.combine(here.date() + timedelta(days=days), time(hour), zone)

    evening = next((at(0, hour) for hour in (18, 20) if at(0, hour) - here > SOON), None)
    to_monday = 7 - here.weekday()
    offered = [("snooze.hour", chat.work.now + timedelta(hours=1))]
    if evening is not None:
        offered.append(("snooze.tonight", evening))
    offered.append(("snooze.tomorrow", at(1, 9)))
    if to_monday > 1:
        offered.append(("snooze.monday", at(to_monday, 9)))
    return [(code, when) for code, when in offered if suggestion.expires_at is None or when < suggestion.expires_at]


@action("suggestion.snooze")
def snooze(chat: Chat, suggestion_id: str) -> Reply:
    """Asks until when."""
    suggestion = chat.work.suggestions.get(UUID(suggestion_id))
    need_to_see(chat.work, chat.actor, suggestion)
    if suggestion.status not in ("pending", "snoozed"):
        return truly(chat, suggestion_id, lambda: _until(chat, UUID(suggestion_id), chat.work.now + timedelta(hours=1)))
    talk.begin(chat, DIALOG, "until", {"suggestion_id": suggestion_id})
    buttons = _buttons(chat, suggestion)
    rows = [tuple(buttons[at : at + 2]) for at in range(0, len(buttons), 2)]
    ask = (
        chat.say("snooze.ask")
        if suggestion.expires_at is None
        else chat.say("snooze.ask_before", at=suggestion.expires_at)
    )
    return Reply(Screen(blocks=(Paragraph(text=ask),), buttons=(*rows, row(talk.cancel(chat))), tone="ask"))


def _buttons(chat: Chat, suggestion: Suggestion) -> list[Button]:
    """Times, then places where the person is not now; what they mostly choose comes first."""
    id, usual = str(suggestion.id), learn.usual(chat.work, chat.user.id, learn.USUAL_SNOOZE)
    named = [
        (
            code.removeprefix("snooze."),
            Button(
                label=chat.say(code, at=when),
                action="suggestion.until",
                args=(id, str(int(when.timestamp())), code.removeprefix("snooze.")),
            ),
        )
        for code, when in choices(chat, suggestion)
    ]
    known = {one.name: one for one in chat.work.preferences.contexts(chat.user.id)}
    for name in ("work", "home", *sorted(set(known) - set(USUAL))):
        if name not in known or not known[name].active:
            label = chat.say(f"snooze.when.{name}") if name in USUAL else chat.say("snooze.when.other", name=name)
            where = name if name in USUAL else known[name].id.hex[-12:]
            named.append((name, Button(label=label, action="suggestion.when", args=(id, where))))
    first = [
        button.model_copy(update={"label": chat.say("snooze.usual", label=button.label)})
        for name, button in named
        if name == usual
    ]
    return [*first, *(button for name, button in named if name != usual)]


@action("suggestion.until")
def until(chat: Chat, suggestion_id: str, timestamp: str, choice: str = "") -> Reply:
    """A time was tapped."""
    when = datetime.fromtimestamp(int(timestamp), ZoneInfo("UTC"))

    def attempt() -> Reply:
        reply = _until(chat, UUID(suggestion_id), when, "replace")
        if choice:
            learn.chose(chat.work, chat.actor, learn.USUAL_SNOOZE, choice)
        return reply

    return truly(chat, suggestion_id, attempt)


@action("suggestion.when")
def when_there(chat: Chat, suggestion_id: str, where: str) -> Reply:
    """Until the person is somewhere."""
    known = chat.work.preferences.contexts(chat.user.id)
    name = where if where in USUAL else next((one.name for one in known if one.id.hex[-12:] == where), "")

    def attempt() -> Reply:
        put_off = presence.put_off_until(chat.work, chat.actor, UUID(suggestion_id), name)
        talk.end(chat, DIALOG)
        if name in ("work", "home"):
            learn.chose(chat.work, chat.actor, learn.USUAL_SNOOZE, name)
        told = chat.say("snooze.done.context", name=contexts.named(chat, name), at=put_off.snoozed_until)
        blocks = [Paragraph(text=told)]
        context = next(one for one in chat.work.preferences.contexts(chat.user.id) if one.name == name)
        if context.schedule is None:
            blocks.append(Paragraph(text=chat.say("snooze.done.context_how"), muted=True))
        wake = Button(label=chat.say("card.wake"), action="suggestion.wake", args=(suggestion_id,))
        there = Button(label=chat.say("settings.contexts"), action="settings.contexts")
        return Reply(
            Screen(blocks=tuple(blocks), buttons=(row(wake, there, ways.inbox(chat)),), tone="done"),
            mode="replace",
            toast=told,
        )

    return truly(chat, suggestion_id, attempt)


@step(DIALOG)
def words(chat: Chat, conversation: Conversation) -> Reply:
    """A time was written."""
    text = getattr(chat.input, "text", "")
    when = moment(chat, text)
    if when is None:
        return Reply(Screen(blocks=(Paragraph(text=chat.say("snooze.unclear")),), buttons=(row(talk.cancel(chat)),)))
    suggestion_id = conversation.state["suggestion_id"]
    answer = truly(chat, suggestion_id, lambda: _until(chat, UUID(suggestion_id), when))
    if answer.screen is None:
        return Reply(Screen(blocks=(Paragraph(text=answer.toast or ""),), buttons=(row(ways.inbox(chat)),)))
    return replace(answer, understood=True)


def _until(chat: Chat, suggestion_id: UUID, when: datetime, mode: str = "new") -> Reply:
    decide.snooze(chat.work, chat.actor, suggestion_id, when)
    talk.end(chat, DIALOG)
    told = chat.say("snooze.done", day=chat.place.day(when), at=chat.place.clock(when))
    wake = Button(label=chat.say("card.wake"), action="suggestion.wake", args=(str(suggestion_id),))
    screen = Screen(blocks=(Paragraph(text=told),), buttons=(row(wake, ways.inbox(chat)),), tone="done")
    return Reply(screen, mode="replace" if mode == "replace" else "new", toast=told if mode == "replace" else None)


@action("suggestion.wake")
def wake(chat: Chat, suggestion_id: str) -> Reply:
    """Ends the snooze at once."""

    def attempt() -> Reply:
        decide.wake_now(chat.work, chat.actor, UUID(suggestion_id))
        return card_again(chat, suggestion_id, toast=chat.say("decided.woken"))

    return truly(chat, suggestion_id, attempt)
