"""One line about what a dry run would suggest: it has no connection bound to it yet, so it is named by its own input."""

from collections.abc import Mapping
from typing import Any

from bots.dialogs.card.action import title
from bots.dialogs.card.when import day_or_moment, span
from bots.kit.dialog import Chat
from core.approvals.models import Action
from core.kernel.ids import new_id


def proposal_line(chat: Chat, proposal: Mapping[str, Any]) -> str:
    """`Reply to ana@example.org: Re: Colours`, `Event: Kick-off, Tue 24 Nov, 10:00–11:00`, `Task: Invoice 7, 240.00 €, due Fri 27 Nov`."""
    given = dict(proposal.get("input") or {})
    action = Action(operation=str(proposal.get("operation", "")), connection_id=new_id(), input=given)
    named = title(chat, str(proposal.get("kind", "")), action)
    told = [named]
    try:
        if action.operation == "calendar.create":
            told.append(span(chat, given["start"], given["end"]))
        if action.operation == "task.create":
            if given.get("amount"):
                told.append(chat.place.shown(given["amount"], "money"))
            if given.get("due"):
                told.append(chat.say("dry.due", day=chat.place.day(day_or_moment(given["due"]))))
    except (KeyError, ValueError, TypeError):
        return named
    return ", ".join(told)
