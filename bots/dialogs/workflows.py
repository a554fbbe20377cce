"""Workflows: steps that people put together."""

from uuid import UUID

from bots.dialogs import flow_runs, graph, packs, ways
from bots.kit import clean, picture
from bots.kit.dialog import Chat, Reply, action, command
from bots.kit.screen import Block, Bullets, Button, Facts, Heading, Paragraph, Screen, row
from core.workflows.flows import current, pause_workflow, resume_workflow
from core.workflows.models import Workflow

MOST = 200
PAGE = 6
LABEL = 60
STEPS = 12


@command("workflows")
def list_workflows(chat: Chat, rest: str = "") -> Reply:
    """The list, as a new message."""
    return Reply(_list(chat, 1))


@action("flows.open")
def open_workflows(chat: Chat, page: str = "") -> Reply:
    """A page of it; turning it edits the message."""
    return Reply(_list(chat, int(page or 1)), mode="replace" if page else "new")


def _list(chat: Chat, page: int) -> Screen:
    mine = chat.work.workflows.page(None, None, MOST)
    make = Button(label=chat.say("flows.make"), action="compose.begin", args=("flow",), style="primary")
    all_packs = Button(label=chat.say("way.packs"), action="packs.open")
    if not mine:
        return Screen(
            blocks=(Heading(text=chat.say("flows.none")), Paragraph(text=chat.say("flows.none.how"))),
            buttons=(row(make, ways.from_file(chat)), row(all_packs, ways.agents(chat))),
        )
    pages = -(-len(mine) // PAGE)
    page = min(max(page, 1), pages)
    shown = mine[(page - 1) * PAGE : page * PAGE]
    return Screen(
        blocks=(
            Heading(text=chat.say("flows.heading", n=len(mine))),
            Facts(rows=tuple((flow.name, _line(chat, flow)) for flow in shown)),
        ),
        buttons=ways.rows(
            *(row(Button(label=clean.line(flow.name, LABEL), action="flow.open", args=(str(flow.id),))) for flow in shown),
            ways.turn(chat, "flows.open", page, pages),
            row(make, ways.from_file(chat)),
            row(all_packs, ways.agents(chat)),
        ),
    )  # fmt: skip


def _line(chat: Chat, flow: Workflow) -> str:
    number = current(chat.work, flow).semantic_version
    kind, status = chat.say(f"flow.type.{flow.type}"), chat.say(f"flow.status.{flow.status}")
    return f"{kind} · {status} · {chat.say('flow.version', number=number)}"


@action("flow.open")
def open_workflow(chat: Chat, workflow_id: str) -> Reply:
    """One workflow's page."""
    return Reply(page(chat, chat.work.workflows.get(UUID(workflow_id))), mode=chat.in_place)


def page(chat: Chat, flow: Workflow, told: str = "") -> Screen:
    """A workflow as it is now."""
    args = (str(flow.id),)
    lines = picture.lines(graph.boxes(chat, "flow", str(flow.id)))
    blocks: list[Block] = [Heading(text=flow.name)]
    blocks += [Paragraph(text=told)] if told else []
    blocks += [Paragraph(text=flow.description)] if flow.description else []
    blocks += [Paragraph(text=_line(chat, flow)), Bullets(items=lines[:STEPS])]
    if len(lines) > STEPS:
        blocks.append(Paragraph(text=chat.say("flow.more", n=len(lines) - STEPS), muted=True))
    run = Button(label=chat.say("agent.run"), action="flow.run", args=args, style="primary")
    dry = Button(label=chat.say("flow.dry"), action="flow.dry", args=args)
    pause = Button(label=chat.say("agent.pause"), action="flow.pause", args=args)
    resume = Button(label=chat.say("agent.resume"), action="flow.resume", args=args, style="primary")
    return Screen(
        blocks=tuple(blocks),
        buttons=(
            row(resume) if flow.status == "paused" else row(run, dry, pause),
            row(
                Button(label=chat.say("triggers.open"), action="triggers.open", args=("flow", *args)),
                Button(label=chat.say("graph.show"), action="graph.open", args=("flow", *args)),
            ),
            row(
                Button(label=chat.say("agent.runs"), action="flow.runs", args=args),
                Button(label=chat.say("versions.show"), action="versions.open", args=("flow", *args)),
            ),
            row(
                ways.as_file(chat, "flow", *args), Button(label=chat.say("flows.all"), action="flows.open", args=("1",))
            ),
        ),
    )


@action("flow.run")
def run(chat: Chat, workflow_id: str) -> Reply:
    """Runs it now, once however often it is tapped."""
    return flow_runs.begin(chat, {}, workflow_id=UUID(workflow_id))


@action("flow.dry")
def dry(chat: Chat, workflow_id: str) -> Reply:
    """Tries it: nothing is kept, nobody is asked."""
    return flow_runs.begin(chat, {"dry_run": True}, workflow_id=UUID(workflow_id))


@action("flow.pause")
def pause(chat: Chat, workflow_id: str) -> Reply:
    """Held until it is resumed, also what is under way."""
    flow = pause_workflow(chat.work, chat.actor, UUID(workflow_id))
    return Reply(page(chat, flow, chat.say("flow.paused")), mode=chat.in_place)


@action("flow.resume")
def resume(chat: Chat, workflow_id: str) -> Reply:
    """It runs again, and what was held goes on."""
    flow = resume_workflow(chat.work, chat.actor, UUID(workflow_id))
    return Reply(page(chat, flow, chat.say("flow.resumed")), mode=chat.in_place)


@action("flow.runs")
def runs(chat: Chat, workflow_id: str) -> Reply:
    """What it did."""
    return Reply(packs.listed(chat, "flow", workflow_id), mode=chat.in_place)
