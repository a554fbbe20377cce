"""What ran: the list, and one run as it is now: what it read, what came of it, what it cost, each step, and why it failed."""

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from bots.dialogs import flow_runs, given_up, values, ways
from bots.dialogs.dry import dry
from bots.dialogs.kinds import counted
from bots.dialogs.run_facts import facts, name_of, problems, spoken_error
from bots.dialogs.run_steps import linked, nodes_of, waiting_for
from bots.kit.dialog import Chat, Reply, action, command, renderer
from bots.kit.screen import Block, Bullets, Button, Heading, Paragraph, Progress, Screen, row
from bots.kit.speak import speak
from core.messaging.post import refresh
from core.orchestration.models import Run
from core.workflows.steer import cancel_run, retry_run

PAGE = 6
MOST = 120
TOLD = ("summary", "read", "problems", "refused", "suggested", "proposals", "cursors")
"""What of a run's output is told in words of its own."""


@command("runs")
def runs(chat: Chat, rest: str = "") -> Reply:
    """The newest runs."""
    return Reply(_list(chat, 1, None))


@action("runs.open")
def open_list(chat: Chat, page: str = "", agent_id: str = "") -> Reply:
    """A page of the list, of one agent or of all."""
    return Reply(_list(chat, int(page or 1), UUID(agent_id) if agent_id else None), mode=chat.in_place)


