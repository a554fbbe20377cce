"""A person shows up in a chat of theirs: they can be reached there, and what they point at is found again."""

from uuid import UUID

from bots.kit.parts import Parts
from core.identity.settle import reachable
from core.kernel.actor import Actor
from core.messaging.post import back_again


def here(parts: Parts, actor: Actor, address: str | None, ref: str | None) -> UUID | None:
    """They are in the chat `address`; the delivery that the message `ref` of ours there stands for, both in the platform's words."""
    assert actor.link_id is not None
    with parts.storage.work(actor.workspace_id, actor.user_id) as work:
        delivery_id = work.messages.by_ref(actor.link_id, ref) if ref is not None else None
        if not work.people.reached(actor.link_id, address):
            if not work.people.link(actor.link_id).reachable:
                back_again(work, actor.link_id)
            reachable(work, actor.link_id, address)
            work.commit()
    return delivery_id
