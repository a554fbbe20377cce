"""The tools of a connected server, ticked from a list: which may be used, and which of these need no asking."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from bots.dialogs import own_words
from bots.kit import clean, forms
from bots.kit.dialog import Chat, Reply, action
from bots.kit.screen import Button, Field, Form, Heading, Paragraph, Screen, row
from core.connectors.models import Connection
from core.connectors.tools import OfferedTool, choose_tools, offered, unasked, used
from core.messaging.post import refresh

ABOUT = 90


@action("tools.open")
def open_tools(chat: Chat, connection_id: str) -> Reply:
    """The list, with what is ticked now, in the place of the connection's card, which comes back there."""
    connection = chat.work.connections.get(UUID(connection_id))
    tools = offered(connection)
    if not tools:
        return Reply(toast=chat.say("tools.none"), alert=True)
    asked = [_field(chat, "use", tools, used(connection))]
    reading = [tool for tool in tools if tool.reads]
    if reading:
        asked.append(_field(chat, "unasked", reading, unasked(connection)))
    form = Form(action="tools.ticked", args=(connection_id,), fields=tuple(asked), submit=chat.say("form.save"))
    blocks = (
        Heading(text=chat.say("tools.heading", name=own_words.connection_name(chat, connection))),
        Paragraph(text=chat.say("tools.how")),
    )
    back = Button(label=chat.say("way.back"), action="connection.open", args=(connection_id,))
    return Reply(Screen(blocks=blocks, form=form, buttons=(row(back),)), mode="replace")


@action("tools.ticked")
def ticked(chat: Chat, connection_id: str, values: dict[str, Any]) -> Reply:
    """They hold from now on; the connection's card says how many."""
    names = [tool.name for tool in offered(chat.work.connections.get(UUID(connection_id)))]
    several = {"type": "array", "items": {"enum": names}}
    given = forms.read({"properties": {"use": several, "unasked": several}}, values)
    choose_tools(chat.work, chat.actor, UUID(connection_id), given.get("use", []), given.get("unasked", []))
    refresh(chat.work, "connection", UUID(connection_id))
    return Reply(subject=("connection", UUID(connection_id)), mode="replace", toast=chat.say("tools.saved"))


def counted(chat: Chat, connection: Connection) -> list[Paragraph]:
    """How many there are and may be used; nothing for what offers none."""
    n = len(offered(connection))
    told = chat.say("tools.count", n=n, used=len(used(connection)), free=len(unasked(connection)))
    return [Paragraph(text=told)] if n else []


def button(chat: Chat, connection: Connection) -> Button | None:
    """To the list, where there is one."""
    args = (str(connection.id),)
    return Button(label=chat.say("tools.open"), action="tools.open", args=args) if offered(connection) else None


def _field(chat: Chat, name: str, tools: Sequence[OfferedTool], chosen: Sequence[str]) -> Field:
    options = tuple((tool.name, _line(chat, tool)) for tool in tools)
    label, help = chat.say(f"tools.{name}"), chat.say(f"tools.{name}.help")
    return Field(name=name, label=label, help=help, kind="choices", options=options, value=list(chosen))


def _line(chat: Chat, tool: OfferedTool) -> str:
    what = chat.say("tools.reads" if tool.reads else "tools.writes", name=clean.line(tool.name, ABOUT))
    return chat.say("tools.about", what=what, about=clean.line(tool.about, ABOUT)) if tool.about else what
