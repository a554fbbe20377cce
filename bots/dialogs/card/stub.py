"""A suggestion as those see it whose business its content is not: a room, unless the owner of the agent wants it whole there, and members who cannot decide. It says who asks and who can
decide, and nothing of what it is about."""

from uuid import UUID

from bots.dialogs import ways
from bots.dialogs.card.outcome import Facts, by, did
from bots.dialogs.card.standing import can_decide, standing
from bots.dialogs.kinds import counted
from bots.kit.dialog import Chat, Reply, action
from bots.kit.screen import Block, Button, Heading, Paragraph, Screen, row
from core.approvals.deciders import may_see, rule_of
from core.approvals.models import Suggestion
from core.approvals.rooms import is_open


def is_hidden(chat: Chat, suggestion: Suggestion) -> bool:
    """Whether this is drawn for a room, or for somebody, that may not read what the suggestion is about."""
    if chat.room is not None:
        return not is_open(chat.work, chat.room.id, suggestion.agent_id)
    return not may_see(chat.work, chat.actor, suggestion)


def stub(chat: Chat, facts: Facts) -> Screen:
    """Who asks, what kind of thing it is, how it stands, who can decide."""
    suggestion = facts.suggestion
    waits = suggestion.status in ("pending", "snoozed")
    agent = chat.work.agents.get(suggestion.agent_id).name
    blocks: list[Block] = [
        Heading(text=chat.say("stub.heading", agent=agent)),
        Paragraph(text=chat.say("stub.about", what=counted(chat, (suggestion.kind,)))),
    ]
    if waits:
        stands = standing(chat, facts)
        blocks += stands.says
        if suggestion.expires_at is not None:
            blocks.append(Paragraph(text=chat.say("stub.expires", at=suggestion.expires_at), muted=True))
    blocks += [Paragraph(text=sentence) for sentence in _stands(chat, facts)]
    show = Button(
        label=chat.say("stub.show"), action="suggestion.mine", args=(str(suggestion.id),), style="primary" if waits else "plain",
    )  # fmt: skip
    ways_on = row(show if chat.room is not None else ways.inbox(chat))
    return Screen(blocks=tuple(blocks), buttons=(ways_on,), tone="ask" if waits else _tone(facts))  # pyright: ignore[reportArgumentType]


def _stands(chat: Chat, facts: Facts) -> list[str]:
    match facts.suggestion.status:
        case "approved":
            return [chat.say("card.approved", **by(chat, facts, "approve")), *_came_of_it(chat, facts)]
        case "rejected":
            return [did(chat, "card.rejected", facts, **by(chat, facts, "reject"))]
        case "expired":
            at = facts.suggestion.expires_at or facts.suggestion.decided_at or chat.place.now
            return [did(chat, "card.expired", facts, at=at)]
        case "snoozed":
            return [chat.say("card.snoozed", at=facts.suggestion.snoozed_until or chat.place.now)]
        case "withdrawn":
            return [chat.say("card.withdrawn")]
        case _:
            return []


def _came_of_it(chat: Chat, facts: Facts) -> list[str]:
    execution = facts.execution
    match execution.status if execution else "":
        case "succeeded":
            assert execution is not None
            return [did(chat, "card.done", facts, at=execution.executed_at or execution.due_at)]
        case "failed" | "withdrawn":
            return [chat.say("stub.failed")]
        case "unknown":
            return [chat.say("stub.unknown")]
        case "undone":
            return [did(chat, "card.undone", facts)]
        case _:
            return [did(chat, "card.doing", facts)]


def _tone(facts: Facts) -> str:
    if facts.suggestion.status == "expired" or (facts.execution and facts.execution.status in ("failed", "unknown")):
        return "problem"
    return "done" if facts.suggestion.status == "approved" else "plain"


@action("suggestion.mine")
def mine(chat: Chat, suggestion_id: str) -> Reply:
    """The card, into the own chat of whoever tapped, if it is for them; everybody else is told, alone, who can decide."""
    suggestion = chat.work.suggestions.get(UUID(suggestion_id))
    if not may_see(chat.work, chat.actor, suggestion):
        return Reply(
            toast=f"{chat.say('stub.not_yours')} {can_decide(chat, rule_of(chat.work, suggestion))}", alert=True
        )
    return Reply(subject=("suggestion", suggestion.id), toast=chat.say("room.answered_alone"))
