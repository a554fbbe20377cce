"""Shared chats: connected by a word in them, listed, and for each which agents ask there and how much of it everybody may read."""

from collections.abc import Callable
from typing import Any
from uuid import UUID

from bots.dialogs import ways
from bots.dialogs.people import called, who
from bots.kit.dialog import Chat, Reply, action, command
from bots.kit.screen import Block, Button, Facts, Heading, Paragraph, Screen, row
from core.approvals.rooms import let_ask, silence
from core.kernel.errors import Forbidden, NotFound
from core.messaging.models import Room, RoomAgent
from core.messaging.rooms import connect_room, leave_room, may_manage, tell_room

MOST = 20
"""So many of a person's agents are offered."""


@action("room.here")
def here(chat: Chat) -> Reply:
    """The chat that the door names in `extra["room"]` (provider, tenant, address, name) is connected; what to do there is chosen in the person's own chat."""
    given: dict[str, Any] = chat.extra["room"]
    provider, tenant, address = given["provider"], given.get("tenant", ""), given["address"]
    known = chat.work.rooms.at(provider, tenant, address)
    room = connect_room(chat.work, chat.actor, provider, tenant, address, given.get("name", ""))
    if known is None:
        tell_room(chat.work, room, "room.connected", {"name": called(chat.user)})
    told = "room.already" if known else "room.connected_now"
    return Reply(_page(chat, room, chat.say(told)), toast=chat.say("room.answered_alone"))


@action("room.taken")
def taken(chat: Chat) -> Reply:
    """Another workspace has it."""
    raise Forbidden("messaging.room_elsewhere")


@command("rooms")
def rooms(chat: Chat, rest: str = "") -> Reply:
    """The list, as a new message."""
    return Reply(_list(chat))


@action("rooms.open")
def open_rooms(chat: Chat) -> Reply:
    """The same, in the place of what was tapped."""
    return Reply(_list(chat), mode="replace")


def _list(chat: Chat, told: str = "") -> Screen:
    known = chat.work.rooms.all()
    blocks: list[Block] = [Heading(text=chat.say("rooms.heading"))]
    blocks += [Paragraph(text=told)] if told else []
    blocks.append(Paragraph(text=chat.say("rooms.what")))
    if known:
        blocks.append(Facts(rows=tuple((room.name, _short(chat, room)) for room in known)))
    blocks.append(Paragraph(text=chat.say("rooms.how"), muted=bool(known)))
    listed = (row(Button(label=room.name, action="room.open", args=(str(room.id),))) for room in known)
    return Screen(blocks=tuple(blocks), buttons=ways.rows(*listed, row(ways.settings(chat))))


def _short(chat: Chat, room: Room) -> str:
    return chat.say("room.short", surface=chat.say(f"surface.{room.provider}"), n=len(chat.work.rooms.agents(room.id)))


@action("room.open")
def open_room(chat: Chat, room_id: str) -> Reply:
    """A room's page."""
    return Reply(_page(chat, chat.work.rooms.get(UUID(room_id))), mode="replace")


def _page(chat: Chat, room: Room, told: str = "") -> Screen:
    asking = chat.work.rooms.agents(room.id)
    blocks: list[Block] = [Heading(text=room.name)]
    blocks += [Paragraph(text=told)] if told else []
    since = chat.say(
        "room.since", surface=chat.say(f"surface.{room.provider}"), who=who(chat, room.connected_by), at=room.created_at
    )
    blocks.append(Paragraph(text=since, muted=True))
    if asking:
        named = tuple((_name(chat, one), chat.say(f"room.shown.{one.shown}")) for one in asking)
        blocks += [Paragraph(text=chat.say("room.asking")), Facts(rows=named)]
    mine = chat.work.agents.page(chat.user.id, None, MOST)
    blocks.append(Paragraph(text=chat.say("room.choose" if mine else "room.no_agent")))
    others = {one.agent_id for one in asking} - {agent.id for agent in mine} if may_manage(chat.actor, room) else set()
    offered = [(agent.id, agent.name) for agent in mine]
    offered += [(one.agent_id, _name(chat, one)) for one in asking if one.agent_id in others]
    buttons = (
        row(Button(label=name, action="room.agent", args=(str(room.id), str(agent_id)))) for agent_id, name in offered
    )
    leave = (
        Button(label=chat.say("room.leave"), action="room.leave", args=(str(room.id),))
        if may_manage(chat.actor, room)
        else None
    )
    return Screen(blocks=tuple(blocks), buttons=ways.rows(*buttons, row(leave, _back(chat))))


