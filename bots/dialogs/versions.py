"""Versions of an agent or a workflow: the list, what differs between two, and the way back to an older one."""

from collections.abc import Iterator, Sequence
from typing import Literal
from uuid import UUID

from bots.dialogs import targets, values, ways
from bots.dialogs.people import who
from bots.kit.dialog import Chat, Reply, action
from bots.kit.screen import Block, Button, Facts, Heading, Paragraph, Screen, row
from bots.kit.screen import Change as Difference
from core.catalog.models import AgentVersion
from core.catalog.versions import Change, choose_version, diff
from core.kernel.errors import Invalid, NotFound
from core.workflows.flows import choose_workflow_version, diff_workflows
from core.workflows.models import WorkflowVersion

PAGE = 6
CHANGES = 15
LINES = 6
"""How many changes a page shows, and how many lines one of them takes on each side."""
Version = AgentVersion | WorkflowVersion
Line = tuple[Literal["keep", "remove", "add"], str]


@action("versions.open")
def open_versions(chat: Chat, kind: str, id: str, page: str = "1") -> Reply:
    """Newest first."""
    made = _all(chat, kind, id)
    pages = -(-len(made) // PAGE)
    at = min(max(int(page), 1), pages)
    shown = made[(at - 1) * PAGE : at * PAGE]
    now = _now(chat, kind, id)
    rows = tuple((_title(chat, one, now), _made_by(chat, one)) for one in shown)
    buttons = [
        Button(label=chat.say("version.button", number=one.semantic_version), action="version.open", args=(kind, id, one.semantic_version))
        for one in shown
    ]  # fmt: skip
    screen = Screen(
        blocks=(Heading(text=chat.say("versions.heading", what=targets.named(chat, kind, id))), Facts(rows=rows)),
        buttons=ways.rows(
            *(tuple(buttons[at : at + 3]) for at in range(0, len(buttons), 3)),
            ways.turn(chat, "versions.open", at, pages, kind, id),
            row(targets.back(chat, kind, id)),
        ),
    )
    return Reply(screen, mode=chat.in_place)


@action("version.open")
def open_version(chat: Chat, kind: str, id: str, number: str) -> Reply:
    """One version, and what going back to it would change."""
    made, now = _all(chat, kind, id), _now(chat, kind, id)
    version = _numbered(made, number)
    blocks: list[Block] = [
        Heading(text=chat.say("version.heading", what=targets.named(chat, kind, id), number=number)),
        Paragraph(text=_made_by(chat, version)),
    ]
    place = made.index(version)
    before = made[place + 1] if place + 1 < len(made) else None
    if before is not None:
        blocks += _difference(chat, before, version)
    chosen = version.id == now
    if chosen:
        blocks.append(Paragraph(text=chat.say("version.now"), muted=True))
    current = next((one for one in made if one.id == now), made[0])
    args = (kind, id, number)
    compare = Button(
        label=chat.say("version.compare", number=current.semantic_version), action="version.diff", args=(*args, current.semantic_version)
    )  # fmt: skip
    choose = Button(label=chat.say("version.choose"), action="version.choose", args=args)
    back = Button(label=chat.say("versions.all"), action="versions.open", args=(kind, id, "1"))
    buttons = ways.rows(() if chosen else row(compare, choose), row(back))
    return Reply(Screen(blocks=tuple(blocks), buttons=buttons), mode=chat.in_place)


@action("version.diff")
def compare(chat: Chat, kind: str, id: str, old: str, new: str) -> Reply:
    """What differs between any two."""
    made = _all(chat, kind, id)
    blocks = [
        Heading(text=chat.say("version.heading", what=targets.named(chat, kind, id), number=old)),
        *_difference(chat, _numbered(made, old), _numbered(made, new)),
    ]
    back = Button(label=chat.say("way.back"), action="version.open", args=(kind, id, old))
    return Reply(Screen(blocks=tuple(blocks), buttons=(row(back),)), mode=chat.in_place)


@action("version.choose")
def ask(chat: Chat, kind: str, id: str, number: str) -> Reply:
    """Asks first, and shows what changes."""
    made, now = _all(chat, kind, id), _now(chat, kind, id)
    version = _numbered(made, number)
    current = next((one for one in made if one.id == now), made[0])
    yes = Button(label=chat.say("version.choose.yes", number=number), action="version.chosen", args=(kind, id, number), style="primary")  # fmt: skip
    no = Button(label=chat.say("version.choose.no"), action="version.open", args=(kind, id, number))
    blocks = [
        Heading(text=chat.say("version.heading", what=targets.named(chat, kind, id), number=number)),
        *_difference(chat, current, version),
        Paragraph(text=chat.say("version.choose.what", number=number)),
    ]
    return Reply(Screen(blocks=tuple(blocks), buttons=(row(yes, no),), tone="ask"), mode=chat.in_place)


@action("version.chosen")
def choose(chat: Chat, kind: str, id: str, number: str) -> Reply:
    """New runs use it from now on."""
    version = _numbered(_all(chat, kind, id), number)
    if kind == "agent":
        choose_version(chat.work, chat.actor, UUID(id), version.id)
    else:
        choose_workflow_version(chat.work, chat.actor, UUID(id), version.id)
    told = chat.say("version.chosen", number=number)
    back = Button(label=chat.say("versions.all"), action="versions.open", args=(kind, id, "1"))
    screen = Screen(
        blocks=(Heading(text=targets.named(chat, kind, id)), Paragraph(text=told)),
        buttons=(row(targets.back(chat, kind, id), back),),
        tone="done",
    )
    return Reply(screen, mode="replace")


def _all(chat: Chat, kind: str, id: str) -> Sequence[Version]:
    if kind not in ("agent", "flow"):
        raise Invalid("messaging.button_unknown", action=kind)
    targets.named(chat, kind, id)
    return (chat.work.agents if kind == "agent" else chat.work.workflows).versions(UUID(id))


def _now(chat: Chat, kind: str, id: str) -> UUID | None:
    of = chat.work.agents if kind == "agent" else chat.work.workflows
    return of.get(UUID(id)).latest_version_id


def _numbered(made: Sequence[Version], number: str) -> Version:
    found = next((one for one in made if one.semantic_version == number), None)
    if found is None:
        raise NotFound("workflows.version_unknown", number=number)
    return found


def _title(chat: Chat, version: Version, now: UUID | None) -> str:
    code = "version.title_now" if version.id == now else "version.title"
    return chat.say(code, number=version.semantic_version)


def _made_by(chat: Chat, version: Version) -> str:
    """When, by whom, and their note."""
    if version.parent_run_id is not None:
        by = chat.say("version.by_run")
    else:
        by = who(chat, version.author_id) if version.author_id else chat.say("version.by_nod")
    line = chat.say("version.made", at=version.created_at, by=by)
    return chat.say("version.noted", line=line, note=version.note) if version.note else line


def _difference(chat: Chat, old: Version, new: Version) -> list[Block]:
    heading = Paragraph(text=chat.say("version.from_to", old=old.semantic_version, new=new.semantic_version))
    if isinstance(old, AgentVersion) and isinstance(new, AgentVersion):
        changes = diff(old, new)
    else:
        assert isinstance(old, WorkflowVersion)
        assert isinstance(new, WorkflowVersion)
        changes = diff_workflows(old, new)
    if not changes:
        return [Paragraph(text=chat.say("version.same"))]
    shown = [line for change in changes[:CHANGES] for line in lines(change)]
    blocks: list[Block] = [heading, Difference(lines=tuple(shown))]
    if len(changes) > CHANGES:
        blocks.append(Paragraph(text=chat.say("version.more", n=len(changes) - CHANGES), muted=True))
    return blocks


def lines(change: Change) -> Iterator[Line]:
    """The place in words, then what was and what is there."""
    yield "keep", " › ".join(values.named(part) for part in change.place.split(".") if part)
    for line in _value(change.old):
        yield "remove", line
    for line in _value(change.new):
        yield "add", line


def _value(value: object) -> list[str]:
    if value is None:
        return []
    if isinstance(value, str):
        return value.splitlines()[:LINES] or [""]
    return [values.flat(value)]
