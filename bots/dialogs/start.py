"""The first words: a greeting by name, the timezone, and three first steps."""

from bots.dialogs import invitations, opening, talk, timezone, ways
from bots.dialogs.inbox import MOST, how_many
from bots.dialogs.people import called
from bots.kit.dialog import Chat, Reply, command
from bots.kit.screen import Block, Button, Heading, Paragraph, Screen, row
from core.approvals.deciders import seen_by
from core.identity.invite import looks_like_one


@command("start")
def start(chat: Chat, rest: str = "") -> Reply:
    """Greets. Who is new is asked for their timezone first; who is not, is told what waits. Who came by a link to something is shown that."""
    talk.end(chat)
    if looks_like_one(rest):
        return invitations.card(chat, rest)
    opened = opening.opened(chat, rest)
    if opened is not None:
        return opened
    hello = Heading(text=chat.say("start.hello", name=_name(chat)) if _name(chat) else chat.say("start.hello_you"))
    if chat.profile.settled_at is None:
        ask, buttons = timezone.question(chat, timezone.guess(chat))
        return Reply(
            Screen(blocks=(hello, Paragraph(text=chat.say("start.what")), ask), buttons=(buttons,), tone="ask")
        )
    found = chat.work.suggestions.page(None, MOST, status="pending")
    pending = how_many(chat, found, seen_by(chat.work, chat.actor, found))
    if pending:
        waits = Paragraph(text=chat.say("start.waiting", n=pending))
        return Reply(
            Screen(blocks=(hello, waits), buttons=(row(ways.inbox(chat), ways.agents(chat)), row(ways.help_(chat))))
        )
    if chat.work.agents.page(chat.user.id, None, 1):
        quiet = Paragraph(text=chat.say("start.quiet"))
        return Reply(
            Screen(blocks=(hello, quiet), buttons=(row(ways.agents(chat), ways.catalog(chat)), row(ways.help_(chat))))
        )
    return Reply(first_steps(chat, "", hello))


def _name(chat: Chat) -> str:
    """What to call them; an address made by the machine itself is no name."""
    name = called(chat.user)
    return "" if name.lower() == chat.user.email.lower() else name


def first_steps(chat: Chat, told: str = "", *before: Block) -> Screen:
    """Three ways to begin."""
    blocks: list[Block] = [*before]
    if told:
        blocks.append(Paragraph(text=told))
    blocks.append(Paragraph(text=chat.say("start.steps")))
    return Screen(
        blocks=tuple(blocks),
        buttons=(
            row(Button(label=chat.say("start.sample"), action="catalog.sample", args=("inbox",), style="primary")),
            row(Button(label=chat.say("start.connect"), action="connections.add", args=("mail",))),
            row(Button(label=chat.say("start.all"), action="catalog.open")),
        ),
    )
