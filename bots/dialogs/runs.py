"""What ran: the list, and one run as it is now: what it read, what came of it, what it cost, each step, and why it failed."""

from collections import defaultdict
from collections.abc import Mapping
from typing import Any
from uuid import UUID

from bots.dialogs import ways
from bots.dialogs.dry import dry
from bots.dialogs.kinds import counted
from bots.dialogs.run_facts import facts, problems, spoken_error
from bots.kit.dialog import Chat, Reply, Tap, action, command, renderer
from bots.kit.screen import Block, Bullets, Button, Heading, Paragraph, Progress, Screen, row
from bots.kit.speak import speak
from core.kernel.errors import NotFound
from core.messaging.post import refresh
from core.orchestration.models import Run, RunStep
from core.orchestration.start import cancel

PAGE = 6
MOST = 120
STEPS = 30


@command("runs")
def runs(chat: Chat, rest: str = "") -> Reply:
    """The newest runs."""
    return Reply(_list(chat, 1, None))


@action("runs.open")
def open_list(chat: Chat, page: str = "", agent_id: str = "") -> Reply:
    """A page of the list, of one agent or of all."""
    place = chat.input.delivery_id if isinstance(chat.input, Tap) else None
    on_message = place is not None and chat.work.messages.delivery(place).subject_kind == "message"
    return Reply(
        _list(chat, int(page or 1), UUID(agent_id) if agent_id else None), mode="replace" if on_message else "new"
    )


