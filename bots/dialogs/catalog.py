"""Making an agent: the catalog → what it does, needs and never does → its settings → where its data is → consents → made. What was answered so far is
kept in the conversation, so that any process can go on, and nothing is made before the consents."""

from typing import Any
from uuid import UUID

from bots.dialogs import connecting, connections, own_words, talk, uploads, ways
from bots.dialogs.consents import consent_words
from bots.kit import forms
from bots.kit.dialog import Chat, Reply, Upload, action, command, step
from bots.kit.screen import Block, Bullets, Button, Facts, Form, Heading, Paragraph, Screen, row
from core.catalog.configure import create_agent
from core.catalog.kinds import Template, template, templates
from core.catalog.manifest import ToolNeed
from core.connectors.connect import stand_in
from core.connectors.kinds import integration, integrations
from core.kernel.errors import Conflict
from core.messaging.models import Conversation

DIALOG = "catalog"
PAGE = 5


@command("new")
def new(chat: Chat, rest: str = "") -> Reply:
    """The catalog; `/new inbox` goes straight to a template's page."""
    slug = rest.strip().lower()
    return Reply(_page(chat, template(slug)) if slug in templates() else _list(chat, 1))


@action("catalog.open")
def open_catalog(chat: Chat, page: str = "") -> Reply:
    """A page of the catalog; turning it edits the message."""
    return Reply(_list(chat, int(page or 1)), mode="replace" if page else "new")


