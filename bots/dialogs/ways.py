"""Ways on: the buttons that many screens end with, so that nobody is left without a next step."""

from collections.abc import Iterable

from bots.kit.dialog import Chat
from bots.kit.screen import Button


def inbox(chat: Chat) -> Button:
    """To what waits for a decision."""
    return Button(label=chat.say("way.inbox"), action="inbox.open")


def agents(chat: Chat) -> Button:
    """To the person's agents."""
    return Button(label=chat.say("way.agents"), action="agents.open")


def catalog(chat: Chat) -> Button:
    """To the templates that there are."""
    return Button(label=chat.say("way.catalog"), action="catalog.open")


def connections(chat: Chat) -> Button:
    """To what is connected."""
    return Button(label=chat.say("way.connections"), action="connections.open")


def settings(chat: Chat) -> Button:
    """To the person's own settings."""
    return Button(label=chat.say("way.settings"), action="settings.open")


def help_(chat: Chat) -> Button:
    """To what can be said and tapped."""
    return Button(label=chat.say("way.help"), action="help.open")


def agent(chat: Chat, agent_id: object, name: str = "") -> Button:
    """To one agent's page."""
    label = chat.say("way.agent", agent=name) if name else chat.say("way.back")
    return Button(label=label, action="agent.open", args=(str(agent_id),))


def as_file(chat: Chat, kind: str, id: str) -> Button:
    """Takes a thing along as a file."""
    return Button(label=chat.say("document.take"), action="document.export", args=(kind, id))


def from_file(chat: Chat) -> Button:
    """How a file is handed over."""
    return Button(label=chat.say("document.from_file"), action="document.ask")


def turn(chat: Chat, action: str, page: int, pages: int, *args: str) -> tuple[Button, ...]:
    """`‹ 2/5 ›`: the buttons that turn a list's pages, in one row; none for a single page. Pages count from 1; the page is the last argument."""
    if pages <= 1:
        return ()
    around = ((page - 1, "way.previous"), (page, "way.page"), (page + 1, "way.next"))
    return tuple(
        Button(label=chat.say(code, page=page, pages=pages), action=action, args=(*args, str(number)))
        for number, code in around
        if 1 <= number <= pages
    )


def rows(*given: Iterable[Button]) -> tuple[tuple[Button, ...], ...]:
    """The rows that hold a button at all."""
    return tuple(filled for filled in map(tuple, given) if filled)
