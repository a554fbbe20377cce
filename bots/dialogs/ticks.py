"""Suggestions with ticks: each shown whole, one tap for all that is ticked, the truth about each afterwards, and one tap back while they are held."""

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from bots.dialogs import ways
from bots.dialogs.card import because
from bots.dialogs.card.action import Shown, shown, title
from bots.dialogs.card.outcome import Facts as Known
from bots.dialogs.card.outcome import line as state_of
from bots.dialogs.card.reading import ROOM
from bots.dialogs.card.show import gather
from bots.dialogs.inbox import MOST, ranked
from bots.kit import clean
from bots.kit.dialog import Chat, Reply, action, renderer
from bots.kit.screen import Block, Button, Countdown, Facts, Heading, Paragraph, Quote, Screen, row
from bots.kit.speak import failure
from core.approvals import batch
from core.approvals.deciders import seen_by
from core.approvals.models import ApprovalPolicy, BatchItem, Suggestion, SuggestionRevision
from core.kernel.errors import Conflict
from core.messaging.post import refresh

CARD = "batch.card"
BESIDE = 200
"""UTF-16 units that one suggestion takes beside its facts and its text."""


@dataclass(frozen=True)
class Line:
    """One suggestion of several: its place on the screen, and what would be done."""

    number: int
    suggestion: Suggestion
    revision: SuggestionRevision
    what: Shown


def alike(chat: Chat, waiting: Sequence[Suggestion]) -> list[Line]:
    """The first of those that wait with all that are like it, as many as can be read whole in one message of this chat; what asks alone is never among them.
    Where nothing is like another: the one line, or none."""
    newest = chat.work.suggestions.newest(waiting)
    groups: dict[tuple[str, ...], list[tuple[Suggestion, Shown]]] = {}
    rules: dict[str, ApprovalPolicy] = {}
    for suggestion in waiting:
        revision = newest[suggestion.id]
        connection = chat.work.connections.get(revision.action.connection_id)
        operation = revision.action.operation
        if operation not in rules:
            rules[operation] = chat.work.suggestions.policy(operation)
        if not batch.asks_alone(chat.work, suggestion, revision, connection, rules[operation]):
            what = shown(chat, revision.action, connection)
            groups.setdefault(batch.likeness(suggestion, revision), []).append((suggestion, what))
    best: list[Line] = []
    for group in groups.values():
        lines = _fitting(chat, group, newest)
        if len(lines) > 1:
            return lines
        best = best or lines
    return best


def _fitting(chat: Chat, group: list[tuple[Suggestion, Shown]], newest: dict[UUID, SuggestionRevision]) -> list[Line]:
    room, taken, lines = ROOM.get(chat.link.provider), 0, []
    for suggestion, what in group:
        size = BESIDE + clean.utf16(what[1]) + sum(clean.utf16(label + value) + 4 for label, value in what[0])
        if len(lines) == batch.MOST or (room is not None and taken + size > room):
            continue
        taken += size
        lines.append(Line(len(lines) + 1, suggestion, newest[suggestion.id], what))
    return lines


def blocks(chat: Chat, line: Line) -> list[Block]:
    """One suggestion whole: every recipient, amount and time, its text, and whose words had a say."""
    named = title(chat, line.suggestion.kind, line.revision.action)
    made: list[Block] = [
        Paragraph(text=chat.say("batch.item", number=line.number, title=named)),
        Facts(rows=tuple(line.what[0])),
    ]
    if line.what[1]:
        made.append(Quote(text=line.what[1]))
    why = because.reason(chat, line.suggestion.why)
    influenced = [str(name) for name in line.suggestion.influenced_by]
    told = [chat.say("card.why", why=why), *([chat.say("card.influenced", who=influenced)] if influenced else [])]
    return [*made, Paragraph(text=" · ".join(told), muted=True)]  # fmt: skip


def box(chat: Chat, line: Line, ticked: bool, act: str, *args: str) -> Button:
    """The tick of one, by its number: what it is stands above, whole."""
    return Button(
        label=chat.say("batch.ticked" if ticked else "batch.unticked", number=line.number), action=act, args=args
    )