def _list(chat: Chat, page: int) -> Screen:
    known = sorted(templates().values(), key=lambda t: (not t.is_built_in, own_words.name(chat, t)))
    pages = max(1, -(-len(known) // PAGE))
    page = min(max(page, 1), pages)
    shown = known[(page - 1) * PAGE : page * PAGE]
    rows = [
        row(Button(label=own_words.name(chat, t), action="catalog.template", args=(t.manifest.slug,))) for t in shown
    ]
    return Screen(
        blocks=(
            Heading(text=chat.say("catalog.heading", n=len(known))),
            Facts(
                rows=tuple((own_words.name(chat, t), own_words.told(chat, t)(t.manifest.description)) for t in shown)
            ),
            Paragraph(text=chat.say("catalog.promise"), muted=True),
        ),
        buttons=ways.rows(*rows, ways.turn(chat, "catalog.open", page, pages)),
    )


@action("catalog.template")
def page_of(chat: Chat, slug: str) -> Reply:
    """A template's page, in the place of the list."""
    return Reply(_page(chat, template(slug)), mode="replace")


def _page(chat: Chat, chosen: Template) -> Screen:
    manifest, told = chosen.manifest, own_words.told(chat, chosen)
    return Screen(
        blocks=(
            Heading(text=told(manifest.name)),
            Paragraph(text=told(manifest.description)),
            Paragraph(text=chat.say("catalog.does")),
            Bullets(items=tuple(told(one) for one in manifest.does)),
            Paragraph(text=chat.say("catalog.needs")),
            Bullets(items=tuple(_need(chat, need) for need in manifest.tools)),
            Paragraph(text=chat.say("catalog.never")),
            Bullets(items=tuple(told(one) for one in manifest.never)),
        ),
        buttons=(
            row(
                Button(label=chat.say("catalog.begin"), action="catalog.begin", args=(manifest.slug,), style="primary")
            ),
            row(Button(label=chat.say("catalog.back"), action="catalog.open", args=("1",))),
        ),
    )


def _need(chat: Chat, need: ToolNeed) -> str:
    code = f"tool.{need.tool}"
    name = chat.say(code) if chat.say.knows(code) else need.tool
    automatic = any(m.automatic for m in integrations().values() if m.tool == need.tool)
    if automatic:
        return chat.say("catalog.need.automatic", tool=name)
    return chat.say("catalog.need.required" if need.required else "catalog.need.optional", tool=name)


@action("catalog.begin")
def begin(chat: Chat, slug: str) -> Reply:
    """Asks for the settings, where there are any."""
    return _begun(chat, template(slug), {}, "replace")


@action("catalog.with")
def begin_with(chat: Chat, slug: str, connection_id: str) -> Reply:
    """The same with a connection that is there already."""
    connection = chat.work.connections.get(UUID(connection_id))
    return _begun(chat, template(slug), {integration(connection.integration).tool: connection_id}, "new")


@action("catalog.sample")
def begin_with_sample(chat: Chat, slug: str) -> Reply:
    """The shortest way to see an agent at work: its defaults on its sample data; only the consents are asked."""
    chosen = template(slug)
    tools = {
        need.tool: str(stand_in(chat.work, chat.actor, need.tool, need.sample).id)
        for need in chosen.manifest.tools
        if need.sample and integration(need.sample).sample
    }
    for agent in chat.work.agents.page(chat.user.id, None, 100, template=slug):
        if tools.items() <= {tool: str(one) for tool, one in agent.config.tools.items()}.items():
            return Reply(made(chat, agent.id, agent.name, chat.say("catalog.there_already")), mode="replace")
    talk.begin(chat, DIALOG, "consents", {"slug": slug, "settings": {}, "tools": tools})
    return Reply(_consents(chat, chosen, {}, tools), mode="replace")


def _begun(chat: Chat, chosen: Template, tools: dict[str, str], mode: str) -> Reply:
    manifest = chosen.manifest
    conversation = talk.begin(chat, DIALOG, "settings", {"slug": manifest.slug, "settings": {}, "tools": tools})
    if not manifest.settings.get("properties"):
        return _next(chat, conversation, mode)
    screen = Screen(
        blocks=(Heading(text=chat.say("catalog.settings", agent=own_words.name(chat, chosen))), Paragraph(text=chat.say("catalog.settings.hint"), muted=True)),
        form=Form(
            action="catalog.settings", args=(manifest.slug,),
            fields=forms.fields(manifest.settings, manifest.defaults, translate=own_words.told(chat, chosen)),
            submit=chat.say("catalog.next"),
        ),
        buttons=(row(talk.cancel(chat)),),
    )  # fmt: skip
    return Reply(screen, mode="replace" if mode == "replace" else "new")


@action("catalog.settings")
def settings(chat: Chat, slug: str, values: dict[str, Any]) -> Reply:
    """Keeps the settings and goes on."""
    given = forms.read(template(slug).manifest.settings, values)
    conversation = talk.current(chat, DIALOG)
    if conversation is None or conversation.state.get("slug") != slug:
        conversation = talk.begin(chat, DIALOG, "settings", {"slug": slug, "settings": {}, "tools": {}})
    talk.keep(chat, conversation, conversation.step, settings=given)
    return _next(chat, conversation, "replace")


def _next(chat: Chat, conversation: Conversation, mode: str) -> Reply:
    """The next question: the first tool that is still open, else the consents."""
    chosen, state = template(conversation.state["slug"]), conversation.state
    for need in chosen.manifest.tools:
        if (
            need.tool not in state["tools"]
            and need.required
            and connecting.offered(need.tool)
            and not _automatic(need.tool)
        ):
            talk.keep(chat, conversation, f"tool:{need.tool}", tool=need.tool)
            return Reply(_where(chat, need.tool), mode="replace" if mode == "replace" else "new")
    talk.keep(chat, conversation, "consents")
    screen = _consents(chat, chosen, state["settings"], state["tools"])
    return Reply(screen, mode="replace" if mode == "replace" else "new")


def _automatic(tool: str) -> bool:
    return any(m.automatic for m in integrations().values() if m.tool == tool)


def _where(chat: Chat, tool: str) -> Screen:
    """What is connected already, then what could be."""
    slugs = [m.slug for m in connecting.offered(tool) if not m.sample]
    mine = [
        one for one in chat.work.connections.of(chat.user.id, slugs) if one.status == "active" and one.problem is None
    ]
    existing = [
        Button(label=connecting.listed(chat, one), action="catalog.tool", args=(tool, str(one.id)), style="primary")
        for one in mine[-5:]
    ]
    return connections.choose(chat, tool, *existing)


def waiting_for(chat: Chat, tool: str) -> str | None:
    """The name of the agent whose set-up in this chat waits for a connection of that tool."""
    conversation = talk.current(chat, DIALOG)
    if conversation is None or conversation.step != f"tool:{tool}":
        return None
    return own_words.name(chat, template(conversation.state["slug"]))


@action("catalog.tool")
def tool(chat: Chat, name: str, connection_id: str) -> Reply:
    """A connection was chosen."""
    conversation = talk.current(chat, DIALOG)
    if conversation is None:
        return _lapsed(chat)
    connection = chat.work.connections.get(UUID(connection_id))
    if connection.status != "active":
        raise Conflict(
            "approvals.connection_unusable",
            connection=own_words.connection_name(chat, connection),
            status=connection.status,
        )
    talk.keep(chat, conversation, conversation.step, tools={**conversation.state["tools"], name: connection_id})
    return _next(chat, conversation, chat.in_place)


@step(DIALOG)
def heard(chat: Chat, conversation: Conversation) -> Reply:
    """A file is taken where a tool is open; words show the open question again."""
    if isinstance(chat.input, Upload) and conversation.step.startswith("tool:"):
        return uploads.take_file(chat, conversation, chat.input)
    if conversation.step == "settings":
        return _begun(chat, template(conversation.state["slug"]), conversation.state["tools"], "new")
    return _next(chat, conversation, "new")


def _consents(chat: Chat, chosen: Template, settings: dict[str, Any], tools: dict[str, str]) -> Screen:
    manifest = chosen.manifest
    uses = [
        (connecting.tool_name(chat, name), connecting.listed(chat, chat.work.connections.get(UUID(one))))
        for name, one in tools.items()
    ]
    uses += [
        (connecting.tool_name(chat, need.tool), chat.say("catalog.own"))
        for need in manifest.tools
        if need.tool not in tools and _automatic(need.tool) and (need.required or need.sample)
    ]
    blocks: list[Block] = [
        Heading(text=chat.say("catalog.consents", agent=own_words.name(chat, chosen))),
        Facts(rows=tuple(uses)),
        Paragraph(text=chat.say("catalog.consents.agree")),
        Bullets(items=tuple(consent_words(chat, key) for key in manifest.consents)),
        Paragraph(text=chat.say("catalog.consents.revoke"), muted=True),
    ]
    return Screen(
        blocks=tuple(blocks),
        buttons=(
            row(Button(label=chat.say("catalog.agree"), action="catalog.make", args=(manifest.slug,), style="primary")),
            row(talk.cancel(chat)),
        ),
        tone="ask",
    )


@action("catalog.make")
def make(chat: Chat, slug: str) -> Reply:
    """The consents were given: the agent is made. It has read nothing yet."""
    conversation = talk.current(chat, DIALOG)
    if conversation is None or conversation.state.get("slug") != slug or conversation.step != "consents":
        return _lapsed(chat)
    state = conversation.state
    tools = {name: UUID(one) for name, one in state["tools"].items()}
    agent = create_agent(chat.work, chat.actor, slug, _free_name(chat, template(slug)), state["settings"], tools)
    talk.end(chat, DIALOG)
    return Reply(made(chat, agent.id, agent.name, chat.say("catalog.made.next")), mode="replace")


def made(chat: Chat, agent_id: UUID, name: str, told: str) -> Screen:
    """What to do first with an agent."""
    args = (str(agent_id),)
    return Screen(
        blocks=(Heading(text=chat.say("catalog.made", agent=name)), Paragraph(text=told)),
        buttons=(
            row(Button(label=chat.say("agent.dry"), action="agent.dry", args=args, style="primary")),
            row(
                Button(label=chat.say("agent.schedule"), action="schedule.open", args=args),
                Button(label=chat.say("agent.run"), action="agent.run", args=args),
            ),
            row(ways.agent(chat, agent_id, name)),
        ),
        tone="done",
    )


def _free_name(chat: Chat, chosen: Template) -> str:
    """The template's name, with a number where the person has one of that name."""
    taken = {agent.name for agent in chat.work.agents.page(chat.user.id, None, 100)}
    wanted = own_words.name(chat, chosen)
    name, number = wanted, 2
    while name in taken:
        name, number = f"{wanted} {number}", number + 1
    return name


def _lapsed(chat: Chat) -> Reply:
    """The set-up was let go of: nothing was made."""
    return Reply(
        Screen(blocks=(Paragraph(text=chat.say("catalog.lapsed")),), buttons=(row(ways.catalog(chat)),)), mode="replace"
    )
