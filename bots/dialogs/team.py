"""The people of a workspace, what each may decide, and handing one's own decisions to another member until a day."""

from datetime import datetime, time
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from bots.dialogs import talk, ways
from bots.dialogs.people import who
from bots.dialogs.policy_words import operation_name, role
from bots.kit import forms
from bots.kit.dialog import Chat, Reply, action, command, step
from bots.kit.screen import Block, Bullets, Button, Facts, Form, Heading, Paragraph, Screen, row
from core.approvals.delegate import LONGEST, delegate, end_delegation, one_of_theirs, theirs
from core.approvals.models import Delegation
from core.approvals.policy import operations
from core.identity.roles import give_role
from core.kernel.errors import NotFound
from core.messaging.models import Conversation
from core.privacy.part import part

DIALOG = "delegation"
ALL = "all"
MOST = 20
ROLES = ("owner", "admin", "approver", "member", "viewer")
AGENT, OPERATION = "agent:", "operation:"


@command("team")
def team(chat: Chat, rest: str = "") -> Reply:
    """Who is here, as a new message."""
    return Reply(_page(chat))


@action("team.open")
def open_team(chat: Chat) -> Reply:
    """The same, in the place of what was tapped."""
    return Reply(_page(chat), mode="replace")


def _page(chat: Chat, told: str = "") -> Screen:
    members = chat.work.people.active_members()
    place = chat.work.people.workspace()
    named = chat.say("command.team") if place.kind == "personal" else chat.say("team.heading", name=place.name)
    blocks: list[Block] = [Heading(text=named)]
    blocks += [Paragraph(text=told)] if told else []
    if len(members) == 1:
        blocks.append(Paragraph(text=chat.say("team.alone" if place.kind == "personal" else "team.alone.here")))
        return Screen(
            blocks=tuple(blocks),
            buttons=ways.rows(*_more(chat, place.kind), row(_rules(chat), _rooms(chat)), row(ways.settings(chat))),
        )
    blocks.append(Facts(rows=tuple((who(chat, one.user_id), role(chat, one.role)) for one in members)))
    given, got = theirs(chat.work, chat.user.id)
    if given:
        blocks += [Paragraph(text=chat.say("team.given")), Bullets(items=tuple(_line(chat, one) for one in given))]
    if got:
        blocks += [Paragraph(text=chat.say("team.got")), Bullets(items=tuple(_line(chat, one) for one in got))]
    hand = None
    if chat.actor.role != "viewer":
        hand = Button(label=chat.say("team.hand_over"), action="delegation.new", style="primary")
    ends = (row(_end(chat, one)) for one in (*given, *got))
    roles = Button(label=chat.say("team.roles"), action="team.roles") if chat.actor.role in ("owner", "admin") else None
    return Screen(
        blocks=tuple(blocks),
        buttons=ways.rows(
            row(hand),
            *ends,
            row(roles),
            *_more(chat, place.kind),
            row(_rules(chat), _rooms(chat)),
            row(ways.settings(chat)),
        ),
    )


def _more(chat: Chat, kind: str) -> tuple[tuple[Button, ...], ...]:
    """Inviting and leaving where there are others; founding something where one is alone."""
    all_ = Button(label=chat.say("command.workspace"), action="workspace.open")
    if kind == "personal":
        found = (
            Button(label=chat.say(f"workspace.found.{one}"), action="workspace.found", args=(one,)) for one in ("family", "team")
        )  # fmt: skip
        return (row(*found), row(all_))
    invite = Button(label=chat.say("invitation.button"), action="invitation.open", style="primary")
    part_ = Button(label=chat.say("team.part"), action="team.part", args=(str(chat.user.id),))
    may = chat.actor.role in ("owner", "admin")
    return (row(invite) if may else (), row(all_, part_))


def _rules(chat: Chat) -> Button:
    return Button(label=chat.say("settings.policies"), action="policies.open")


def _rooms(chat: Chat) -> Button:
    return Button(label=chat.say("rooms.heading"), action="rooms.open")


def _end(chat: Chat, handed: Delegation) -> Button:
    mine = handed.user_id == chat.user.id
    code = "team.end.given" if mine else "team.end.got"
    other = who(chat, handed.to_user_id if mine else handed.user_id)
    return Button(label=chat.say(code, name=other), action="delegation.end", args=(str(handed.id),))


