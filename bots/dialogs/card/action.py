"""What an action will do, exactly: every recipient, time, amount, account and the whole text, as blocks of a card."""

from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import urlsplit

from bots.dialogs import own_words
from bots.dialogs.card.when import day_or_moment, repeats, span
from bots.dialogs.connecting import listed
from bots.kit.dialog import Chat
from bots.kit.screen import Block, Facts, Quote
from core.approvals.models import Action
from core.connectors.kinds import integration
from core.connectors.models import Connection

Input = Mapping[str, Any]
Row = tuple[str, str]
Shown = tuple[list[Row], str]
"""Labels with values, and the text that goes out with them (empty: none)."""


def blocks(chat: Chat, action: Action, connection: Connection) -> list[Block]:
    """The action as it will be done, nothing left out."""
    rows, text = shown(chat, action, connection)
    return [Facts(rows=tuple(rows)), *([Quote(text=text)] if text else [])]


def shown(chat: Chat, action: Action, connection: Connection) -> Shown:
    """The action's facts and its text."""
    describe = _DESCRIBE.get(action.operation)
    if describe is None:
        return _generic(chat, action, connection), ""
    return describe(chat, action.input, listed(chat, connection))


def title(chat: Chat, kind: str, action: Action) -> str:
    """A few words that name the suggestion in a list."""
    given = action.input
    match action.operation:
        case "mail.send":
            code = (
                "card.title.nudge" if kind == "nudge" else "card.title.reply" if kind == "reply" else "card.title.mail"
            )
            return chat.say(code, who=_first(given.get("to")), subject=given.get("subject", ""))
        case "mail.unsubscribe":
            return chat.say("card.title.unsubscribe", name=given.get("list_name", ""))
        case "calendar.create":
            return chat.say("card.title.event", title=given.get("title", ""))
        case "task.create":
            return chat.say("card.title.task", title=given.get("title", ""))
        case "calendar.delete":
            return chat.say("card.title.no_event", title=given.get("title", ""))
        case "task.delete":
            return chat.say("card.title.no_task", title=given.get("title", ""))
        case _:
            return chat.say("card.title.other", operation=action.operation)


def _first(addresses: Any) -> str:
    listed = list(addresses or ())
    return f"{listed[0]} +{len(listed) - 1}" if len(listed) > 1 else "".join(listed)


def _mail(chat: Chat, given: Input, via: str) -> Shown:
    rows = [(chat.say("card.to"), ", ".join(given["to"]))]
    if given.get("cc"):
        rows.append((chat.say("card.cc"), ", ".join(given["cc"])))
    rows += [
        (chat.say("card.from"), given["sender"]),
        (chat.say("card.via"), via),
        (chat.say("card.subject"), given["subject"]),
    ]
    return rows, given["body"]


def _unsubscribe(chat: Chat, given: Input, via: str) -> Shown:
    rows = [(chat.say("card.list"), given["list_name"])]
    if given.get("one_click"):
        host = urlsplit(given["one_click"]).hostname or given["one_click"]
        rows.append((chat.say("card.how"), chat.say("card.how.one_click", host=host)))
        rows.append((chat.say("card.address"), given["one_click"]))
    else:
        how = chat.say("card.how.mail", address=given.get("mailto", ""), subject=given.get("mailto_subject", ""))
        rows.append((chat.say("card.how"), how))
        if given.get("sender"):
            rows.append((chat.say("card.from"), given["sender"]))
    return [*rows, (chat.say("card.via"), via)], ""


def _event(chat: Chat, given: Input, via: str) -> Shown:
    rows = [
        (chat.say("card.event"), given["title"]),
        (chat.say("card.when"), span(chat, given["start"], given["end"], given.get("timezone", ""))),
    ]
    if given.get("recurrence"):
        rows.append((chat.say("card.repeats"), repeats(chat, given["recurrence"])))
    for name, code in (("location", "card.where"), ("organizer", "card.organizer")):
        if given.get(name):
            rows.append((chat.say(code), given[name]))
    return [*rows, (chat.say("card.into"), via)], given.get("description", "")


def _task(chat: Chat, given: Input, via: str) -> Shown:
    rows = [(chat.say("card.task"), given["title"])]
    if given.get("due"):
        rows.append((chat.say("card.due"), chat.place.day(day_or_moment(given["due"]))))
    if given.get("amount"):
        rows.append((chat.say("card.amount"), chat.place.shown(given["amount"], "money")))
    for name, code in (("payee", "card.payee"), ("reference", "card.ref")):
        if given.get(name):
            rows.append((chat.say(code), given[name]))
    return [*rows, (chat.say("card.into"), via)], given.get("notes", "")


def _no_event(chat: Chat, given: Input, via: str) -> Shown:
    rows = [
        (chat.say("card.no_event"), given["title"]),
        (chat.say("card.when"), span(chat, given["start"], given["end"], given.get("timezone", ""))),
    ]
    if given.get("location"):
        rows.append((chat.say("card.where"), given["location"]))
    return [*rows, (chat.say("card.out_of"), via)], ""


def _no_task(chat: Chat, given: Input, via: str) -> Shown:
    rows = [(chat.say("card.no_task"), given["title"])]
    if given.get("due"):
        rows.append((chat.say("card.due"), chat.place.day(day_or_moment(given["due"]))))
    return [*rows, (chat.say("card.out_of"), via)], ""


_DESCRIBE: dict[str, Callable[[Chat, Input, str], Shown]] = {
    "mail.send": _mail,
    "mail.unsubscribe": _unsubscribe,
    "calendar.create": _event,
    "task.create": _task,
    "calendar.delete": _no_event,
    "task.delete": _no_task,
}


def _generic(chat: Chat, action: Action, connection: Connection) -> list[Row]:
    """An operation outside of the shared vocabulary, by the titles of its own schema; what has no title goes by its name."""
    try:
        schema = integration(connection.integration).operation(action.operation).input_schema or {}
    except KeyError:
        schema = {}
    told = own_words.told(chat, integration(connection.integration)) if schema else str
    titles = {name: told(rules.get("title", name)) for name, rules in schema.get("properties", {}).items()}
    rows = [(chat.say("card.does"), action.operation)]
    rows += [(titles.get(name, name), _plain(value)) for name, value in action.input.items()]
    return [*rows, (chat.say("card.via"), listed(chat, connection))]


def _plain(value: Any) -> str:
    if isinstance(value, list | tuple):
        return ", ".join(_plain(one) for one in value)
    if isinstance(value, Mapping):
        return ", ".join(f"{name}: {_plain(one)}" for name, one in value.items())
    return str(value)
