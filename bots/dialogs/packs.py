"""Packs: agents that run together."""

from uuid import UUID

from bots.dialogs import flow_runs, targets, ways
from bots.dialogs.runs import label
from bots.kit import clean
from bots.kit.dialog import Chat, Reply, action, command
from bots.kit.screen import Block, Bullets, Button, Facts, Heading, Paragraph, Screen, row
from core.workflows.models import Pack
from core.workflows.packs import archive_pack, pause_pack, resume_pack

MOST = 200
PAGE = 6
RUNS = 8
LABEL = 60


@command("packs")
def list_packs(chat: Chat, rest: str = "") -> Reply:
    """The list, as a new message."""
    return Reply(_list(chat, 1))


@action("packs.open")
def open_packs(chat: Chat, page: str = "") -> Reply:
    """A page of it; turning it edits the message."""
    return Reply(_list(chat, int(page or 1)), mode="replace" if page else "new")


def _list(chat: Chat, page: int, told: str = "") -> Screen:
    mine = [
        pack
        for pack in chat.work.packs.page(None, None, MOST)
        if pack.status != "archived" and (pack.owner_id == chat.user.id or pack.is_shared)
    ]
    make = Button(label=chat.say("packs.make"), action="compose.begin", args=("pack",), style="primary")
    flows = Button(label=chat.say("way.workflows"), action="flows.open")
    first: list[Block] = [Heading(text=chat.say("packs.heading", n=len(mine)) if mine else chat.say("packs.none"))]
    first += [Paragraph(text=told)] if told else []
    if not mine:
        first.append(Paragraph(text=chat.say("packs.none.how")))
        return Screen(blocks=tuple(first), buttons=(row(make, ways.from_file(chat)), row(flows, ways.agents(chat))))
    pages = -(-len(mine) // PAGE)
    page = min(max(page, 1), pages)
    shown = mine[(page - 1) * PAGE : page * PAGE]
    return Screen(
        blocks=(*first, Facts(rows=tuple((pack.name, _line(chat, pack)) for pack in shown))),
        buttons=ways.rows(
            *(row(Button(label=clean.line(pack.name, LABEL), action="pack.open", args=(str(pack.id),))) for pack in shown),
            ways.turn(chat, "packs.open", page, pages),
            row(make, ways.from_file(chat)),
            row(flows, ways.agents(chat)),
        ),
    )  # fmt: skip


def _line(chat: Chat, pack: Pack) -> str:
    agents = chat.say("packs.agents", n=len(pack.agent_ids))
    return f"{agents} · {chat.say(f'flow.type.{pack.mode}')} · {chat.say(f'flow.status.{pack.status}')}"


@action("pack.open")
def open_pack(chat: Chat, pack_id: str) -> Reply:
    """One pack's page."""
    return Reply(page(chat, chat.work.packs.get(UUID(pack_id))), mode=chat.in_place)


def page(chat: Chat, pack: Pack, told: str = "") -> Screen:
    """A pack as it is now."""
    args, paused = (str(pack.id),), pack.status == "paused"
    blocks: list[Block] = [Heading(text=pack.name)]
    blocks += [Paragraph(text=told)] if told else []
    blocks += [Paragraph(text=pack.description)] if pack.description else []
    blocks += [Paragraph(text=_line(chat, pack)), Bullets(items=tuple(_agents(chat, pack)))]
    if pack.status == "archived":
        return Screen(blocks=tuple(blocks), buttons=(row(Button(label=chat.say("packs.all"), action="packs.open")),))
    return Screen(blocks=tuple(blocks), buttons=ways.rows(*_buttons(chat, args, paused)))


def _buttons(chat: Chat, args: tuple[str, ...], paused: bool) -> list[tuple[Button, ...]]:
    run = Button(label=chat.say("agent.run"), action="pack.run", args=args, style="primary")
    dry = Button(label=chat.say("flow.dry"), action="pack.dry", args=args)
    pause = Button(label=chat.say("agent.pause"), action="pack.pause", args=args)
    resume = Button(label=chat.say("agent.resume"), action="pack.resume", args=args, style="primary")
    return [
        row(resume) if paused else row(run, dry, pause),
        row(
            Button(label=chat.say("triggers.open"), action="triggers.open", args=("pack", *args)),
            Button(label=chat.say("graph.show"), action="graph.open", args=("pack", *args)),
        ),
        row(
            Button(label=chat.say("agent.runs"), action="pack.runs", args=args),
            Button(label=chat.say("pack.archive"), action="pack.archive", args=args, style="danger"),
        ),
        row(
            ways.as_file(chat, "pack", *args),
            Button(label=chat.say("opening.share"), action="pack.share", args=args),
            Button(label=chat.say("packs.all"), action="packs.open", args=("1",)),
        ),
    ]


def _agents(chat: Chat, pack: Pack) -> list[str]:
    known, told = chat.work.agents.startable(pack.agent_ids), []
    for n, agent_id in enumerate(pack.agent_ids, 1):
        agent = known.get(agent_id)
        code = "compose.place" if agent is None or agent.status == "active" else "compose.place_held"
        told.append(chat.say(code, n=n, agent=chat.say("details.gone") if agent is None else agent.name))
    return told


@action("pack.run")
def run(chat: Chat, pack_id: str) -> Reply:
    """Runs it now, once however often it is tapped."""
    return flow_runs.begin(chat, {}, pack_id=UUID(pack_id))


@action("pack.dry")
def dry(chat: Chat, pack_id: str) -> Reply:
    """Tries it: nothing is kept, nobody is asked."""
    return flow_runs.begin(chat, {"dry_run": True}, pack_id=UUID(pack_id))


@action("pack.pause")
def pause(chat: Chat, pack_id: str) -> Reply:
    """Held until it is resumed, also what is under way."""
    pack = pause_pack(chat.work, chat.actor, UUID(pack_id))
    return Reply(page(chat, pack, chat.say("flow.paused")), mode=chat.in_place)


@action("pack.resume")
def resume(chat: Chat, pack_id: str) -> Reply:
    """It runs again, and what was held goes on."""
    pack = resume_pack(chat.work, chat.actor, UUID(pack_id))
    return Reply(page(chat, pack, chat.say("flow.resumed")), mode=chat.in_place)


@action("pack.archive")
def archive(chat: Chat, pack_id: str) -> Reply:
    """Asks first: there is no button that brings it back."""
    pack = chat.work.packs.get(UUID(pack_id))
    yes = Button(label=chat.say("pack.archive.yes"), action="pack.archived", args=(pack_id,), style="danger")
    return Reply(
        Screen(
            blocks=(Heading(text=pack.name), Paragraph(text=chat.say("pack.archive.what"))),
            buttons=(row(yes, targets.back(chat, "pack", pack_id)),),
            tone="ask",
        ),
        mode=chat.in_place,
    )


@action("pack.archived")
def archived(chat: Chat, pack_id: str) -> Reply:
    """Put away."""
    pack = archive_pack(chat.work, chat.actor, UUID(pack_id))
    return Reply(_list(chat, 1, chat.say("pack.archive.done", pack=pack.name)), mode="replace")


@action("pack.runs")
def runs(chat: Chat, pack_id: str) -> Reply:
    """What it did."""
    return Reply(listed(chat, "pack", pack_id), mode=chat.in_place)


def listed(chat: Chat, kind: str, id: str) -> Screen:
    """The newest runs of a pack or workflow."""
    found = flow_runs.runs_of(chat, **targets.only(kind, id))
    blocks: list[Block] = [Heading(text=chat.say("runs.heading_of", agent=targets.named(chat, kind, id)))]
    if not found:
        blocks.append(Paragraph(text=chat.say("flow.runs.none")))
    rows = [row(Button(label=label(chat, one), action="run.open", args=(str(one.id),))) for one in found[:RUNS]]
    return Screen(blocks=tuple(blocks), buttons=(*rows, row(targets.back(chat, kind, id))))