def _line(chat: Chat, handed: Delegation) -> str:
    """`Kim for you, about everything, until Fri 18:00`."""
    pair = chat.say("person.for", who=who(chat, handed.to_user_id), whom=who(chat, handed.user_id))
    return chat.say("team.line", pair=pair, about=_about(chat, handed.agent_id, handed.operation), until=handed.until)


def _about(chat: Chat, agent_id: UUID | None, operation: str | None) -> str:
    if operation is not None:
        return operation_name(chat, operation)
    if agent_id is None:
        return chat.say("team.about.all")
    try:
        return chat.work.agents.get(agent_id).name
    except NotFound:
        return chat.say("person.gone")


@action("team.roles")
def roles(chat: Chat) -> Reply:
    """Whose role shall change."""
    members = chat.work.people.active_members()
    chosen = (
        row(Button(label=_titled(chat, one.user_id, one.role), action="team.member", args=(str(one.user_id),)))
        for one in members[:MOST]
    )
    back = Button(label=chat.say("way.back"), action="team.open")
    blocks = (
        Heading(text=chat.say("team.roles")),
        Bullets(items=tuple(chat.say(f"team.role.{name}") for name in ROLES)),
    )
    return Reply(Screen(blocks=blocks, buttons=ways.rows(*chosen, row(back))), mode="replace")


def _titled(chat: Chat, user_id: UUID, name: str) -> str:
    return chat.say("team.member", name=who(chat, user_id), role=role(chat, name))


@action("team.member")
def member(chat: Chat, user_id: str) -> Reply:
    """What somebody could be."""
    known = chat.work.people.membership(UUID(user_id))
    offered = [name for name in ROLES if name != known.role and (name != "owner" or chat.actor.role == "owner")]
    choices = (row(Button(label=role(chat, name), action="team.give", args=(user_id, name))) for name in offered)
    back = Button(label=chat.say("way.back"), action="team.roles")
    gone = Button(label=chat.say("team.remove"), action="team.part", args=(user_id,))
    if known.user_id == chat.user.id or (known.role == "owner" and chat.actor.role != "owner"):
        gone = None
    blocks = (Heading(text=_titled(chat, known.user_id, known.role)), Paragraph(text=chat.say("team.choose")))
    return Reply(Screen(blocks=blocks, buttons=ways.rows(*choices, row(gone), row(back)), tone="ask"), mode="replace")


@action("team.part")
def ask_to_part(chat: Chat, user_id: str) -> Reply:
    """What leaving means; it holds after a second tap."""
    mine, name = UUID(user_id) == chat.user.id, who(chat, UUID(user_id))
    place = chat.work.people.workspace().name
    heading = (
        chat.say("team.part.heading", place=place) if mine else chat.say("team.remove.heading", name=name, place=place)
    )
    yes = Button(
        label=chat.say("team.part" if mine else "team.remove"), action="team.gone", args=(user_id,), style="danger"
    )
    back = Button(label=chat.say("way.back"), action="team.open")
    means = Paragraph(text=chat.say("team.part.means" if mine else "team.remove.means"))
    return Reply(Screen(blocks=(Heading(text=heading), means), buttons=(row(yes, back),), tone="ask"), mode="replace")


@action("team.gone")
def gone(chat: Chat, user_id: str) -> Reply:
    """They have left."""
    name, place = who(chat, UUID(user_id)), chat.work.people.workspace().name
    part(chat.work, chat.actor, UUID(user_id))
    if UUID(user_id) != chat.user.id:
        return Reply(_page(chat, chat.say("team.removed", name=name)), mode="replace")
    return Reply(toast=chat.say("team.parted", place=place), alert=True)


@action("team.give")
def give(chat: Chat, user_id: str, name: str) -> Reply:
    """They are that from now on."""
    given = give_role(chat.work, chat.actor, UUID(user_id), name)  # pyright: ignore[reportArgumentType]
    told = chat.say("team.given_role", name=who(chat, given.user_id), role=role(chat, given.role))
    return Reply(_page(chat, told), mode="replace")


