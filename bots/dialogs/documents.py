"""A YAML file of agents, packs, workflows and triggers, handed over in the chat: what it would change is shown, and done after a yes. And the way back: a thing
as such a file."""

import json
import re
from collections.abc import Sequence
from hashlib import sha256
from pathlib import PurePath
from typing import Any, NoReturn
from uuid import UUID

from bots.dialogs import plan, targets, ways
from bots.dialogs.trigger_words import address
from bots.kit.contracts import contracts
from bots.kit.dialog import Chat, Reply, Tried, Upload, action
from bots.kit.screen import Block, Button, Document, Facts, Heading, Paragraph, Screen, row
from bots.kit.speak import failure
from core.kernel.errors import Failure, Invalid, NotFound, Unavailable
from core.messaging.models import Message
from core.workflows.documents import Applied, Changed, apply_document, export_thing
from core.workflows.documents.reading import MAX_BYTES

SUFFIXES = (".yaml", ".yml", ".json")
OPENED = 8
"""How many of the things that were made get a button each."""
OPENS = {"agent": "agent.open", "pack": "pack.open", "workflow": "flow.open", "trigger": "trigger.open"}
_LETTERS = re.compile(r"[^A-Za-z0-9]+")


def is_document(name: str) -> bool:
    """Whether a file of that name is taken for one."""
    return PurePath(name.lower()).suffix in SUFFIXES


@action("document.ask")
def ask(chat: Chat) -> Reply:
    """Says what can be sent."""
    blocks = (Heading(text=chat.say("document.ask")), Paragraph(text=chat.say("document.ask.how")))
    ways_on = Button(label=chat.say("way.workflows"), action="flows.open", args=("1",))
    screen = Screen(blocks=blocks, buttons=(row(ways_on, ways.agents(chat)),), accepts_file=SUFFIXES)
    return Reply(screen, mode=chat.in_place)


def take(chat: Chat, upload: Upload) -> NoReturn:
    """Answers with what the file would change. Raises Tried: it is found by doing it."""
    _tried(chat, upload.name, upload.blob, upload.size)


@action("document.plan")
def turn(chat: Chat, message_id: str, page: str) -> Reply:
    """Another page of the plan, as it is now."""
    sent = _sent(chat, message_id)
    _tried(chat, sent.payload["upload"], sent.blob or "", int(sent.payload["size"]), sent.id, int(page))


@action("document.apply")
def apply(chat: Chat, message_id: str, digest: str) -> Reply:
    """Does what the plan said, all of it or nothing; not when something else would come of it now."""
    sent = _sent(chat, message_id)
    name = sent.payload["upload"]
    try:
        applied = apply_document(chat.work, chat.actor, contracts(), chat.blobs.get(sent.blob or ""))
    except Failure as refused:
        raise Tried(_refused(name, refused)) from None
    if not applied.differs:
        raise Tried(lambda fresh: Reply(_nothing(fresh, name, applied.changes), mode="replace"))
    if _digest(applied.changes) != digest:
        raise Tried(lambda fresh: Reply(_outdated(fresh, name, sent.id), mode="replace"))
    return Reply(_done(chat, name, applied), mode="replace", toast=chat.say("document.done.toast"))


@action("document.leave")
def leave(chat: Chat, message_id: str) -> Reply:
    """Nothing is done."""
    told = Paragraph(text=chat.say("document.left", name=_sent(chat, message_id).payload["upload"]))
    return Reply(Screen(blocks=(told,), buttons=(row(_workflows(chat), ways.agents(chat)),)), mode="replace")


@action("document.export")
def export(chat: Chat, kind: str, id: str) -> Reply:
    """A thing as a file, with what it needs and what starts it."""
    named, of = targets.named(chat, kind, id), {"agent": "agent", "pack": "pack", "flow": "workflow"}
    text = export_thing(chat.work, chat.actor, of[kind], UUID(id)).encode()  # pyright: ignore[reportArgumentType]
    name = f"{_LETTERS.sub('-', named).strip('-').lower()[:60] or of[kind]}.yaml"
    blocks = (Heading(text=chat.say("document.export", what=named)), Paragraph(text=chat.say("document.export.what")))
    file = Document(blob=chat.blobs.put(text), name=name, size=len(text))
    return Reply(Screen(blocks=blocks, document=file, buttons=(row(targets.back(chat, kind, id)),)))


def _sent(chat: Chat, message_id: str) -> Message:
    """The message that the file came in. Raises NotFound `messaging.message_unknown`."""
    sent = chat.work.messages.get(UUID(message_id))
    if sent.user_id != chat.user.id or sent.direction != "in" or sent.blob is None:
        raise NotFound("messaging.message_unknown", id=message_id)
    return sent


def _tried(chat: Chat, name: str, blob: str, size: int, sent: UUID | None = None, page: int = 1) -> NoReturn:
    """Applies the file, and takes it back. The first time the file is in the message that is answered (`sent` None)."""
    try:
        if size > MAX_BYTES:
            raise Invalid("workflows.document_too_big", most=MAX_BYTES)
        changes = apply_document(chat.work, chat.actor, contracts(), chat.blobs.get(blob)).changes
    except Failure as refused:
        raise Tried(_refused(name, refused)) from None

    def shown(fresh: Chat) -> Reply:
        message = sent or fresh.heard
        if all(each.how == "unchanged" for each in changes):
            return Reply(_nothing(fresh, name, changes), mode=fresh.in_place)
        return Reply(_planned(fresh, name, changes, str(message), page), mode=fresh.in_place)

    raise Tried(shown)


