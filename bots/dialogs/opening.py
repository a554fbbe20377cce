"""Links to a pack, a run or a suggestion: made where the door has them, opened by whom the thing is for. Everybody else is told so, kindly, and nothing of it."""

from urllib.parse import quote
from uuid import UUID

from bots.dialogs import packs, ways
from bots.dialogs.runs import label
from bots.kit import clean, opening
from bots.kit.dialog import Chat, Reply, action
from bots.kit.screen import Block, Button, Heading, Paragraph, Quote, Screen, row
from core.approvals.deciders import may_see
from core.kernel.errors import NotFound
from core.workflows.packs import change_pack

SHARE = "https://t.me/share/url?url={}&text={}"
"""Telegram's page that asks to whom something shall be sent (core.telegram.org/widgets/share)."""


def opened(chat: Chat, payload: str) -> Reply | None:
    """What a link opens; None for what is no such link."""
    target = opening.opened(payload)
    if target is None:
        return None
    kind, id = target
    try:
        shown = {"suggestion": _suggestion, "run": _run, "pack": _pack}[kind](chat, id)
    except NotFound:
        shown = None
    return shown or Reply(_not_theirs(chat))


def _suggestion(chat: Chat, id: UUID) -> Reply | None:
    suggestion = chat.work.suggestions.get(id)
    return Reply(subject=("suggestion", id)) if may_see(chat.work, chat.actor, suggestion) else None


def _run(chat: Chat, id: UUID) -> Reply | None:
    return Reply(subject=("run", id)) if chat.work.runs.get(id).user_id == chat.user.id else None


def _pack(chat: Chat, id: UUID) -> Reply | None:
    pack = chat.work.packs.get(id)
    mine = pack.owner_id == chat.user.id or pack.is_shared
    return Reply(packs.page(chat, pack)) if mine and pack.status != "archived" else None


def _not_theirs(chat: Chat) -> Screen:
    return Screen(
        blocks=(Paragraph(text=chat.say("opening.not_yours")), Paragraph(text=chat.say("opening.not_yours.todo"), muted=True)),
        buttons=(row(ways.inbox(chat), ways.help_(chat)),), tone="problem",
    )  # fmt: skip


@action("pack.share")
def share_pack(chat: Chat, pack_id: str) -> Reply:
    """What sharing means, and the link. A pack that is not shared is shared by a second tap only."""
    pack = chat.work.packs.get(UUID(pack_id))
    if not pack.is_shared:
        yes = Button(label=chat.say("opening.share.yes"), action="pack.shared", args=(pack_id,), style="primary")
        back = Button(label=chat.say("way.back"), action="pack.open", args=(pack_id,))
        blocks = (Heading(text=pack.name), Paragraph(text=chat.say("opening.share.means")))
        return Reply(Screen(blocks=blocks, buttons=(row(yes, back),), tone="ask"), mode="replace")
    return Reply(_linked(chat, "pack", pack.id, pack.name), mode="replace")


@action("pack.shared")
def shared(chat: Chat, pack_id: str) -> Reply:
    """From now on every member of the workspace sees and runs it."""
    pack = change_pack(chat.work, chat.actor, UUID(pack_id), is_shared=True)
    return Reply(_linked(chat, "pack", pack.id, pack.name), mode="replace")


@action("opening.link")
def link(chat: Chat, kind: str, id: str) -> Reply:
    """A link to a run or a suggestion, for oneself on another device, or for who may decide."""
    if kind == "run":
        name = label(chat, chat.work.runs.get(UUID(id)))
        return Reply(_linked(chat, "run", UUID(id), name))
    return Reply(_linked(chat, "suggestion", UUID(id), chat.say("opening.suggestion")))


def _linked(chat: Chat, kind: opening.Kind, id: UUID, name: str) -> Screen:
    address = opening.address(chat.extra, kind, id)
    exact = address or f"/start {opening.carried(kind, id)}"
    source = chat.say("opening.link" if address else "opening.write")
    blocks: list[Block] = [
        Heading(text=name),
        Paragraph(text=chat.say(f"opening.link.{kind}")),
        Quote(text=exact, source=source, exact=True),
    ]
    send = SHARE.format(quote(address, safe=""), quote(clean.line(name, 60), safe="")) if address else None
    back = Button(label=chat.say("way.back"), action="pack.open", args=(str(id),)) if kind == "pack" else None
    sent = Button(label=chat.say("opening.send"), url=send) if send else None
    return Screen(blocks=tuple(blocks), buttons=ways.rows(row(sent, back or ways.inbox(chat))))