def _list(chat: Chat, page: int, agent_id: UUID | None) -> Screen:
    found = chat.work.runs.page(None, MOST, agent_id=agent_id)
    if not found:
        return Screen(
            blocks=(Heading(text=chat.say("runs.none")), Paragraph(text=chat.say("runs.none.how"))),
            buttons=(row(ways.agents(chat), ways.catalog(chat)),),
        )
    names = {agent.id: agent.name for agent in chat.work.agents.page(chat.user.id, None, 100)}
    pages = -(-len(found) // PAGE)
    page = min(max(page, 1), pages)
    rows = [
        row(Button(label=_label(chat, run, names.get(run.agent_id, "")), action="run.open", args=(str(run.id),)))
        for run in found[(page - 1) * PAGE : page * PAGE]
    ]
    turning = ways.turn(chat, "runs.open", page, pages) if agent_id is None else _turn_of(chat, page, pages, agent_id)
    heading = chat.say("runs.heading_of", agent=names.get(agent_id, "")) if agent_id else chat.say("runs.heading")
    return Screen(
        blocks=(Heading(text=heading),), buttons=ways.rows(*rows, turning, row(ways.agents(chat), ways.inbox(chat)))
    )


def _turn_of(chat: Chat, page: int, pages: int, agent_id: UUID) -> tuple[Button, ...]:
    """The list's page stands first, so that the agent may be left out."""
    return tuple(
        one.model_copy(update={"args": (*one.args, str(agent_id))}) for one in ways.turn(chat, "runs.open", page, pages)
    )


def _label(chat: Chat, run: Run, agent: str) -> str:
    status = chat.say(f"run.status.{run.status}")
    code = "runs.line_dry" if run.dry else "runs.line"
    return chat.say(code, agent=agent, status=status, at=run.started_at or run.queued_at)


@action("run.open")
def open_run(chat: Chat, run_id: str) -> Reply:
    """Its card."""
    chat.work.runs.get(UUID(run_id))
    return Reply(subject=("run", UUID(run_id)))


@action("run.cancel")
def stop(chat: Chat, run_id: str) -> Reply:
    """At once while it waits, at its next step while it runs."""
    run = cancel(chat.work, chat.actor, UUID(run_id))
    refresh(chat.work, "run", run.id)
    return Reply(toast=chat.say("run.cancelled" if run.status == "cancelled" else "run.cancelling"))


@action("run.steps")
def steps(chat: Chat, run_id: str) -> Reply:
    """Each step, as a message of its own."""
    run = chat.work.runs.get(UUID(run_id))
    made = chat.work.runs.steps(run.id)
    counts: dict[tuple[str, str], list[RunStep]] = defaultdict(list)
    for one in made:
        counts[one.node_id, one.status].append(one)
    items = tuple(_step(chat, name, status, group) for (name, status), group in list(counts.items())[:STEPS])
    blocks: list[Block] = [Heading(text=chat.say("run.steps", n=len(made)))]
    blocks.append(Bullets(items=items) if items else Paragraph(text=chat.say("run.steps.none")))
    back = Button(label=chat.say("run.card"), action="run.open", args=(run_id,))
    return Reply(Screen(blocks=tuple(blocks), buttons=(row(back, ways.agents(chat)),)))


def _step(chat: Chat, name: str, status: str, group: list[RunStep]) -> str:
    """Steps of one node together: its name, how many, how long."""
    seconds = sum((s.finished_at - s.started_at).total_seconds() for s in group if s.finished_at)
    tokens = sum(int(u.get("tokens_prompt", 0)) + int(u.get("tokens_completion", 0)) for s in group for u in _usages(s))
    line = chat.say(
        f"run.step.{status}", name=name.replace("_", " "), n=len(group), seconds=chat.place.number(round(seconds, 2))
    )
    if tokens:
        line = chat.say("run.step.tokens", line=line, n=tokens)
    error = next((s.error for s in group if s.error), None)
    return f"{line}: {spoken_error(chat, error)}" if error else line


def _usages(step: RunStep) -> list[Mapping[str, Any]]:
    """Usage is one record, or a list of them under `calls`."""
    usage = step.usage or {}
    listed = usage.get("calls")
    return list(listed) if isinstance(listed, list) else [usage]


@renderer("run")
def card(chat: Chat, run_id: UUID) -> Screen:
    """A run as it is now; edited in place while it goes on."""
    run = chat.work.runs.get(run_id)
    try:
        agent = chat.work.agents.get(run.agent_id).name
    except NotFound:
        agent = chat.say("details.gone")
    heading = Heading(text=chat.say("run.heading_dry" if run.dry else "run.heading", agent=agent))
    match run.status:
        case "queued" | "running" | "waiting":
            return _going_on(chat, run, heading)
        case "succeeded":
            return dry(chat, run, heading) if run.dry else _succeeded(chat, run, heading, agent)
        case "failed":
            return _failed(chat, run, heading)
        case _:
            again = Button(label=chat.say("run.again"), action=_again(run), args=(str(run.agent_id),))
            told = Paragraph(text=chat.say("run.was_cancelled", at=run.finished_at or run.queued_at))
            return Screen(blocks=(heading, told), buttons=(row(again, ways.agents(chat)),))


def _again(run: Run) -> str:
    return "agent.dry" if run.dry else "agent.run"


def _going_on(chat: Chat, run: Run, heading: Heading) -> Screen:
    blocks: list[Block] = [heading]
    done = [s for s in chat.work.runs.steps(run.id) if s.status == "succeeded"]
    nodes = chat.work.agents.version(run.agent_version_id).graph.nodes
    if run.cancel_requested_at is not None:
        blocks.append(Paragraph(text=chat.say("run.cancelling")))
    elif run.status == "queued":
        if run.error:
            blocks.append(Paragraph(text=chat.say("run.retries", why=spoken_error(chat, run.error), at=run.due_at)))
        blocks.append(Progress(label=chat.say("run.waiting"), done=0))
    else:
        finished = len({s.node_id for s in done})
        blocks.append(Progress(label=chat.say("run.working"), done=min(finished, len(nodes)), total=len(nodes)))
    stop_button = Button(label=chat.say("run.cancel"), action="run.cancel", args=(str(run.id),))
    return Screen(blocks=tuple(blocks), buttons=() if run.cancel_requested_at else (row(stop_button),))


def _succeeded(chat: Chat, run: Run, heading: Heading, agent: str) -> Screen:
    ids = (run.output or {}).get("suggested", ())
    made = [chat.work.suggestions.get(UUID(str(one))) for one in ids]
    told = (
        chat.say("run.suggested", n=len(made), kinds=counted(chat, (s.kind for s in made)))
        if made
        else chat.say("run.nothing")
    )
    blocks = [heading, Paragraph(text=told), facts(chat, run), *problems(chat, run)]
    open_inbox = ways.inbox(chat) if made else None
    steps_button = Button(label=chat.say("run.steps.show"), action="run.steps", args=(str(run.id),))
    return Screen(
        blocks=tuple(blocks),
        buttons=(row(open_inbox, steps_button, ways.agent(chat, run.agent_id, agent)),),
        tone="done",
    )


def _failed(chat: Chat, run: Run, heading: Heading) -> Screen:
    error = run.error or {}
    spoken = speak(chat.say, str(error.get("code", "")), error.get("data") or {})
    blocks: list[Block] = [
        heading,
        Paragraph(text=chat.say("run.failed", why=spoken.text)),
        Paragraph(text=chat.say("run.not_done")),
    ]
    if spoken.todo:
        blocks.append(Paragraph(text=spoken.todo))
    blocks.append(facts(chat, run))
    again = Button(label=chat.say("run.again"), action=_again(run), args=(str(run.agent_id),), style="primary")
    steps_button = Button(label=chat.say("run.steps.show"), action="run.steps", args=(str(run.id),))
    return Screen(
        blocks=tuple(blocks),
        buttons=(row(again, steps_button), row(_remedy(chat, str(error.get("code", ""))), ways.agents(chat))),
        tone="problem",
    )


def _remedy(chat: Chat, code: str) -> Button | None:
    if code in ("connectors.login_refused", "approvals.connection_unusable", "connectors.credential_revoked"):
        return ways.connections(chat)
    return None
