"""The digest: what one agent suggested beyond its first cards of an hour. What is alike stands in it whole, ticked, and can be approved with one tap."""

from datetime import timedelta
from uuid import UUID

from bots.dialogs import ticks, ways
from bots.dialogs.inbox import MOST, ranked
from bots.dialogs.kinds import counted
from bots.kit.dialog import Chat, Reply, action, renderer
from bots.kit.screen import Button, Heading, Paragraph, Screen, row
from core.approvals.batch import begin_batch, mark, tick
from core.approvals.deciders import seen_by
from core.approvals.models import Suggestion
from core.messaging.post import show

AT_ONCE = 5
SET_ASIDE = timedelta(days=1)
"""As long as that, what stands in an open batch is not offered again."""


@renderer("digest")
def digest(chat: Chat, agent_id: UUID) -> Screen:
    """What waits and got no card of its own in this chat: what is alike to be ticked, the rest by number."""
    left = without_card(chat, agent_id)
    if not left:
        return Screen(blocks=(Paragraph(text=chat.say("digest.none")),), buttons=(row(ways.inbox(chat)),))
    agent = chat.work.agents.get(agent_id).name
    heading = Heading(text=chat.say("digest.heading", n=len(left), agent=agent))
    alike = ticks.alike(chat, left)
    if len(alike) < 2:
        return Screen(
            blocks=(heading, Paragraph(text=counted(chat, (s.kind for s in left)))),
            buttons=(_by_card(chat, agent_id, len(left)),),
        )
    shown = [(line.suggestion.id, line.revision.number) for line in alike]
    blocks = [heading, Paragraph(text=chat.say("batch.how"))]
    rows: list[tuple[Button, ...]] = []
    for line in alike:
        blocks += ticks.blocks(chat, line)
        rows.append(
            row(ticks.box(chat, line, True, "digest.tick", str(line.number), mark(shown)), ticks.card(chat, line))
        )
    if len(left) > len(alike):
        others = [s for s in left if s.id not in {line.suggestion.id for line in alike}]
        blocks.append(
            Paragraph(text=chat.say("digest.besides", what=counted(chat, (s.kind for s in others))), muted=True)
        )
    rows.append(row(ticks.yes(chat, len(alike), "digest.approve", mark(shown))))
    return Screen(blocks=tuple(blocks), buttons=(*rows, _by_card(chat, agent_id, len(left))), tone="ask")  # fmt: skip


def without_card(chat: Chat, agent_id: UUID) -> list[Suggestion]:
    """What waits of an agent's, without a card in this chat and not ticked elsewhere just now."""
    pending = chat.work.suggestions.page(None, MOST, status="pending", agent_id=agent_id)
    waiting = ranked(seen_by(chat.work, chat.actor, pending))
    opened = chat.work.messages.opened(chat.link.id, "suggestion", [suggestion.id for suggestion in waiting])
    opened |= chat.work.suggestions.in_open_batches(chat.user.id, chat.work.now - SET_ASIDE)
    return [suggestion for suggestion in waiting if suggestion.id not in opened]


def _by_card(chat: Chat, agent_id: UUID, left: int) -> tuple[Button, ...]:
    more = Button(label=chat.say("digest.more", n=min(AT_ONCE, left)), action="digest.more", args=(str(agent_id),))
    return row(more, ways.inbox(chat))


@action("digest.tick")
def tick_one(chat: Chat, number: str, shown_as: str) -> Reply:
    """Unticks one: from now on the message is the batch of what it showed."""
    shown = _as_shown(chat, shown_as)
    if shown is None:
        return _changed(chat)
    batch = begin_batch(chat.work, chat.actor, shown)
    tick(chat.work, chat.actor, batch.id, int(number))
    return Reply(subject=("batch", batch.id), mode="replace")


@action("digest.approve")
def approve_all(chat: Chat, shown_as: str) -> Reply:
    """Approves all of it, as it was shown."""
    shown = _as_shown(chat, shown_as)
    if shown is None:
        return _changed(chat)
    return ticks.decided(chat, begin_batch(chat.work, chat.actor, shown).id)


def _as_shown(chat: Chat, shown_as: str) -> list[tuple[UUID, int]] | None:
    """What the tapped message shows, in order, as it is on record; None when it is not what the button stood under."""
    place = getattr(chat.input, "delivery_id", None)
    delivery = None if place is None else chat.work.messages.delivery(place)
    if delivery is None or delivery.subject_kind != "digest" or delivery.message_id is None:
        return None
    screen = Screen.model_validate(chat.work.messages.get(delivery.message_id).payload["screen"])
    cards = (button.args for row_ in screen.buttons for button in row_ if button.action == ticks.CARD)
    shown = [(UUID(suggestion_id), int(revision)) for suggestion_id, revision in cards]
    return shown if mark(shown) == shown_as else None


def _changed(chat: Chat) -> Reply:
    return Reply(toast=chat.say("digest.changed"), alert=True)


@action("digest.more")
def more(chat: Chat, agent_id: str) -> Reply:
    """Shows the next cards, and under them what is still left."""
    waiting = without_card(chat, UUID(agent_id))
    for suggestion in waiting[:AT_ONCE]:
        show(chat.work, chat.link, "suggestion", suggestion.id, trace=chat.trace)
    if len(waiting) > AT_ONCE:
        show(chat.work, chat.link, "digest", UUID(agent_id), trace=chat.trace)
    told = chat.say("digest.shown", n=len(waiting[:AT_ONCE]))
    return Reply(Screen(blocks=(Paragraph(text=told),), buttons=(row(ways.inbox(chat)),)), mode="replace")


@action("digest.rest")
def rest(chat: Chat, agent_id: str) -> Reply:
    """What else waits of the same agent, as a new message; the batch stays where it is."""
    return Reply(subject=("digest", UUID(agent_id)))
