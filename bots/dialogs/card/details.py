"""The whole chain behind a suggestion: run, steps, revisions with their hashes, decisions, attempts, reference."""

from collections.abc import Mapping
from uuid import UUID

from bots.dialogs import own_words, ways
from bots.dialogs.card import because
from bots.dialogs.card.action import title
from bots.dialogs.card.outcome import Facts, why_not
from bots.dialogs.card.show import visible
from bots.dialogs.people import made_by, who
from bots.dialogs.run_facts import began
from bots.kit.dialog import Chat, Reply, action
from bots.kit.screen import Block, Bullets, Button, Heading, Paragraph, Quote, Screen, row
from bots.kit.screen import Facts as Rows
from bots.kit.speak import speak
from core.approvals.models import Approval
from core.kernel.errors import NotFound

HASH = 12
"""How many hex digits of a hash a person is shown."""


@action("suggestion.details")
def details(chat: Chat, suggestion_id: str) -> Reply:
    """As a message of its own, so that the card stays."""
    facts = visible(chat, UUID(suggestion_id))
    blocks: list[Block] = [
        Heading(text=chat.say("details.heading", title=title(chat, facts.suggestion.kind, facts.revision.action))),
        Rows(rows=_origin(chat, facts)),
        *_evidence(chat, facts),
        Paragraph(text=chat.say("details.revisions")),
        Bullets(items=_revisions(chat, facts)),
    ]
    decisions = _decisions(chat, facts)
    if decisions:
        blocks += [Paragraph(text=chat.say("details.decisions")), Bullets(items=decisions)]
    if facts.suggestion.reason and facts.suggestion.status == "rejected":
        blocks.append(Paragraph(text=why_not(chat, facts.suggestion.reason)))
    attempts = _attempts(chat, facts)
    if attempts:
        blocks += [Paragraph(text=chat.say("details.attempts")), Bullets(items=attempts)]
    card = Button(label=chat.say("details.card"), action="suggestion.open", args=(suggestion_id,))
    run = Button(label=chat.say("details.run"), action="run.open", args=(str(facts.suggestion.run_id),))
    link = Button(label=chat.say("opening.link"), action="opening.link", args=("suggestion", suggestion_id))
    return Reply(Screen(blocks=tuple(blocks), buttons=(row(card, run), row(link, ways.inbox(chat)))))


def _origin(chat: Chat, facts: Facts) -> tuple[tuple[str, str], ...]:
    suggestion, say = facts.suggestion, chat.say
    agent = chat.work.agents.get(suggestion.agent_id)
    rows = [(say("details.agent"), agent.name)]
    try:
        run = chat.work.runs.get(suggestion.run_id)
        rows.append((say("details.run"), began(chat, run)))
        rows.append(
            (
                say("details.step"),
                ", ".join(dict.fromkeys(own_words.step(chat, step.node_id) for step in chat.work.runs.steps(run.id))),
            )
        )
    except NotFound:
        rows.append((say("details.run"), say("details.gone")))
    rows.append((say("details.made"), chat.place.moment(suggestion.created_at)))
    return tuple((label, value) for label, value in rows if value)


def _evidence(chat: Chat, facts: Facts) -> list[Block]:
    """The quotes in full length."""
    return [
        Quote(text=str(piece["quote"]), source=because.source(chat, piece.get("source") or {}))
        for piece in facts.suggestion.evidence
        if piece.get("quote")
    ]


def _revisions(chat: Chat, facts: Facts) -> tuple[str, ...]:
    return tuple(
        chat.say(
            "details.revision", number=revision.number, hash=revision.payload_sha256[:HASH], at=revision.created_at,
            author=chat.say("details.by_agent") if revision.author == "agent" else who(chat, revision.author_id),
        )
        for revision in chat.work.suggestions.revisions(facts.suggestion.id)
    )  # fmt: skip


def _decisions(chat: Chat, facts: Facts) -> tuple[str, ...]:
    rooms = chat.work.messages.rooms_of([made.delivery_id for made in facts.decisions if made.delivery_id])
    return tuple(
        chat.say(
            f"details.decision.{made.decision}", number=made.revision, who=made_by(chat, made.user_id, made.for_user_id),
            at=made.decided_at, surface=_where(chat, made, rooms),
        )
        for made in facts.decisions
    )  # fmt: skip


def _where(chat: Chat, made: Approval, rooms: Mapping[UUID, UUID]) -> str:
    """`Telegram`, or `the room “Family” in Telegram`."""
    surface = chat.say(f"surface.{made.surface}") if chat.say.knows(f"surface.{made.surface}") else made.surface
    room_id = rooms.get(made.delivery_id) if made.delivery_id else None
    return (
        surface
        if room_id is None
        else chat.say("surface.room", name=chat.work.rooms.get(room_id).name, surface=surface)
    )


def _attempts(chat: Chat, facts: Facts) -> tuple[str, ...]:
    if facts.execution is None:
        return ()
    told = []
    for attempt in chat.work.executions.attempts(facts.execution.id):
        line = chat.say(f"details.attempt.{attempt.outcome}", at=attempt.at)
        code = attempt.detail.get("code")
        if code:
            line = f"{line}: {speak(chat.say, str(code), attempt.detail.get('data') or {}).text}"
        told.append(line)
    if facts.execution.external_ref:
        told.append(chat.say("card.reference", reference=facts.execution.external_ref))
    return tuple(told)