def card(chat: Chat, line: Line) -> Button:
    """To the card of one: to edit it, to reject it, to see all that led to it."""
    args = (str(line.suggestion.id), str(line.revision.number))
    return Button(label=chat.say("batch.open", number=line.number), action=CARD, args=args)


def yes(chat: Chat, ticked: int, act: str, *args: str) -> Button:
    """The one tap."""
    return Button(label=chat.say("batch.approve", n=ticked), action=act, args=args, style="primary")


@action(CARD)
def open_card(chat: Chat, suggestion_id: str, revision: str) -> Reply:
    """The suggestion's own card, as it is now, under the batch."""
    chat.work.suggestions.get(UUID(suggestion_id))
    return Reply(subject=("suggestion", UUID(suggestion_id)))


@renderer(batch.SUBJECT)
def screen(chat: Chat, batch_id: UUID) -> Screen:
    """A batch as it is now: to be ticked, or what became of each."""
    made, items = chat.work.suggestions.batch(batch_id), chat.work.suggestions.batch_items(batch_id)
    agent = chat.work.agents.get(made.agent_id).name
    if made.decided_at is not None:
        return _decided(chat, batch_id, items, agent)
    known = [(item, gather(chat, item.suggestion_id)) for item in items]
    open_ = [(item, facts) for item, facts in known if _as_shown(item, facts)]
    ticked = sum(item.ticked for item, _ in open_)
    said: list[Block] = [
        Heading(text=chat.say("batch.heading", agent=agent, n=len(items))),
        Paragraph(text=chat.say("batch.how")),
    ]
    rows: list[tuple[Button, ...]] = []
    for item, facts in known:
        line = _line(chat, item, facts)
        if not _as_shown(item, facts):
            said.append(Paragraph(text=_became(chat, item, facts)))
            rows.append(row(card(chat, line)))
            continue
        said += blocks(chat, line)
        rows.append(row(box(chat, line, item.ticked, "batch.tick", str(batch_id), str(item.number)), card(chat, line)))
    if ticked:
        rows.append(row(yes(chat, ticked, "batch.approve", str(batch_id))))
    elif open_:
        said.append(Paragraph(text=chat.say("batch.none_ticked"), muted=True))
    return Screen(blocks=tuple(said), buttons=(*rows, row(_rest(chat, made.agent_id), ways.inbox(chat))), tone="ask")


def _as_shown(item: BatchItem, facts: Known) -> bool:
    """Whether it still waits as it was shown, and for this person's yes."""
    return facts.suggestion.status in ("pending", "snoozed") and facts.suggestion.revision == item.revision


def _line(chat: Chat, item: BatchItem, facts: Known) -> Line:
    revision = chat.work.suggestions.revision(item.suggestion_id, item.revision)
    connection = chat.work.connections.get(revision.action.connection_id)
    return Line(item.number, facts.suggestion, revision, shown(chat, revision.action, connection))


def _decided(chat: Chat, batch_id: UUID, items: list[BatchItem], agent: str) -> Screen:
    known = [(item, gather(chat, item.suggestion_id)) for item in items]
    approved = sum(item.outcome in ("approved", "missing") for item in items)
    said: list[Block] = [Heading(text=chat.say("batch.decided", agent=agent, n=approved, of=len(items)))]
    said += [Paragraph(text=_became(chat, item, facts)) for item, facts in known]
    held = [facts.execution for item, facts in known if item.outcome == "approved" and facts.execution and facts.execution.status == "held"]  # fmt: skip
    rows: list[tuple[Button, ...]] = []
    if held:
        until = min(execution.due_at for execution in held)
        said.append(Countdown(text=chat.say("batch.held", n=len(held), seconds="{seconds}"), until=until))
        rows.append(row(Button(label=chat.say("batch.undo", n=len(held)), action="batch.undo", args=(str(batch_id),), style="primary")))  # fmt: skip
    cards = [card(chat, _line(chat, item, facts)) for item, facts in known]
    rows += [tuple(cards[at : at + 4]) for at in range(0, len(cards), 4)]
    agent_id = known[0][1].suggestion.agent_id
    return Screen(blocks=tuple(said), buttons=(*rows, row(_rest(chat, agent_id), ways.inbox(chat))), tone="done")


