"""Putting something before a person: in one chat, or in all of theirs; and keeping every copy of it true."""

from collections.abc import Iterable
from typing import Any, Protocol
from uuid import UUID

from core.identity.models import IdentityLink
from core.identity.ports import IdentityWork
from core.kernel.ids import new_id
from core.messaging.models import Delivery, Message
from core.messaging.ports import MessagingWork

RECEIPT, CARD, DIGEST = 0, 1, 2


class PostWork(MessagingWork, IdentityWork, Protocol):
    """What posting needs: messages, and the person's links."""


def hear(
    work: MessagingWork, link: IdentityLink, payload: dict[str, Any], blob: str | None = None, id: UUID | None = None
) -> Message:
    """Keeps what a person said in a chat. Under the `id` of its event a second handling of it, even at the same moment, is a conflict."""
    message = Message(
        id=id or new_id(), workspace_id=link.workspace_id, user_id=link.user_id, direction="in", surface=link.provider,
        payload=payload, created_at=work.now, link_id=link.id, blob=blob,
    )  # fmt: skip
    work.messages.add(message)
    return message


def answer(
    work: MessagingWork,
    link: IdentityLink,
    payload: dict[str, Any],
    trace: str | None = None,
    thread: str | None = None,
) -> Delivery:
    """Says something in one chat, as a new message there, or in a thread of it."""
    message = _said(work, link, payload)
    delivery = _delivery(work, link, "message", message.id, RECEIPT, trace)
    delivery.message_id, delivery.thread = message.id, thread
    work.messages.deliver(delivery)
    work.ring(f"deliveries.{delivery.channel}", delivery.id)
    return delivery


def replace(work: MessagingWork, link: IdentityLink, delivery_id: UUID, payload: dict[str, Any]) -> Delivery:
    """Says something in the place of an earlier message of the same chat; that place then shows a message, whatever it showed before.
    Raises NotFound `messaging.delivery_unknown`."""
    delivery = work.messages.delivery(delivery_id)
    message = _said(work, link, payload, delivery_id)
    delivery.message_id = message.id
    delivery.subject_kind, delivery.subject_id = "message", message.id
    delivery.wanted += 1
    delivery.status, delivery.due_at, delivery.priority = "pending", work.now, RECEIPT
    work.ring(f"deliveries.{delivery.channel}", delivery.id)
    return delivery


def announce(
    work: PostWork, user_id: UUID, subject_kind: str, subject_id: UUID, *, trace: str | None = None, agent_id: UUID | None = None,
    asked: bool = False,
) -> list[Delivery]:  # fmt: skip
    """Puts a card about a subject into each chat of a person that can receive; doors render it as it is when it is sent. `asked`: the person has just asked for
    it, so that it waits for nothing (core.messaging.hold)."""
    reachable = [link for link in work.people.links(user_id) if link.address is not None and link.reachable]
    return announce_in(work, reachable, subject_kind, subject_id, trace=trace, agent_id=agent_id, asked=asked)


def announce_in(
    work: MessagingWork, links: Iterable[IdentityLink], subject_kind: str, subject_id: UUID, *, trace: str | None = None,
    agent_id: UUID | None = None, asked: bool = False,
) -> list[Delivery]:  # fmt: skip
    """The same, in these chats of theirs."""
    made = []
    for link in links:
        delivery = _delivery(work, link, subject_kind, subject_id, CARD, trace)
        delivery.agent_id, delivery.asked = agent_id, asked
        work.messages.deliver(delivery)
        work.ring(f"deliveries.{delivery.channel}", delivery.id)
        made.append(delivery)
    return made


def show(
    work: MessagingWork, link: IdentityLink, subject_kind: str, subject_id: UUID, trace: str | None = None,
    thread: str | None = None,
) -> Delivery:  # fmt: skip
    """Puts a card about a subject into one chat, or into a thread of it."""
    delivery = _delivery(work, link, subject_kind, subject_id, RECEIPT, trace)
    delivery.thread = thread
    work.messages.deliver(delivery)
    work.ring(f"deliveries.{delivery.channel}", delivery.id)
    return delivery


def notify(work: PostWork, user_id: UUID, code: str, data: dict[str, Any], run_id: UUID | None = None) -> None:
    """Tells a person something that they did not ask for, in each of their chats. `code` is a message id, `data` fills its gaps."""
    for link in work.people.links(user_id):
        if link.address is not None and link.reachable:
            message = _said(work, link, {"say": code, "data": data})
            delivery = _delivery(work, link, "message", message.id, CARD, None)
            work.messages.deliver(delivery)
            work.ring(f"deliveries.{delivery.channel}", delivery.id)


def refresh(work: MessagingWork, subject_kind: str, subject_id: UUID) -> None:
    """The subject changed: every copy of its card, in every chat, is shown anew."""
    for delivery_id, channel in work.messages.refresh(subject_kind, subject_id):
        work.ring(f"deliveries.{channel}", delivery_id)


def back_again(work: MessagingWork, link_id: UUID) -> None:
    """A chat that took nothing takes messages again: what stands there becomes true, and what waits for a decision comes."""
    for delivery_id, channel in work.messages.revive(link_id):
        work.ring(f"deliveries.{channel}", delivery_id)


def _said(work: MessagingWork, link: IdentityLink, payload: dict[str, Any], delivery_id: UUID | None = None) -> Message:
    message = Message(
        id=new_id(), workspace_id=link.workspace_id, user_id=link.user_id, direction="out", surface=link.provider,
        payload=payload, created_at=work.now, link_id=link.id, delivery_id=delivery_id,
    )  # fmt: skip
    work.messages.add(message)
    return message


def _delivery(
    work: MessagingWork, link: IdentityLink, kind: str, subject_id: UUID, priority: int, trace: str | None
) -> Delivery:
    return Delivery(
        id=new_id(), workspace_id=link.workspace_id, user_id=link.user_id, link_id=link.id, channel=link.provider,
        subject_kind=kind, subject_id=subject_id, created_at=work.now, due_at=work.now, priority=priority, trace=trace,
    )  # fmt: skip
