"""How long a person's history is kept: as long as the plan keeps it, or shorter as they like."""

from bots.dialogs import ways
from bots.kit.dialog import Chat, Reply, action
from bots.kit.screen import Block, Button, Heading, Paragraph, Screen, row
from core.billing.reserve import limits_of
from core.kernel.errors import Invalid
from core.privacy.choose import keep_history
from core.privacy.retain import days_kept

CHOICES = (7, 30, 90, 365)
LONGEST = "longest"


@action("history.open")
def open_history(chat: Chat) -> Reply:
    """What holds now, and what it could be."""
    return Reply(_page(chat), mode=chat.in_place)


@action("history.choose")
def choose(chat: Chat, days: str) -> Reply:
    """A shorter time removes what is there: that is asked once more."""
    wanted, now = _read(days), _now(chat)
    if wanted is None or (now is not None and wanted >= now):
        return _keep(chat, wanted)
    blocks = (
        Heading(text=chat.say("history.sure", n=wanted)),
        Paragraph(text=chat.say("history.sure.how")),
        Paragraph(text=chat.say("usage.kept.how"), muted=True),
    )
    no = Button(label=chat.say("history.no"), action="history.open")
    yes = Button(label=chat.say("history.yes", n=wanted), action="history.keep", args=(days,), style="danger")
    return Reply(Screen(blocks=blocks, buttons=(row(no, yes),), tone="ask"), mode="replace")


@action("history.keep")
def keep(chat: Chat, days: str) -> Reply:
    """It was meant."""
    return _keep(chat, _read(days))


def _keep(chat: Chat, days: int | None) -> Reply:
    chat.profile = keep_history(chat.work, chat.actor, days)
    return Reply(_page(chat), mode="replace", toast=chat.say("history.saved"))


def _page(chat: Chat) -> Screen:
    now, longest = _now(chat), limits_of(chat.work).retention_days
    blocks: list[Block] = [Heading(text=chat.say("history.heading")), Paragraph(text=_said(chat, "history.now", now))]
    if now is not None:
        blocks.append(Paragraph(text=chat.say("usage.kept.how"), muted=True))
    shorter = [days for days in CHOICES if days != now and (longest is None or days < longest)]
    offered = [
        Button(label=chat.say("usage.fact.kept.is", n=days), action="history.choose", args=(str(days),))
        for days in shorter
    ]
    if chat.profile.privacy_settings.auto_delete_enabled:
        offered.append(Button(label=_said(chat, "history.longest", longest), action="history.choose", args=(LONGEST,)))
    rows = [tuple(offered[at : at + 2]) for at in range(0, len(offered), 2)]
    return Screen(blocks=tuple(blocks), buttons=(*rows, row(ways.settings(chat))))


def _said(chat: Chat, code: str, days: int | None) -> str:
    return chat.say(f"{code}.always") if days is None else chat.say(code, n=days)


def _now(chat: Chat) -> int | None:
    return days_kept(limits_of(chat.work), chat.profile.privacy_settings)


def _read(days: str) -> int | None:
    if days == LONGEST:
        return None
    if days not in map(str, CHOICES):
        raise Invalid("messaging.button_unknown", action=days)
    return int(days)
