"""Settling a person's timezone: "it is 14:05 for you?", then likely ones as buttons, then words."""

from dataclasses import replace

from bots.dialogs import talk, ways, zones
from bots.kit.dialog import Chat, Reply, action, step
from bots.kit.place import place
from bots.kit.screen import Button, Paragraph, Screen, row
from core.identity.settle import settle
from core.messaging.hold import release
from core.messaging.models import Conversation
from core.preferences.contexts import move as move_contexts
from core.workflows.schedule import move_schedules

DIALOG = "timezone"


def guess(chat: Chat) -> str:
    """The zone of the person's client where the door knows it, else the one of their profile."""
    told = chat.extra.get("timezone")
    return told if isinstance(told, str) and zones.known(told) else chat.profile.timezone


def question(chat: Chat, zone: str) -> tuple[Paragraph, tuple[Button, ...]]:
    """What time it would be, and the two answers."""
    there = place(chat.place.language, zone, chat.work.now)
    ask = Paragraph(
        text=chat.say("timezone.is_it", time=there.clock(chat.work.now), day=there.day(chat.work.now), zone=zone)
    )
    return ask, row(
        Button(label=chat.say("timezone.yes"), action="timezone.settle", args=(zone,), style="primary"),
        Button(label=chat.say("timezone.another"), action="timezone.choose"),
    )


@action("timezone.choose")
def choose(chat: Chat) -> Reply:
    """Likely zones as buttons; words are searched."""
    talk.begin(chat, DIALOG, "choose", {})
    return Reply(_offer(chat, "timezone.choose", zones.likely(chat, guess(chat))), mode="replace")


def _offer(chat: Chat, code: str, names: list[str], **data: str) -> Screen:
    buttons = [Button(label=zones.label(chat, zone), action="timezone.settle", args=(zone,)) for zone in names]
    rows = [tuple(buttons[at : at + 2]) for at in range(0, len(buttons), 2)]
    return Screen(blocks=(Paragraph(text=chat.say(code, **data)),), buttons=(*rows, row(talk.cancel(chat))), tone="ask")


@step(DIALOG)
def words(chat: Chat, conversation: Conversation) -> Reply:
    """A city, a country or an IANA name."""
    text = " ".join(getattr(chat.input, "text", "").split())[:60]
    found = zones.search(text, chat.place.language) if text else []
    if len(found) == 1:
        return replace(_settled(chat, found[0], "new"), understood=True)
    if found:
        return Reply(_offer(chat, "timezone.several", found, words=text))
    return Reply(_offer(chat, "timezone.not_found", zones.likely(chat, guess(chat)), words=text))


@action("timezone.settle")
def chosen(chat: Chat, zone: str) -> Reply:
    """A zone was tapped."""
    return _settled(chat, zone, "replace")


def _settled(chat: Chat, zone: str, mode: str) -> Reply:
    from bots.dialogs.start import first_steps

    was_new = chat.profile.settled_at is None
    language = chat.extra.get("language")
    before = chat.profile.timezone
    settle(chat.work, chat.actor, timezone=zone, language=language if isinstance(language, str) and was_new else None)
    move_schedules(chat.work, chat.actor, before, zone)
    move_contexts(chat.work, chat.actor)
    release(chat.work, chat.user.id)
    talk.end(chat, DIALOG)
    there = place(chat.place.language, zone, chat.work.now)
    told = chat.say("timezone.settled", zone=zone, time=there.clock(chat.work.now))
    screen = first_steps(chat, told) if was_new else Screen(
        blocks=(Paragraph(text=told),), buttons=(row(ways.settings(chat), ways.inbox(chat)),), tone="done"
    )  # fmt: skip
    return Reply(screen, mode="replace" if mode == "replace" else "new")