def _refused(name: str, refused: Failure) -> Any:
    """The answer to a file that cannot be applied: where, why, what to do. What is no fault of the file is raised on."""
    if isinstance(refused, Unavailable) or refused.code.startswith("kernel."):
        raise refused

    def shown(chat: Chat) -> Reply:
        data, spoken = refused.data, failure(chat.say, refused)
        where = [(chat.say("document.line"), str(data["line"]))] if "line" in data else []
        if "entry_kind" in data:
            entry = chat.say(
                "document.entry", kind=plan.kind(chat, str(data["entry_kind"])), name=str(data["entry_name"])
            )
            where.append((chat.say("document.in"), entry))
        if data.get("place"):
            where.append((chat.say("document.field"), str(data["place"])))
        blocks: list[Block] = [Heading(text=chat.say("document.refused", name=name))]
        blocks += [Facts(rows=tuple(where))] if where else []
        blocks.append(Paragraph(text=spoken.text))
        blocks += [Paragraph(text=spoken.todo)] if spoken.todo else []
        blocks.append(Paragraph(text=chat.say("document.refused.again"), muted=True))
        buttons = (row(_workflows(chat), ways.help_(chat)),)
        screen = Screen(blocks=tuple(blocks), buttons=buttons, tone="problem", accepts_file=SUFFIXES)
        return Reply(screen, mode=chat.in_place)

    return shown


def _planned(chat: Chat, name: str, changes: Sequence[Changed], message: str, page: int) -> Screen:
    pages = plan.pages(chat, changes)
    at = min(max(page, 1), len(pages))
    last = at == len(pages)
    blocks: list[Block] = [Heading(text=chat.say("document.plan", name=name))]
    blocks += [Paragraph(text=plan.counted(chat, changes)), *pages[at - 1]]
    if last:
        blocks.append(Paragraph(text=chat.say("document.plan.what"), muted=True))
    yes = Button(
        label=chat.say("document.apply"), action="document.apply", args=(message, _digest(changes)), style="primary"
    )
    end = Button(label=chat.say("document.to_the_end"), action="document.plan", args=(message, str(len(pages))))
    no = Button(label=chat.say("document.leave"), action="document.leave", args=(message,))
    turning = ways.turn(chat, "document.plan", at, len(pages), message)
    to_the_end = end if at < len(pages) - 1 else None
    buttons = ways.rows(turning, row(yes if last else to_the_end, no))
    return Screen(blocks=tuple(blocks), buttons=buttons, tone="ask")


def _nothing(chat: Chat, name: str, changes: Sequence[Changed]) -> Screen:
    told = chat.say("document.nothing", n=len(changes))
    blocks = (Heading(text=chat.say("document.plan", name=name)), Paragraph(text=told))
    return Screen(blocks=blocks, buttons=ways.rows(*_opening(chat, changes), row(_workflows(chat), ways.agents(chat))))


def _outdated(chat: Chat, name: str, message: UUID) -> Screen:
    again = Button(label=chat.say("document.again"), action="document.plan", args=(str(message), "1"), style="primary")
    no = Button(label=chat.say("document.leave"), action="document.leave", args=(str(message),))
    blocks = (Heading(text=chat.say("document.plan", name=name)), Paragraph(text=chat.say("document.outdated")))
    return Screen(blocks=blocks, buttons=(row(again, no),), tone="problem")


def _done(chat: Chat, name: str, applied: Applied) -> Screen:
    made = [each for each in applied.changes if each.how != "unchanged"]
    blocks: list[Block] = [Heading(text=chat.say("document.done", name=name)), plan.summary(chat, made)]
    if applied.secrets and chat.link.provider == "web":
        for one in applied.secrets:
            where = address(chat.work.triggers.get(one.trigger_id))
            blocks.append(Facts(rows=((one.trigger, where), (chat.say("trigger.secret"), one.secret))))
        blocks.append(Paragraph(text=chat.say("trigger.secret.once")))
    elif applied.secrets:
        blocks.append(Paragraph(text=chat.say("document.secrets_elsewhere", n=len(applied.secrets))))
    buttons = ways.rows(*_opening(chat, made), row(_workflows(chat), ways.agents(chat)))
    return Screen(blocks=tuple(blocks), buttons=buttons, tone="done")


def _opening(chat: Chat, things: Sequence[Changed]) -> list[tuple[Button, ...]]:
    """A button for each of the first things that have a page."""
    opened = [each for each in things if each.kind in OPENS and each.id is not None][:OPENED]
    return [
        row(
            Button(
                label=chat.say("document.open", kind=plan.kind(chat, each.kind), name=each.name),
                action=OPENS[each.kind],
                args=(str(each.id),),
            )
        )
        for each in opened
    ]


def _workflows(chat: Chat) -> Button:
    return Button(label=chat.say("way.workflows"), action="flows.open")


def _digest(changes: Sequence[Changed]) -> str:
    """What stands for exactly these changes, of exactly what there is."""
    told = [
        [each.kind, each.name, each.how, [[c.place, c.how, c.old, c.new] for c in each.changes]] for each in changes
    ]
    return sha256(json.dumps(told, sort_keys=True, default=str).encode()).hexdigest()[:16]