def _list(chat: Chat, page: int, agent_id: UUID | None) -> Screen:
    found = chat.work.runs.page(None, MOST, agent_id=agent_id)
    if agent_id is None:
        # A sub-run is found in the run that it is a part of.
        found = [run for run in found if run.parent_run_id is None] or found
    if not found:
        return Screen(
            blocks=(Heading(text=chat.say("runs.none")), Paragraph(text=chat.say("runs.none.how"))),
            buttons=(row(ways.agents(chat), ways.catalog(chat)),),
        )
    pages = -(-len(found) // PAGE)
    page = min(max(page, 1), pages)
    shown = found[(page - 1) * PAGE : page * PAGE]
    rows = [row(Button(label=label(chat, run), action="run.open", args=(str(run.id),))) for run in shown]
    turning = ways.turn(chat, "runs.open", page, pages) if agent_id is None else _turn_of(chat, page, pages, agent_id)
    heading = chat.say("runs.heading_of", agent=name_of(chat, found[0])) if agent_id else chat.say("runs.heading")
    return Screen(
        blocks=(Heading(text=heading),),
        buttons=ways.rows(*rows, turning, row(given_up.way(chat)), row(ways.agents(chat), ways.inbox(chat))),
    )


def _turn_of(chat: Chat, page: int, pages: int, agent_id: UUID) -> tuple[Button, ...]:
    """The list's page stands first, so that the agent may be left out."""
    return tuple(
        one.model_copy(update={"args": (*one.args, str(agent_id))}) for one in ways.turn(chat, "runs.open", page, pages)
    )


def label(chat: Chat, run: Run) -> str:
    """A run as a line of a list."""
    status = chat.say(f"run.status.{run.status}")
    code = "runs.line_dry" if run.dry else "runs.line"
    return chat.say(code, agent=name_of(chat, run), status=status, at=run.started_at or run.queued_at)


@action("run.open")
def open_run(chat: Chat, run_id: str) -> Reply:
    """Its card."""
    chat.work.runs.get(UUID(run_id))
    return Reply(subject=("run", UUID(run_id)))


@action("run.cancel")
def stop(chat: Chat, run_id: str) -> Reply:
    """At once while it waits, at its next step while it runs; what it began goes with it."""
    run = cancel_run(chat.work, chat.actor, UUID(run_id))
    refresh(chat.work, "run", run.id)
    return Reply(toast=chat.say("run.cancelled" if run.status == "cancelled" else "run.cancelling"))


@action("run.retry")
def retry(chat: Chat, run_id: str) -> Reply:
    """A failed run goes on from the step that failed."""
    retry_run(chat.work, chat.actor, UUID(run_id))
    return Reply(toast=chat.say("run.retrying"))


@action("run.anew")
def anew(chat: Chat, run_id: str) -> Reply:
    """The pack or workflow of a run is run once more, with what that run was given."""
    run = chat.work.runs.get(UUID(run_id))
    return flow_runs.begin(chat, dict(run.input), pack_id=run.pack_id, workflow_id=run.workflow_id)


@renderer("run")
def card(chat: Chat, run_id: UUID) -> Screen:
    """A run as it is now; edited in place while it goes on."""
    run = chat.work.runs.get(run_id)
    heading = Heading(text=chat.say("run.heading_dry" if run.dry else "run.heading", agent=name_of(chat, run)))
    match run.status:
        case "queued" | "running" | "waiting":
            return _going_on(chat, run, heading)
        case "succeeded":
            return dry(chat, run, heading) if run.dry and run.agent_id is not None else _succeeded(chat, run, heading)
        case "failed":
            return _failed(chat, run, heading)
        case _:
            told = Paragraph(text=chat.say("run.was_cancelled", at=run.finished_at or run.queued_at))
            return Screen(blocks=(heading, told), buttons=(row(_again(chat, run), _steps(chat, run), _of(chat, run)),))


def _again(chat: Chat, run: Run) -> Button:
    """Runs the same thing from its beginning."""
    label = chat.say("run.again")
    if run.agent_id is None:
        return Button(label=label, action="run.anew", args=(str(run.id),))
    return Button(label=label, action="agent.dry" if run.dry else "agent.run", args=(str(run.agent_id),))


def _steps(chat: Chat, run: Run) -> Button:
    return Button(label=chat.say("run.steps.show"), action="run.steps", args=(str(run.id),))


def _of(chat: Chat, run: Run) -> Button:
    """To what ran."""
    return ways.agents(chat) if run.agent_id is None else ways.agent(chat, run.agent_id, name_of(chat, run))


def _going_on(chat: Chat, run: Run, heading: Heading) -> Screen:
    blocks: list[Block] = [heading]
    made = chat.work.runs.steps(run.id)
    if run.cancel_requested_at is not None:
        blocks.append(Paragraph(text=chat.say("run.cancelling")))
    elif run.status == "queued" and not any(step.status == "succeeded" for step in made):
        if run.error:
            blocks.append(Paragraph(text=chat.say("run.retries", why=spoken_error(chat, run.error), at=run.due_at)))
        blocks.append(Progress(label=chat.say("run.waiting"), done=0))
    else:
        total = len(nodes_of(chat, run))
        finished = len({step.node_id for step in made if step.status in ("succeeded", "skipped")})
        blocks.append(Progress(label=chat.say("run.working"), done=min(finished, total), total=total or None))
    waits = waiting_for(chat, made)
    if waits:
        blocks += [Paragraph(text=chat.say("run.waits")), Bullets(items=tuple(waits))]
    stop_button = Button(label=chat.say("run.cancel"), action="run.cancel", args=(str(run.id),))
    return Screen(
        blocks=tuple(blocks),
        buttons=ways.rows(
            *linked(chat, run, made),
            row(_steps(chat, run) if made else None, None if run.cancel_requested_at else stop_button),
        ),
    )


def _succeeded(chat: Chat, run: Run, heading: Heading) -> Screen:
    ids = (run.output or {}).get("suggested", ())
    made = [chat.work.suggestions.get(UUID(str(one))) for one in ids]
    blocks: list[Block] = [heading, *_outcome(chat, run, [s.kind for s in made]), facts(chat, run)]
    blocks += problems(chat, run)
    open_inbox = ways.inbox(chat) if made else None
    return Screen(
        blocks=tuple(blocks),
        buttons=ways.rows(
            row(open_inbox, _steps(chat, run), _of(chat, run)), *linked(chat, run, chat.work.runs.steps(run.id))
        ),
        tone="done",
    )


def _outcome(chat: Chat, run: Run, kinds: list[str]) -> list[Block]:
    """What it suggests, or what it gave back; a template's agent that has neither found nothing."""
    if kinds:
        return [Paragraph(text=chat.say("run.suggested", n=len(kinds), kinds=counted(chat, kinds)))]
    output = run.output or {}
    given = values.shown(output.get("result")) if run.agent_id is None else values.shown(_own(output))
    if given:
        return [Paragraph(text=chat.say("run.gave")), *given]
    return [Paragraph(text=chat.say("run.gave_nothing" if run.agent_id is None else "run.nothing"))]


def _own(output: Mapping[str, Any]) -> dict[str, Any]:
    """What a graph of somebody's own gave back, without what is told elsewhere."""
    return {key: value for key, value in output.items() if key not in TOLD}


def _failed(chat: Chat, run: Run, heading: Heading) -> Screen:
    error = run.error or {}
    spoken = speak(chat.say, str(error.get("code", "")), error.get("data") or {})
    blocks: list[Block] = [heading, Paragraph(text=chat.say("run.failed", why=spoken.text))]
    if run.agent_id is not None:
        blocks.append(Paragraph(text=chat.say("run.not_done")))
    if spoken.todo:
        blocks.append(Paragraph(text=spoken.todo))
    blocks += [facts(chat, run), Paragraph(text=chat.say("run.retry.how"), muted=True)]
    try_again = Button(label=chat.say("run.retry"), action="run.retry", args=(str(run.id),), style="primary")
    return Screen(
        blocks=tuple(blocks),
        buttons=ways.rows(
            row(try_again, _again(chat, run), _steps(chat, run)),
            *linked(chat, run, chat.work.runs.steps(run.id)),
            row(_remedy(chat, str(error.get("code", ""))), _of(chat, run)),
        ),
        tone="problem",
    )


def _remedy(chat: Chat, code: str) -> Button | None:
    if code in ("connectors.login_refused", "approvals.connection_unusable", "connectors.credential_revoked"):
        return ways.connections(chat)
    return None