def _name(chat: Chat, chosen: RoomAgent) -> str:
    try:
        return chat.work.agents.get(chosen.agent_id).name
    except NotFound:
        return chat.say("person.gone")


def _back(chat: Chat) -> Button:
    return Button(label=chat.say("rooms.heading"), action="rooms.open")


@action("room.agent")
def agent(chat: Chat, room_id: str, agent_id: str) -> Reply:
    """How one agent asks there, with what each choice means."""
    room, asked = chat.work.rooms.get(UUID(room_id)), chat.work.agents.get(UUID(agent_id))
    chosen = next((one for one in chat.work.rooms.agents(room.id) if one.agent_id == asked.id), None)
    now = chat.say(f"room.shown.{chosen.shown}") if chosen else chat.say("room.shown.not")
    ids = (room_id, agent_id)
    choices = [
        Button(label=chat.say("room.choose.stub"), action="room.stub", args=ids),
        Button(label=chat.say("room.choose.open"), action="room.whole", args=ids),
    ]
    own = choices if asked.owner_id == chat.user.id else []
    stop = [Button(label=chat.say("room.choose.not"), action="room.silence", args=ids)] if chosen else []
    back = Button(label=chat.say("way.back"), action="room.open", args=(room_id,))
    blocks: list[Block] = [
        Heading(text=chat.say("room.agent.heading", agent=asked.name, room=room.name)),
        Paragraph(text=chat.say("room.agent.now", how=now)),
    ]
    if own:
        blocks += [Paragraph(text=chat.say("room.stub.means")), Paragraph(text=chat.say("room.open.means"))]
    return Reply(Screen(blocks=tuple(blocks), buttons=ways.rows(own, stop, (back,)), tone="ask"), mode="replace")


@action("room.stub")
def as_stub(chat: Chat, room_id: str, agent_id: str) -> Reply:
    """A neutral note there."""
    return _chosen(chat, room_id, lambda: let_ask(chat.work, chat.actor, UUID(room_id), UUID(agent_id), "stub"))


@action("room.whole")
def whole(chat: Chat, room_id: str, agent_id: str) -> Reply:
    """The whole card there, for everybody in the room to read."""
    return _chosen(chat, room_id, lambda: let_ask(chat.work, chat.actor, UUID(room_id), UUID(agent_id), "open"))


@action("room.silence")
def quiet(chat: Chat, room_id: str, agent_id: str) -> Reply:
    """Not there any more."""
    return _chosen(chat, room_id, lambda: silence(chat.work, chat.actor, UUID(room_id), UUID(agent_id)))


def _chosen(chat: Chat, room_id: str, choose: Callable[[], object]) -> Reply:
    choose()
    return Reply(_page(chat, chat.work.rooms.get(UUID(room_id)), chat.say("room.saved")), mode="replace")


@action("room.leave")
def ask_to_leave(chat: Chat, room_id: str) -> Reply:
    """What leaving means, before it is done."""
    room = chat.work.rooms.get(UUID(room_id))
    yes = Button(label=chat.say("room.leave"), action="room.left", args=(room_id,), style="danger")
    back = Button(label=chat.say("way.back"), action="room.open", args=(room_id,))
    blocks = (Heading(text=room.name), Paragraph(text=chat.say("room.leave.means")))
    return Reply(Screen(blocks=blocks, buttons=(row(yes, back),), tone="ask"), mode="replace")


@action("room.left")
def leave(chat: Chat, room_id: str) -> Reply:
    """Nothing is sent there any more."""
    left = leave_room(chat.work, chat.actor, UUID(room_id))
    return Reply(_list(chat, chat.say("room.left.done", name=left.name)), mode="replace")
