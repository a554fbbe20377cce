"""A person's agents: how they are, what they last did, and the switches."""

from typing import Any
from uuid import UUID

from bots.dialogs import connecting, own_words, triggers, ways
from bots.kit import forms
from bots.kit.dialog import Chat, Reply, action, command
from bots.kit.screen import Block, Button, Facts, Form, Heading, Paragraph, Screen, row
from core.catalog.configure import change_agent, pause_agent, resume_agent
from core.catalog.kinds import template
from core.catalog.models import Agent
from core.kernel.errors import NotFound
from core.messaging.hold import URGENT, is_urgent, release, scope
from core.orchestration.models import Run
from core.orchestration.start import start, under_way
from core.preferences.choose import prefer

PAGE = 6
MOST = 100
COUNTED = 300


@command("agents")
def agents(chat: Chat, rest: str = "") -> Reply:
    """The list, as a new message."""
    return Reply(_list(chat, 1))


@action("agents.open")
def open_list(chat: Chat, page: str = "") -> Reply:
    """A page of the list; turning it edits the message."""
    return Reply(_list(chat, int(page or 1)), mode="replace" if page else "new")


def _list(chat: Chat, page: int) -> Screen:
    mine = chat.work.agents.page(chat.user.id, None, MOST)
    if not mine:
        return Screen(
            blocks=(Heading(text=chat.say("agents.none")), Paragraph(text=chat.say("agents.none.how"))),
            buttons=(row(ways.catalog(chat)),),
        )
    pages = -(-len(mine) // PAGE)
    page = min(max(page, 1), pages)
    shown = mine[(page - 1) * PAGE : page * PAGE]
    rows = [row(Button(label=agent.name, action="agent.open", args=(str(agent.id),))) for agent in shown]
    return Screen(
        blocks=(
            Heading(text=chat.say("agents.heading", n=len(mine))),
            Facts(rows=tuple((agent.name, _line(chat, agent)) for agent in shown)),
        ),
        buttons=ways.rows(
            *rows, ways.turn(chat, "agents.open", page, pages), row(ways.catalog(chat), ways.inbox(chat))
        ),
    )


def _line(chat: Chat, agent: Agent) -> str:
    """Status, last run, and what waits: `active · ran 5 minutes ago · 3 suggestions wait`."""
    told = [chat.say(f"agent.status.{agent.status}")]
    told.append(chat.say("agent.ran", at=agent.last_run_at) if agent.last_run_at else chat.say("agent.never_ran"))
    pending = _pending(chat, agent)
    if pending:
        told.append(chat.say("agent.pending", n=pending))
    return " · ".join(told)


def _pending(chat: Chat, agent: Agent) -> int:
    return len(chat.work.suggestions.page(None, COUNTED, status="pending", agent_id=agent.id))


@action("agent.open")
def open_agent(chat: Chat, agent_id: str) -> Reply:
    """One agent's page."""
    agent = chat.work.agents.get(UUID(agent_id))
    return Reply(_page(chat, agent), mode=chat.in_place)


def _page(chat: Chat, agent: Agent, told: str = "") -> Screen:
    args = (str(agent.id),)
    when, ring = _urgency(chat, agent)
    tools = [(connecting.tool_name(chat, name), _connection(chat, one)) for name, one in agent.config.tools.items()]
    blocks: list[Block] = [Heading(text=agent.name)]
    if told:
        blocks.append(Paragraph(text=told))
    if agent.status == "error":
        blocks.append(Paragraph(text=chat.say("agent.error")))
    blocks += [
        Paragraph(text=_line(chat, agent)),
        Facts(rows=((chat.say("agent.runs_when"), triggers.echo(chat, triggers.of(chat, agent.id))), *tools, *when)),
    ]
    paused = agent.status == "paused"
    switch = Button(
        label=chat.say("agent.resume" if paused else "agent.pause"), action="agent.resume" if paused else "agent.pause", args=args,
        style="primary" if paused else "plain",
    )  # fmt: skip
    run = None if paused else Button(label=chat.say("agent.run"), action="agent.run", args=args, style="primary")
    settings = Button(label=chat.say("agent.settings"), action="agent.settings", args=args) if _askable(agent) else None
    return Screen(
        blocks=tuple(blocks),
        buttons=ways.rows(
            row(run, switch, None if paused else Button(label=chat.say("agent.dry"), action="agent.dry", args=args)),
            row(settings, Button(label=chat.say("agent.schedule"), action="schedule.open", args=args), ring),
            row(
                Button(label=chat.say("agent.runs"), action="runs.open", args=("", str(agent.id))),
                Button(label=chat.say("agent.connections"), action="agent.tools", args=args),
                Button(label=chat.say("triggers.open"), action="triggers.open", args=("agent", *args)),
            ),
            row(
                Button(label=chat.say("graph.show"), action="graph.open", args=("agent", *args)),
                Button(label=chat.say("versions.show"), action="versions.open", args=("agent", *args)),
            ),
            row(
                ways.as_file(chat, "agent", *args),
                Button(label=chat.say("way.back"), action="agents.open", args=("1",)),
            ),
        ),
    )


def _connection(chat: Chat, connection_id: UUID) -> str:
    connection = chat.work.connections.get(connection_id)
    named = connecting.listed(chat, connection)
    return named if connection.status == "active" else chat.say(f"connection.listed.{connection.status}", name=named)


def _askable(agent: Agent) -> bool:
    """Whether there is anything to set; not for a template that is gone."""
    try:
        return bool(template(agent.template).manifest.settings.get("properties"))
    except NotFound:
        return False


@action("agent.run")
def run(chat: Chat, agent_id: str) -> Reply:
    """Runs it now; while a run is under way, a second tap shows that one and starts nothing."""
    going = under_way(chat.work, UUID(agent_id))
    if going is not None:
        return Reply(subject=("run", going.id), toast=chat.say("agent.running_already"))
    started = start(chat.work, chat.actor, UUID(agent_id), "chat", {})
    return Reply(subject=("run", started.id), toast=chat.say("agent.started"))


@action("agent.dry")
def dry_run(chat: Chat, agent_id: str) -> Reply:
    """Shows what it would suggest, and keeps nothing of it."""
    going = _dry_under_way(chat, UUID(agent_id))
    if going is not None:
        return Reply(subject=("run", going.id), toast=chat.say("agent.running_already"))
    started = start(chat.work, chat.actor, UUID(agent_id), "chat", {"dry_run": True})
    return Reply(subject=("run", started.id), toast=chat.say("agent.looking"))


def _dry_under_way(chat: Chat, agent_id: UUID) -> Run | None:
    return next(
        (r for s in ("running", "queued") for r in chat.work.runs.page(None, 5, agent_id=agent_id, status=s) if r.dry),
        None,
    )


def _urgency(chat: Chat, agent: Agent) -> tuple[tuple[tuple[str, str], ...], Button | None]:
    """When its cards come, and what changes that; nothing where they come at once anyway."""
    wishes = chat.profile.notification_preferences
    urgent = is_urgent(chat.work, chat.user.id, agent.id)
    if not (urgent or wishes.quiet_hours.enabled or wishes.frequency != "immediate"):
        return (), None
    label = chat.say("agent.urgent.off" if urgent else "agent.urgent.on")
    button = Button(label=label, action="agent.urgent", args=(str(agent.id), "off" if urgent else "on"))
    return ((chat.say("agent.cards"), chat.say("agent.cards.urgent" if urgent else "agent.cards.wait")),), button


@action("agent.urgent")
def urgent(chat: Chat, agent_id: str, state: str) -> Reply:
    """Its cards come at any hour from now on, or wait as the others do."""
    agent = chat.work.agents.get(UUID(agent_id))
    prefer(chat.work, chat.actor, scope(agent.id), URGENT, state == "on")
    release(chat.work, chat.user.id)
    told = chat.say("agent.urgent.is_on" if state == "on" else "agent.urgent.is_off", agent=agent.name)
    return Reply(_page(chat, agent, told), mode=chat.in_place, toast=told)


@action("agent.pause")
def pause(chat: Chat, agent_id: str) -> Reply:
    """Holds it until it is resumed."""
    agent = pause_agent(chat.work, chat.actor, UUID(agent_id))
    told = chat.say("agent.paused", agent=agent.name)
    return Reply(_page(chat, agent, told), mode=chat.in_place, toast=told)


@action("agent.resume")
def resume(chat: Chat, agent_id: str) -> Reply:
    """Lets it go on."""
    agent = resume_agent(chat.work, chat.actor, UUID(agent_id))
    told = chat.say("agent.resumed", agent=agent.name)
    return Reply(_page(chat, agent, told), mode=chat.in_place, toast=told)


@action("agent.settings")
def settings(chat: Chat, agent_id: str) -> Reply:
    """The form that its template's schema makes, with what is set now."""
    agent = chat.work.agents.get(UUID(agent_id))
    chosen = template(agent.template)
    form = Form(
        action="agent.change", args=(agent_id,), submit=chat.say("form.save"),
        fields=forms.fields(chosen.manifest.settings, agent.config.behaviour, translate=own_words.told(chat, chosen)),
    )  # fmt: skip
    heading = Heading(text=chat.say("agent.settings.heading", agent=agent.name))
    return Reply(Screen(blocks=(heading,), form=form, buttons=(row(ways.agent(chat, agent_id, agent.name)),)))


@action("agent.change")
def change(chat: Chat, agent_id: str, values: dict[str, Any]) -> Reply:
    """Makes a new version of what was filled in."""
    agent = chat.work.agents.get(UUID(agent_id))
    given = forms.read(template(agent.template).manifest.settings, values)
    changed = change_agent(chat.work, chat.actor, agent.id, settings=given)
    number = chat.work.agents.versions(agent.id)[0].semantic_version
    return Reply(_page(chat, changed, chat.say("agent.changed", version=number)), mode="replace")


@action("agent.tools")
def tools(chat: Chat, agent_id: str) -> Reply:
    """Its connections, with what could stand in for each."""
    agent = chat.work.agents.get(UUID(agent_id))
    rows = []
    facts = []
    for need in template(agent.template).manifest.tools:
        bound = agent.config.tools.get(need.tool)
        name = connecting.tool_name(chat, need.tool)
        facts.append((name, _connection(chat, bound) if bound else chat.say("agent.tool.none")))
        for other in chat.work.connections.of(chat.user.id, connecting.slugs(need.tool)):
            if other.id != bound and other.status == "active":
                label = chat.say("agent.tool.use", tool=name, name=connecting.listed(chat, other))
                rows.append(row(Button(label=label, action="agent.tool", args=(agent_id, connecting.short(other.id)))))
        if connecting.offered(need.tool):
            label = chat.say("agent.tool.add", tool=name)
            rows.append(row(Button(label=label, action="connections.add", args=(need.tool,))))
    blocks = (Heading(text=chat.say("agent.tools.heading", agent=agent.name)), Facts(rows=tuple(facts)))
    return Reply(
        Screen(blocks=blocks, buttons=(*rows, row(ways.agent(chat, agent_id, agent.name)))), mode=chat.in_place
    )


@action("agent.tool")
def bind(chat: Chat, agent_id: str, connection: str) -> Reply:
    """Lets the agent work with another connection; it reads there from the beginning."""
    chosen = connecting.by_short(chat.work.connections.of(chat.user.id), connection)
    agent = change_agent(chat.work, chat.actor, UUID(agent_id), tools={connecting.tool_of(chosen): chosen.id})
    return Reply(_page(chat, agent, chat.say("agent.tool.bound", name=connecting.listed(chat, chosen))), mode="replace")
