"""What is connected: adding an account, a folder or a file, trying it, renewing a login, ending it."""

from typing import Any
from uuid import UUID

from bots.dialogs import connecting, own_words, talk, tools, uploads, ways
from bots.kit import forms
from bots.kit.dialog import Chat, Reply, Upload, action, command, renderer, step
from bots.kit.screen import Block, Button, Heading, Paragraph, Progress, Screen, row
from bots.kit.screen import Facts as Rows
from bots.kit.speak import speak
from core.catalog.kinds import templates
from core.connectors.connect import check_again, connect, disconnect, renew_login
from core.connectors.kinds import integration
from core.connectors.models import Connection
from core.messaging.models import Conversation
from core.messaging.post import refresh

MAIL = "mail"


@command("connect")
def connect_command(chat: Chat, rest: str = "") -> Reply:
    """What is connected, and what could be."""
    return Reply(_list(chat))


@action("connections.open")
def open_list(chat: Chat) -> Reply:
    """The same, by a button."""
    return Reply(_list(chat))


def _list(chat: Chat) -> Screen:
    mine = chat.work.connections.of(chat.user.id)
    rows = [
        (
            Button(
                label=chat.say(f"connection.listed.{_status(one)}", name=connecting.listed(chat, one)), action="connection.open", args=(str(one.id),)
            ),
        )
        for one in mine[-20:]
    ]  # fmt: skip
    add = Button(label=chat.say("connections.add"), action="connections.add", style="primary")
    link = Button(label=chat.say("settings.link"), action="settings.link")
    words = chat.say("connections.heading", n=len(mine)) if mine else chat.say("connections.none")
    blocks: list[Block] = [Heading(text=words)]
    if not mine:
        blocks.append(Paragraph(text=chat.say("connections.none.how")))
    return Screen(blocks=tuple(blocks), buttons=(*rows, row(add, link), row(ways.agents(chat))))


def _status(connection: Connection) -> str:
    if connection.status != "active":
        return connection.status
    if connection.problem is not None:
        return "problem"
    return "active" if connection.last_used_at is not None else "checking"


@action("connections.add")
def add(chat: Chat, tool: str = "") -> Reply:
    """The ways to connect a tool; a file can be sent right away. Where none is named, those of mail, and what else there is."""
    talk.begin(chat, connecting.DIALOG, "choose", {"tool": tool or MAIL})
    screen = choose(chat, tool or MAIL)
    if tool:
        return Reply(screen)
    others = [manifest for other in connecting.tools() if other != MAIL for manifest in connecting.offered(other)]
    more = Paragraph(
        text=chat.say("connections.others", names=[own_words.name(chat, manifest) for manifest in others]), muted=True
    )
    beside = row(*(connecting.button(chat, manifest) for manifest in others))
    buttons = (*screen.buttons[:-1], beside, screen.buttons[-1])
    return Reply(screen.model_copy(update={"blocks": (*screen.blocks, more), "buttons": buttons}))


def choose(chat: Chat, tool: str, *existing: Button) -> Screen:
    """Where a tool's data is: what is connected already, then what could be."""
    rows = [row(one) for one in existing]
    rows += [row(connecting.button(chat, manifest)) for manifest in connecting.offered(tool)]
    code = f"connections.where.{tool}"
    blocks: list[Block] = [Heading(text=chat.say(code if chat.say.knows(code) else "connections.where", tool=tool))]
    blocks += [
        Rows(
            rows=tuple(
                (own_words.name(chat, m), own_words.told(chat, m)(m.description)) for m in connecting.offered(tool)
            )
        )
    ]
    return Screen(
        blocks=tuple(blocks),
        buttons=(*rows, row(talk.cancel(chat))),
        accepts_file=connecting.suffixes(tool),
        tone="ask",
    )


@action("connection.new")
def new(chat: Chat, slug: str) -> Reply:
    """Begins with one connector: at once where it asks nothing, else by its file or its form."""
    manifest = integration(slug)
    if manifest.accepts_upload:
        return Reply(connecting.file_screen(chat, manifest))
    if not manifest.config.get("properties"):
        return connecting.made(chat, connect(chat.work, chat.actor, slug, "", {}))
    return Reply(connecting.form(chat, manifest))


@action("connection.make")
def make(chat: Chat, slug: str, values: dict[str, Any]) -> Reply:
    """The connector's form was filled in."""
    manifest = integration(slug)
    config = forms.read(manifest.asked, values)
    name = config.get("email") or config.get("folder") or ""
    return connecting.made(
        chat, connect(chat.work, chat.actor, slug, f"{manifest.name} {name}".strip()[:100], config), "replace"
    )


@step(connecting.DIALOG)
def heard(chat: Chat, conversation: Conversation) -> Reply:
    """A file came; words are not what is waited for."""
    if isinstance(chat.input, Upload):
        return uploads.take_file(chat, conversation, chat.input)
    return Reply(choose(chat, conversation.state.get("tool", MAIL)))


@action("connection.open")
def open_one(chat: Chat, connection_id: str) -> Reply:
    """Its card."""
    chat.work.connections.get(UUID(connection_id))
    return Reply(subject=("connection", UUID(connection_id)), mode=chat.in_place)


@action("connection.check")
def check(chat: Chat, connection_id: str) -> Reply:
    """Tries it again."""
    check_again(chat.work, chat.actor, UUID(connection_id))
    refresh(chat.work, "connection", UUID(connection_id))
    return Reply(toast=chat.say("connection.checking"))