def _became(chat: Chat, item: BatchItem, facts: Known) -> str:
    """What came of one, in a line: what was decided here, or what stood against it."""
    revision = chat.work.suggestions.revision(item.suggestion_id, item.revision)
    named = title(chat, facts.suggestion.kind, revision.action)
    if item.outcome == "left" and _as_shown(item, facts):
        became = chat.say("batch.left")
    elif facts.suggestion.status in ("pending", "snoozed") and facts.suggestion.revision != item.revision:
        became = chat.say("batch.edited")
    elif item.outcome == "missing" and _as_shown(item, facts):
        became = chat.say("batch.missing")
    elif item.outcome == "approvals.not_sure" and _as_shown(item, facts):
        became = chat.say("batch.asks_twice")
    elif item.outcome not in ("", "approved") and _as_shown(item, facts):
        became = chat.say("batch.refused")
    else:
        became = state_of(chat, facts)
    return chat.say("batch.became", number=item.number, title=named, became=became)


def _rest(chat: Chat, agent_id: UUID) -> Button | None:
    from bots.dialogs.digest import without_card

    left = len(without_card(chat, agent_id))
    return Button(label=chat.say("batch.rest", n=left), action="digest.rest", args=(str(agent_id),)) if left else None


@action("inbox.several")
def several(chat: Chat) -> Reply:
    """The first of what waits that have their like, with ticks, as a new message."""
    waiting = chat.work.suggestions.page(None, MOST, status="pending")
    lines = alike(chat, ranked(seen_by(chat.work, chat.actor, waiting)))
    if len(lines) < 2:
        return Reply(toast=chat.say("inbox.none_alike"), alert=True)
    made = batch.begin_batch(chat.work, chat.actor, [(line.suggestion.id, line.revision.number) for line in lines])
    return Reply(subject=(batch.SUBJECT, made.id))


@action("batch.tick")
def tick(chat: Chat, batch_id: str, number: str) -> Reply:
    """Ticks one, or no longer."""
    try:
        batch.tick(chat.work, chat.actor, UUID(batch_id), int(number))
    except Conflict as late:
        return _late(chat, UUID(batch_id), late)
    return Reply()


@action("batch.approve")
def approve(chat: Chat, batch_id: str) -> Reply:
    """Approves what is ticked."""
    return decided(chat, UUID(batch_id))


def decided(chat: Chat, batch_id: UUID) -> Reply:
    """Approves what is ticked of a batch; the message then says what came of each."""
    try:
        items = batch.approve_batch(chat.work, chat.actor, batch_id, getattr(chat.input, "delivery_id", None))
    except Conflict as late:
        return _late(chat, batch_id, late)
    ticked = [item for item in items if item.outcome != "left"]
    done = sum(item.outcome in ("approved", "missing") for item in ticked)
    told = chat.say("batch.done", n=done)
    if done < len(ticked):
        told = chat.say("batch.done_but", n=len(ticked) - done, told=told)
    return Reply(subject=(batch.SUBJECT, batch_id), mode="replace", toast=told, alert=done < len(ticked))


@action("batch.undo")
def undo(chat: Chat, batch_id: str) -> Reply:
    """Takes back what is still held."""
    try:
        undone, late = batch.undo_batch(chat.work, chat.actor, UUID(batch_id))
    except Conflict as too_late:
        return _late(chat, UUID(batch_id), too_late)
    told = chat.say("batch.undone", n=undone)
    if late:
        told = chat.say("batch.undone_but", n=late, told=told)
    return Reply(toast=told, alert=bool(late))


def _late(chat: Chat, batch_id: UUID, late: Conflict) -> Reply:
    """The truth about a tap that came too late; the message is drawn anew."""
    refresh(chat.work, batch.SUBJECT, batch_id)
    return Reply(toast=failure(chat.say, late).line, alert=True)