@action("delegation.new")
def new(chat: Chat) -> Reply:
    """The form: to whom, about what, until which day."""
    form = Form(
        action="delegation.look", fields=forms.fields(_schema(chat), {"about": ALL}), submit=chat.say("policy.look")
    )
    back = Button(label=chat.say("way.back"), action="team.open")
    blocks = (Heading(text=chat.say("team.hand_over")), Paragraph(text=chat.say("delegation.what")))
    return Reply(Screen(blocks=blocks, form=form, buttons=(row(back),)))


def _schema(chat: Chat) -> dict[str, Any]:
    others = [one for one in chat.work.people.active_members() if one.user_id != chat.user.id and one.role != "viewer"]
    about = [(ALL, chat.say("team.about.all"))]
    about += [(f"{AGENT}{one.id}", one.name) for one in chat.work.agents.page(chat.user.id, None, MOST)]
    about += [(f"{OPERATION}{name}", operation_name(chat, name)) for name in operations()]
    named = [{"const": str(one.user_id), "title": who(chat, one.user_id)} for one in others]
    return {
        "type": "object",
        "properties": {
            "to": {"type": "string", "title": chat.say("delegation.to"), "oneOf": named},
            "about": {"type": "string", "title": chat.say("delegation.about"), "oneOf": [{"const": key, "title": title} for key, title in about]},
            "until": {
                "type": "string", "format": "date", "title": chat.say("delegation.until"),
                "description": chat.say("delegation.until.help", n=LONGEST.days),
            },
        },
        "required": ["to", "about", "until"],
    }  # fmt: skip


@action("delegation.look")
def look(chat: Chat, values: dict[str, Any]) -> Reply:
    """What was filled in, in words; it holds after a yes."""
    given = forms.read(_schema(chat), values)
    talk.begin(chat, DIALOG, "agree", {name: str(value) for name, value in given.items()})
    return Reply(_ask(chat, {name: str(value) for name, value in given.items()}), mode="replace")


def _ask(chat: Chat, given: dict[str, str]) -> Screen:
    agent_id, operation = _subject(given["about"])
    told = (
        chat.say("delegation.means", who=who(chat, UUID(given["to"])), about=_about(chat, agent_id, operation), until=_end_of(chat, given["until"])),
        chat.say("delegation.kept"),
        chat.say("delegation.ends"),
    )  # fmt: skip
    yes = Button(label=chat.say("delegation.agree"), action="delegation.agree", style="primary")
    heading = Heading(text=chat.say("team.hand_over"))
    return Screen(blocks=(heading, Bullets(items=told)), buttons=(row(yes, talk.cancel(chat)),), tone="ask")


def _subject(about: str) -> tuple[UUID | None, str | None]:
    if about.startswith(AGENT):
        return UUID(about.removeprefix(AGENT)), None
    return None, about.removeprefix(OPERATION) if about.startswith(OPERATION) else None


def _end_of(chat: Chat, day: str) -> datetime:
    """The end of that day where the person is."""
    zone = ZoneInfo(chat.profile.timezone)
    return datetime.combine(datetime.fromisoformat(day).date(), time(23, 59), zone)


@step(DIALOG)
def words(chat: Chat, conversation: Conversation) -> Reply:
    """Words are no yes: what is asked is shown once more."""
    return Reply(_ask(chat, conversation.state))


@action("delegation.agree")
def agree(chat: Chat) -> Reply:
    """It holds from now on."""
    conversation = talk.current(chat, DIALOG)
    if conversation is None:
        return Reply(toast=chat.say("policy.lapsed"), alert=True)
    given = conversation.state
    agent_id, operation = _subject(given["about"])
    made = delegate(chat.work, chat.actor, UUID(given["to"]), _end_of(chat, given["until"]), agent_id, operation)
    talk.end(chat, DIALOG)
    return Reply(
        _page(chat, chat.say("delegation.made", who=who(chat, made.to_user_id), until=made.until)), mode="replace"
    )


@action("delegation.end")
def end(chat: Chat, delegation_id: str) -> Reply:
    """It is over, at the word of either."""
    one_of_theirs(chat.work, chat.user.id, UUID(delegation_id))
    end_delegation(chat.work, chat.actor, UUID(delegation_id))
    return Reply(_page(chat, chat.say("delegation.over")), mode="replace")
