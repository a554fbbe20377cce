"""What can be said: the commands, what Nod never does, and the way out of whatever is going on."""

from bots.dialogs import talk, ways
from bots.kit.dialog import Chat, Reply, action, command
from bots.kit.screen import Facts, Heading, Paragraph, Screen, row

SHOWN = (
    "new",
    "inbox",
    "brief",
    "agents",
    "runs",
    "failed",
    "packs",
    "workflows",
    "usage",
    "connect",
    "team",
    "workspace",
    "join",
    "rooms",
    "settings",
    "web",
    "stop",
    "cancel",
)


@command("help")
def help_(chat: Chat, rest: str = "") -> Reply:
    """The commands with what they do."""
    return Reply(_help(chat))


@action("help.open")
def open_help(chat: Chat) -> Reply:
    """The same, by a button."""
    return Reply(_help(chat))


def _help(chat: Chat) -> Screen:
    rows = tuple((f"{chat.say.typed}{name}", chat.say(f"command.{name}.does")) for name in SHOWN)
    return Screen(
        blocks=(Heading(text=chat.say("help.heading")), Paragraph(text=chat.say("help.promise")), Facts(rows=rows), Paragraph(text=chat.say("help.reply"), muted=True)),
        buttons=(row(ways.inbox(chat), ways.agents(chat), ways.catalog(chat)),),
    )  # fmt: skip


@command("cancel")
def cancel(chat: Chat, rest: str = "") -> Reply:
    """Leaves whatever is going on. Nothing that was decided is taken back by it."""
    was = talk.end(chat)
    buttons = row(ways.inbox(chat), ways.agents(chat), ways.help_(chat))
    return Reply(
        Screen(blocks=(Paragraph(text=chat.say("cancel.done" if was else "cancel.nothing")),), buttons=(buttons,))
    )