@action("connection.renew")
def renew(chat: Chat, connection_id: str) -> Reply:
    """Asks for a new login, or other settings."""
    connection = chat.work.connections.get(UUID(connection_id))
    manifest = integration(connection.integration)
    if manifest.accepts_upload or not manifest.config.get("properties") or connection.status == "revoked":
        return Reply(choose(chat, manifest.tool))
    return Reply(connecting.form(chat, manifest, dict(connection.config), again=connection_id))


@action("connection.renewed")
def renewed(chat: Chat, connection_id: str, values: dict[str, Any]) -> Reply:
    """A new login was given; it is tried at once."""
    connection = chat.work.connections.get(UUID(connection_id))
    config = forms.read(integration(connection.integration).asked, values)
    renew_login(chat.work, chat.actor, connection.id, config)
    refresh(chat.work, "connection", connection.id)
    return Reply(subject=("connection", connection.id), mode="replace")


@action("connection.end")
def end(chat: Chat, connection_id: str, sure: str = "") -> Reply:
    """Ends it, after one question that says what stops."""
    connection = chat.work.connections.get(UUID(connection_id))
    if not sure:
        yes = Button(
            label=chat.say("connection.end.yes"), action="connection.end", args=(connection_id, "sure"), style="danger"
        )
        users = [
            a.name for a in chat.work.agents.page(chat.user.id, None, 100) if connection.id in a.config.tools.values()
        ]
        blocks: list[Block] = [
            Heading(text=chat.say("connection.end.heading", name=own_words.connection_name(chat, connection)))
        ]
        blocks.append(Paragraph(text=chat.say("connection.end.what")))
        if users:
            blocks.append(Paragraph(text=chat.say("connection.end.agents", names=users)))
        back = Button(label=chat.say("connection.end.no"), action="connection.open", args=(connection_id,))
        return Reply(Screen(blocks=tuple(blocks), buttons=(row(yes, back),), tone="ask"))
    disconnect(chat.work, chat.actor, connection.id)
    refresh(chat.work, "connection", connection.id)
    told = Paragraph(text=chat.say("connection.ended", name=own_words.connection_name(chat, connection)))
    return Reply(
        Screen(blocks=(told,), buttons=(row(ways.connections(chat), ways.agents(chat)),), tone="done"), mode="replace"
    )


@renderer("connection")
def card(chat: Chat, connection_id: UUID) -> Screen:
    """How a connection is now: being tried, working, in need of something, or ended."""
    connection = chat.work.connections.get(connection_id)
    status = _status(connection)
    blocks: list[Block] = [Heading(text=own_words.connection_name(chat, connection))]
    args = (str(connection.id),)
    check_button = Button(label=chat.say("connection.check"), action="connection.check", args=args)
    end_button = Button(label=chat.say("connection.end"), action="connection.end", args=args)
    others = ways.connections(chat)
    match status:
        case "checking":
            blocks.append(Progress(label=chat.say("connection.checking"), done=0))
            return Screen(blocks=tuple(blocks), buttons=(row(end_button, others),))
        case "active":
            blocks.append(
                Paragraph(
                    text=chat.say(
                        "connection.works", account=connection.account or own_words.connection_name(chat, connection)
                    )
                )
            )
            blocks += tools.counted(chat, connection)
            go_on = row(tools.button(chat, connection), *_go_on(chat, connection))
            return Screen(
                blocks=tuple(blocks), buttons=ways.rows(go_on, row(check_button, end_button, others)), tone="done"
            )
        case "revoked":
            blocks.append(Paragraph(text=chat.say("connection.revoked")))
            return Screen(blocks=tuple(blocks), buttons=(row(others),))
        case _:
            return _troubled(chat, connection, blocks, check_button, end_button)


def _troubled(
    chat: Chat, connection: Connection, blocks: list[Block], check_button: Button, end_button: Button
) -> Screen:
    problem = connection.problem or {"code": "connectors.login_refused", "data": {}}
    spoken = speak(
        chat.say,
        str(problem.get("code", "")),
        {"connection": own_words.connection_name(chat, connection), **(problem.get("data") or {})},
    )
    blocks.append(Paragraph(text=spoken.text))
    if spoken.todo:
        blocks.append(Paragraph(text=spoken.todo, muted=True))
    asks = bool(integration(connection.integration).config.get("properties"))
    code = "connection.reconnect" if connection.status == "expired" else "connection.change"
    change = (
        Button(label=chat.say(code), action="connection.renew", args=(str(connection.id),), style="primary")
        if asks
        else None
    )
    again = check_button.model_copy(update={"label": chat.say("connection.try_again")})
    return Screen(
        blocks=tuple(blocks), buttons=(row(change, again), row(end_button, ways.connections(chat))), tone="problem"
    )


def _go_on(chat: Chat, connection: Connection) -> list[Button]:
    """Back to the set-up that waits for this tool, else to an agent that could use it."""
    from bots.dialogs import catalog

    tool = integration(connection.integration).tool
    waiting = catalog.waiting_for(chat, tool)
    if waiting is not None:
        label = chat.say("connection.go_on", agent=waiting)
        return [Button(label=label, action="catalog.tool", args=(tool, str(connection.id)), style="primary")]
    slug = connecting.reader_of(tool)
    if slug is None or any(
        connection.id in a.config.tools.values() for a in chat.work.agents.page(chat.user.id, None, 100)
    ):
        return []
    label = chat.say("connection.use_with", agent=own_words.name(chat, templates()[slug]))
    return [Button(label=label, action="catalog.with", args=(slug, str(connection.id)), style="primary")]
