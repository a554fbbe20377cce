"""A person's workspaces: which there are, what waits in each, founding one that others share, and for which of them this chat speaks."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any, Literal
from uuid import UUID

from bots.dialogs import ways
from bots.dialogs.policy_words import role
from bots.kit import clean, forms
from bots.kit.dialog import Chat, Reply, action, command
from bots.kit.screen import Block, Button, Facts, Form, Heading, Paragraph, Quote, Screen, row
from core.approvals.deciders import seen_by
from core.identity.invite import speak_for
from core.identity.join import LONGEST_NAME, found, may_found
from core.identity.models import Workspace
from core.identity.sign_in import offer
from core.kernel.actor import Actor
from core.kernel.errors import Forbidden, Invalid, NotFound
from core.kernel.ids import new_id
from core.messaging.post import answer

MOST = 20
COUNTED = 100
CHANGES = ("telegram", "slack")
"""Where an account is known in more than one workspace, and speaks for one of them at a time. At the page a session is of one workspace."""


@contextmanager
def inside(chat: Chat, workspace_id: UUID) -> Iterator[tuple[Any, Actor]]:
    """A transaction of the person's own in another workspace, for the caller to commit, and who they are there. Raises Forbidden `identity.not_a_member`."""
    with chat.at(workspace_id) as work:
        here = {one.user_id: one for one in work.people.active_members()}
        if chat.user.id not in here:
            raise Forbidden("identity.not_a_member")
        yield work, Actor(chat.user.id, workspace_id, here[chat.user.id].role, chat.actor.surface, chat.actor.scopes)


def called(chat: Chat, place: Workspace) -> str:
    """The workspace's name; one's own is `just you`, for it has the name of a person."""
    return chat.say("workspace.personal") if place.kind == "personal" else place.name


@command("workspace")
def workspaces(chat: Chat, rest: str = "") -> Reply:
    """Which there are, as a new message."""
    return Reply(_page(chat))


@action("workspace.open")
def open_workspaces(chat: Chat) -> Reply:
    """The same, in the place of what was tapped."""
    return Reply(_page(chat), mode="replace")


def _page(chat: Chat) -> Screen:
    rows: list[tuple[str, str]] = []
    buttons: list[tuple[Button, ...]] = []
    for workspace_id in chat.directory.workspaces_of(chat.user.id)[:MOST]:
        try:
            with inside(chat, workspace_id) as (work, actor):
                place = work.people.workspace()
                waiting = len(seen_by(work, actor, work.suggestions.page(None, COUNTED, status="pending")))
        except (Forbidden, NotFound):
            continue
        mine, said = role(chat, actor.role), chat.say("workspace.waiting", n=waiting)
        here = workspace_id == chat.actor.workspace_id
        line = "workspace.here" if here else "workspace.there"
        rows.append((called(chat, place), chat.say(line, role=mine, waiting=said)))
        if not here and chat.link.provider in (*CHANGES, "web"):
            go = chat.say("workspace.go", name=clean.line(called(chat, place), 40))
            buttons.append(row(Button(label=go, action="workspace.go", args=(str(workspace_id),))))
    team_of = _slack_team(chat)
    if team_of is not None:
        buttons.append(row(Button(label=chat.say(f"workspace.slack.{team_of}"), action="slack.enter")))
    how = "workspace.one" if len(rows) == 1 else f"workspace.how.{_way(chat)}"
    blocks = (Heading(text=chat.say("command.workspace")), Facts(rows=tuple(rows)), Paragraph(text=chat.say(how)))
    team = Button(label=chat.say("team.button"), action="team.open")
    return Screen(blocks=blocks, buttons=ways.rows(*buttons, row(team, ways.settings(chat))))


def _slack_team(chat: Chat) -> Literal["join", "found"] | None:
    """What can be done about the workspace of the Slack team that the person speaks in; whether they may, Slack says at the tap."""
    if chat.link.provider != "slack":
        return None
    there = chat.directory.by_slack_team(chat.link.tenant)
    if there is None:
        return "found"
    try:
        with inside(chat, there.workspace_id):
            return None
    except Forbidden:
        return "join"


def _way(chat: Chat) -> Literal["chat", "web"]:
    return "chat" if chat.link.provider in CHANGES else "web"


