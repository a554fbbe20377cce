"""What Nod noticed by itself about a person: shown, kept, or dropped."""

from bots.dialogs import ways
from bots.kit.dialog import Chat, Reply, action
from bots.kit.screen import Block, Bullets, Button, Heading, Paragraph, Screen, row
from core.preferences import learn
from core.preferences.models import UserPreference


@action("noticed.open")
def open_noticed(chat: Chat) -> Reply:
    """All of it."""
    return Reply(_list(chat), mode="replace")


def _list(chat: Chat, told: str = "") -> Screen:
    known = learn.learned(chat.work, chat.user.id)
    blocks: list[Block] = [Heading(text=chat.say("noticed.heading"))]
    blocks += [Paragraph(text=told)] if told else []
    if known:
        blocks.append(Bullets(items=tuple(_words(chat, one) for one in known)))
    else:
        blocks.append(Paragraph(text=chat.say("noticed.nothing")))
    blocks.append(Paragraph(text=chat.say("noticed.rule"), muted=True))
    rows = [
        row(_keep(chat, one), Button(label=chat.say("noticed.forget"), action="noticed.forget", args=(one.key,)))
        for one in known
    ]
    return Screen(blocks=tuple(blocks), buttons=(*rows, row(ways.settings(chat))))


def _words(chat: Chat, known: UserPreference) -> str:
    choice = chat.say(f"noticed.{known.key}.{known.value['choice']}")
    if known.source == "user":
        return chat.say("noticed.said", what=choice)
    return chat.say("noticed.seen", what=choice, n=known.value["times"])


def _keep(chat: Chat, known: UserPreference) -> Button | None:
    if known.source == "user":
        return None
    return Button(label=chat.say("noticed.keep"), action="noticed.keep", args=(known.key,))


@action("noticed.keep")
def keep(chat: Chat, key: str) -> Reply:
    """It is the person's own wish from now on."""
    learn.keep(chat.work, chat.actor, key)
    return Reply(_list(chat, chat.say("noticed.kept")), mode="replace")


@action("noticed.forget")
def forget(chat: Chat, key: str) -> Reply:
    """It is dropped."""
    learn.forget(chat.work, chat.actor, key)
    return Reply(_list(chat, chat.say("noticed.forgotten")), mode="replace")
