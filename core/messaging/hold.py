"""Whether a card may be shown now. What a person asked for just now always is; the rest waits for the end of their quiet hours, for its hour or day, and comes in
a digest where one agent has shown enough in an hour."""

from datetime import datetime, timedelta
from typing import Protocol
from uuid import UUID
from zoneinfo import ZoneInfo

from core.messaging.models import Delivery
from core.messaging.post import DIGEST, RECEIPT, PostWork
from core.messaging.quiet import spread, welcome_from
from core.preferences.contexts import HOLDS
from core.preferences.ports import PreferencesWork

CARDS_AN_HOUR = 6
"""Suggestions of one agent, in one chat."""
HOUR = timedelta(hours=1)
LOOK_AGAIN = timedelta(hours=6)
HELD, IN_DIGEST, SEEN = "messaging.held", "messaging.in_digest", "messaging.seen_already"
LEFT = "messaging.room_left"
URGENT = "urgent"


class HoldWork(PostWork, PreferencesWork, Protocol):
    """What holding needs."""


def admitted(work: HoldWork, delivery: Delivery) -> Delivery | None:
    """What is to be shown for a claimed delivery: itself, as a rule, and always in a room that was not left; itself as the digest of its agent, from the one card on that was too many; None for one that
    waits (its claim is given back, due again when it may be shown) or is not needed any more, because its chat shows it in the digest or was asked to show it.

    What was shown before is only kept true, at any hour."""
    if delivery.room_id is not None:
        return _there(work, delivery, delivery.room_id)
    if delivery.shown or delivery.priority == RECEIPT:
        return delivery
    until = _welcome(work, delivery)
    if until > work.now:
        work.messages.postpone(delivery, until, HELD, tried=False)
        return None
    if delivery.subject_kind != "suggestion" or delivery.link_id is None:
        return delivery
    return _braked(work, delivery, delivery.link_id)


def release(work: HoldWork, user_id: UUID) -> None:
    """The person's wishes changed: everything that was held is looked at anew."""
    for link in work.people.links(user_id):
        for delivery_id in work.messages.release(link.id, HELD):
            work.ring(f"deliveries.{link.provider}", delivery_id)


def is_urgent(work: PreferencesWork, user_id: UUID, agent_id: UUID) -> bool:
    """Whether the person said that this agent's cards come at any hour."""
    said = work.preferences.preference(user_id, scope(agent_id), URGENT)
    return said is not None and said.value is True


def scope(agent_id: UUID) -> str:
    """The scope of a person's preferences about one agent."""
    return f"agent:{agent_id}"


def _welcome(work: HoldWork, delivery: Delivery) -> datetime:
    if delivery.asked:
        return work.now
    profile = work.people.profile(delivery.user_id)
    wishes, zone = profile.notification_preferences, ZoneInfo(profile.timezone)
    until = welcome_from(wishes, zone, delivery.created_at, work.now, spread(delivery.user_id))
    if (away := _away(work, delivery.user_id)) is not None:
        until = max(until, away)
    if until > work.now and delivery.agent_id and is_urgent(work, delivery.user_id, delivery.agent_id):
        return work.now
    return until


def _away(work: HoldWork, user_id: UUID) -> datetime | None:
    """When to look again whether the person is back from their vacation; None when they are not on one."""
    for context in work.preferences.contexts(user_id):
        if context.active and context.name == HOLDS:
            return min(context.changes_at or work.now + LOOK_AGAIN, work.now + LOOK_AGAIN)
    return None


def _there(work: HoldWork, delivery: Delivery, room_id: UUID) -> Delivery | None:
    if work.rooms.get(room_id).left_at is None:
        return delivery
    work.messages.give_up(delivery, LEFT)
    return None


def _braked(work: HoldWork, delivery: Delivery, link_id: UUID) -> Delivery | None:
    if work.messages.newer_copy(delivery):
        work.messages.give_up(delivery, SEEN)
        return None
    if delivery.agent_id is None:
        return delivery
    lately = work.now - HOUR
    # What was tried before may stand in the chat already, although nobody heard so: its card has to come, whatever else did meanwhile.
    if delivery.attempts > 1 or work.messages.cards(link_id, delivery.agent_id, lately) < CARDS_AN_HOUR:
        return delivery
    if (digest := work.messages.digest(link_id, delivery.agent_id, lately)) is None:
        return work.messages.turn_into(delivery, "digest", delivery.agent_id, DIGEST)
    digest.wanted += 1
    digest.status = "pending"
    work.ring(f"deliveries.{digest.channel}", digest.id)
    work.messages.give_up(delivery, IN_DIGEST)
    return None
