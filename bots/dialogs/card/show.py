"""Draws a suggestion as it is now. Every copy of the card, in every chat, is drawn here."""

from typing import Any
from uuid import UUID

from bots.dialogs import ways
from bots.dialogs.card import because, rewriting
from bots.dialogs.card.action import Shown, shown, title
from bots.dialogs.card.diff import change
from bots.dialogs.card.outcome import Facts, State, button, state
from bots.dialogs.card.reading import as_file, has_read, parts_of, read_all
from bots.dialogs.card.standing import standing
from bots.dialogs.card.stub import is_hidden, stub
from bots.kit.dialog import Chat, renderer
from bots.kit.screen import Block, Heading, Paragraph, Quote, Screen, row
from bots.kit.screen import Facts as Rows
from bots.kit.speak import speak
from core.approvals.deciders import need_to_see


@renderer("suggestion")
def card(chat: Chat, suggestion_id: UUID) -> Screen:
    """The whole card: what will happen, why, how it stands, what can be done. In a room that may not read that, its stub."""
    facts = gather(chat, suggestion_id)
    if is_hidden(chat, facts.suggestion):
        return stub(chat, facts)
    what = shown(chat, facts.revision.action, chat.work.connections.get(facts.revision.action.connection_id))
    parts = parts_of(chat, what[1])
    pending = facts.suggestion.status == "pending"
    read = len(parts) == 1 or has_read(chat, facts.suggestion)
    now = _pending(chat, facts, len(parts), read) if pending else state(chat, facts)
    blocks: list[Block] = [Heading(text=_heading(chat, facts))]
    if pending:
        blocks.append(Paragraph(text=_terms(chat, facts), muted=True))
    blocks += [Rows(rows=tuple(what[0])), *_text(chat, parts, read and pending)]
    if pending:
        blocks += _changed(chat, facts, what, len(parts))
        blocks += because.blocks(chat, facts.suggestion.why, facts.suggestion.evidence, facts.suggestion.influenced_by)
    blocks += now.blocks
    return Screen(blocks=tuple(blocks), buttons=tuple(now.buttons), tone=now.tone)  # pyright: ignore[reportArgumentType]


def gather(chat: Chat, suggestion_id: UUID) -> Facts:
    """What the card is drawn from. Raises NotFound `approvals.suggestion_unknown`."""
    suggestion = chat.work.suggestions.get(suggestion_id)
    return Facts(
        suggestion,
        chat.work.suggestions.revision(suggestion_id, suggestion.revision),
        chat.work.suggestions.approvals(suggestion_id),
        chat.work.executions.of(suggestion_id),
    )


def visible(chat: Chat, suggestion_id: UUID) -> Facts:
    """The same, for somebody who asks to see it. Raises Forbidden `approvals.not_allowed` for those whose business it is not."""
    facts = gather(chat, suggestion_id)
    need_to_see(chat.work, chat.actor, facts.suggestion)
    return facts


def _heading(chat: Chat, facts: Facts) -> str:
    agent = chat.work.agents.get(facts.suggestion.agent_id)
    return chat.say("card.heading", agent=agent.name, title=title(chat, facts.suggestion.kind, facts.revision.action))


def _terms(chat: Chat, facts: Facts) -> str:
    words = chat.say(f"card.priority.{facts.suggestion.priority}")
    if facts.suggestion.expires_at is None:
        return words
    return chat.say("card.terms", priority=words, expires=facts.suggestion.expires_at)


def _text(chat: Chat, parts: list[str], last: bool) -> list[Block]:
    if len(parts) == 1:
        return [Quote(text=parts[0])] if parts[0] else []
    number = len(parts) if last else 1
    return [
        Quote(text=parts[number - 1]),
        Paragraph(text=chat.say("card.part_of", part=number, parts=len(parts)), muted=True),
    ]


def _changed(chat: Chat, facts: Facts, what: Shown, parts: int) -> list[Block]:
    """What changed since the revision before, or why a yes did not do."""
    number = facts.suggestion.revision
    if number == 1:
        return []
    execution = facts.execution
    before = chat.work.suggestions.revision(facts.suggestion.id, number - 1)
    by_agent, same = facts.revision.author == "agent", facts.revision.payload_sha256 == before.payload_sha256
    if by_agent and same and execution is not None and execution.error is not None:
        why = speak(chat.say, str(execution.error.get("code", "")), execution.error.get("data") or {}).text
        return [Paragraph(text=chat.say("card.asked_anew", why=why))]
    difference = change(shown(chat, before.action, chat.work.connections.get(before.action.connection_id)), what)
    if difference is None:
        return [Paragraph(text=chat.say("card.asked_again"))]
    noted = Paragraph(text=chat.say("card.rewritten" if by_agent else "card.edited", at=facts.revision.created_at))
    return [noted, difference] if parts == 1 else [noted]


def _pending(chat: Chat, facts: Facts, parts: int, read: bool) -> State:
    revision, stands = str(facts.suggestion.revision), standing(chat, facts)
    approve = button(chat, "card.approve", "suggestion.approve", facts, revision, style="primary")
    first: Any = (approve if stands.yes else None) if read else read_all(chat, facts.suggestion, parts)
    edit = button(chat, "card.edit", "suggestion.edit", facts, revision)
    snooze = button(chat, "card.snooze", "suggestion.snooze", facts)
    reject = button(chat, "card.reject", "suggestion.reject", facts, revision)
    details = button(chat, "card.details", "suggestion.details", facts)
    deciding = row(first, edit, snooze, reject) if stands.yes or stands.no else row(None if read else first)
    file = as_file(chat, facts.suggestion) if parts > 1 else None
    says, words = rewriting.standing(chat, facts) if stands.yes or stands.no else ([], None)
    return State([*stands.says, *says], [*ways.rows(deciding), row(details, file, words)], "ask")