@action("workspace.go")
def go(chat: Chat, workspace_id: str) -> Reply:
    """This chat speaks for that workspace from now on. What stands in it stays what it is."""
    with inside(chat, UUID(workspace_id)) as (work, actor):
        screen = arrived(chat, work, actor, work.people.workspace())
        work.commit()
    return Reply(screen, mode="replace")


def arrived(chat: Chat, work: Any, actor: Actor, place: Workspace, told: str = "") -> Screen:
    """Goes there as this chat can, and says how; `work` is of that workspace."""
    name = called(chat, place)
    blocks: list[Block] = [Paragraph(text=told)] if told else []
    match _way(chat):
        case "chat":
            here = chat.link
            link = speak_for(work, chat.user.id, here.provider, here.tenant, here.provider_subject, here.address, True)
            there = replace(chat, work=work, link=link, actor=replace(actor, link_id=link.id))
            answer(work, link, {"screen": clean.screen(_welcome(there, name)).model_dump(mode="json")})
            return Screen(blocks=(*blocks, Paragraph(text=chat.say("workspace.gone", name=name))))
        case "web":
            way = offer(work, actor)
            enter = Button(
                label=chat.say("workspace.enter", name=clean.line(name, 40)), url=f"/enter/{way.token}", style="primary"
            )
            blocks += [
                Paragraph(text=chat.say("workspace.enter.how", name=name)),
                Quote(text=way.code, exact=True, source=chat.say("workspace.enter.code")),
            ]
            return Screen(blocks=tuple(blocks), buttons=(row(enter),))


def _welcome(there: Chat, name: str) -> Screen:
    """The first message from the workspace, whose buttons are of that workspace."""
    blocks = (
        Heading(text=there.say("workspace.speaks", name=name)),
        Paragraph(text=there.say("workspace.speaks.means")),
    )
    team = Button(label=there.say("team.button"), action="team.open")
    return Screen(blocks=blocks, buttons=(row(ways.inbox(there), ways.agents(there)), row(team)))


@action("workspace.found")
def ask(chat: Chat, kind: str) -> Reply:
    """The name of the family or team; or what is missing before there can be one."""
    back = Button(label=chat.say("way.back"), action="team.open")
    heading = Heading(text=chat.say(f"workspace.found.{_kind(kind)}"))
    if not may_found(chat.work, chat.actor):
        typed = f"nod user verify {chat.user.email}"
        how = "workspace.unverified.mail" if chat.mail else "workspace.unverified.operator"
        prove = Button(label=chat.say("email.button"), action="email.open", style="primary") if chat.mail else None
        told = (
            Paragraph(text=chat.say("workspace.unverified")), Paragraph(text=chat.say(how)),
            *(() if chat.mail else (Quote(text=typed, exact=True),)),
        )  # fmt: skip
        return Reply(
            Screen(blocks=(heading, *told), buttons=ways.rows(row(prove, back)), tone="problem"), mode="replace"
        )
    form = Form(
        action="workspace.make", args=(kind,), fields=forms.fields(_schema(chat), {}), submit=chat.say(f"workspace.found.{kind}")
    )  # fmt: skip
    return Reply(
        Screen(blocks=(heading, Paragraph(text=chat.say("workspace.found.means"))), form=form, buttons=(row(back),))
    )


def _schema(chat: Chat) -> dict[str, Any]:
    name = {"type": "string", "minLength": 1, "maxLength": LONGEST_NAME, "title": chat.say("workspace.name")}
    return {"type": "object", "properties": {"name": name}, "required": ["name"]}


def _kind(kind: str) -> Literal["family", "team"]:
    if kind not in ("family", "team"):
        raise Invalid("messaging.button_unknown", action="workspace.found")
    return kind


@action("workspace.make")
def make(chat: Chat, kind: str, values: dict[str, Any]) -> Reply:
    """It is there, the person owns it, and this chat speaks for it."""
    name, workspace_id = str(forms.read(_schema(chat), values)["name"]), new_id()
    actor = Actor(chat.user.id, workspace_id, "owner", chat.actor.surface, chat.actor.scopes)
    chat.actor.need("write")
    with chat.at(workspace_id) as work:
        place = found(work, actor, _kind(kind), name, may_found(chat.work, chat.actor))

        told = chat.say("workspace.founded", name=place.name)
        screen = arrived(chat, work, actor, place, told)
        work.commit()
    return Reply(screen, mode="replace")
